//! Sections: where they are, and their checksums.

use super::deflate::inflate;
use crate::format::oci::Digest;

/// Longest head.
pub(super) const MAX_HEAD: usize = 16 << 20;
/// Longest section, inflated. A layer that would need a longer one is not packed.
pub(super) const MAX_SECTION: usize = 4 << 20;
/// Most bytes of paths and names of one part. A layer that would need more is not packed.
pub(super) const MAX_PART_NAMES: u64 = 32 << 20;

/// A section's checksum.
pub(super) type Sum = [u8; 8];

pub(super) fn sum(data: &[u8]) -> Sum {
    let [a, b, c, d, e, f, g, h, ..] = *Digest::of(data).as_bytes();
    [a, b, c, d, e, f, g, h]
}

/// Where a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) start: u64,
    /// Bytes that it takes.
    pub(super) len: u32,
    /// Bytes that it has, inflated.
    pub(super) full: u32,
    pub(super) sum: Sum,
}

impl Section {
    pub(super) fn range(&self) -> std::ops::Range<u64> {
        self.start..self.start.saturating_add(u64::from(self.len))
    }

    /// Its bytes, checked.
    pub(super) fn read(&self, data: &[u8]) -> Option<Vec<u8>> {
        let fits = u32::try_from(data.len()) == Ok(self.len) && sum(data) == self.sum;
        let full = usize::try_from(self.full).ok().filter(|n| fits && *n <= MAX_SECTION)?;
        inflate(data, full)
    }
}
