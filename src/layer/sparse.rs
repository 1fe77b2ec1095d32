//! Sparse files: which bytes are holes, and where the others lie in the packed content.

use std::ops::Range;

use bytes::Bytes;

/// A run of a sparse file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// So many zero bytes.
    Hole(u64),
    /// These bytes of the packed content.
    Data(Range<u64>),
}

/// Bytes of packed content that `map` describes.
pub(super) fn packed_len(map: &[(u64, u64)]) -> u64 {
    map.iter().fold(0, |n, &(_, len)| n.saturating_add(len))
}

/// `range` of the expanded file, piece by piece. Runs of `map` are `(offset in the file, length)`, in order.
pub(super) fn pieces(map: &[(u64, u64)], range: Range<u64>) -> Vec<Piece> {
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

/// `len` zero bytes, in chunks that take no memory of their own.
pub(super) fn zeros(len: u64) -> impl Iterator<Item = Bytes> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut left = len;
    std::iter::from_fn(move || {
        let n = left.min(ZEROS.len() as u64);
        left -= n;
        let n = usize::try_from(n).ok().filter(|&n| n > 0)?;
        Some(Bytes::from_static(&ZEROS).slice(..n))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(map: &[(u64, u64)], packed: &[u8], range: Range<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in pieces(map, range) {
            match piece {
                Piece::Hole(n) => zeros(n).for_each(|z| out.extend_from_slice(&z)),
                Piece::Data(r) => out.extend_from_slice(&packed[r.start as usize..r.end as usize]),
            }
        }
        out
    }

    #[test]
    fn every_range_equals_the_expanded_file() {
        // Hole, data, hole, two runs that touch, an empty run at the end.
        let map = [(3, 2), (8, 3), (11, 1), (15, 0)];
        let packed = b"ABCDEF";
        let whole = b"\0\0\0AB\0\0\0CDEF\0\0\0";
        for start in 0..=15 {
            for end in start..=15 {
                let part = &whole[start..end];
                assert_eq!(expand(&map, packed, start as u64..end as u64), part, "{start}..{end}");
            }
        }
        assert_eq!(packed_len(&map), 6);
    }

    #[test]
    fn a_big_hole_costs_nothing() {
        assert_eq!(zeros(200_000).map(|z| z.len()).sum::<usize>(), 200_000);
        assert_eq!(zeros(0).count(), 0);
        assert_eq!(pieces(&[], 5..u64::MAX), [Piece::Hole(u64::MAX - 5)]);
    }
}
