//! A tar's headers without its contents, compactly: each block as what differs from the block before, without the zeros
//! that this mostly is.

use crate::error::{Code, Error, Result};
use crate::format::tar::{EntryTable, TarWalker};
use crate::limits::Limits;

const BLOCK: usize = 512;

/// Set in a token that bytes follow; else it stands for zeros. The other bits are their number, less one.
const BYTES: u8 = 0x80;

/// Takes blocks and packs them.
pub(super) struct Packer {
    out: Vec<u8>,
    last: [u8; BLOCK],
}

impl Packer {
    pub(super) fn new() -> Self {
        Packer { out: Vec::new(), last: [0; BLOCK] }
    }

    /// Adds a block, or what there is of the last one. `LIMIT_EXCEEDED` (`max_metadata_size`).
    pub(super) fn push(&mut self, block: &[u8], limits: &Limits) -> Result<()> {
        let mut delta = [0; BLOCK];
        for ((delta, last), &byte) in delta.iter_mut().zip(&mut self.last).zip(block) {
            *delta = *last ^ byte;
            *last = byte;
        }
        let delta = delta.get(..block.len()).unwrap_or_default();
        for run in delta.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
            for run in run.chunks(usize::from(BYTES)) {
                let count = (run.len() as u8).wrapping_sub(1);
                if run.first() == Some(&0) {
                    self.out.push(count);
                } else {
                    self.out.push(BYTES | count);
                    self.out.extend_from_slice(run);
                }
            }
        }
        Limits::check("max_metadata_size", self.out.len() as u64, limits.max_metadata_size)
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// The entries of a tar of `total` bytes whose headers are `packed`.
pub(super) fn unpack(mut packed: &[u8], total: u64, limits: &Limits) -> Result<EntryTable> {
    let (mut walker, mut last) = (TarWalker::new(limits), [0; BLOCK]);
    while !packed.is_empty() {
        let at = walker.wants();
        // As they were given to the walker that found them: up to a block's end.
        let want = BLOCK - (at % BLOCK as u64) as usize;
        let mut have = 0;
        while have < want
            && let Some((&token, rest)) = packed.split_first()
        {
            let count = usize::from(token & !BYTES) + 1;
            let place =
                last.get_mut(have..have + count).filter(|_| have + count <= want).ok_or_else(damaged)?;
            packed = rest;
            if token & BYTES != 0 {
                let (bytes, rest) = packed.split_at_checked(count).ok_or_else(damaged)?;
                place.iter_mut().zip(bytes).for_each(|(last, byte)| *last ^= byte);
                packed = rest;
            }
            have += count;
        }
        let block = last.get(..have).unwrap_or_default();
        let used = walker.push(block)?;
        if walker.is_done() || walker.wants() > total || (have < want && !packed.is_empty()) {
            break;
        }
        if used != have || walker.wants() <= at {
            return Err(damaged());
        }
    }
    match packed.is_empty() {
        true => walker.finish(Some(total)),
        false => Err(damaged()),
    }
}

fn damaged() -> Error {
    Error::new(Code::CorruptLayer, "the kept headers of a layer are damaged")
}
