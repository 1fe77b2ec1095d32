//! A compressed tar as one file: one pass over it lists the tar and notes points at which decompressing can begin; reads
//! then begin at the nearest point before. Pure.
//!
//! Gzip: a point is a border between two deflate blocks, with the 32 KiB of output before it, as in a zTOC. Zstandard cannot
//! be entered inside of a frame: a point is a frame's start, and an archive of one frame has one.
#![forbid(unsafe_code)]

mod cursor;
mod pass;
mod points;

pub use super::unpack::Packing;
pub use cursor::Cursor;
pub use pass::{Pass, Passed};
pub use points::{Point, Points};

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
