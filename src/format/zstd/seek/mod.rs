//! What one pass over a plain Zstandard layer leaves: its tar's entries, and stretches of the tar with their digests, so that
//! later passes stop early, start at a frame near by, and are checked on the way. Pure.
//!
//! Zstandard has no index, and cannot be entered inside of a frame. Container tools write one frame a layer: a read then
//! starts at the layer's first byte. Where a layer has more frames, each is a start.
#![forbid(unsafe_code)]

mod cached;
mod headers;
mod scan;

pub use cached::{parse, parse_body, to_bytes};
pub use scan::{Scan, Scanned};

use std::ops::Range;

/// Bytes of the tar that one digest vouches for, at most: what is decoded before the first byte of it is given out.
pub const STRETCH: u64 = 1 << 20;

/// Where a frame ends, so does a stretch that has so many bytes: what is in one frame is then read from that alone.
const LEAST: u64 = 64 << 10;

/// A stretch of the tar; it begins where the one before it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Where in the tar it ends.
    pub end: u64,
    /// Where in the layer the bytes end that are needed to decode it.
    pub until: u64,
    /// Where in the layer the last frame starts that does so before the stretch.
    pub frame: u64,
    /// Where in the tar that frame starts.
    pub frame_start: u64,
    /// SHA-256 of the stretch.
    pub digest: [u8; 32],
}

/// All stretches of a layer, in order and without gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretches(Vec<Stretch>);

impl Stretches {
    /// Their number.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the tar is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of the tar.
    pub fn total(&self) -> u64 {
        self.0.last().map_or(0, |last| last.end)
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        self.0.capacity().saturating_mul(size_of::<Stretch>())
    }

    /// The stretch that holds byte `at` of the tar, and where it begins.
    pub fn holding(&self, at: u64) -> Option<(u64, &Stretch)> {
        let found = self.0.partition_point(|s| s.end <= at);
        let start = found.checked_sub(1).and_then(|i| self.0.get(i)).map_or(0, |before| before.end);
        Some((start, self.0.get(found)?))
    }

    /// What of the layer is needed to read bytes `range` of the tar, which are not none.
    pub fn needed(&self, range: &Range<u64>) -> Option<Range<u64>> {
        let (_, first) = self.holding(range.start)?;
        let (_, last) = self.holding(range.end.checked_sub(1)?)?;
        Some(first.frame..last.until)
    }
}
