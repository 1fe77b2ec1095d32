//! Checkpoints of a gzip stream by C zlib, as Mark Adler's zran finds them: inflate, and stop between blocks.
//!
//! An implementation of our own of the rule that shared zTOCs are made by. Also what `npm run bench build` times.
#![allow(unsafe_code)]

use std::ffi::c_int;

use libz_sys as z;

use crate::zlib;

pub const WINDOW: usize = 32 << 10;

/// A place where inflating can start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Offset in the stream of the first whole byte.
    pub input: u64,
    pub output: u64,
    /// So many high bits of the byte before come first.
    pub bits: u8,
    /// The 32 KiB of output before it, zeros in front.
    pub window: Vec<u8>,
}

/// Takes a stream in pieces.
pub struct Zran {
    strm: Box<z::z_stream>,
    /// A ring: the newest output ends at `at`.
    window: Vec<u8>,
    at: usize,
    span: u64,
    input: u64,
    output: u64,
    last: u64,
    /// Behind a member's trailer.
    ended: bool,
    pub points: Vec<Point>,
}

impl Zran {
    pub fn new(span: u64) -> Self {
        // 31: gzip only, a window of 32 KiB.
        let strm = zlib::stream(|strm, version, size| {
            // SAFETY: a zeroed stream, as zlib asks for.
            unsafe { z::inflateInit2_(strm, 31, version, size) }
        });
        let window = vec![0; WINDOW];
        Zran { strm, window, at: 0, span, input: 0, output: 0, last: 0, ended: false, points: Vec::new() }
    }

    /// The next bytes of the stream; what they inflate to goes to `sink`. The error is zlib's code.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), c_int> {
        let mut from = 0;
        loop {
            if self.ended {
                if from == bytes.len() {
                    return Ok(());
                }
                // SAFETY: an initialised stream.
                unsafe { z::inflateReset2(&mut *self.strm, 31) };
                self.ended = false;
            }
            if self.at == WINDOW {
                self.at = 0;
            }
            let (input, room) = (&bytes[from..], &mut self.window[self.at..]);
            self.strm.next_in = input.as_ptr().cast_mut();
            self.strm.avail_in = input.len() as u32;
            self.strm.next_out = room.as_mut_ptr();
            self.strm.avail_out = room.len() as u32;
            // SAFETY: both buffers are as long as stated, and zlib does not write to its input.
            let ret = unsafe { z::inflate(&mut *self.strm, z::Z_BLOCK) };
            let made = room.len() - self.strm.avail_out as usize;
            let used = input.len() - self.strm.avail_in as usize;
            sink(&self.window[self.at..self.at + made]);
            self.at += made;
            from += used;
            self.input += used as u64;
            self.output += made as u64;
            match ret {
                z::Z_STREAM_END => self.ended = true,
                z::Z_OK | z::Z_BUF_ERROR => self.between(),
                error => return Err(error),
            }
            if from == bytes.len() && self.at < WINDOW {
                return Ok(());
            }
        }
    }

    /// Bit 7 says that it stopped behind a header or a block, bit 6 that this was the last block, the low three how
    /// many bits of the last byte are not used.
    fn between(&mut self) {
        let state = self.strm.data_type;
        let far = self.output == 0 || self.output - self.last > self.span;
        if state & 128 != 0 && state & 64 == 0 && far {
            let mut window = self.window[self.at..].to_vec();
            window.extend_from_slice(&self.window[..self.at]);
            let (input, output, bits) = (self.input, self.output, (state & 7) as u8);
            self.points.push(Point { input, output, bits, window });
            self.last = self.output;
        }
    }

    /// Whether the stream ended with its last member's trailer.
    pub fn is_done(&self) -> bool {
        self.ended
    }
}

impl Drop for Zran {
    fn drop(&mut self) {
        // SAFETY: an initialised stream, which nobody uses any more.
        unsafe { z::inflateEnd(&mut *self.strm) };
    }
}
