//! Made zTOCs with one thing changed, and those of the demo image.

use super::*;
use test_support::ztoc_builder::{File as Entry, Ztoc as Spec, tar_zinfo};

const TOLD: usize = 100;

fn found(stated: Vec<u8>, built: Vec<u8>) -> Comparison {
    compare(&stated.into(), &built.into(), &Limits::default(), TOLD).unwrap()
}

fn spec() -> Spec {
    Spec::gzip(9000, 20480, &[(18, 0, 0), (3000, 5000, 3), (6000, 10000, 0)])
}

fn files() -> Vec<Entry> {
    let mut link = Entry::new("l", 6656, 0);
    (link.kind, link.link_name) = ("symlink", b"a".to_vec());
    let mut c = Entry::new("c", 19968, 0);
    c.xattrs = vec![(b"SCHILY.xattr.user.a".to_vec(), b"1".to_vec()), (b"mtime".to_vec(), b"2".to_vec())];
    // 512 + 6000 ends at 6512, padded 6656 - 512.
    vec![Entry::new("a", 512, 5600), link, Entry::new("b", 7168, 12000), c]
}

/// Field, entry and checkpoint of all differences.
fn told(found: &Comparison) -> Vec<(&'static str, Option<String>, Option<u64>)> {
    assert_eq!(found.total, found.differences.len() as u64);
    let text = |name: &Vec<u8>| String::from_utf8_lossy(name).into_owned();
    found.differences.iter().map(|d| (d.field, d.entry.as_ref().map(text), d.checkpoint)).collect()
}

#[test]
fn the_same_is_the_same() {
    let bytes = spec().build(&files());
    assert!(found(bytes.clone(), bytes).is_same());
}

#[test]
fn each_field_of_an_entry_is_told() {
    type Change = fn(&mut Entry);
    let changes: [(&str, Change); 13] = [
        ("name", |e| e.name = b"z".to_vec()),
        ("type", |e| e.kind = "dir"),
        ("uncompressed_size", |e| e.size -= 1),
        ("linkname", |e| e.link_name = b"x".to_vec()),
        ("mode", |e| e.mode |= 0o4000),
        ("uid", |e| e.uid = 1),
        ("gid", |e| e.gid = 1),
        ("uname", |e| e.uname = "me"),
        ("gname", |e| e.gname = "us"),
        ("mod_time", |e| e.mtime = "2025-01-02T03:04:06Z".into()),
        ("devmajor", |e| e.dev = (1, 0)),
        ("devminor", |e| e.dev = (0, 1)),
        ("xattrs", |e| e.xattrs = vec![(b"SCHILY.xattr.user.b".to_vec(), b"1".to_vec())]),
    ];
    let built = spec().build(&files());
    for (field, change) in changes {
        let mut stated = files();
        change(&mut stated[2]);
        let found = found(spec().build(&stated), built.clone());
        assert_eq!(told(&found), [(field, Some("b".to_owned()), None)], "{found:?}");
    }
}

#[test]
fn entries_too_many_too_few_moved_and_in_another_order() {
    let built = spec().build(&files());
    let mut more = files();
    more.insert(1, Entry::new(".wh.b", 6656 - 512, 0));
    more[0].size = 5000;
    let found_more = found(spec().build(&more), built.clone());
    let entry = |field, name: &str| (field, Some(name.to_owned()), None);
    assert_eq!(told(&found_more), [entry("uncompressed_size", "a"), entry("entry", ".wh.b")]);
    assert_eq!(found_more.differences[1].actual, "not there");

    let mut fewer = files();
    fewer.remove(1);
    let found_fewer = found(spec().build(&fewer), built.clone());
    assert_eq!(told(&found_fewer), [entry("entry", "l")]);
    assert_eq!(found_fewer.differences[0].stated, "not there");

    let mut moved = files();
    moved[0].offset = 1024;
    moved[0].size = 5000;
    let found_moved = found(spec().build(&moved), built.clone());
    assert_eq!(told(&found_moved), [entry("uncompressed_offset", "a"), entry("uncompressed_size", "a")]);

    let mut order = files();
    order.swap(0, 2);
    let found_order = found(spec().build(&order), built);
    assert_eq!(told(&found_order), [entry("order", "l")]);
}

/// What other versions and time zones write otherwise and mean alike.
#[test]
fn meaning_counts_and_not_bytes() {
    let built = spec().build(&files());
    let mut zone = files();
    zone[0].mtime = "2025-01-02T05:04:05+02:00".into();
    zone[3].xattrs.reverse();
    let stated = spec().build(&zone);
    assert_ne!(stated, built);
    assert!(found(stated, built.clone()).is_same());
    // Windows of the first span say nothing.
    let mut first = spec();
    first.checkpoints[12 + 17] ^= 1;
    assert!(found(first.build(&files()), built).is_same());
    // Both versions of a tar's index.
    let mut old = Spec::tar(20480, 4096);
    let new = old.build(&files());
    old.checkpoints = tar_zinfo(1, 4096, 20480);
    assert!(found(old.build(&files()), new).is_same());
}

#[test]
fn checkpoints_windows_and_digests_are_told() {
    let built = spec().build(&files());
    let second = 12 + 32785;
    for (field, at) in [("in", second), ("out", second + 8), ("bits", second + 16)] {
        let mut bad = spec();
        bad.checkpoints[at] ^= 1;
        assert_eq!(told(&found(bad.build(&files()), built.clone())), [(field, None, Some(1))]);
    }
    for (span, at) in [(1, second + 17), (1, second + 32784), (2, second + 32785 + 17 + 9)] {
        let mut bad = spec();
        bad.checkpoints[at] ^= 0x40;
        let found = found(bad.build(&files()), built.clone());
        assert_eq!(told(&found), [("window", None, Some(span))]);
        assert!(found.differences[0].stated.ends_with(", 1 bytes differ"), "{found:?}");
    }
    let mut bad = spec();
    bad.digests[2] = bad.digests[0].clone();
    assert_eq!(told(&found(bad.build(&files()), built.clone())), [("span_digests", None, Some(2))]);
    let fewer = Spec::gzip(9000, 20480, &[(18, 0, 0), (3000, 5000, 3)]);
    assert_eq!(told(&found(fewer.build(&files()), built.clone())), [("max_span_id", None, None)]);
    let mut size = spec();
    size.uncompressed += 512;
    size.compressed += 1;
    assert_eq!(
        told(&found(size.build(&files()), built)),
        [("compressed_archive_size", None, None), ("uncompressed_archive_size", None, None)]
    );
}

/// Only the first are listed; all are counted.
#[test]
fn lists_are_bounded() {
    let built = spec().build(&files());
    let mut bad = files();
    for file in &mut bad {
        (file.uid, file.gid) = (7, 7);
    }
    let found = compare(&spec().build(&bad).into(), &built.into(), &Limits::default(), 3).unwrap();
    assert_eq!((found.total, found.differences.len()), (8, 3));
}

#[test]
fn what_is_no_ztoc_is_an_error() {
    let built = Bytes::from(spec().build(&files()));
    let e = compare(&Bytes::from_static(b"no zTOC"), &built, &Limits::default(), 1).unwrap_err();
    assert_eq!(e.code(), crate::error::Code::CorruptZtoc);
}
