use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use crate::error::{Code, Error, Result};
use crate::format::extent::{Codec, Listing};
use crate::format::oci::{Descriptor, Digest};
use crate::format::tar::Kind;
use crate::limits::Limits;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn member(extra: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 0xFF];
    out.extend((extra.len() as u16).to_le_bytes());
    out.extend(extra);
    out.extend([1, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0]);
    out
}

#[test]
fn the_three_footers() {
    let text = b"00000000000003e8STARGZ";
    let new = member(&[&b"SG\x16\0"[..], text].concat());
    let external = member(b"SG\x11\0STARGZEXTERNALTOC");
    let legacy = member(text);
    assert_eq!((new.len(), external.len(), legacy.len()), (51, 46, 47));
    let padded = |f: &[u8]| [&[7; 30][..], f].concat();
    assert_eq!(footer(&padded(&new), 2000), Some(Footer::Toc { offset: 1000, len: 51 }));
    assert_eq!(footer(&padded(&external), 2000), Some(Footer::External(46)));
    assert_eq!(footer(&padded(&legacy), 2000), Some(Footer::Toc { offset: 1000, len: 47 }));
    // It must lead into the layer, in front of the footer.
    assert_eq!(footer(&new, 1051), None);
    assert_eq!(footer(&new, 1052), Some(Footer::Toc { offset: 1000, len: 51 }));
    for i in 0..38 {
        let mut broken = new.clone();
        broken[i] ^= 0x80;
        // Time, flags and system are of no interest.
        assert_eq!(footer(&broken, 2000).is_none(), !(4..10).contains(&i), "{i}");
    }
    for len in 0..46 {
        assert_eq!(footer(&new[51 - len..], 2000), None);
    }
}

#[test]
fn positions_of_all_dialects() {
    let notes = |prefix: &str, position: &str| {
        BTreeMap::from([
            (format!("{prefix}.manifest-checksum"), A.to_owned()),
            (format!("{prefix}.manifest-position"), position.to_owned()),
        ])
    };
    let new = "io.github.containers.zstd-chunked";
    let found = position(&notes(new, "100:20:300:1"), 120).unwrap();
    assert_eq!((found.offset, found.length, found.unpacked), (100, 20, 300));
    assert_eq!(found.digest.to_string(), A);
    assert_eq!(position(&notes("io.containers.zstd-chunked", "100:20:300:1"), 120), Some(found));
    for bad in
        ["100:20:300:2", "100:21:300:1", "7:20:300:1", "100:20:300", "100:20:300:1:1", "", "-1:2:3:1", "x"]
    {
        assert_eq!(position(&notes(new, bad), 120), None, "{bad}");
    }
    assert_eq!(position(&notes(new, "18446744073709551615:20:300:1"), u64::MAX), None);
    assert_eq!(position(&BTreeMap::new(), 120), None);
}

fn parse(json: &str, piece: usize, pieces: Pieces) -> Result<Listing> {
    let mut parser = TocParser::new(pieces, 1000, true, &Limits::default());
    for data in json.as_bytes().chunks(piece) {
        parser.push(data)?;
    }
    parser.finish(Descriptor::new("layer", Digest::of(b""), 2000))
}

fn toc(entries: &str) -> String {
    format!("{{\"version\":1,\n \"entries\": [ {entries} ] , \"tarSplitDigest\":\"x\"}}")
}

fn refused(entries: &str) -> Error {
    parse(&toc(entries), 1 << 20, Pieces::Gzip).err().expect(entries)
}

/// `(file offset, length, piece, skip)` of all extents of an entry.
fn extents(listing: &Listing, entry: usize, size: u64) -> Vec<(u64, u64, std::ops::Range<u64>, u64)> {
    let found = listing.extents.extents(entry, 0..size).unwrap();
    let piece = |e: &crate::format::extent::Extent| e.unit.offset..e.unit.offset + e.unit.length;
    found.iter().map(|e| (e.file_offset, e.len, piece(e), e.skip)).collect()
}

