//! Tests of the whole module, against C zlib.

mod codes;
mod damage;
mod fixtures;
mod headers;
mod make;
mod spans;
mod stream;
mod zran;

use std::io::Read;

use crate::format::gzip::{SpanEnd, SpanInflater};
use crate::limits::Limits;
use bytes::Bytes;
use zran::Checkpoint;

/// What C zlib makes of a gzip stream, all members.
fn zlib(gz: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(gz).read_to_end(&mut out).expect("the oracle reads it");
    out
}

/// Span `i` of `points` over `gz`, whose declared output ends at `total`.
fn span(gz: &Bytes, points: &[Checkpoint], i: usize, total: u64) -> SpanInflater {
    let start = &points[i];
    let from = start.input as usize - usize::from(start.bits != 0);
    let (to, out_end, end) = match points.get(i + 1) {
        Some(next) => (next.input as usize, next.output, SpanEnd::Checkpoint { bits: next.bits }),
        None => (gz.len(), total, SpanEnd::Last),
    };
    let out_len = (out_end - start.output) as usize;
    SpanInflater::new(start.bits, &start.window, gz.slice(from..to), out_len, end, &Limits::default())
        .expect("the span is well formed")
}
