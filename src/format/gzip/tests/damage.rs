//! Spans that lie, are cut, or are broken.

use super::make::{self, Block};
use super::span;
use super::zran;
use crate::error::{Code, Error};
use crate::format::gzip::{SpanEnd, SpanInflater};
use crate::limits::Limits;
use bytes::Bytes;

const NEXT: SpanEnd = SpanEnd::Checkpoint { bits: 0 };

fn new(bits: u8, window: &[u8], data: &[u8], out_len: usize, end: SpanEnd) -> Result<SpanInflater, Error> {
    SpanInflater::new(bits, window, Bytes::copy_from_slice(data), out_len, end, &Limits::default())
}

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|e| e.code())
}

#[test]
fn arguments_that_cannot_be() {
    assert_eq!(code(new(8, &[], &[3, 0], 0, NEXT)), Some(Code::CorruptZtoc));
    assert_eq!(code(new(0, &[], &[3, 0], 0, SpanEnd::Checkpoint { bits: 8 })), Some(Code::CorruptZtoc));
    assert_eq!(code(new(3, &[], &[], 0, NEXT)), Some(Code::CorruptZtoc));
    assert_eq!(code(new(0, &[0; 32_769], &[3, 0], 0, NEXT)), Some(Code::CorruptZtoc));
    assert_eq!(code(new(0, &[], &[], 1, SpanEnd::Last)), Some(Code::CorruptZtoc));
    let mut span = new(0, &[], &[3, 0], 0, SpanEnd::Last).unwrap();
    assert_eq!(code(span.inflate_to(1)), Some(Code::InvalidArgument));
    assert_eq!(span.finish().unwrap().len(), 0);
}

#[test]
fn a_claim_beyond_what_deflate_can_do_is_refused_before_anything_is_allocated() {
    let data = [0; 1000];
    assert_eq!(code(new(0, &[], &data, 1_032_001, NEXT)), Some(Code::CorruptZtoc));
    let possible = new(0, &[], &data, 1_032_000, NEXT).unwrap();
    assert!(possible.memory() < 25_000, "{}", possible.memory());
    let limits = Limits { max_span_size: 999, ..Limits::default() };
    let over = SpanInflater::new(0, &[], Bytes::from_static(&[0; 1000]), 1000, NEXT, &limits).err().unwrap();
    assert_eq!((over.code(), over.limit_name()), (Code::LimitExceeded, Some("max_span_size")));
}

#[test]
fn memory_follows_what_is_inflated() {
    // 1 KB that claims 1 MB and holds nothing of it.
    let mut nothing = new(0, &[0; 32_768], &[0xFF; 1024], 1_000_000, NEXT).unwrap();
    assert_eq!(code(nothing.inflate_to(1_000_000)), Some(Code::CorruptLayer));
    assert!(nothing.memory() < 150_000, "{}", nothing.memory());
    // Asking for little of a real one costs little; all of it, its size.
    let zeros = make::deflate(&vec![0; 4 << 20], 9, &[]);
    let mut span = new(0, &[], &zeros, 4 << 20, SpanEnd::Last).unwrap();
    span.inflate_to(10_000).unwrap();
    assert_eq!(span.output().len(), 10_000);
    assert!(span.memory() < 35_000, "{}", span.memory());
    let all = span.finish().unwrap();
    assert!(all.len() == 4 << 20 && all.iter().all(|&b| b == 0));
}

#[test]
fn a_bomb_stops_at_its_declared_length() {
    // 5 KiB that inflate to 5 MiB, declared as 100 KB in front of a next span.
    let bomb = make::deflate(&vec![0; 5 << 20], 9, &[]);
    assert!(bomb.len() < 6000);
    let mut span = new(0, &[], &bomb, 100_000, NEXT).unwrap();
    // A reader of its first bytes gets them: nothing shows yet that it is one.
    span.inflate_to(99_999).unwrap();
    let e = span.inflate_to(100_000).unwrap_err();
    assert_eq!(
        (e.code(), e.message()),
        (Code::CorruptLayer, "a span inflates to more than the zTOC declares")
    );
    assert_eq!(span.output().len(), 100_000);
    assert!(span.memory() < 300_000, "{}", span.memory());
    assert_eq!(code(span.inflate_to(100_000)), Some(Code::CorruptLayer), "the same again");
    span.inflate_to(50_000).unwrap();
    assert_eq!(code(span.finish()), Some(Code::CorruptLayer));
    // As a last span the same is legal: the tar ended before the stream.
    assert_eq!(new(0, &[], &bomb, 100_000, SpanEnd::Last).unwrap().finish().unwrap().len(), 100_000);
}

