//! Packed zTOCs, for caches: a zTOC parsed once and laid out so that a read of one small file takes a few kilobytes of
//! it, where the zTOC itself would have to be fetched, hashed and parsed as a whole. Pure.
//!
//! A pack is one value of a cache and is read by byte ranges. It says what a zTOC said, after all checks, and gives
//! the same answers. No digest vouches for it: it is for caches that only their owner writes to. What storage can do
//! to it (damage, cuts, pieces of two packs) is found by checksums, and makes it a miss, never a wrong answer.
//!
//! # Format, version 2
//! All of it follows from the code below this module; a change of anything is another magic and another key.
//!
//! | section | holds | read |
//! |---|---|---|
//! | prefix | magic, the zTOC's digest, length and checksum of the head | with the head |
//! | head | sizes of layer and tar, how it is compressed, borders of parts, length and checksum of each section | first |
//! | pages | some dozens of spans each: offsets, bits, digests, length and checksum of each window | for a read: one |
//! | parts | some hundred entries each, in the order of their paths, deflated: see [`Parts`](crate::rootfs::Parts) | for a look-up: one |
//! | unshown parts | entries that later ones replace | to list the tar |
//! | windows | one per span, deflated | for a read: one |
//!
//! Numbers are in seven-bit groups, the lowest first, unless fixed; a checksum is the first 8 bytes of a SHA-256.
//! Pages and parts grow with the square root of their number, so that the head stays small too. The first
//! [`FIRST_READ`] bytes hold the head of all but huge layers, and of small layers pages and parts as well.
#![forbid(unsafe_code)]

mod coding;
mod deflate;
mod head;
mod page;
mod part;
mod plan;
mod section;
mod write;

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod tests;

pub use head::{Head, PREFIX, prefix};
pub use page::Page;
pub(crate) use write::Writer;
pub use write::write;

use crate::format::oci::Digest;

/// Bytes that are worth to be read at once, before anything is known of a pack.
pub const FIRST_READ: u64 = 16 << 10;

/// Sections without their checksums, and parts of other lengths: for tests and fuzzing only, which would get no further
/// than the checksums otherwise.
#[doc(hidden)]
pub mod unchecked {
    use super::{Head, Page, head, page, part};
    use crate::format::oci::Digest;
    use crate::limits::Limits;
    use crate::rootfs::PathIndex;

    pub use super::write::write_in_parts;

    /// A head, given without its prefix.
    pub fn head(data: &[u8], limits: &Limits) -> Option<Head> {
        let ztoc = Digest::of(data);
        Head::read(&head::with_prefix(data.to_vec(), &ztoc)?, &ztoc, limits)
    }

    /// A page of `head`'s pack.
    pub fn page(head: &Head, page: usize, data: &[u8]) -> Option<Page> {
        page::Page::read(data, head.first_span(page)?, head.windows, &head.shape)
    }

    /// A part, inflated, of a layer of so many entries.
    pub fn part(data: &[u8], entries: usize, limits: &Limits) -> Option<PathIndex> {
        part::read(data, entries, true, limits)
    }
}

/// The key of a zTOC's pack in a cache.
pub fn key(ztoc: &Digest) -> String {
    format!("pack-v1:{ztoc}")
}
