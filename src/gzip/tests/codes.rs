//! Huffman codes of every shape, against C zlib.

use super::make;
use crate::error::Code;
use crate::gzip::{SpanEnd, SpanInflater};
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
