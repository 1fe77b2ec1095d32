//! The inner loops of reading gzip: raw inflate and CRC-32, in safe Rust.
//!
//! A crate of its own, so that it can be compiled for speed while the rest of ocipeek is compiled for size. It is made for
//! that, and promises no stable interface to others.
#![forbid(unsafe_code)]

mod crc32;
mod inflate;

pub use crc32::Crc32;
pub use inflate::{Inflate, Progress, Stop};
