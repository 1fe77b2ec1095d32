//! An archive after the pass over it.

use std::ops::Range;

use bytes::Bytes;

use crate::budget::Reservation;
use crate::format::packed::{Packing, Points};

/// Index of an archive.
pub(super) struct Archive {
    pub(super) packing: Packing,
    /// Bytes of the tar.
    pub(super) total: u64,
    pub(super) points: Points,
    /// What is held of memory by what is here, and by the members.
    pub(super) _held: Reservation,
    /// Stored bytes of small files, by their offset, in order.
    pub(super) small: Vec<(u64, Bytes)>,
}

impl Archive {
    /// Bytes of the tar that are at hand.
    pub(super) fn small_part(&self, range: &Range<u64>) -> Option<Bytes> {
        let behind = self.small.partition_point(|(start, _)| *start <= range.start);
        let (start, bytes) = self.small.get(behind.checked_sub(1)?)?;
        let from = usize::try_from(range.start.checked_sub(*start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(*start)?).ok()?;
        (from <= to && to <= bytes.len()).then(|| bytes.slice(from..to))
    }
}
