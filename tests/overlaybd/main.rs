//! OverlayBD and TurboOCI images that their own tools made, against what their sources hold.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

mod ext4;
mod layout;
mod lazy;
mod made;
mod rounds;
mod stack;
mod turbo;

use std::collections::BTreeMap;

use bytes::Bytes;
use layout::{Layout, expected};
use ocipeek::format::extent::{Listing, decode};
use ocipeek::format::oci::Digest;
use ocipeek::format::overlaybd::listing;
use ocipeek::format::tar::{Entry, Kind};
use ocipeek::limits::Limits;
use serde_json::Value;

/// What the tools make differ from the source, and why.
fn known(format: &str, path: &str, key: &str) -> Option<&'static str> {
    let turbo_erofs = format == "turbooci-erofs";
    match (path, key) {
        ("lost+found", "extra") if !turbo_erofs => Some("mke2fs makes it in each ext4 file system"),
        _ => None,
    }
}

#[test]
fn every_entry_and_content_is_as_in_the_source() {
    for format in ["overlaybd", "overlaybd-64g", "overlaybd-zstd-bs16", "turbooci-ext4", "turbooci-erofs"] {
        let layout = Layout::open(format);
        let listing = listing(layout.sources(), &Limits::default()).unwrap();
        let wrong = compare(format, &layout, &listing);
        assert!(wrong.is_empty(), "{format}:\n{}", wrong.join("\n"));
    }
}

/// What is not as expected.
fn compare(format: &str, layout: &Layout, listing: &Listing) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut tell = |path: &str, key: &str, text: String| {
        if known(format, path, key).is_none() {
            wrong.push(format!("{path}: {key}: {text}"));
        }
    };
    let table = &listing.table;
    assert_eq!(table.get(0).unwrap().name, b"./");
    let mut found: BTreeMap<String, usize> = (1..table.len())
        .map(|i| (String::from_utf8_lossy(table.get(i).unwrap().name).into_owned(), i))
        .collect();
    assert_eq!(found.len() + 1, table.len(), "names that are there twice");
    for want in expected() {
        let path = want["path"].as_str().unwrap();
        let Some(i) = found.remove(path) else {
            tell(path, "missing", String::new());
            continue;
        };
        let entry = table.get(i).unwrap();
        let file = match entry.kind {
            Kind::HardLink => {
                let first = table.iter().position(|e| e.name == entry.link_name).unwrap();
                assert!(first < i, "{path}: what it links to comes later");
                first
            }
            _ => i,
        };
        for (key, have, should) in attributes(&table.get(file).unwrap(), &want) {
            if have != should {
                tell(path, key, format!("{have} instead of {should}"));
            }
        }
        if want["type"] == "reg" {
            let data = read(layout, listing, file);
            if want["sha256"] != Digest::of(&data).to_string()["sha256:".len()..] {
                tell(path, "content", format!("{} bytes", data.len()));
            }
        }
    }
    for path in found.keys() {
        tell(path, "extra", String::new());
    }
    wrong
}

fn attributes(entry: &Entry<'_>, want: &Value) -> Vec<(&'static str, Value, Value)> {
    let kind = match entry.kind {
        Kind::Regular | Kind::HardLink => "reg",
        Kind::Symlink => "symlink",
        Kind::Directory => "dir",
        Kind::CharDevice => "char",
        Kind::BlockDevice => "block",
        Kind::Fifo => "fifo",
    };
    let hex = |data: &[u8]| data.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let xattrs: BTreeMap<_, _> =
        entry.xattrs.map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), hex(value))).collect();
    let mtime = entry.mtime.unwrap();
    let mut all = vec![
        ("type", Value::from(kind), want["type"].clone()),
        ("mode", entry.mode.into(), want["mode"].clone()),
        ("uid", entry.uid.into(), want["uid"].clone()),
        ("gid", entry.gid.into(), want["gid"].clone()),
        ("mtime", mtime.secs.into(), want["mtime"].clone()),
        ("nanoseconds", mtime.nanos.into(), 0.into()),
        (
            "link",
            String::from_utf8_lossy(entry.link_name).into(),
            want.get("link").cloned().unwrap_or("".into()),
        ),
        (
            "dev",
            vec![entry.dev_major, entry.dev_minor].into(),
            want.get("dev").cloned().unwrap_or(vec![0, 0].into()),
        ),
        (
            "xattrs",
            serde_json::to_value(xattrs).unwrap(),
            want.get("xattrs_hex").cloned().unwrap_or(Value::Object(Default::default())),
        ),
    ];
    if kind == "reg" {
        all.push(("size", entry.size.into(), want["size"].clone()));
    }
    all
}

/// All of a file, by the extents of pieces that do not fall on any border.
fn read(layout: &Layout, listing: &Listing, entry: usize) -> Vec<u8> {
    let (mut data, size) = (Vec::new(), listing.table.get(entry).unwrap().size);
    while (data.len() as u64) < size {
        let start = data.len() as u64;
        let range = start..size.min(start + 777_777);
        for extent in listing.extents.extents(entry, range.clone()).unwrap() {
            let unit = &extent.unit;
            let input = match unit.length {
                0 => Bytes::new(),
                length => {
                    let blob = layout.blob(&listing.blobs[usize::from(unit.blob.0)].digest);
                    blob.slice(unit.offset as usize..(unit.offset + length) as usize)
                }
            };
            let output = decode(&unit.codec, input, unit.decoded, &Limits::default()).unwrap();
            let at = extent.file_offset + (data.len() as u64).saturating_sub(extent.file_offset);
            let from = (extent.skip + at - extent.file_offset) as usize;
            let end = (extent.file_offset + extent.len).min(range.end);
            data.extend_from_slice(&output[from..from + (end - at) as usize]);
        }
        assert_eq!(data.len() as u64, range.end);
    }
    data
}
