//! Spans of streams made here: any data, any level, any kind of block, several members.

use super::make::{self, Block};
use super::zran::{self, Checkpoint};
use super::{span, zlib};
use crate::error::Code;
use crate::format::gzip::{SpanEnd, SpanInflater};
use crate::limits::Limits;
use bytes::Bytes;
use proptest::prelude::*;

/// Checks every span of `gz` at this span size, each read in the given steps (fractions of its length in 1/256).
fn check(gz: Vec<u8>, span_size: u64, after_headers: bool, steps: &[u8]) {
    let expected = zlib(&gz);
    let (points, out) = zran::index(&gz, span_size, after_headers);
    assert!(out == expected);
    let gz = Bytes::from(gz);
    for (i, point) in points.iter().enumerate() {
        let end = points.get(i + 1).map_or(out.len() as u64, |p| p.output);
        let expected = &out[point.output as usize..end as usize];
        let mut stepped = span(&gz, &points, i, out.len() as u64);
        for &step in steps {
            let upto = expected.len() * usize::from(step) / 256;
            let before = stepped.output().len();
            stepped.inflate_to(upto).unwrap();
            assert_eq!(stepped.output().len(), upto.max(before), "no more than was asked for");
            assert!(stepped.output() == &expected[..upto.max(before)]);
        }
        assert!(stepped.finish().unwrap() == expected, "span {i} of {}, in steps", points.len());
        assert!(span(&gz, &points, i, out.len() as u64).finish().unwrap() == expected, "span {i}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn zlib_streams(
        data in make::data(8), level in 0u32..10, flushes in prop::collection::vec(any::<u16>(), 0..6),
        span_size in 0u64..100_000, steps in prop::collection::vec(any::<u8>(), 0..5),
    ) {
        let mut flushes: Vec<usize> = flushes.iter().map(|&f| usize::from(f) * data.len() / 65_536).collect();
        flushes.sort_unstable();
        let raw = make::deflate(&data, level, &flushes);
        check(make::member(&data, &raw, None, None, false), span_size, false, &steps);
    }

    #[test]
    fn any_blocks(
        blocks in make::some_blocks(), span_size in 0u64..1000, steps in prop::collection::vec(any::<u8>(), 0..5),
    ) {
        let (raw, data) = make::blocks(&blocks);
        check(make::member(&data, &raw, None, None, false), span_size, false, &steps);
    }

    #[test]
    fn members(
        members in prop::collection::vec((make::some_blocks(), 0usize..400, 0usize..400, any::<bool>()), 1..6),
        span_size in 0u64..3000, after_headers: bool, steps in prop::collection::vec(any::<u8>(), 0..5),
    ) {
        let mut gz = Vec::new();
        for (blocks, extra, name, fhcrc) in members {
            let (raw, data) = make::blocks(&blocks);
            let (extra, name) = (make::noise(3, extra), vec![b'n'; name]);
            let extra = (extra.len() > 9).then_some(extra.as_slice());
            let name = (name.len() > 9).then_some(name.as_slice());
            gz.extend(make::member(&data, &raw, extra, name, fhcrc));
        }
        check(gz, span_size, after_headers, &steps);
    }
}

#[test]
fn a_stored_block_at_every_bit_offset() {
    let mut seen = [false; 8];
    // A literal above 143 takes nine bits, so each one more moves the border by one.
    for n in 0..8 {
        let (raw, data) = make::blocks(&[
            Block::Fixed(vec![200; n + 1]),
            Block::Stored(b"stored".to_vec()),
            Block::Fixed(b"end".to_vec()),
        ]);
        let gz = make::member(&data, &raw, None, None, false);
        let (points, _) = zran::index(&gz, 0, false);
        seen[usize::from(points[1].bits)] = true;
        check(gz, 0, false, &[]);
    }
    assert_eq!(seen, [true; 8]);
}

/// Two members, and borders at the very end of the first member's output: behind the second member's header.
#[test]
fn a_member_that_ends_exactly_at_a_border() {
    let first = make::noise(1, 5000);
    let second = make::noise(2, 5000);
    let mut gz = make::gzip(&first, 6);
    let (raw, name) = (make::deflate(&second, 6, &[]), vec![b'x'; 3000]);
    gz.extend(make::member(&second, &raw, Some(&[7; 100]), Some(&name), true));
    let (points, _) = zran::index(&gz, 4999, true);
    assert_eq!(points.len(), 2);
    assert_eq!((points[1].output, points[1].bits), (5000, 0));
    check(gz, 4999, true, &[1, 200]);
}

#[test]
fn empty_members_make_no_output_anywhere() {
    let data = make::noise(9, 3000);
    let empty = make::gzip(b"", 6);
    let mut gz = empty.clone();
    for part in data.chunks(1000) {
        gz.extend(make::gzip(part, 1));
        gz.extend(&empty);
        gz.extend(&empty);
    }
    for span_size in [0, 500, 1000, 10_000] {
        check(gz.clone(), span_size, false, &[128]);
        check(gz.clone(), span_size, true, &[128]);
    }
}

/// A builder may end the tar before the stream's end; what follows is not the span's business, be it junk.
#[test]
fn output_and_junk_behind_the_last_span_are_ignored() {
    let data = make::noise(4, 20_000);
    for tail in [&b""[..], &[0; 512], b"junk that is not gzip", &[0x1F, 0x8B]] {
        let mut gz = make::gzip(&data, 6);
        gz.extend(tail);
        let gz = Bytes::from(gz);
        let points = [Checkpoint { input: 10, output: 0, bits: 0, window: vec![] }];
        for total in [0, 1, 19_999, 20_000] {
            let got = span(&gz, &points, 0, total).finish().unwrap();
            assert!(got == data[..total as usize]);
        }
        let mut more = span(&gz, &points, 0, 20_001);
        assert_eq!(more.inflate_to(20_001).unwrap_err().code(), Code::CorruptLayer);
        assert!(more.output() == data);
    }
}

#[test]
fn a_match_into_no_window_is_an_error_and_into_a_zero_one_gives_zeros() {
    // The second block repeats the first's byte, which is in the window only.
    let (raw, data) = make::blocks(&[Block::Fixed(vec![200]), Block::Run(9, 3)]);
    let gz = make::member(&data, &raw, None, None, false);
    let (points, out) = zran::index(&gz, 0, false);
    assert_eq!(points[1].output, 1);
    assert!(span(&gz.clone().into(), &points, 1, out.len() as u64).finish().unwrap() == out[1..]);
    // A match as the very first symbol: fixed code, length 3 (code 257), distance 1.
    let raw = Bytes::from_static(&[0x03, 0x02, 0x00]);
    let new = |window: &[u8]| {
        SpanInflater::new(0, window, raw.clone(), 3, SpanEnd::Last, &Limits::default()).unwrap().finish()
    };
    assert_eq!(new(&[]).unwrap_err().code(), Code::CorruptLayer);
    assert_eq!(new(&[0; 32_768]).unwrap(), &[0, 0, 0][..]);
    assert_eq!(new(&[5]).unwrap(), &[5, 5, 5][..]);
}
