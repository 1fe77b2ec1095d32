//! What C zlib can do and flate2 does not offer.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};
use std::mem::MaybeUninit;

use libz_sys as z;

/// A stream that `init` made ready. It never moves.
pub fn stream(init: impl FnOnce(*mut z::z_stream, *const c_char, c_int) -> c_int) -> Box<z::z_stream> {
    let mut strm = Box::new(MaybeUninit::<z::z_stream>::zeroed());
    // SAFETY: only asks for a constant.
    let version = unsafe { z::zlibVersion() };
    let ret = init(strm.as_mut_ptr(), version, size_of::<z::z_stream>() as c_int);
    assert_eq!(ret, z::Z_OK, "zlib is of another version");
    // SAFETY: zlib has put its allocator where the null pointers were that Rust's functions cannot be.
    unsafe { strm.assume_init() }
}
