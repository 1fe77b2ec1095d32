//! Span inflate in MB/s of output, ours against C zlib, in one interleaved run; prints one JSON object.
//!
//! `cargo bench --bench inflate [-- ROUNDS]`. The data: the demo image's layers, one after the other, to 64 MB, deflated at
//! level 6 with a checkpoint every 4 MiB. The checkpoints are at flushes, so at whole bytes, because flate2 cannot
//! start zlib inside one.
#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use ocipeek::format::gzip::{SpanEnd, SpanInflater};
use ocipeek::limits::Limits;

const TOTAL: usize = 64_000_000;
const SPAN: usize = 4 << 20;

fn main() {
    // `cargo test --all-targets` runs this too, without the argument.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let rounds: usize = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(7);
    let tar = tar();
    let spans = spans(&tar);
    let (mut ours, mut zlib, mut first) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let mut times = [Duration::ZERO; 3];
        for span in &spans {
            let mut run = |which: usize| {
                let start = Instant::now();
                let ok = match which {
                    0 => span.ours(span.len, false),
                    1 => span.zlib(),
                    _ => span.ours(10 << 10, true),
                };
                times[which] += start.elapsed();
                assert!(ok);
            };
            // Which comes first alternates, so that neither always finds the input in the cache.
            let order = if round % 2 == 0 { [0, 1, 2] } else { [1, 0, 2] };
            order.into_iter().for_each(&mut run);
        }
        // The first round warms up.
        if round > 0 {
            ours.push(times[0]);
            zlib.push(times[1]);
            first.push(times[2]);
        }
    }
    let mb_s = |times: &mut Vec<Duration>| tar.len() as f64 / 1e6 / median(times);
    let (ours, zlib) = (mb_s(&mut ours), mb_s(&mut zlib));
    let first = median(&mut first) * 1e6 / spans.len() as f64;
    println!(
        r#"{{"bench":"span inflate, native","bytes":{},"compressed":{},"spans":{},"rounds":{rounds},"ours_mb_s":{ours:.0},"zlib_mb_s":{zlib:.0},"ours_to_zlib":{:.2},"first_10_kib_us":{first:.0}}}"#,
        tar.len(),
        spans.iter().map(|s| s.compressed.len()).sum::<usize>(),
        spans.len(),
        ours / zlib,
    );
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// The demo image's layers, over and over: further apart than a match reaches.
fn tar() -> Vec<u8> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/demo/blobs/sha256");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut layers = Vec::new();
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        if bytes.starts_with(&[0x1F, 0x8B]) {
            flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut layers).unwrap();
        } else if bytes.get(257..262) == Some(b"ustar") {
            layers.extend(bytes);
        }
    }
    layers.into_iter().cycle().take(TOTAL).collect()
}

struct Span {
    window: Vec<u8>,
    compressed: Bytes,
    len: usize,
    end: SpanEnd,
}

fn spans(tar: &[u8]) -> Vec<Span> {
    let (mut z, mut from) = (Compress::new(Compression::new(6), false), 0);
    let mut spans = Vec::new();
    while from < tar.len() {
        let to = (from + SPAN).min(tar.len());
        let mut out = Vec::with_capacity(SPAN + SPAN / 100 + 1000);
        let last = to == tar.len();
        let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
        z.compress_vec(&tar[from..to], &mut out, flush).unwrap();
        spans.push(Span {
            window: tar[from.saturating_sub(32 << 10)..from].to_vec(),
            compressed: out.into(),
            len: to - from,
            end: if last { SpanEnd::Last } else { SpanEnd::Checkpoint { bits: 0 } },
        });
        from = to;
    }
    spans
}

impl Span {
    /// What a reader does: a fresh inflater, then the output, whole or its first bytes.
    fn ours(&self, upto: usize, part: bool) -> bool {
        let (window, compressed) = (&self.window, self.compressed.clone());
        let mut span =
            SpanInflater::new(0, window, compressed, self.len, self.end, &Limits::default()).unwrap();
        if part {
            span.inflate_to(upto).unwrap();
            span.output().len() == upto
        } else {
            span.finish().unwrap().len() == upto
        }
    }

    fn zlib(&self) -> bool {
        let mut z = Decompress::new(false);
        if !self.window.is_empty() {
            z.set_dictionary(&self.window).unwrap();
        }
        let mut out = vec![0; self.len];
        z.decompress(&self.compressed, &mut out, FlushDecompress::Sync).unwrap();
        z.total_out() == self.len as u64
    }
}
