//! Tars by GNU tar and Python, against what Python's tarfile read in them (tests/fixtures/tar).

use std::io::Read;

use serde_json::Value;

use super::*;
use crate::format::tar::number::pax_time;

const NAMES: [&str; 11] = [
    "names-gnu",
    "names-oldgnu",
    "names-posix",
    "names-ustar",
    "names-v7",
    "odd-gnu",
    "odd-pax",
    "sparse-gnu",
    "sparse-0.0",
    "sparse-0.1",
    "sparse-1.0",
];

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/tar/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub(super) fn tar(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&*file(&format!("{name}.tar.gz"))).read_to_end(&mut out).unwrap();
    out
}

#[test]
fn tars_read_as_python_reads_them() {
    for name in NAMES {
        let tar = tar(name);
        let table = walk(&tar);
        let text = String::from_utf8(file(&format!("{name}.jsonl"))).unwrap();
        assert_eq!(table.len(), text.lines().count(), "{name}");
        for (i, (e, line)) in table.iter().zip(text.lines()).enumerate() {
            let want = demo::Expected(serde_json::from_str(line).unwrap());
            let bytes = |key: &str| demo::decode(want.0[key].as_str().unwrap());
            let mut got = e.name;
            if e.kind == Kind::Directory {
                got = got.strip_suffix(b"/").unwrap_or(got);
            }
            assert_eq!(got, bytes("name"), "{name}");
            let what = format!("{name}: {}", e.name.escape_ascii());
            assert_eq!(e.kind, kind(want.0["type"].as_str().unwrap()), "{what}");
            assert_eq!((e.size, u64::from(e.mode)), (want.number("size"), want.number("mode")), "{what}");
            assert_eq!((e.uid, e.gid), (want.number("uid"), want.number("gid")), "{what}");
            assert_eq!((e.uname, e.gname), (&*bytes("uname"), &*bytes("gname")), "{what}");
            assert_eq!(e.link_name, bytes("linkname"), "{what}");
            let mtime = want.0["mtime"].as_str().unwrap();
            assert_eq!(e.mtime, pax_time(mtime.as_bytes()), "{what}");
            let offsets = (want.number("header_offset"), want.number("offset"));
            assert_eq!((e.header_offset, e.offset), offsets, "{what}");
            if let Value::Array(dev) = &want.0["dev"] {
                assert_eq!((Some(e.dev_major), Some(e.dev_minor)), (dev[0].as_u64(), dev[1].as_u64()));
            }
            assert_eq!(table.sparse(i).is_some(), !want.0["sparse"].is_null(), "{what}");
            if let Some(runs) = table.sparse(i) {
                let runs: Vec<_> = runs.iter().filter(|r| r.1 > 0).collect();
                assert_eq!(serde_json::to_value(&runs).unwrap(), want.0["sparse"], "{what}");
                let mut expanded = vec![0; e.size as usize];
                let mut at = e.offset as usize;
                for &&(offset, len) in &runs {
                    let (offset, len) = (offset as usize, len as usize);
                    expanded[offset..offset + len].copy_from_slice(&tar[at..at + len]);
                    at += len;
                }
                assert_eq!(
                    crate::format::oci::Digest::of(&expanded).hex(),
                    want.0["sha256"].as_str().unwrap()
                );
            }
        }
    }
}

#[test]
fn their_headers_are_accepted_with_their_sparse_maps() {
    let limits = Limits::default();
    let mut sparse = 0;
    for name in NAMES {
        let tar = tar(name);
        let table = walk(&tar);
        for (i, e) in table.iter().enumerate() {
            let header = &tar[e.header_offset as usize..e.offset as usize];
            let map = check_header(header, &e, &limits, true).unwrap();
            assert_eq!(map.as_deref(), table.sparse(i), "{name}");
            sparse += usize::from(map.is_some());
        }
    }
    assert_eq!(sparse, 16);
}
