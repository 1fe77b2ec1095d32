//! Holes of sparse files: which bytes they are, and where the others lie in the packed content.

use std::ops::Range;

use super::{Entry, EntryTable, Kind};

/// A run of a sparse file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// So many zero bytes.
    Hole(u64),
    /// These bytes of the packed content.
    Data(Range<u64>),
}

/// `range` of the expanded file, piece by piece. Runs of `map` are `(offset in the file, length)`, in order.
pub(crate) fn pieces(map: &[(u64, u64)], range: Range<u64>) -> Vec<Piece> {
    let (mut at, mut packed, mut out) = (range.start, 0u64, Vec::new());
    for &(offset, len) in map {
        let end = offset.saturating_add(len);
        let (from, to) = (offset.max(at), end.min(range.end));
        if from < to {
            if from > at {
                out.push(Piece::Hole(from - at));
            }
            let start = packed.saturating_add(from - offset);
            out.push(Piece::Data(start..start.saturating_add(to - from)));
            at = to;
        }
        packed = packed.saturating_add(len);
    }
    if at < range.end {
        out.push(Piece::Hole(range.end - at));
    }
    out
}

/// Bytes `range` of a file's content, piece by piece, cut to its size; with `packed`, of what is stored of it. `None` where
/// that is nothing, and for what is no file.
pub(crate) fn of_entry(
    table: &EntryTable,
    entry: usize,
    range: Range<u64>,
    packed: bool,
) -> Option<(Entry<'_>, Vec<Piece>)> {
    let e = table.get(entry).filter(|e| e.kind == Kind::Regular)?;
    let range = range.start..range.end.min(e.size);
    let pieces = match table.sparse(entry).filter(|_| !packed) {
        _ if range.start >= range.end => return None,
        Some(map) => pieces(map, range),
        None => vec![Piece::Data(range)],
    };
    Some((e, pieces))
}

/// The packed bytes that pieces of one range take: neighbours, as runs are packed in order.
pub(crate) fn packed_range(pieces: &[Piece]) -> Range<u64> {
    let mut data = pieces.iter().filter_map(|piece| match piece {
        Piece::Data(range) => Some(range),
        Piece::Hole(_) => None,
    });
    let first = data.next();
    let end = data.next_back().or(first).map_or(0, |r| r.end);
    first.map_or(0, |r| r.start)..end
}
