//! Every span of every zTOC that the reference implementation made of the demo image.

use super::zran::{self, Checkpoint};
use super::{make, zlib};
use crate::format::gzip::{SpanEnd, SpanInflater};
use crate::format::ztoc::{Compression, Ztoc};
use crate::limits::Limits;
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;

fn blob(digest: &str) -> Bytes {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/demo/blobs/sha256/");
    std::fs::read(format!("{dir}{}", digest.strip_prefix("sha256:").unwrap())).unwrap().into()
}

/// Layer digest and zTOC digest of every gzip zTOC of every index of the demo image.
fn ztocs() -> Vec<(String, String)> {
    let mut found = BTreeMap::new();
    for file in
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/demo/blobs/sha256")).unwrap()
    {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let Ok(manifest) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let is_index = manifest["config"]["mediaType"].as_str().unwrap_or("").contains("amazon.soci.index");
        for layer in manifest["layers"].as_array().into_iter().flatten().filter(|_| is_index) {
            if layer["mediaType"] == "application/octet-stream" {
                let of = layer["annotations"]["com.amazon.soci.image-layer-digest"].as_str().unwrap();
                found.insert(layer["digest"].as_str().unwrap().to_owned(), of.to_owned());
            }
        }
    }
    found.into_iter().map(|(ztoc, layer)| (layer, ztoc)).collect()
}

#[test]
fn every_span_is_its_slice_of_the_layer() {
    let limits = Limits::default();
    let (mut count, mut sizes) = (0, BTreeMap::<u64, usize>::new());
    for (layer, digest) in ztocs() {
        let ztoc = Ztoc::parse(blob(&digest), &limits).unwrap();
        let spans = ztoc.into_parts().1;
        if spans.compression() != Compression::Gzip {
            continue;
        }
        let gz = blob(&layer);
        let tar = zlib(&gz);
        let mut points = Vec::new();
        for i in 0..spans.len() {
            let (start, input, output) =
                (spans.start(i).unwrap(), spans.input(i).unwrap(), spans.output(i).unwrap());
            let compressed = gz.slice(input.start as usize..input.end as usize);
            let end =
                spans.start(i + 1).map_or(SpanEnd::Last, |next| SpanEnd::Checkpoint { bits: next.bits });
            let expected = &tar[output.start as usize..output.end as usize];
            let new = || {
                let (bits, window) = (start.bits, start.window);
                SpanInflater::new(bits, window, compressed.clone(), expected.len(), end, &limits).unwrap()
            };
            assert!(new().finish().unwrap() == expected, "span {i} of {layer}");
            // Some files of it, as a reader asks for them: each behind the one before or not.
            let mut asked = new();
            for at in make::noise(i as u64, 20) {
                let from = expected.len() * usize::from(at) / 256;
                let to = expected.len().min(from + 5000);
                asked.inflate_to(to).unwrap();
                assert!(asked.output()[from..to] == expected[from..to]);
            }
            let window = if start.window.is_empty() { &[0; 32_768] } else { start.window };
            points.push(Checkpoint {
                input: input.start + u64::from(start.bits != 0),
                output: output.start,
                bits: start.bits,
                window: window.to_vec(),
            });
            count += 1;
        }
        *sizes.entry(spans.span_size()).or_default() += 1;
        let (ours, out) = zran::index(&gz, spans.span_size(), false);
        assert!(out == tar);
        assert!(ours == points, "the tests' checkpoint maker agrees with the reference's");
    }
    // Five gzip layers, each under both span sizes.
    assert_eq!((count, sizes), (86, BTreeMap::from([(128 << 10, 5), (4 << 20, 5)])));
}
