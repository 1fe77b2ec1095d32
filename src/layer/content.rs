//! File contents of a layer that was fetched whole: inflated, one after the other, without headers and padding.
//!
//! Kept inflated rather than compressed: reads cost no time then, and such layers are small (an index leaves out
//! those under 10 MiB). What it may come to is `max_whole_layer_inflated`, and of all layers the memory's budget.

use std::ops::Range;

use bytes::Bytes;

use crate::budget::Reservation;
use crate::error::Result;

/// Bytes of one segment. Segments, so that growing never copies or doubles.
const SEGMENT: usize = 1 << 20;

/// Appended while the layer is unpacked, read-only afterwards.
#[derive(Default)]
pub(super) struct Content {
    segments: Vec<Bytes>,
    filling: Vec<u8>,
    /// Entries with content and where that starts, in tar order.
    starts: Vec<(usize, u64)>,
    len: u64,
    held: Reservation,
}

impl Content {
    /// Appends `data` to the content of `entry`, the last or a later one.
    pub(super) fn push(&mut self, entry: usize, mut data: &[u8]) -> Result<()> {
        if self.starts.last().is_none_or(|&(last, _)| last != entry) {
            self.starts.push((entry, self.len));
        }
        self.reserve(data.len())?;
        self.len = self.len.saturating_add(data.len() as u64);
        while !data.is_empty() {
            let room = SEGMENT.saturating_sub(self.filling.len()).min(data.len());
            let (now, later) = data.split_at(room);
            // At once, so that no segment has more capacity than bytes; the last one shrinks when sealed.
            self.filling.reserve_exact(SEGMENT.saturating_sub(self.filling.len()));
            self.filling.extend_from_slice(now);
            data = later;
            if self.filling.len() >= SEGMENT {
                self.segments.push(std::mem::take(&mut self.filling).into());
            }
        }
        Ok(())
    }

    /// Reserves the segments that so many bytes more fill or begin, and the list of entries.
    fn reserve(&mut self, more: usize) -> Result<()> {
        let segments = (self.len.saturating_add(more as u64)).div_ceil(SEGMENT as u64);
        let starts = self.starts.capacity().saturating_mul(size_of::<(usize, u64)>());
        self.held.grow(segments.saturating_mul(SEGMENT as u64).saturating_add(starts as u64))
    }

    /// Ends the appending.
    pub(super) fn seal(&mut self) -> Result<()> {
        self.filling.shrink_to_fit();
        self.segments.push(std::mem::take(&mut self.filling).into());
        self.starts.shrink_to_fit();
        let starts = self.starts.capacity().saturating_mul(size_of::<(usize, u64)>());
        self.held.resize(self.len.saturating_add(starts as u64))
    }

    /// Bytes `range` of `entry`'s content, in chunks. Short if it has less.
    pub(super) fn read(&self, entry: usize, range: Range<u64>) -> Vec<Bytes> {
        let Ok(found) = self.starts.binary_search_by_key(&entry, |&(e, _)| e) else { return Vec::new() };
        let start = self.starts.get(found).map_or(0, |&(_, s)| s);
        let limit = self.starts.get(found.saturating_add(1)).map_or(self.len, |&(_, s)| s);
        let end = start.saturating_add(range.end).min(limit);
        let mut at = start.saturating_add(range.start);
        let mut out = Vec::new();
        while at < end {
            let (segment, offset) = (at / SEGMENT as u64, (at % SEGMENT as u64) as usize);
            let Some(segment) = usize::try_from(segment).ok().and_then(|i| self.segments.get(i)) else {
                break;
            };
            let room = (segment.len().saturating_sub(offset) as u64).min(end - at);
            if room == 0 {
                break;
            }
            out.push(segment.slice(offset..offset + room as usize));
            at = at.saturating_add(room);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_come_back_over_segment_borders() {
        let files: Vec<(usize, Vec<u8>)> = [(2, 10), (5, SEGMENT + 7), (6, 3), (9, 3 * SEGMENT - 20)]
            .into_iter()
            .map(|(i, len)| (i, (0..len).map(|b| (b * 31 + i) as u8).collect()))
            .collect();
        let mut content = Content::default();
        for (entry, data) in &files {
            data.chunks(100_000).for_each(|piece| content.push(*entry, piece).unwrap());
        }
        content.seal().unwrap();
        for (entry, data) in &files {
            for range in [0..data.len(), 1..data.len() - 1, data.len() - 2..data.len()] {
                let got = content.read(*entry, range.start as u64..range.end as u64).concat();
                assert!(got == data[range], "entry {entry}");
            }
        }
        assert!(content.read(3, 0..10).is_empty());
        assert_eq!(content.read(6, 1..u64::MAX).concat().len(), 2);
    }
}
