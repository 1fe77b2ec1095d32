//! Every border of gzip streams as a point.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::error::Result;
use crate::format::gzip::blocks::{BlockDecoder, BlockSink, Border};
use crate::limits::Limits;

/// All output, and all borders.
#[derive(Default)]
struct All {
    out: Vec<u8>,
    points: Vec<Point>,
}

impl BlockSink for All {
    fn output(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.extend_from_slice(bytes);
        Ok(())
    }
    fn border(&mut self, b: Border<'_>) -> Result<()> {
        let window = Bytes::copy_from_slice(b.window);
        self.points.push(Point { input: b.input, bits: b.bits, output: b.output, window });
        Ok(())
    }
}

fn text(len: usize, mut seed: u32) -> Vec<u8> {
    let words = [&b"alpha "[..], b"beta", b"gamma\n", b"\0\0\0\0\0\0\0\0", b"delta/"];
    let mut out = Vec::new();
    while out.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.extend_from_slice(words[(seed >> 16) as usize % words.len()]);
        out.push((seed >> 24) as u8);
    }
    out
}

fn gzip(data: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    for part in data.chunks(70_000) {
        encoder.write_all(part).unwrap();
        // Ends a block.
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn from_each_border_comes_the_rest() {
    let limits = Limits::default();
    let streams = [
        gzip(&text(400_000, 1), 6),
        gzip(&text(200_000, 2), 1),
        gzip(&text(100_000, 3), 0),
        [gzip(&text(90_000, 4), 9), gzip(b"", 6), gzip(&text(120_000, 5), 6)].concat(),
    ];
    for stream in streams {
        let (mut all, mut decoder) = (All::default(), BlockDecoder::new());
        decoder.push(&stream, &mut all).unwrap();
        assert_eq!(decoder.finish().unwrap(), all.out.len() as u64);
        assert!(all.points.len() > 2 && all.points.iter().any(|p| p.output > 0));
        for point in &all.points {
            for piece in [1000, stream.len()] {
                let mut cursor = Cursor::new(Packing::Gzip, point, &limits);
                let mut out = Vec::new();
                while cursor.wants() < stream.len() as u64 {
                    let start = cursor.wants() as usize;
                    let input = &stream[start..stream.len().min(start + piece)];
                    let used = cursor.push(input, &mut |bytes| out.extend_from_slice(bytes)).unwrap();
                    assert!(used > 0 && cursor.wants() == (start + used) as u64);
                }
                assert_eq!(cursor.at(), all.out.len() as u64);
                assert!(
                    out == all.out[point.output as usize..],
                    "from {} of {}",
                    point.output,
                    all.out.len()
                );
            }
        }
    }
}

#[test]
fn points_thin_out_and_stay_in_order() {
    let point = |output: u64| Point { input: output / 3, bits: 0, output, window: Bytes::new() };
    let mut points = Points::new(Packing::Gzip);
    let total = 10_000u64 << 20;
    for output in (0..total).step_by(300 << 10) {
        if points.wants(output) {
            points.add(point(output));
        }
    }
    assert!((128..=256).contains(&points.list().len()), "{}", points.list().len());
    assert!(points.widest(total) < 2 * total / 128, "{}", points.widest(total));
    for at in [0, 1, total / 2, total - 1] {
        let before = points.before(at).unwrap();
        assert!(before.output <= at && at - before.output <= points.widest(total));
    }
    let list = points.list().to_vec();
    assert!(Points::from_list(Packing::Gzip, list.clone()).is_some());
    for change in [
        |list: &mut Vec<Point>| list.clear(),
        |list: &mut Vec<Point>| list.swap(3, 4),
        |list: &mut Vec<Point>| drop(list.remove(0)),
        |list: &mut Vec<Point>| list[5].bits = 8,
        |list: &mut Vec<Point>| list[5].window = vec![0; (32 << 10) + 1].into(),
    ] {
        let mut list = list.clone();
        change(&mut list);
        assert!(Points::from_list(Packing::Gzip, list).is_none());
    }
}
