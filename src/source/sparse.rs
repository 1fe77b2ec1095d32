//! Sparse files, expanded as their packed content streams past.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::format::tar::holes::Piece;
use crate::net::stats::Stats;
use crate::net::transport::ByteStream;

/// Puts the holes into a stream of the [`packed_range`]'s bytes. They count as inflated: a few bytes may stand for as many
/// as one likes.
pub(crate) fn expand(packed: ByteStream, pieces: Vec<Piece>, stats: &Stats) -> ByteStream {
    struct State {
        stats: Stats,
        packed: ByteStream,
        /// What came and is not given out yet.
        rest: Bytes,
        pieces: std::vec::IntoIter<Piece>,
        /// What is left of the piece under way.
        hole: u64,
        data: u64,
    }
    let stats = stats.clone();
    let state = State { stats, packed, rest: Bytes::new(), pieces: pieces.into_iter(), hole: 0, data: 0 };
    let next = |mut s: State| async move {
        loop {
            if s.hole > 0 {
                let Some(chunk) = zeros(s.hole).next() else { return Ok(None) };
                s.hole = s.hole.saturating_sub(chunk.len() as u64);
                s.stats.inflated(chunk.len() as u64);
                return Ok(Some((chunk, s)));
            }
            if s.data == 0 {
                match s.pieces.next() {
                    None => return Ok(None),
                    Some(Piece::Hole(len)) => s.hole = len,
                    Some(Piece::Data(range)) => s.data = range.end.saturating_sub(range.start),
                }
                continue;
            }
            if s.rest.is_empty() {
                // An early end is seen by who counts the file's bytes.
                let Some(chunk) = s.packed.try_next().await? else { return Ok(None) };
                s.rest = chunk;
            }
            let n = usize::try_from(s.data).unwrap_or(usize::MAX).min(s.rest.len());
            s.data = s.data.saturating_sub(n as u64);
            let chunk = s.rest.split_to(n);
            return Ok(Some((chunk, s)));
        }
    };
    stream::try_unfold(state, next).boxed_local()
}

/// `len` zero bytes, in chunks that take no memory of their own.
fn zeros(len: u64) -> impl Iterator<Item = Bytes> {
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
    use std::ops::Range;

    use super::*;
    use crate::format::tar::holes::{packed_range, pieces};

    fn expanded(map: &[(u64, u64)], packed: &[u8], range: Range<u64>, chunk: usize) -> Vec<u8> {
        let pieces = pieces(map, range);
        let Range { start, end } = packed_range(&pieces);
        let chunks: Vec<_> = packed[start as usize..end as usize]
            .chunks(chunk)
            .map(|c| Ok(Bytes::copy_from_slice(c)))
            .collect();
        let (stats, holes) = (Stats::default(), range_holes(&pieces));
        let stream = expand(stream::iter(chunks).boxed_local(), pieces, &stats);
        let out: Vec<Bytes> = futures_executor::block_on(stream.try_collect()).unwrap();
        assert_eq!(stats.counters().inflated, holes);
        out.concat()
    }

    fn range_holes(pieces: &[Piece]) -> u64 {
        pieces.iter().map(|piece| if let Piece::Hole(n) = piece { *n } else { 0 }).sum()
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
                for chunk in 1..=6 {
                    let got = expanded(&map, packed, start as u64..end as u64, chunk);
                    assert_eq!(got, part, "{start}..{end}");
                }
            }
        }
    }

    #[test]
    fn a_big_hole_costs_nothing() {
        assert_eq!(zeros(200_000).map(|z| z.len()).sum::<usize>(), 200_000);
        assert_eq!(zeros(0).count(), 0);
        assert_eq!(pieces(&[], 5..u64::MAX), [Piece::Hole(u64::MAX - 5)]);
    }
}
