//! Every span of every zTOC that the reference implementation made of the demo image.

use super::zran::{self, Checkpoint};
use super::{span, zlib};
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;

fn blob(digest: &str) -> Bytes {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/demo/blobs/sha256/");
    std::fs::read(format!("{dir}{}", digest.strip_prefix("sha256:").unwrap())).unwrap().into()
}

fn le<const N: usize>(data: &[u8], at: usize) -> [u8; N] {
    data[at..at + N].try_into().unwrap()
}

/// Where field `slot` of the FlatBuffers table at `table` lies.
fn field(data: &[u8], table: usize, slot: usize) -> Option<usize> {
    let vtable = (table as i64 - i64::from(i32::from_le_bytes(le(data, table)))) as usize;
    let entry = 4 + 2 * slot;
    let inside = entry < usize::from(u16::from_le_bytes(le(data, vtable)));
    let offset = if inside { usize::from(u16::from_le_bytes(le(data, vtable + entry))) } else { 0 };
    (offset != 0).then_some(table + offset)
}

fn follow(data: &[u8], at: usize) -> usize {
    at + u32::from_le_bytes(le(data, at)) as usize
}

/// Checkpoints, span size and uncompressed size of a gzip zTOC (spec: fields in slot order); not of a tar one.
fn ztoc(data: &[u8]) -> Option<(Vec<Checkpoint>, u64, u64)> {
    let root = follow(data, 0);
    let total = u64::from_le_bytes(le(data, field(data, root, 3).unwrap()));
    let info = follow(data, field(data, root, 5).unwrap());
    // 1 is gzip, the default.
    if field(data, info, 0).is_some_and(|at| data[at] != 1) {
        return None;
    }
    let zinfo = follow(data, field(data, info, 3).unwrap());
    let count = u32::from_le_bytes(le(data, zinfo + 4)) as usize;
    let points = (0..count).map(|i| zinfo + 16 + i * 32_785).map(|at| Checkpoint {
        input: u64::from_le_bytes(le(data, at)),
        output: u64::from_le_bytes(le(data, at + 8)),
        bits: data[at + 16],
        window: data[at + 17..at + 32_785].to_vec(),
    });
    Some((points.collect(), u64::from_le_bytes(le(data, zinfo + 8)), total))
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
    let (mut spans, mut sizes) = (0, BTreeMap::<u64, usize>::new());
    for (layer, digest) in ztocs() {
        let Some((points, span_size, total)) = ztoc(&blob(&digest)) else { continue };
        let gz = blob(&layer);
        let tar = zlib(&gz);
        for (i, point) in points.iter().enumerate() {
            let end = points.get(i + 1).map_or(total, |p| p.output);
            let expected = &tar[point.output as usize..end as usize];
            let got = span(&gz, &points, i, total).finish().expect("a real span");
            assert!(got == expected, "span {i} of {layer}");
            spans += 1;
        }
        *sizes.entry(span_size).or_default() += 1;
        let (ours, out) = zran::index(&gz, span_size, false);
        assert!(out == tar);
        assert!(ours == points, "the tests' checkpoint maker agrees with the reference's");
    }
    // Five gzip layers, each under both span sizes.
    assert_eq!((spans, sizes), (86, BTreeMap::from([(128 << 10, 5), (4 << 20, 5)])));
}