#[test]
fn entries_and_chunks_of_estargz() {
    let json = toc(&format!(
        r#"{{"name":"./d/","type":"dir","mode":16877,"uid":7,"userName":"u{{\"","modtime":"2023-11-14T22:13:20Z"}},
        {{"name":"d/a","type":"reg","size":10,"uid":7,"offset":100,"chunkDigest":"{A}","chunkSize":4,"digest":"{B}",
          "xattrs":{{"user.k":"AAE="}}}},
        {{"type":"chunk","offset":200,"chunkOffset":4,"chunkDigest":"{B}"}},
        {{"name":"d/b","type":"reg","size":3,"offset":200,"innerOffset":6,"digest":"{A}"}},
        {{"name":".no.prefetch.landmark","type":"reg","size":1,"offset":300,"digest":"{A}"}},
        {{"name":"d/l","type":"symlink","linkName":"a\u00e9\"]}}"}},
        {{"name":"d/h","type":"hardlink","linkName":"d/a"}},
        {{"name":"d/n","type":"block","devMajor":259,"devMinor":300}},
        {{"name":"d/e","type":"reg"}}"#
    ));
    for piece in [1, 2, 7, 100_000] {
        let listing = parse(&json, piece, Pieces::Gzip).unwrap();
        let table = &listing.table;
        assert_eq!(table.len(), 7);
        let a = table.get(1).unwrap();
        assert_eq!((a.name, a.kind, a.size, a.uname), (&b"d/a"[..], Kind::Regular, 10, &b"u{\""[..]));
        assert_eq!(a.xattrs.collect::<Vec<_>>(), [(&b"user.k"[..], &b"\0\x01"[..])]);
        assert_eq!(table.get(0).unwrap().mode, 0o755);
        assert_eq!(table.get(0).unwrap().mtime.unwrap().secs, 1_700_000_000);
        assert_eq!(table.get(3).unwrap().link_name, "a\u{e9}\"]}".as_bytes());
        assert_eq!((table.get(5).unwrap().dev_major, table.get(5).unwrap().dev_minor), (259, 300));
        assert_eq!(extents(&listing, 1, 10), [(0, 4, 100..200, 0), (4, 6, 200..300, 0)]);
        assert_eq!(extents(&listing, 2, 3), [(0, 3, 200..300, 6)]);
        assert_eq!(listing.extents.extents(2, 0..3).unwrap()[0].unit.decoded, 9);
        assert_eq!(listing.extents.extents(1, 4..5).unwrap().len(), 1);
        assert!(listing.extents.extents(6, 0..1).unwrap().is_empty());
    }
}

#[test]
fn zstd_chunked_says_where_files_end_and_what_is_zeros() {
    let json = toc(&format!(
        r#"{{"name":"a","type":"reg","size":30,"offset":100,"endOffset":250,"chunkSize":10,"chunkDigest":"{A}"}},
        {{"type":"chunk","name":"a","offset":140,"chunkOffset":10,"chunkSize":15,"chunkType":"zeros"}},
        {{"type":"chunk","name":"a","offset":150,"chunkOffset":25,"chunkSize":5,"chunkDigest":"{B}"}},
        {{"name":"b","type":"reg","size":3,"offset":300,"endOffset":400,"digest":"{A}"}}"#
    ));
    let listing = parse(&json, 3, Pieces::Zstd).unwrap();
    assert_eq!(extents(&listing, 0, 30), [(0, 10, 100..140, 0), (10, 15, 0..0, 0), (25, 5, 150..250, 0)]);
    assert!(matches!(listing.extents.extents(0, 12..13).unwrap()[0].unit.codec, Codec::Zeros));
    assert_eq!(extents(&listing, 1, 3), [(0, 3, 300..400, 0)]);
}

