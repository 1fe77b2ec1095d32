//! The whole demo image, read through each of its indexes and through none, against what the fixtures say of it (made
//! from the tars by other tools).
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use futures_executor::block_on;
use ocipeek::format::oci::Digest;
use ocipeek::format::tar::Kind;
use ocipeek::format::zstd::ZstdDecoder;
use ocipeek::image::{FileStat, Follow, Image, OpenOptions, ReadBy, SociChoice, SociFound};
use ocipeek::limits::Limits;
use serde_json::Value;
use test_support::memory;
use test_support::memory::{Memory, Ranged};

fn expected(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut out = Vec::new();
    let mut decoder = ZstdDecoder::new(&Limits::default());
    let mut keep = |data: &[u8]| {
        out.extend_from_slice(data);
        Ok(())
    };
    decoder.push(&std::fs::read(path).unwrap(), &mut keep).unwrap();
    decoder.finish().unwrap();
    out.split(|&b| b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
}

fn base64(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// A string that may have a twin with its true bytes.
fn raw(v: &Value, key: &str) -> Vec<u8> {
    match v[format!("{key}_b64")].as_str() {
        Some(b64) => base64(b64),
        None => v[key].as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

fn kind(v: &Value) -> Kind {
    match v["type"].as_str().unwrap() {
        "reg" => Kind::Regular,
        "dir" => Kind::Directory,
        "symlink" => Kind::Symlink,
        "hardlink" => Kind::HardLink,
        "fifo" => Kind::Fifo,
        "char" => Kind::CharDevice,
        "block" => Kind::BlockDevice,
        other => panic!("{other}"),
    }
}

/// Compares what both kinds of lines say.
fn compare(stat: &FileStat, v: &Value, no_xattrs: bool) {
    let context = format!("{v}");
    assert_eq!(stat.kind, kind(v), "{context}");
    assert_eq!(u64::from(stat.mode), v["mode"].as_u64().unwrap(), "{context}");
    assert_eq!(stat.uid & 0xffff_ffff, v["uid"].as_u64().unwrap() & 0xffff_ffff, "{context}");
    assert_eq!(stat.gid & 0xffff_ffff, v["gid"].as_u64().unwrap() & 0xffff_ffff, "{context}");
    if v["type"] == "reg" {
        assert_eq!(stat.size, v["size"].as_u64().unwrap(), "{context}");
    }
    match (v["mtime_ns"].as_i64(), stat.mtime) {
        (Some(ns), Some(m)) => {
            assert_eq!(i128::from(m.secs) * 1_000_000_000 + i128::from(m.nanos), i128::from(ns), "{context}");
        }
        // More nanoseconds than JSON's integers hold; past the year 9999 a zTOC says nothing.
        (None, Some(m)) => {
            assert!(m.secs > i64::MAX / 1_000_000_000 || v["implicit"].is_boolean(), "{context}")
        }
        (ns, None) => assert_eq!(ns, None, "{context}"),
    }
    if v["type"] == "symlink" {
        assert_eq!(stat.link_name.as_deref().unwrap(), raw(v, "linkname"), "{context}");
    }
    for (key, have) in [("uname", &stat.uname), ("gname", &stat.gname)] {
        if !v[key].is_null() {
            assert_eq!(have, &raw(v, key), "{context}");
        }
    }
    if v["type"] == "char" || v["type"] == "block" {
        assert_eq!(stat.dev_major, v["devmajor"].as_u64().unwrap(), "{context}");
        assert_eq!(stat.dev_minor, v["devminor"].as_u64().unwrap(), "{context}");
    }
    let have: BTreeMap<Vec<u8>, Vec<u8>> = stat.xattrs.iter().cloned().collect();
    let want: BTreeMap<Vec<u8>, Vec<u8>> = v["xattrs"]
        .as_object()
        .map(|o| o.iter().map(|(k, v)| (k.as_bytes().to_vec(), base64(v.as_str().unwrap()))).collect())
        .unwrap_or_default();
    if !no_xattrs || !have.is_empty() {
        assert_eq!(have, want, "{context}");
    }
}

async fn check_merged(image: &Image) {
    let mut walk = image.walk(b"/", None);
    let mut found = BTreeMap::new();
    found.insert(b"/".to_vec(), image.stat(b"/", Follow::All).await.unwrap());
    while let Some(stat) = walk.next().await.unwrap() {
        let again = image.stat(&stat.path, Follow::ExceptLast).await.unwrap();
        assert_eq!(again, stat);
        assert!(found.insert(stat.path.clone(), stat).is_none());
    }
    let lines = expected("demo.merged.jsonl.zst");
    assert_eq!(found.len(), lines.len());
    for v in &lines {
        let path = [b"/", &raw(v, "path")[..]].concat();
        let stat = found.get(&path).unwrap_or_else(|| panic!("{v} is not there"));
        compare(stat, v, false);
        if v["implicit"].is_null() {
            assert_eq!(stat.layer, v["layer_index"].as_u64().map(|i| i as usize), "{v}");
        } else {
            assert_eq!(stat.layer, None);
        }
        if let Some(n) = v["nlink"].as_u64() {
            assert_eq!(u64::from(stat.nlink), n, "{v}");
        }
        if let Some(first) = v["inode_of"].as_str().filter(|f| f.as_bytes() != &path[1..]) {
            assert_eq!(stat.hardlink_of.as_deref(), Some(format!("/{first}").as_bytes()), "{v}");
        }
        if stat.kind == Kind::Regular {
            let (same, data) = image.read_file(&path, None).await.unwrap();
            assert_eq!(&same, stat);
            assert_eq!(Digest::of(&data).hex(), v["sha256"].as_str().unwrap(), "{v}");
        }
    }
}

async fn check_layers(image: &Image) {
    let lines = expected("demo.layers.jsonl.zst");
    for (i, info) in image.layers().iter().enumerate() {
        let entries = image.layer(i).unwrap().entries().await.unwrap();
        let lines: Vec<_> = lines.iter().filter(|v| v["layer_index"] == i).collect();
        assert_eq!(entries.len(), lines.len(), "layer {i}");
        for (e, v) in lines.iter().enumerate() {
            assert_eq!(info.digest.to_string(), v["layer"].as_str().unwrap());
            let (entry, stat) = (entries.raw(e).unwrap(), entries.stat(e).unwrap());
            // The fixtures were made with Python, which strips this slash.
            let name = entry.name.strip_suffix(b"/").unwrap_or(entry.name);
            assert_eq!(name, raw(v, "name"), "{v}");
            compare(&stat, v, false);
            assert_eq!(entry.offset, v["offset"].as_u64().unwrap(), "{v}");
            assert_eq!(entry.header_offset, v["header_offset"].as_u64().unwrap(), "{v}");
            if v["type"] == "reg" {
                let (_, data) = entries.read_file(e, None).await.unwrap();
                assert_eq!(Digest::of(&data).hex(), v["sha256"].as_str().unwrap(), "{v}");
            }
        }
    }
}

fn check(tag: &str, options: OpenOptions) -> Image {
    block_on(async {
        let memory = Memory::demo();
        memory.chunks(&[1_000, 77, 65_536, 3]);
        let image = memory.open(tag, options).await.unwrap();
        check_merged(&image).await;
        check_layers(&image).await;
        image
    })
}

#[test]
fn without_an_index() {
    let image = check("latest", memory::agreed().soci(SociChoice::None));
    assert!(image.layers().iter().all(|l| l.read == ReadBy::Whole));
    assert!(image.soci().is_none());
}

#[test]
fn without_an_index_unverified() {
    let options = memory::agreed().soci(SociChoice::None).verify(false);
    let image = check("latest", options);
    let read: Vec<_> = image.layers().iter().map(|l| l.read).collect();
    assert_eq!(read[..5], [ReadBy::Whole; 5]);
    assert_eq!(read[5], ReadBy::Tar);
}

/// Each layer is indexed when something of it is wanted first; then again out of what a cache kept.
#[cfg(feature = "build")]
#[test]
fn by_indexes_that_are_built_here() {
    use ocipeek::format::ztoc::create::BuildOptions;
    use ocipeek::image::{MetadataCheck, OnePass};

    for span_size in [128 << 10, 4 << 20] {
        let build = BuildOptions::default().span_size(span_size);
        let cache = Rc::new(Ranged::default());
        for indexer in [Some(OnePass::new(build, Limits::default())), None] {
            let built = indexer.is_some();
            let mut options = memory::agreed().soci(SociChoice::None).cache(cache.clone());
            options.indexer = indexer.map(|i| -> Rc<dyn ocipeek::image::Indexer> { Rc::new(i) });
            let image = check("latest", options);
            for layer in image.layers() {
                // There is no zTOC of zstd.
                let zstd = layer.media_type.ends_with("zstd");
                assert_eq!(layer.read, if zstd { ReadBy::Whole } else { ReadBy::Ztoc }, "{}", layer.index);
                let span_size = built.then_some(span_size);
                assert_eq!(layer.ztoc.map(|z| z.span_size), (!zstd).then_some(span_size));
            }
            let stat = block_on(image.stat(b"/etc", Follow::All)).unwrap();
            assert_eq!(stat.verified.metadata, MetadataCheck::OwnIndex);
        }
    }
}

fn by_index(tag: &str, soci: SociChoice, digest: &str, found: SociFound) -> Image {
    let image = check(tag, memory::agreed().soci(soci));
    let info = image.soci().unwrap();
    assert_eq!(info.digest.to_string(), digest);
    assert_eq!(info.found, found);
    assert!(image.layers().iter().any(|l| l.read == ReadBy::Ztoc));
    image
}

const V1_128K: &str = "sha256:fd5e455f010a0f28239909c3a43867c395e658d9cd791ea657d1bc606609bb02";
const V1_4M: &str = "sha256:e69c39472f2616d0d3e34681688395719e76259c18a8b1fae7efbfa86b8e77b8";

#[test]
fn by_the_v1_index_that_is_found_first() {
    by_index("latest", SociChoice::Auto, V1_128K, SociFound::Referrers);
}

#[test]
fn by_each_v1_index() {
    for digest in [V1_128K, V1_4M] {
        by_index("latest", SociChoice::Digest(digest.parse().unwrap()), digest, SociFound::Named);
    }
}

#[test]
fn by_the_v2_index() {
    let digest = "sha256:fd80bc915ad7520e3e7ffe98686685c2df5a454a8e853429607dd507277d9d5a";
    by_index("latest-soci", SociChoice::Auto, digest, SociFound::Annotation);
}

#[test]
fn by_the_v2_index_of_4_mib_spans() {
    let digest = "sha256:b4e3ce1125fb7743dc5eecb8d4a909957d7fb830ce303706180d66b72ccdf654";
    by_index("latest-soci-4m", SociChoice::Auto, digest, SociFound::Annotation);
}

#[test]
fn by_the_v2_index_of_head() {
    let digest = "sha256:7e41a3a3558edd9e3ddce00c450e6175eb3c82a313faa8715656a4379c1f8e18";
    by_index("latest-soci-head", SociChoice::Auto, digest, SociFound::Annotation);
}

#[test]
fn out_of_packs() {
    for tag in ["latest", "latest-soci-4m"] {
        let cache = Rc::new(Ranged::default());
        // First the zTOCs, which are packed, then the packs.
        for _ in 0..2 {
            check(tag, memory::agreed().cache(cache.clone()));
            assert!(!cache.packs().is_empty());
        }
        let puts = cache.log().into_iter().filter(|line| line.starts_with("put pack-v1:"));
        assert_eq!(puts.count(), cache.packs().len());
    }
}
