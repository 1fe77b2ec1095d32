//! On the images of `tests/fixtures/formats`, which nydus-image made, against what their files are known to be.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::error::{Code, Result};
use crate::format::extent::{Check, Codec, Extent, Extents, decode};
use crate::format::oci::Digest;
use crate::format::tar::{Entry, Kind};
use crate::limits::Limits;

const LAYOUTS: [&str; 6] =
    ["nydus-v5", "nydus-v5-lz4", "nydus-v6", "nydus-v6-lz4", "nydus-v6-batch", "nydus-v6-zran"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats")
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn blob(layout: &str, digest: &Digest) -> Bytes {
    std::fs::read(fixtures().join(layout).join("blobs/sha256").join(digest.hex())).unwrap().into()
}

fn bundle(layout: &str) -> Bundle {
    let index = json(fixtures().join("INDEX.json"));
    let layers = index[layout]["images"][0]["layers"].as_array().unwrap();
    let digest = layers.last().unwrap()["digest"].as_str().unwrap().parse().unwrap();
    Bundle::of_layer(blob(layout, &digest), &Limits::default()).unwrap()
}

fn open(bundle: &Bundle) -> Result<Rafs> {
    let mut rafs = Rafs::parse(bundle.boot.clone(), &Limits::default())?;
    for i in 0..rafs.chunks.blobs().len() {
        let blob = &rafs.chunks.blobs()[i];
        if let Some(meta) = bundle.meta(&blob.meta.blob).filter(|_| blob.needs_meta()) {
            let meta = BlobMeta::parse(meta, blob)?;
            rafs.chunks.set_meta(i, meta)?;
        }
    }
    Ok(rafs)
}

/// Reads a range as the image reader does: unit by unit, each extent checked.
fn read(layout: &str, rafs: &Rafs, entry: usize, range: std::ops::Range<u64>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut at = range.start;
    for extent in rafs.chunks.extents(entry, range.clone())? {
        assert!(extent.file_offset <= at && extent.len > 0, "a gap at {at}");
        let data = content(layout, rafs, &extent)?;
        let from = at - extent.file_offset;
        let to = extent.len.min(range.end - extent.file_offset);
        out.extend_from_slice(&data[from as usize..to as usize]);
        at = extent.file_offset + to;
    }
    assert_eq!(at, range.end);
    Ok(out)
}

fn content(layout: &str, rafs: &Rafs, extent: &Extent) -> Result<Bytes> {
    let unit = &extent.unit;
    let blob = blob(layout, &rafs.chunks.blobs()[usize::from(unit.blob.0)].id);
    let coded = blob.slice(unit.offset as usize..(unit.offset + unit.length) as usize);
    let decoded = decode(&unit.codec, coded, unit.decoded, &Limits::default())?;
    let data = decoded.slice(extent.skip as usize..(extent.skip + extent.len) as usize);
    assert!(extent.check != Check::None);
    match extent.check.holds(&data) {
        true => Ok(data),
        false => Err(corrupt("a digest does not hold")),
    }
}

fn kind(e: &Entry<'_>) -> &'static str {
    match e.kind {
        Kind::Regular | Kind::HardLink => "reg",
        Kind::Symlink => "symlink",
        Kind::Directory => "dir",
        Kind::CharDevice => "char",
        Kind::BlockDevice => "block",
        Kind::Fifo => "fifo",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn all_entries_and_contents_are_as_expected() {
    let expected = json(fixtures().join("expected.json"));
    let expected = expected["merged"].as_array().unwrap();
    for layout in LAYOUTS {
        let rafs = open(&bundle(layout)).unwrap();
        assert_eq!(rafs.version(), if layout.contains("v5") { 5 } else { 6 });
        // The root is on top.
        assert_eq!(rafs.entries.len(), expected.len() + 1);
        let find =
            |path: &str| (0..rafs.entries.len()).find(|i| rafs.entries.name(*i) == Some(path.as_bytes()));
        for want in expected {
            let path = want["path"].as_str().unwrap();
            let context = format!("{layout} {path}");
            let at = find(path).expect(&context);
            let e = rafs.entries.get(at).unwrap();
            let (file, content) = match e.kind {
                Kind::HardLink => {
                    let target = find(std::str::from_utf8(e.link_name).unwrap()).expect(&context);
                    (rafs.entries.get(target).unwrap(), target)
                }
                _ => (e, at),
            };
            assert_eq!(kind(&e), want["type"].as_str().unwrap(), "{context}");
            assert_eq!(u64::from(file.mode), want["mode"].as_u64().unwrap(), "{context}");
            assert_eq!(file.uid, want["uid"].as_u64().unwrap(), "{context}");
            assert_eq!(file.gid, want["gid"].as_u64().unwrap(), "{context}");
            let mtime = file.mtime.unwrap();
            assert_eq!((mtime.secs, mtime.nanos), (want["mtime"].as_i64().unwrap(), 0), "{context}");
            if e.kind == Kind::Symlink {
                assert_eq!(e.link_name, want["link"].as_str().unwrap().as_bytes(), "{context}");
            }
            if let Some(dev) = want["dev"].as_array() {
                assert_eq!([e.dev_major, e.dev_minor], [&dev[0], &dev[1]].map(|n| n.as_u64().unwrap()));
            }
            let mut xattrs: Vec<_> =
                file.xattrs.map(|(n, v)| (String::from_utf8(n.to_vec()).unwrap(), hex(v))).collect();
            xattrs.sort();
            let wanted: Vec<(String, String)> = want["xattrs_hex"].as_object().map_or(Vec::new(), |x| {
                x.iter().map(|(n, v)| (n.clone(), v.as_str().unwrap().to_owned())).collect()
            });
            assert_eq!(xattrs, wanted, "{context}");
            assert_eq!(
                want.get("hardlink_of").is_some(),
                e.kind == Kind::HardLink,
                "{context}: the first name in the order of the tree is the file"
            );
            if want["type"] == "reg" {
                let size = want["size"].as_u64().unwrap();
                assert_eq!(file.size, size, "{context}");
                let data = read(layout, &rafs, content, 0..size).expect(&context);
                assert_eq!(Digest::of(&data).hex(), want["sha256"].as_str().unwrap(), "{context}");
            }
        }
    }
}

#[test]
fn ranges_are_the_same_bytes() {
    for layout in LAYOUTS {
        let rafs = open(&bundle(layout)).unwrap();
        let (at, size) =
            rafs.entries.iter().map(|e| e.size).enumerate().max_by_key(|(_, size)| *size).unwrap();
        assert!(size > 1 << 20, "{layout} has a file of several chunks");
        let whole = read(layout, &rafs, at, 0..size).unwrap();
        let chunk = 1 << 17;
        for start in [0, chunk - 1, chunk + 1, (1 << 20) - 1, 1 << 20, size - 1] {
            for len in [1, 2, chunk + 1] {
                let end = (start + len).min(size);
                let got = read(layout, &rafs, at, start..end).unwrap();
                assert!(got == whole[start as usize..end as usize], "{layout} {start}..{end}");
            }
        }
    }
}

#[test]
fn small_files_share_what_is_fetched() {
    let units = |layout: &str| {
        let rafs = open(&bundle(layout)).unwrap();
        let mut units = std::collections::BTreeSet::new();
        let mut extents = 0;
        for (i, e) in rafs.entries.iter().enumerate().filter(|(_, e)| e.kind == Kind::Regular && e.size > 0) {
            for x in rafs.chunks.extents(i, 0..e.size).unwrap() {
                units.insert((x.unit.blob.0, x.unit.offset, x.unit.length, x.unit.decoded));
                extents += 1;
            }
        }
        (units.len(), extents)
    };
    let (single, chunks) = units("nydus-v6");
    assert!(single > 200 && single <= chunks, "{single} {chunks}");
    let (batches, chunks) = units("nydus-v6-batch");
    assert_eq!((batches, chunks > 200), (5, true), "{batches} {chunks}");
    let (zran, chunks) = units("nydus-v6-zran");
    assert_eq!((zran, chunks > 200), (3, true), "{zran} {chunks}");
}

#[test]
fn a_checkpoint_splits_a_byte() {
    let rafs = open(&bundle("nydus-v6-zran")).unwrap();
    let split = rafs.entries.iter().enumerate().find_map(|(i, e)| {
        let extents = (e.size > 0).then(|| rafs.chunks.extents(i, 0..e.size).unwrap())?;
        extents.into_iter().find(|x| matches!(x.unit.codec, Codec::Zran { bits: 1.., .. }))
    });
    let split = split.unwrap();
    let Codec::Zran { bits, window } = &split.unit.codec else { panic!() };
    assert_eq!((*bits, window.len(), split.unit.offset, split.unit.length), (6, 32768, 190_010, 99_044));
}

fn seed(name: &str) -> Bytes {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name)).unwrap().into()
}

/// The small ones that fuzzing starts from, which have what nydus-image's do not: holes, and a name that is one of two.
#[test]
fn small_bootstraps_are_read() {
    for (name, hole) in [("rafs_v5/small", true), ("rafs_v6/small", false)] {
        let rafs = Rafs::parse(seed(name), &Limits::default()).unwrap();
        let names: Vec<_> =
            rafs.entries.iter().map(|e| String::from_utf8(e.name.to_vec()).unwrap()).collect();
        let get = |name: &str| rafs.entries.get(names.iter().position(|n| n == name).unwrap()).unwrap();
        assert_eq!(get("l").link_name, b"target", "{name}");
        assert_eq!((get("n").dev_major, get("n").dev_minor), (0x103, 5), "{name}");
        assert_eq!(get("a").xattrs.collect::<Vec<_>>(), [(&b"user.k"[..], &b"v\0w"[..])], "{name}");
        assert_eq!((get("a").uid, get("a").gid), (1000, 70_000), "{name}");
        assert_eq!((get("d/b").kind, get("d/b").link_name), (Kind::HardLink, &b"a"[..]), "{name}");
        let h = names.iter().position(|n| n == if hole { "d/h" } else { "h" }).unwrap();
        let extents = rafs.chunks.extents(h, 0..rafs.entries.get(h).unwrap().size).unwrap();
        let got: Vec<_> = extents.iter().map(|x| (x.file_offset, x.len, x.check == Check::None)).collect();
        match hole {
            true => assert_eq!(got, [(0, 4096, true), (4096, 4096, false), (8192, 4096, true)]),
            false => assert_eq!(got, [(0, 4096, false), (4096, 5, false)]),
        }
    }
}

/// A seed with bytes changed at places.
fn patched(name: &str, patches: &[(usize, &[u8])]) -> Result<Rafs> {
    let mut boot = seed(name).to_vec();
    for (at, bytes) in patches {
        boot[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    Rafs::parse(boot.into(), &Limits::default())
}

#[track_caller]
fn error<T>(result: Result<T>) -> (Code, String) {
    let e = result.err().expect("an error");
    (e.code(), e.message().to_owned())
}

#[track_caller]
fn refused(name: &str, at: usize, bytes: &[u8], what: &str) {
    let (code, message) = error(patched(name, &[(at, bytes)]));
    assert_eq!((code, &*message), (Code::Unsupported, &*format!("Nydus with {what} cannot be read")));
}

#[track_caller]
fn broken(name: &str, at: usize, bytes: &[u8], what: &str) {
    let (code, message) = error(patched(name, &[(at, bytes)]));
    assert_eq!(code, Code::CorruptLayer, "{message}");
    assert!(message.contains(what), "{message}");
}

const V5: &str = "rafs_v5/small";
const V6: &str = "rafs_v6/small";

#[test]
fn what_cannot_be_read_is_named() {
    refused(V5, 4, &[0, 4], "RAFS version 0x400");
    refused(V5, 17, &[4], "the unknown flags 0x400");
    refused(V5, 17, &[2], "blobs that are plain tars (TARFS)");
    refused(V5, 19, &[2], "encrypted blobs");
    refused(V5, 8193 + 64 - 1 + 8, b"g", "blobs whose identity is no SHA-256");
    refused(V5, 0, b"JUNK", "a bootstrap that is neither RAFS version 5 nor 6");
    let features = 8192 + 64 + 160 + 4;
    refused(V5, features, &[0x80 | 4], "batches or checkpoints in version 5");
    refused(V5, features + 1, &[1], "encrypted blobs");
    let flags = 1152;
    refused(V6, 1024 + 11, &[0], "a bootstrap that is EROFS but not RAFS");
    refused(V6, flags + 1, &[2], "blobs that are plain tars (TARFS)");
    refused(V6, flags + 3, &[2], "encrypted blobs");
    refused(V6, flags + 1, &[4], "the unknown flags 0x400");
    let blob = 4096;
    refused(V6, blob, b"X", "blobs whose identity is no SHA-256");
    refused(V6, blob + 76, &[9], "the unknown compressor 9");
    refused(V6, blob + 80, &[2], "the unknown digester 2");
    refused(V6, blob + 84 + 1, &[1], "encrypted blobs");
    refused(V6, blob + 216, &[1], "encrypted blobs");
    refused(V6, blob + 84, &[0x41], "blobs that are plain tars (TARFS)");
    refused(V6, blob + 84 + 1, &[8], "blobs in external storage");
    refused(V6, blob + 84 + 1, &[0x10], "the unknown blob features 0x1000");
    refused(V6, 1152 + 32, &[0, 0], "a bootstrap without a table of chunks");
    // What readers may ignore.
    assert!(patched(V6, &[(flags + 3, &[0xfd])]).is_ok() && patched(V5, &[(19, &[0x84])]).is_ok());
    // EROFS's own names come through.
    let (code, message) = error(patched(V6, &[(1024 + 80, &[0x2c])]));
    assert_eq!(
        (code, &*message),
        (Code::Unsupported, "EROFS with fragments or deduplicated extents cannot be read")
    );
}

#[test]
fn contradictions_of_a_bootstrap_are_errors() {
    broken(V5, 9, &[0], "of another size");
    broken(V5, 16, &[0x40 | 0x80 | 4], "no compressor, or several");
    broken(V5, 16, &[0x80], "no digester, or several");
    broken(V5, 32, &[0xff; 8], "a table of the bootstrap is cut off");
    broken(V5, 56, &[0xff; 4], "a table of the bootstrap is cut off");
    broken(V5, 64, &[0xff; 4], "a table of the bootstrap is cut off");
    broken(V5, 68, &[0xff; 4], "a table of the bootstrap is cut off");
    let root = 8192 + 64 + 160 + 64 + 64;
    let third = u32::from_le_bytes(seed(V5)[8192 + 8..8192 + 12].try_into().unwrap()) as usize * 8;
    broken(V5, third + 92, &[4], "in two directories, or in itself");
    broken(V5, root + 92, &[0, 0], "an inode is not there");
    broken(V5, third + 96, &[200], "an inode is not there");
    broken(V5, third + 96, &[0xff; 4], "an inode is not there");
    broken(V5, root + 61, &[0o200], "the root is no directory");
    broken(V5, root + 61, &[0o60], "of no type that there is");
    broken(V5, root + 108, &[0xff; 4], "more nanoseconds");
    let a = root + 136;
    for name in [b"/", b"\0", b"."] {
        broken(V5, a + 128, name, "a name that is none");
    }
    broken(V5, a + 100, &[0, 0], "a name that is none");
    broken(V5, a + 128, b"z", "out of order");
    broken(V5, a + 136, &[0xff; 8], "attributes are cut off");
    broken(V5, a + 144, &[0xff], "an extended attribute is cut off");
    broken(V5, a + 148, &[0], "an extended attribute has no name");

    broken(V6, 1152, &[0x80], "no digester, or several");
    broken(V6, 1152 + 20, &[1], "chunks are of a size");
    broken(V6, 1152 + 8, &[0xff; 8], "a table of the bootstrap is cut off");
    broken(V6, 1152 + 16, &[1], "a blob table holds a part of a blob");
    broken(V6, 1152 + 32, &[1], "a table of chunks holds a part of one");
    broken(V6, 1152 + 24, &[0xff; 8], "a table of the bootstrap is cut off");
    broken(V6, 4096 + 64, &[1], "a blob's record is of another blob");
    broken(V6, 4096 + 69, &[0x20], "a blob's record is of another blob");
    broken(V6, 4096 + 75, &[2], "a blob's record is of another blob");
    broken(V6, 4096 + 84, &[0x89], "features contradict each other");
}

/// Asks for file `name`'s extents.
fn extents(rafs: &Rafs, name: &str) -> Result<Vec<Extent>> {
    let at = (0..rafs.entries.len()).find(|i| rafs.entries.name(*i) == Some(name.as_bytes())).unwrap();
    rafs.chunks.extents(at, 0..rafs.entries.get(at).unwrap().size)
}

#[test]
fn chunks_that_do_not_fit_are_errors() {
    let (table, blob) = (3 * 4096, 4096);
    let v6 = |name: &str, patches: &[(usize, &[u8])]| {
        let rafs = patched(V6, patches)?;
        extents(&rafs, name)
    };
    let cases: [(&str, usize, &[u8], &str); 12] = [
        ("h", table + 80 + 45, &[0], "a chunk is empty"),
        ("h", table + 80 + 44, &[1], "does not fill its place"),
        ("h", table + 80 + 72, &[9], "a file is in a chunk that is not there"),
        ("h", table + 80 + 32, &[9], "a file is in a chunk that is not there"),
        ("h", table + 80 + 40, &[0], "is not in what it is a part of"),
        ("h", table + 80 + 48, &[0xff; 8], "out of its blob"),
        ("h", table + 80 + 48, &[0xd9, 3], "out of its blob"),
        ("h", table + 160 + 40, &[6], "has two sizes"),
        ("h", table + 80 + 36, &[5], "encrypted chunks"),
        ("h", table + 80 + 36, &[3], "the unknown chunk flags 0x2"),
        ("h", blob + 76, &[0], "compressed, but its blob is not"),
        ("a", find_address(0), &[0, 0], "a file is in a chunk that is not there"),
    ];
    assert!(v6("h", &[]).is_ok() && v6("a", &[]).is_ok());
    for (name, at, bytes, what) in cases {
        let (code, message) = error(v6(name, &[(at, bytes)]));
        assert!(message.contains(what), "{what}: {message}");
        let named = message.contains("cannot be read");
        assert_eq!(code, if named { Code::Unsupported } else { Code::CorruptLayer });
    }
    // A file that is larger than the bootstrap has addresses for.
    let mut boot = seed(V6).to_vec();
    let size = boot.windows(8).position(|w| w == 4101u64.to_le_bytes()).unwrap();
    boot[size..size + 8].copy_from_slice(&(u64::MAX >> 1).to_le_bytes());
    let rafs = Rafs::parse(boot.into(), &Limits::default()).unwrap();
    assert_eq!(error(extents(&rafs, "h")).0, Code::CorruptLayer);
}

/// Where in the sixth version's seed the device of the address of chunk `i` is.
fn find_address(i: u8) -> usize {
    let boot = seed(V6);
    8192 + boot[8192..].windows(8).position(|w| w == [i, 0, 1, 0, 0, 0, 0, 0]).unwrap() + 2
}

#[test]
fn extents_are_limited() {
    let limits = Limits { max_spans: 1, ..Limits::default() };
    let rafs = Rafs::parse(seed(V6), &limits).unwrap();
    assert_eq!(extents(&rafs, "h").err().unwrap().limit_name(), Some("max_spans"));
    let limits = Limits { max_span_size: 4095, ..Limits::default() };
    let rafs = Rafs::parse(seed(V6), &limits).unwrap();
    assert_eq!(extents(&rafs, "h").err().unwrap().limit_name(), Some("max_span_size"));
    let limits = Limits { max_entries: 3, ..Limits::default() };
    for name in [V5, V6] {
        assert_eq!(Rafs::parse(seed(name), &limits).err().unwrap().limit_name(), Some("max_entries"));
    }
}

#[test]
fn holes_and_gaps_of_version_5() {
    let boot = seed(V5);
    let h = boot.windows(8).position(|w| w == 12_288u64.to_le_bytes()).unwrap() - 64;
    let file = h + 136 + 64;
    let ask = |patches: &[(usize, &[u8])]| extents(&patched(V5, patches)?, "d/h");
    // Without the flag there are no holes.
    assert!(error(ask(&[(h + 80, &[0])])).1.contains("a gap, or overlap"));
    // A chunk past the end, and one that wraps around.
    assert!(error(ask(&[(file, &8193u64.to_le_bytes())])).1.contains("a gap, or overlap"));
    assert!(error(ask(&[(file, &u64::MAX.to_le_bytes())])).1.contains("a gap, or overlap"));
    // More chunks than there are.
    assert!(error(ask(&[(h + 96, &[0xff; 4])])).1.contains("cut off"));
}

#[test]
fn every_prefix_of_a_bootstrap_is_an_error_or_a_tree() {
    for name in [V5, V6] {
        let boot = seed(name);
        for len in (0..boot.len()).step_by(7) {
            drop(Rafs::parse(boot.slice(..len), &Limits::default()));
        }
    }
}

/// Bytes of the bootstrap changed: no panic, and what is read is checked all the same. (That a bootstrap is the right one
/// is vouched for by its layer's digest.)
#[test]
fn no_byte_of_a_bootstrap_is_trusted() {
    for layout in ["nydus-v5", "nydus-v6", "nydus-v6-zran"] {
        let good = bundle(layout);
        let mut bundle = good.clone();
        for at in (0..good.boot.len()).step_by(499) {
            let mut boot = good.boot.to_vec();
            boot[at] ^= 1 << (at % 8);
            bundle.boot = boot.into();
            let Ok(rafs) = open(&bundle) else { continue };
            for (i, e) in rafs.entries.iter().enumerate().filter(|(_, e)| e.size > 0) {
                drop(rafs.chunks.extents(i, 0..e.size));
            }
        }
    }
}

/// Bytes of a data blob changed: what is read is an error or right.
#[test]
fn wrong_data_is_never_given_out() {
    let (mut caught, mut harmless) = (0, 0);
    for layout in LAYOUTS {
        let rafs = open(&bundle(layout)).unwrap();
        for (i, e) in rafs.entries.iter().enumerate().filter(|(_, e)| e.size > 0).step_by(29) {
            for extent in rafs.chunks.extents(i, 0..e.size).unwrap() {
                let unit = &extent.unit;
                let blob = blob(layout, &rafs.chunks.blobs()[usize::from(unit.blob.0)].id);
                let coded = &blob[unit.offset as usize..(unit.offset + unit.length) as usize];
                let slice = extent.skip as usize..(extent.skip + extent.len) as usize;
                let right =
                    decode(&unit.codec, Bytes::copy_from_slice(coded), unit.decoded, &Limits::default());
                let right = right.unwrap().slice(slice.clone());
                for at in (0..coded.len()).step_by(coded.len() / 4 + 1) {
                    let mut wrong = coded.to_vec();
                    wrong[at] ^= 1 << (at % 8);
                    match decode(&unit.codec, wrong.into(), unit.decoded, &Limits::default()) {
                        Ok(data) if extent.check.holds(&data.slice(slice.clone())) => {
                            // Another place of the unit.
                            assert_eq!(data.slice(slice.clone()), right);
                            harmless += 1;
                        }
                        _ => caught += 1,
                    }
                }
            }
        }
    }
    assert!(caught > 100, "{caught} {harmless}");
}

fn meta_of(name: &str, patches: &[(usize, &[u8])]) -> Result<BlobMeta> {
    let mut file = seed(&format!("blob_meta/{name}"))[1..].to_vec();
    for (at, bytes) in patches {
        file[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    let mut blob = open(&bundle("nydus-v6")).unwrap().chunks.blobs()[0].clone();
    blob.features = match name {
        "batch" => 0x85,
        "zran" => 0xd,
        _ => 1,
    };
    BlobMeta::parse(&file.into(), &blob)
}

#[test]
fn contexts_say_what_they_were_made_of() {
    let v1 = meta_of("v1", &[]).unwrap();
    let entry = v1.entry(1).unwrap();
    assert_eq!((entry.offset, entry.size, entry.unpacked_offset, entry.unpacked), (4, 40, 4096, 4096));
    assert_eq!(entry.kind, MetaKind::Single { compressed: None });
    assert_eq!(error(v1.entry(3)).0, Code::CorruptLayer);
    let batch = meta_of("batch", &[]).unwrap();
    assert_eq!(batch.entry(2).unwrap().kind, MetaKind::Batch { index: 0, skip: 4101 });
    assert_eq!(batch.batch(0).unwrap(), Batch { size: 600, unpacked: 5000 });
    let zran = meta_of("zran", &[]).unwrap();
    assert_eq!(zran.entry(1).unwrap().kind, MetaKind::Zran { index: 0, skip: 5 });
    let from = zran.checkpoint(0).unwrap();
    assert_eq!((from.offset, from.size, from.unpacked, from.bits), (11, 600, 5000, 6));
    assert_eq!(&from.window[..], [b'w'; 100]);
    // Entries of native blobs say the same as the table of chunks, in both versions' fields of more than 20 bits.
    let bundle = bundle("nydus-v6");
    let rafs = open(&bundle).unwrap();
    for (i, blob) in rafs.chunks.blobs().iter().enumerate() {
        let meta = BlobMeta::parse(bundle.meta(&blob.meta.blob).unwrap(), blob).unwrap();
        assert_eq!(meta.len(), blob.chunk_count);
        for (n, e) in rafs.entries.iter().enumerate().filter(|(_, e)| e.size > 0) {
            for x in
                rafs.chunks.extents(n, 0..e.size).unwrap().iter().filter(|x| usize::from(x.unit.blob.0) == i)
            {
                let same =
                    (0..meta.len()).map(|c| meta.entry(c).unwrap()).find(|c| c.offset == x.unit.offset);
                let same = same.unwrap();
                assert_eq!((u64::from(same.size), u64::from(same.unpacked)), (x.unit.length, x.len));
            }
        }
    }
}

#[test]
fn contradictions_of_contexts_are_errors() {
    let header = 4096;
    let broken = |name: &str, at: usize, bytes: &[u8], what: &str| {
        let (code, message) = error(meta_of(name, &[(at, bytes)]));
        assert!(code == Code::CorruptLayer && message.contains(what), "{what}: {message}");
    };
    broken("v1", header, &[0], "have no header");
    broken("v1", 8191, &[0], "have no header");
    broken("v1", header + 4, &[5], "of another blob");
    broken("v1", header + 12, &[0xff; 4], "of another blob");
    broken("v1", header + 12, &[4], "cut off");
    broken("v1", header + 32, &[0xff; 8], "cut off");
    broken("batch", header + 40, &[0xff; 8], "cut off");
    broken("batch", header + 40, &[0], "cut off");
    broken("batch", header + 56, &[0xff; 4], "cut off");
    assert!(
        error(BlobMeta::parse(&Bytes::new(), &open(&bundle("nydus-v6")).unwrap().chunks.blobs()[0]))
            .1
            .contains("no header")
    );
    let zran = |at: usize, bytes: &[u8]| meta_of("zran", &[(72 + at, bytes)]).unwrap().checkpoint(0);
    for (at, bytes) in [(16, &[1][..]), (16, &[0xff; 8]), (32, &[0xff; 4]), (33, &[0x81]), (37, &[8])] {
        assert!(error(zran(at, bytes)).1.contains("out of their place"), "{at}");
    }
    let zran = meta_of("zran", &[]).unwrap();
    assert!(error(zran.checkpoint(1)).1.contains("that is not there"));
    assert!(error(zran.batch(0)).1.contains("that is not there"));
    let flags = |byte: u8| meta_of("zran", &[(7, &[byte])]).unwrap().entry(0);
    assert_eq!(error(flags(0x8)).1, "Nydus with encrypted chunks cannot be read");
    assert_eq!(error(flags(0x20)).1, "Nydus with the unknown chunk flags 0x20 cannot be read");
    assert!(error(flags(0x6)).1.contains("in a batch and in a gzip stream"));
}

#[test]
fn a_blob_without_its_contexts_cannot_be_read_but_listed() {
    for layout in ["nydus-v6-batch", "nydus-v6-zran"] {
        let mut bundle = bundle(layout);
        bundle.metas.clear();
        let rafs = open(&bundle).unwrap();
        let (at, e) = rafs.entries.iter().enumerate().find(|(_, e)| e.size > 0).unwrap();
        let (code, message) = error(rafs.chunks.extents(at, 0..e.size));
        assert_eq!(code, Code::CorruptLayer);
        assert!(message.contains("needs its contexts"), "{message}");
    }
    // Native ones can.
    let mut bundle = bundle("nydus-v6");
    bundle.metas.clear();
    let rafs = open(&bundle).unwrap();
    assert!(
        rafs.entries
            .iter()
            .enumerate()
            .all(|(i, e)| e.size == 0 || rafs.chunks.extents(i, 0..e.size).is_ok())
    );
}

#[test]
fn a_layer_without_a_bootstrap_is_an_error() {
    let tar = Bytes::from(vec![0; 1024]);
    assert!(error(Bundle::of_layer(tar, &Limits::default())).1.contains("no image/image.boot"));
    let limits = Limits { max_metadata_size: 70_000, ..Limits::default() };
    let index = json(fixtures().join("INDEX.json"));
    let digest = index["nydus-v5"]["images"][0]["layers"][2]["digest"].as_str().unwrap().parse().unwrap();
    let e = Bundle::of_layer(blob("nydus-v5", &digest), &limits).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_metadata_size"));
}
