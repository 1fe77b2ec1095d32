//! Seek index of a plain Zstandard layer, made by one pass over it: its tar's entries, and segments of the tar with their
//! digests, so that later passes stop early, start at a frame near by, and are checked on the way. Pure.
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
pub const SEGMENT_SIZE: u64 = 1 << 20;

/// Where a frame ends, so does a segment that has so many bytes: what is in one frame is then read from that alone.
const LEAST: u64 = 64 << 10;

/// Segment of the tar; it begins where the one before it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Where in the tar it ends.
    pub end: u64,
    /// Where in the layer the bytes end that are needed to decode it.
    pub until: u64,
    /// Where in the layer the last frame starts that does so before the segment.
    pub frame: u64,
    /// Where in the tar that frame starts.
    pub frame_start: u64,
    /// SHA-256 of the segment.
    pub digest: [u8; 32],
}

/// Seek index: all segments of a layer, in order and without gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeekIndex(Vec<Segment>);

impl SeekIndex {
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
        self.0.capacity().saturating_mul(size_of::<Segment>())
    }

    /// The segment that holds byte `at` of the tar, and where it begins.
    pub fn holding(&self, at: u64) -> Option<(u64, &Segment)> {
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
