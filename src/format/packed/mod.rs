//! A compressed tar as one file: one pass over it lists the tar and notes points at which decompressing can begin; reads
//! then begin at the nearest point before. Pure.
//!
//! Gzip: a point is a border between two deflate blocks, with the 32 KiB of output before it, as in a zTOC. Zstandard cannot
//! be entered inside of a frame: a point is a frame's start, and an archive of one frame has one.
#![forbid(unsafe_code)]

mod cursor;
mod pass;
mod points;

pub use cursor::Cursor;
pub use pass::{Pass, Passed};
pub use points::{Point, Points};

/// How the tar is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// RFC 1952, of one or more members.
    Gzip,
    /// RFC 8878, of one or more frames.
    Zstd,
}

impl Packing {
    /// By the first bytes.
    pub fn of(start: &[u8]) -> Option<Packing> {
        match start {
            [0x1f, 0x8b, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
            _ => None,
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
