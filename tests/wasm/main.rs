//! The pure core as wasm, in Node and in a browser: every span of the demo image's two largest layers, inflated
//! and compared with the whole layer. (`scripts/test.mjs` runs this with wasm-bindgen's test runner.)
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "clippy does not know these as tests")]

mod fetch;

use bytes::Bytes;
use ocipeek::format::gzip::{GzipDecoder, SpanEnd, SpanInflater};
use ocipeek::format::oci::Digest;
use ocipeek::format::tar::compare_header;
use ocipeek::format::ztoc::Ztoc;
use ocipeek::limits::Limits;
use wasm_bindgen_test::wasm_bindgen_test;

macro_rules! blob {
    ($hex:literal) => {
        Bytes::from_static(include_bytes!(concat!("../fixtures/demo/blobs/sha256/", $hex)))
    };
}

/// A layer, and its zTOCs with spans of 128 KiB and of 4 MiB.
fn layers() -> [(Bytes, [Bytes; 2]); 2] {
    [
        (
            blob!("bd839ea8fef941f750ddac5939e2574cc67225943b26ae508b8fba6a8040e11c"),
            [
                blob!("53c49a893f3ad2dc4df32d053e5e3f72ad4ddcfff837636c672c9919da3d0fdc"),
                blob!("71a27b8d212235855d59538e2de0072d7f07f2f34de46c77ea90a9bc06213afd"),
            ],
        ),
        (
            blob!("7931fb287e159285a710c01512e8de679b469544beeb499c19da26f7a814098f"),
            [
                blob!("ae9092d9ddff7c2d74e44b227656cf7cb09363c94de83fe546bce9c9325dd33b"),
                blob!("d74730b2721dae89d5a5ecb9a75eccc5353f8ceb392fb576e18cf1f21a4ee927"),
            ],
        ),
    ]
}

fn gunzip(layer: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = GzipDecoder::new(&Limits::default());
    for chunk in layer.chunks(10_007) {
        decoder
            .push(chunk, &mut |part| {
                out.extend_from_slice(part);
                Ok(())
            })
            .unwrap();
    }
    decoder.finish().unwrap();
    out
}

fn slice(bytes: &[u8], range: std::ops::Range<u64>) -> &[u8] {
    &bytes[range.start as usize..range.end as usize]
}

#[wasm_bindgen_test]
fn every_span_inflates_to_its_part_of_the_layer() {
    let limits = Limits::default();
    let mut spans_seen = 0;
    for (layer, ztocs) in layers() {
        let tar = gunzip(&layer);
        for ztoc in ztocs {
            let ztoc = Ztoc::parse(ztoc, &limits).unwrap();
            ztoc.check_layer(layer.len() as u64).unwrap();
            let (_, spans) = ztoc.into_parts();
            for i in 0..spans.len() {
                let compressed = slice(&layer, spans.input(i).unwrap());
                assert_eq!(&Digest::of(compressed), spans.digest(i).unwrap());
                let output = spans.output(i).unwrap();
                let start = spans.start(i).unwrap();
                let end = match spans.start(i + 1) {
                    Some(next) => SpanEnd::Checkpoint { bits: next.bits },
                    None => SpanEnd::Last,
                };
                let len = (output.end - output.start) as usize;
                let compressed = Bytes::copy_from_slice(compressed);
                let inflater =
                    SpanInflater::new(start.bits, start.window, compressed, len, end, &limits).unwrap();
                assert_eq!(inflater.finish().unwrap(), slice(&tar, output));
                spans_seen += 1;
            }
        }
    }
    assert_eq!(spans_seen, 80);
}

/// Needs the feature `build`.
#[cfg(feature = "build")]
#[wasm_bindgen_test]
fn built_ztocs_equal_the_references() {
    use ocipeek::format::ztoc::Compression;
    use ocipeek::format::ztoc::create::{BuildOptions, ZtocBuilder};

    let limits = Limits::default();
    for (layer, ztocs) in layers() {
        for (want, span_size) in ztocs.into_iter().zip([128 << 10, 4 << 20]) {
            let options = BuildOptions::default().span_size(span_size);
            let mut builder = ZtocBuilder::new(Compression::Gzip, options, &limits).unwrap();
            for piece in layer.chunks(65_521) {
                builder.push(piece).unwrap();
            }
            let built = builder.finish().unwrap();
            let (bytes, _) = built.to_bytes().unwrap();
            assert!(bytes == want);
            assert_eq!(built.layer_digest, Digest::of(&layer));
        }
    }
}

#[wasm_bindgen_test]
fn every_header_says_what_the_ztoc_says() {
    let limits = Limits::default();
    for (layer, [ztoc, _]) in layers() {
        let tar = gunzip(&layer);
        let (table, _) = Ztoc::parse(ztoc, &limits).unwrap().into_parts();
        for entry in table.iter() {
            let header = slice(&tar, entry.header_offset..entry.offset);
            compare_header(header, &entry, &limits, true).unwrap();
        }
    }
}