#[test]
fn a_chunk_without_a_digest_is_refused_when_it_is_read() {
    let json = toc(r#"{"name":"a","type":"reg","size":3,"offset":300}"#);
    let listing = parse(&json, 100, Pieces::Gzip).unwrap();
    assert_eq!(listing.extents.extents(0, 0..3).err().unwrap().code(), Code::Unsupported);
}

#[test]
fn contradictions_are_refused() {
    for entries in [
        r#"{"name":"a","type":"reg","size":3}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":1000}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":9,"chunkSize":4}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":9,"chunkSize":2},{"name":"b","type":"dir"}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":9,"chunkSize":2},{"type":"chunk","offset":10,"chunkOffset":1}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":9},{"type":"chunk","offset":10,"chunkOffset":3}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":9},{"name":"b","type":"reg","size":3,"offset":8}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":9,"endOffset":9}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":9,"endOffset":20},{"name":"b","type":"reg","size":3,"offset":19}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":9,"innerOffset":18446744073709551615}"#,
        r#"{"type":"chunk","offset":10}"#,
        r#"{"name":"a","type":"socket"}"#,
        r#"{"name":"a","type":"reg","size":-3,"offset":9}"#,
        r#"{"name":"a","type":"reg","size":3,"offset":9,"digest":"md5:1"}"#,
        r#"{"name":"a","type":"dir","xattrs":{"k":"!"}}"#,
        r#"{"name":"a","name":"b","type":"dir"}"#,
        r#"{"name":"a","type":"dir"}}"#,
        r#"{"name":"a","type":"dir""#,
        "7",
    ] {
        assert_eq!(refused(entries).code(), Code::CorruptLayer, "{entries}");
    }
    for (json, code) in [
        (r#"{"version":2,"entries":[]}"#, Code::Unsupported),
        (r#"{"entries":[]}"#, Code::CorruptLayer),
        (r#"{"version":1,"entries":[]"#, Code::CorruptLayer),
        ("", Code::CorruptLayer),
        ("[]", Code::CorruptLayer),
    ] {
        assert_eq!(parse(json, 3, Pieces::Gzip).err().unwrap().code(), code, "{json}");
    }
    assert!(parse(r#"{"version":1,"entries":null}"#, 3, Pieces::Gzip).unwrap().table.is_empty());
}

#[test]
fn limits_are_named() {
    let limits = Limits { max_metadata_size: 50, ..Limits::default() };
    let mut parser = TocParser::new(Pieces::Gzip, 1000, true, &limits);
    parser.push(&[b' '; 40]).unwrap();
    assert_eq!(parser.push(&[b' '; 40]).unwrap_err().limit_name(), Some("max_metadata_size"));
    let limits = Limits { max_tar_header_size: 50, ..Limits::default() };
    let mut parser = TocParser::new(Pieces::Gzip, 1000, true, &limits);
    let e = parser.push(toc(&format!("{{\"name\":\"{}\"}}", "x".repeat(60))).as_bytes()).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_tar_header_size"));
    let mut parser = TocParser::new(Pieces::Gzip, 1000, true, &Limits::default());
    assert_eq!(parser.push(&[b' '; 70_000]).unwrap_err().code(), Code::CorruptLayer);
}

/// 100,000 entries, 30 MB of JSON: what stays is a fraction of it, and no tree of it is ever built.
#[test]
fn a_large_toc_takes_little() {
    let limits = Limits::default();
    let mut parser = TocParser::new(Pieces::Gzip, 1 << 40, true, &limits);
    parser.push(b"{\"version\":1,\"entries\":[").unwrap();
    let mut fed = 0;
    let mut json = String::new();
    for i in 0..100_000u32 {
        json.clear();
        write!(
            json,
            r#"{{"name":"usr/lib/python3/dist-packages/package{}/module{i}.py","type":"reg","size":1000,"modtime":"2023-11-14T22:13:20Z","mode":33188,"offset":{},"NumLink":0,"digest":"{A}","chunkDigest":"{A}","extra":{{"deep":[1,2,{{"x":"y"}}]}}}},"#,
            i / 20,
            1000 + u64::from(i) * 500
        )
        .unwrap();
        json.pop();
        if i > 0 {
            parser.push(b",").unwrap();
        }
        parser.push(json.as_bytes()).unwrap();
        fed += json.len();
    }
    parser.push(b"]}").unwrap();
    let listing = parser.finish(Descriptor::new("layer", Digest::of(b""), 1 << 41)).unwrap();
    assert_eq!(listing.table.len(), 100_000);
    assert!(fed > 30_000_000, "{fed}");
    let held = listing.table.heap_bytes() + listing.extents.heap_bytes();
    assert!(held < 25_000_000, "{held}");
}

/// Every bit of a small TOC changed, and it cut at every place: no panic, and what is told of a file covers it.
#[test]
fn every_bit_may_be_wrong() {
    let path = format!("{}/fuzz/corpus/toc/made-zeros", env!("CARGO_MANIFEST_DIR"));
    let data = std::fs::read(path).unwrap();
    for i in 0..data.len() {
        for bit in 0..8 {
            let mut changed = data.clone();
            changed[i] ^= 1 << bit;
            ocipeek_fuzz::toc::run(&changed);
        }
        ocipeek_fuzz::toc::run(&data[..i]);
    }
}
