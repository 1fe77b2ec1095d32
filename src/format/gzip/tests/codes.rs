//! Huffman codes of every shape, against C zlib.

use super::make;
use crate::error::Code;
use crate::format::gzip::{SpanEnd, SpanInflater};
use crate::limits::Limits;
use bytes::Bytes;

fn inflate(raw: &[u8], len: usize, step: usize) -> Option<Vec<u8>> {
    let limits = Limits::default();
    let mut span =
        SpanInflater::new(0, &[], Bytes::copy_from_slice(raw), len, SpanEnd::Last, &limits).unwrap();
    for upto in (0..len).step_by(step).chain([len]) {
        if let Err(e) = span.inflate_to(upto) {
            assert_eq!(e.code(), Code::CorruptLayer);
            return None;
        }
    }
    Some(span.output().to_vec())
}

/// Byte values as frequent as the Fibonacci numbers give codes as long as deflate has them: 15 bits, in
/// second-level tables, and one of one bit.
#[test]
fn codes_of_every_length() {
    let (mut data, mut a, mut b) = (Vec::new(), 1usize, 1usize);
    for value in 0..20u8 {
        data.extend(std::iter::repeat_n(value.wrapping_mul(97), a));
        (a, b) = (b, a + b);
    }
    // Mixed, so that there are hardly any matches.
    let mut order: Vec<(u64, u8)> = make::noise(1, data.len() * 8)
        .as_chunks::<8>()
        .0
        .iter()
        .zip(&data)
        .map(|(key, &byte)| (u64::from_le_bytes(*key), byte))
        .collect();
    order.sort_unstable();
    let data: Vec<u8> = order.into_iter().map(|(_, byte)| byte).collect();
    for level in [1, 6, 9] {
        let raw = make::deflate(&data, level, &[]);
        for step in [data.len(), 1000, 7] {
            assert!(inflate(&raw, data.len(), step).unwrap() == data, "level {level}, step {step}");
        }
    }
}

/// Matches at every distance that copies treat in their own way, of lengths around their steps.
#[test]
fn matches_near_and_far() {
    for distance in (1..=40).chain([255, 256, 257, 4096, 32_767, 32_768]) {
        let mut data = make::noise(distance as u64, distance);
        for len in [3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 64, 257, 258, 259, 600] {
            for _ in 0..len {
                data.push(data[data.len() - distance]);
            }
            data.extend(make::noise(len as u64, 3));
        }
        let raw = make::deflate(&data, 9, &[]);
        for step in [data.len(), 100, 1] {
            assert!(inflate(&raw, data.len(), step).unwrap() == data, "distance {distance}, step {step}");
        }
    }
}

/// Dynamic headers that zlib refuses, and two odd ones that it takes. Bits are written lowest first.
#[test]
fn code_lengths_that_may_not_be() {
    let oracle = |raw: &[u8]| {
        let mut out = Vec::with_capacity(100);
        let mut z = flate2::Decompress::new(false);
        let ok = z.decompress_vec(raw, &mut out, flate2::FlushDecompress::Finish);
        matches!(ok, Ok(flate2::Status::StreamEnd)).then_some(out)
    };
    // Code lengths of 257 + `litlens` literals and lengths and 1 + `distances` distances, given one by one by a flat code.
    let header = |lens: &[u8], litlens: u32, distances: u32, body: u32| {
        let mut bits = make::Bits::default();
        bits.put(0b101, 3);
        bits.put(litlens, 5);
        bits.put(distances, 5);
        bits.put(15, 4);
        // All of 0 to 15 have four bits; the repeats have none.
        bits.put(0, 3 * 3);
        (0..16).for_each(|_| bits.put(4, 3));
        lens.iter().for_each(|&len| bits.code(u32::from(len), 4));
        bits.put(body, 10);
        bits.bytes
    };
    let lens = |set: &[(usize, u8)], n: usize| {
        let mut lens = vec![0; n];
        set.iter().for_each(|&(i, len)| lens[i] = len);
        lens
    };
    let cases = [
        ("only an end", lens(&[(256, 1)], 258), 0, 0, true),
        ("no distance code", lens(&[(0, 1), (256, 1)], 258), 0, 0, true),
        ("no end", lens(&[(0, 1), (1, 1), (257, 1)], 258), 0, 0, false),
        ("one code of two bits", lens(&[(256, 2)], 258), 0, 0, false),
        ("room left", lens(&[(0, 1), (256, 2)], 258), 0, 0, false),
        ("too many", lens(&[(0, 1), (1, 1), (256, 1)], 258), 0, 0, false),
        ("distances with room left", lens(&[(0, 1), (256, 1), (257, 2)], 258), 0, 0, false),
        ("287 literals and lengths", lens(&[(0, 1), (256, 1)], 288), 30, 0, false),
        ("31 distances", lens(&[(0, 1), (256, 1)], 288), 0, 30, false),
    ];
    for (what, lens, litlens, distances, legal) in cases {
        for body in [0, 1, 2, 0b10_1010, 0x3FF] {
            let raw = header(&lens, litlens, distances, body);
            let expected = oracle(&raw);
            assert!(legal || expected.is_none(), "{what}");
            let n = expected.as_ref().map_or(1, Vec::len);
            // The declared length must be the true one, and there must be some output for an error to show.
            if let Some(expected) = expected {
                assert!(inflate(&raw, n, 1).unwrap() == expected, "{what}, {body:b}");
                assert!(inflate(&raw, n + 1, 1).is_none(), "{what}, {body:b}");
            } else if !legal {
                assert!(inflate(&raw, 1, 1).is_none(), "{what}, {body:b}");
            }
        }
    }
}
