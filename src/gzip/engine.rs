//! The inflate engine, all of it that the rest of this module knows.
//!
//! A replacement must: start at a bit offset, take matches that reach back into the bytes in front of the
//! output, stop exactly at an output limit and go on from there, and stop between blocks saying how many
//! bits of the last byte it has not used.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{
    BlockBoundaryState, DecompressorOxide, decompress_with_limit, inflate_flags as flag,
};

/// Farthest that a match reaches back, in bytes.
pub(super) const WINDOW: usize = 32 << 10;

/// Most output bytes that one byte of deflate data can stand for: a match of 258 bytes takes two bits at least.
pub(super) const MAX_RATIO: usize = 258 * 8 / 2;

/// Why the engine came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The output limit is reached and the data provably goes on.
    OutputFull,
    /// The input is used up.
    InputEnd,
    /// Between two blocks; only if asked for. So many high bits of the last byte taken belong to the next block.
    BlockEnd(u8),
    /// Behind the last block, at the next whole byte.
    StreamEnd,
    /// Not deflate data.
    Broken,
}

/// What one call did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub consumed: usize,
    pub produced: usize,
    pub stop: Stop,
}

/// How to treat blocks and the end of the input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    /// Stop at each block's end.
    pub stop_at_blocks: bool,
    /// More input may follow in a later call.
    pub more_input: bool,
}

/// A raw deflate decoder.
pub(super) struct Engine(Box<DecompressorOxide>);

impl Engine {
    /// At the first block of a stream.
    pub fn new() -> Self {
        Engine(Box::default())
    }

    /// Between two blocks: the `bits` (0 to 7) high bits of `byte`, then the bytes after it.
    pub fn resume(bits: u8, byte: u8) -> Self {
        let bits = bits & 7;
        let bit_buf = if bits == 0 { 0 } else { byte >> (8 - bits) };
        let state = BlockBoundaryState { num_bits: bits, bit_buf, ..BlockBoundaryState::default() };
        Engine(Box::new(DecompressorOxide::from_block_boundary_state(&state)))
    }

    /// Back to the first block of a stream.
    pub fn restart(&mut self) {
        self.0.init();
    }

    /// Inflates `input` to `out[at..]`, at most `max` bytes. `out[..at]` is what matches may reach back into.
    pub fn run(&mut self, input: &[u8], out: &mut [u8], at: usize, max: usize, mode: Mode) -> Progress {
        let mut flags = flag::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        if mode.more_input {
            flags |= flag::TINFL_FLAG_HAS_MORE_INPUT;
        }
        if mode.stop_at_blocks {
            flags |= flag::TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        }
        let (status, consumed, produced) = decompress_with_limit(&mut self.0, input, out, at, max, flags);
        let stop = match status {
            TINFLStatus::Done => Stop::StreamEnd,
            TINFLStatus::HasMoreOutput => Stop::OutputFull,
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => Stop::InputEnd,
            TINFLStatus::BlockBoundary => match self.0.block_boundary_state() {
                Some(state) => Stop::BlockEnd(state.num_bits),
                None => Stop::Broken,
            },
            _ => Stop::Broken,
        };
        Progress { consumed, produced, stop }
    }

    /// Bytes of memory it takes.
    pub const SIZE: usize = size_of::<DecompressorOxide>();
}
