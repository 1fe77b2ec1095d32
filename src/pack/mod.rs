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
mod write;

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod tests;

pub use head::{Head, PREFIX, prefix};
pub use page::Page;
pub use write::write;

use crate::format::oci::Digest;

/// Bytes that are worth to be read at once, before anything is known of a pack.
pub const FIRST_READ: u64 = 16 << 10;

/// Longest head.
const MAX_HEAD: usize = 16 << 20;
/// Longest section, inflated. A layer that would need a longer one is not packed.
const MAX_SECTION: usize = 4 << 20;
/// Most bytes of paths and names of one part. A layer that would need more is not packed.
const MAX_PART_NAMES: u64 = 32 << 20;

/// A section's checksum.
type Sum = [u8; 8];

fn sum(data: &[u8]) -> Sum {
    let [a, b, c, d, e, f, g, h, ..] = *Digest::of(data).as_bytes();
    [a, b, c, d, e, f, g, h]
}

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

/// Where a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Section {
    start: u64,
    /// Bytes that it takes.
    len: u32,
    /// Bytes that it has, inflated.
    full: u32,
    sum: Sum,
}

impl Section {
    fn range(&self) -> std::ops::Range<u64> {
        self.start..self.start.saturating_add(u64::from(self.len))
    }

    /// Its bytes, checked.
    fn read(&self, data: &[u8]) -> Option<Vec<u8>> {
        let fits = u32::try_from(data.len()) == Ok(self.len) && sum(data) == self.sum;
        let full = usize::try_from(self.full).ok().filter(|n| fits && *n <= MAX_SECTION)?;
        deflate::inflate(data, full)
    }
}
