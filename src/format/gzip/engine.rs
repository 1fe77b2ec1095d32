//! The inflate engine, all of it that the rest of this module knows.
//!
//! A replacement must: start at a bit offset, take matches that reach back into the bytes in front of the
//! output, stop exactly at an output limit and go on from there, and stop between blocks saying how many
//! bits of the last byte it has not used.

use ocipeek_inflate::Inflate;
pub(super) use ocipeek_inflate::{Progress, Stop};

/// Farthest that a match reaches back, in bytes.
pub(super) const WINDOW: usize = 32 << 10;

/// Most output bytes that one byte of deflate data can stand for: a match of 258 bytes takes two bits at least.
pub(super) const MAX_RATIO: usize = 258 * 8 / 2;

/// A raw deflate decoder.
pub(super) struct Engine(Box<Inflate>);

impl Engine {
    /// At the first block of a stream.
    pub fn new() -> Self {
        Engine(Box::new(Inflate::new(0, 0)))
    }

    /// Between two blocks: the `bits` (0 to 7) high bits of `byte`, then the bytes after it.
    pub fn resume(bits: u8, byte: u8) -> Self {
        let bits = bits & 7;
        let value = if bits == 0 { 0 } else { byte >> (8 - bits) };
        Engine(Box::new(Inflate::new(u64::from(value), u32::from(bits))))
    }

    /// Back to the first block of a stream.
    pub fn restart(&mut self) {
        self.0.restart();
    }

    /// Inflates `input` to `out[at..]`, at most `max` bytes. `out[..at]` is what matches may reach back into; of the
    /// bytes behind what is produced, some may be overwritten. With `stop_at_blocks` it stops at each block's end.
    pub fn run(
        &mut self,
        input: &[u8],
        out: &mut [u8],
        at: usize,
        max: usize,
        stop_at_blocks: bool,
    ) -> Progress {
        self.0.run(input, out, at, max, stop_at_blocks)
    }

    /// Bytes of memory it takes.
    pub const SIZE: usize = Inflate::SIZE;
}

/// Inflates a whole raw deflate stream of `len` bytes. `None` if it is broken or has another length.
pub(crate) fn inflate_to(data: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > data.len().saturating_mul(MAX_RATIO) {
        return None;
    }
    let mut out = vec![0; len];
    let progress = Engine::new().run(data, &mut out, 0, len, false);
    (progress.stop == Stop::StreamEnd && progress.produced == len).then_some(out)
}