#[test]
fn the_end_must_be_the_next_checkpoint_exactly() {
    let (raw, data) = make::blocks(&[
        Block::Fixed(vec![200; 5]),
        Block::Fixed(vec![]),
        Block::Fixed(vec![]),
        Block::Stored(vec![]),
        Block::Stored(b"second span".to_vec()),
    ]);
    let gz = make::member(&data, &raw, None, None, false);
    let (points, _) = zran::index(&gz, 0, false);
    let first = points[1].input as usize - 10;
    assert_eq!((points[1].output, points[1].bits), (5, 1));
    // In bits from there: two empty blocks of ten bits, an empty stored block of 3 bits, padding and 32.
    let ends =
        [0usize, 10, 20].map(|skip| first * 8 - 1 + skip).map(|bit| (bit.div_ceil(8), (8 - bit % 8) % 8));
    let last = ((first * 8 - 1 + 23).div_ceil(8) + 4, 0);
    let legal: Vec<(usize, usize)> = ends.into_iter().chain([last]).collect();
    for len in 1..raw.len() {
        for bits in 0..8 {
            let mut span = new(0, &[], &raw[..len], 5, SpanEnd::Checkpoint { bits }).unwrap();
            let ok = span.inflate_to(5).is_ok();
            assert_eq!(ok, legal.contains(&(len, usize::from(bits))), "{len} {bits}");
        }
    }
}

#[test]
fn a_span_that_ends_early_or_late_is_corrupt() {
    let data = make::noise(5, 60_000).iter().map(|b| b % 20).collect::<Vec<u8>>();
    let gz = Bytes::from(make::member(&data, &make::deflate(&data, 6, &[20_000, 40_000]), None, None, false));
    let (points, out) = zran::index(&gz, 10_000, false);
    assert!(points.len() >= 3);
    for delta in [-1i64, 1] {
        let mut moved = points.clone();
        moved[1].output = moved[1].output.checked_add_signed(delta).unwrap();
        assert_eq!(code(span(&gz, &moved, 0, out.len() as u64).finish()), Some(Code::CorruptLayer));
        let mut moved = points.clone();
        moved[1].input = moved[1].input.checked_add_signed(delta).unwrap();
        assert_eq!(code(span(&gz, &moved, 0, out.len() as u64).finish()), Some(Code::CorruptLayer));
    }
}

/// Cut at every length: an error, never a panic, and what came out until then is right.
#[test]
fn truncated_at_every_length() {
    let data = [make::noise(1, 300), vec![7; 900], b"text text text".repeat(40)].concat();
    let raws = [
        make::deflate(&data, 9, &[]),
        make::deflate(&data, 0, &[100, 500]),
        make::blocks(&[Block::Fixed(vec![200; 9]), Block::Stored(make::noise(3, 400)), Block::Run(4, 3)]).0,
    ];
    for raw in raws {
        let full = new(0, &[], &raw, raw.len() * 4, SpanEnd::Last).map(|mut s| {
            let _ = s.inflate_to(raw.len() * 4);
            s.output().to_vec()
        });
        let full = full.unwrap();
        for len in 0..raw.len() {
            let Ok(mut span) = new(0, &[], &raw[..len], full.len(), SpanEnd::Last) else { continue };
            // All output may be there before the last block's end is.
            assert_eq!(span.inflate_to(full.len()).is_ok(), span.output().len() == full.len());
            let got = span.output().to_vec();
            assert!(full.starts_with(&got));
            let mut again = new(0, &[], &raw[..len], full.len(), SpanEnd::Last).unwrap();
            for upto in (0..got.len()).step_by(7).chain([got.len()]) {
                again.inflate_to(upto).unwrap();
            }
            assert!(again.output() == got, "the same in steps");
            if got.len() < full.len() {
                assert_eq!(code(again.inflate_to(got.len() + 1)), Some(Code::CorruptLayer));
            }
        }
    }
}

#[test]
fn flipped_bits_never_panic_and_never_give_more() {
    let data = [make::noise(1, 400), vec![7; 900], b"some more text ".repeat(30)].concat();
    let gz = [make::gzip(&data, 9), make::gzip(&data, 1)].concat();
    let (points, out) = zran::index(&gz, 1000, true);
    assert!(points.len() >= 2);
    for bit in 0..gz.len() * 8 {
        let mut broken = gz.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        let broken = Bytes::from(broken);
        for (i, point) in points.iter().enumerate() {
            let end = points.get(i + 1).map_or(out.len() as u64, |p| p.output);
            if let Ok(got) = span(&broken, &points, i, out.len() as u64).finish() {
                assert_eq!(got.len() as u64, end - point.output);
            }
        }
    }
}
