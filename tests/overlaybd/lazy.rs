//! Images read through [`Image`]: what that costs, what vouches for it, and what is refused.

use std::cell::Cell;
use std::rc::Rc;

use futures_executor::block_on;
use futures_util::future::join_all;
use ocipeek::error::{Code, Error, Remedy, Result};
use ocipeek::format::lazy::Format;
use ocipeek::format::oci::{Digest, media_type};
use ocipeek::image::{ContentCheck, Follow, Image, MetadataCheck, OpenOptions, ReadBy};
use ocipeek::limits::Limits;
use ocipeek::source::Target;

use crate::made::{Said, lsmt, tar, zfile};
use crate::rounds::Rounds;
use test_support::memory::{Memory, Plain};

fn open(memory: &Memory, tag: &str, verify: bool) -> Image {
    let options = OpenOptions::default().verify(verify);
    let image = block_on(memory.open(tag, options)).unwrap();
    memory.log();
    image
}

fn bytes(log: &[String]) -> u64 {
    let length = |line: &String| {
        let (start, end) = line.rsplit_once(' ').unwrap().1.split_once('-').unwrap();
        end.parse::<u64>().unwrap() - start.parse::<u64>().unwrap()
    };
    log.iter().map(length).sum()
}

/// A file five components deep, and one of 69,000 bytes in the lower layer.
const DEEP: &[u8] = b"/usr/share/zone/Region0/City00";
const LOWER: &[u8] = b"/lib/libc.so.6";

/// Section 8 of the facts on formats: 3 rounds to open it and 2·depth + 3 for the walk, and for 1 GiB about 26 + 38 KB.
#[test]
fn a_cold_read_costs_few_rounds_and_bytes() {
    // Rounds, requests and bytes of opening, then of the look-up and the read.
    let cases = [
        ("overlaybd", DEEP, (1, 4, 32_768), (2, 2, 16_384)),
        ("overlaybd", LOWER, (1, 4, 32_768), (3, 3, 34_071)),
        ("overlaybd-64g", DEEP, (3, 7, 183_248), (1, 1, 8_192)),
        ("overlaybd-64g", LOWER, (3, 7, 183_248), (2, 2, 25_908)),
        ("overlaybd-zstd-bs16", DEEP, (1, 4, 32_768), (1, 1, 8_192)),
        ("overlaybd-zstd-bs16", LOWER, (1, 4, 32_768), (2, 2, 21_843)),
    ];
    for (folder, path, opening, reading) in cases {
        let memory = Memory::layout(&format!("formats/{folder}"));
        let source = Rc::new(Rounds::of(&memory));
        let target = Target::Tag(format!("test:{folder}"));
        let options = OpenOptions::default().verify(false);
        let image = block_on(Image::open(source.clone(), Rc::new(Plain), &target, options)).unwrap();
        memory.log();
        let (root, n) = source.count(image.stat(b"/", Follow::All));
        root.unwrap();
        let log = memory.log();
        assert_eq!((n, log.len(), bytes(&log)), opening, "{folder}: {log:#?}");
        let (data, n) = source.count(image.read_file(path, None));
        assert!(!data.unwrap().1.is_empty());
        let log = memory.log();
        assert_eq!((n, log.len(), bytes(&log)), reading, "{folder}: {log:#?}");
        // Again, from memory.
        block_on(image.read_file(path, None)).unwrap();
        assert_eq!(memory.log(), [""; 0], "{folder}");
    }
}

/// Two rounds: the metadata layers together, a span of gzip.
#[test]
fn turbooci_takes_two_rounds() {
    for (folder, layers, spans) in [
        (
            "turbooci-ext4",
            ["blob 0dfc781c", "blob ca7688b5"],
            ["range ad411b17 10-50538", "range 441a2049 190010-289114"],
        ),
        (
            "turbooci-erofs",
            ["blob 8eb901fd", "blob 4710e5b7"],
            ["range ad411b17 10-50538", "range 441a2049 190010-289114"],
        ),
    ] {
        let memory = Memory::layout(&format!("formats/{folder}"));
        let image = open(&memory, &format!("test:{folder}"), false);
        let (_, data) = block_on(image.read_file(LOWER, None)).unwrap();
        assert_eq!(data.len(), 69_000);
        assert_eq!(memory.log(), [&layers[..], &spans[..1]].concat(), "{folder}");
        let (stat, _) = block_on(image.read_file(b"/opt/xattr/file", None)).unwrap();
        assert_eq!(memory.log(), [spans[1]], "{folder}");
        let verified = (stat.verified.metadata, stat.verified.content);
        assert_eq!(verified, (MetadataCheck::LayerDigest, ContentCheck::None));
        // With verification: the original layer whole, once.
        let image = open(&memory, &format!("test:{folder}"), true);
        let (stat, _) = block_on(image.read_file(LOWER, None)).unwrap();
        assert_eq!(memory.log(), [&layers[..], &["blob ad411b17"]].concat(), "{folder}");
        let verified = (stat.verified.metadata, stat.verified.content);
        assert_eq!(verified, (MetadataCheck::LayerDigest, ContentCheck::LayerDigest));
        block_on(image.read_file(b"/bin/tool", None)).unwrap();
        assert_eq!(memory.log(), [""; 0], "{folder}");
    }
}

#[test]
fn without_consent_layers_are_fetched_whole() {
    let memory = Memory::layout("formats/overlaybd");
    let image = open(&memory, "test:overlaybd", true);
    let (stat, data) = block_on(image.read_file(LOWER, None)).unwrap();
    assert_eq!(data.len(), 69_000);
    assert_eq!(memory.log(), ["blob 7bc73666", "blob 6a21b1dd"]);
    let verified = (stat.verified.metadata, stat.verified.content);
    assert_eq!(verified, (MetadataCheck::LayerDigest, ContentCheck::LayerDigest));
    assert!(image.layers().iter().all(|l| l.read == ReadBy::Format(Format::OverlayBd)));
    // With it, by blocks, which have CRCs.
    let image = open(&memory, "test:overlaybd", false);
    let (stat, _) = block_on(image.read_file(LOWER, None)).unwrap();
    assert_eq!((stat.verified.metadata, stat.verified.content), (MetadataCheck::Crc, ContentCheck::Crc));

    // What is too large to be fetched whole says how to go on.
    let mut limits = Limits::default();
    limits.max_whole_layer_size = 50_000;
    for (folder, size) in [("overlaybd", "90112"), ("turbooci-ext4", "50538")] {
        let memory = Memory::layout(&format!("formats/{folder}"));
        let options = OpenOptions::default().limits(limits.clone());
        let image = block_on(memory.open(&format!("test:{folder}"), options)).unwrap();
        let e = block_on(image.read_file(LOWER, None)).unwrap_err();
        assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_whole_layer_size")));
        assert!(e.message().contains(size), "{e}");
        assert_eq!(e.remedies(), [Remedy::RaiseLimit(size.parse().unwrap()), Remedy::ReadUnverified]);
        let options = OpenOptions::default().limits(limits.clone()).verify(false);
        let image = block_on(memory.open(&format!("test:{folder}"), options)).unwrap();
        assert_eq!(block_on(image.read_file(LOWER, None)).unwrap().1.len(), 69_000);
    }
}

#[test]
fn those_who_ask_at_once_share_requests() {
    let memory = Memory::layout("formats/overlaybd");
    memory.slow();
    let image = open(&memory, "test:overlaybd", false);
    let names: Vec<_> =
        block_on(image.read_dir(b"/opt/many")).unwrap().into_iter().map(|stat| stat.path).collect();
    assert_eq!(names.len(), 200);
    let log = memory.log();
    // Opening it, the way to the directory, its block, its 200 inodes.
    assert!(log.len() <= 10, "{log:#?}");

    let image = open(&memory, "test:overlaybd", false);
    let stats = block_on(join_all(names.iter().map(|name| image.stat(name, Follow::All))));
    assert!(stats.iter().all(|stat| stat.is_ok()));
    let log = memory.log();
    assert!(log.len() <= 12, "{log:#?}");
}

#[test]
fn nothing_needs_the_cache() {
    let memory = Memory::layout("formats/overlaybd");
    let mut limits = Limits::default();
    limits.span_cache_size = 0;
    let options = OpenOptions::default().verify(false).limits(limits);
    let image = block_on(memory.open("test:overlaybd", options)).unwrap();
    let (_, data) = block_on(image.read_file(b"/opt/big.bin", None)).unwrap();
    let whole = open(&memory, "test:overlaybd", true);
    assert!(data == block_on(whole.read_file(b"/opt/big.bin", None)).unwrap().1);
    assert_eq!(block_on(image.read_dir(b"/opt/many")).unwrap().len(), 200);
    assert_eq!(image.cached_bytes(), 0);
}

/// A file that cannot change is hashed once, and then as good by ranges.
#[test]
fn what_is_at_hand_is_hashed_and_read_by_ranges() {
    for (folder, whole) in [
        ("overlaybd", &["stream 6a21b1dd", "stream 7bc73666"][..]),
        ("turbooci-ext4", &["blob 0dfc781c", "blob ca7688b5", "stream ad411b17"]),
    ] {
        for damaged in [false, true] {
            let memory = Memory::layout(&format!("formats/{folder}"));
            let mut source = Rounds::of(&memory);
            source.steady = true;
            let target = Target::Tag(format!("test:{folder}"));
            let mut options = OpenOptions::default();
            // It need not fit anywhere.
            options.limits.max_whole_layer_size = 1000;
            let image = block_on(Image::open(Rc::new(source), Rc::new(Plain), &target, options)).unwrap();
            memory.log();
            if damaged {
                memory.fault(|_, _, data| Ok([&data[..data.len() - 1], b"?"].concat().into()));
            }
            let read = block_on(image.read_file(LOWER, None));
            let mut log = memory.log();
            log.retain(|line| !line.starts_with("range"));
            log.sort();
            if damaged {
                assert_eq!(read.unwrap_err().code(), Code::DigestMismatch);
                continue;
            }
            assert_eq!(log, whole);
            let verified = read.unwrap().0.verified;
            let verified = (verified.metadata, verified.content);
            assert_eq!(verified, (MetadataCheck::LayerDigest, ContentCheck::LayerDigest));
            block_on(image.read_file(DEEP, None)).unwrap();
            assert!(memory.log().iter().all(|line| line.starts_with("range")));
        }
    }
}

/// Each answer about a range is damaged so often.
fn damage(memory: &Memory, times: usize) {
    let left = Rc::new(Cell::new(times));
    memory.fault(move |_, range, data| -> Result<_> {
        if left.get() == 0 || range.start == 0 {
            return Ok(data);
        }
        left.set(left.get() - 1);
        let mut data = data.to_vec();
        data[20] ^= 1;
        Ok(data.into())
    });
}

#[test]
fn damage_on_the_way_is_fetched_again() {
    for times in [1, usize::MAX] {
        let memory = Memory::layout("formats/overlaybd");
        let image = open(&memory, "test:overlaybd", false);
        block_on(image.stat(b"/", Follow::All)).unwrap();
        memory.log();
        damage(&memory, times);
        let result = block_on(image.read_file(LOWER, None));
        match times {
            1 => assert_eq!(result.unwrap().1.len(), 69_000),
            _ => {
                let e = result.unwrap_err();
                assert!(e.code() == Code::CorruptLayer && e.message().contains("CRC"), "{e}");
                assert_eq!(e.path(), Some(LOWER));
            }
        }
        assert!(image.stats().counters().retries > 0);
    }
}

/// An image of the fixture's layers, their annotations changed.
fn changed(folder: &str, change: impl Fn(&mut serde_json::Value)) -> (Memory, String) {
    let memory = Memory::layout(&format!("formats/{folder}"));
    let layout = crate::layout::Layout::open(folder);
    let mut manifest: serde_json::Value = serde_json::from_slice(&layout.manifest()).unwrap();
    change(&mut manifest);
    let digest = memory.add(serde_json::to_vec(&manifest).unwrap());
    memory.tag("changed", digest, media_type::OCI_MANIFEST);
    (memory, "changed".to_owned())
}

fn refusal(folder: &str, change: impl Fn(&mut serde_json::Value)) -> Error {
    let (memory, tag) = changed(folder, change);
    let image = match block_on(memory.open(&tag, OpenOptions::default())) {
        Ok(image) => image,
        Err(e) => return e,
    };
    block_on(image.read_file(LOWER, None)).unwrap_err()
}

#[test]
fn other_file_systems_and_layers_are_refused_by_name() {
    const NAME: &str = "containerd.io/snapshot/overlaybd/";
    for system in ["xfs", "ntfs"] {
        let e = refusal("overlaybd", |m| {
            m["layers"][0]["annotations"][format!("{NAME}blob-fs-type")] = system.into()
        });
        assert!(e.code() == Code::Unsupported && e.message().contains(system), "{e}");
    }
    let e = refusal("overlaybd", |m| drop(m["layers"][0].as_object_mut().unwrap().remove("annotations")));
    assert!(e.code() == Code::Unsupported && e.message().contains("not OverlayBD"), "{e}");
    let e = refusal("turbooci-ext4", |m| {
        m["layers"][0]["annotations"][format!("{NAME}turbo-oci/target-digest")] = "sha256:12".into();
    });
    assert_eq!(e.code(), Code::CorruptManifest, "{e}");
    // Layers that only say what to fetch first are not layers of the disk.
    for verify in [true, false] {
        let (memory, tag) = changed("overlaybd", |m| {
            let mut layer = m["layers"][0].clone();
            layer["digest"] = Digest::of(b"trace").to_string().into();
            layer["annotations"][format!("{NAME}acceleration-layer")] = "yes".into();
            m["layers"].as_array_mut().unwrap().push(layer);
        });
        let image = open(&memory, &tag, verify);
        assert_eq!(block_on(image.read_file(LOWER, None)).unwrap().1.len(), 69_000);
    }
}

/// A base layer of OverlayBD itself below layers of TurboOCI.
#[test]
fn both_kinds_may_be_in_one_image() {
    for verify in [true, false] {
        let native = crate::layout::Layout::open("overlaybd");
        let (memory, tag) = changed("turbooci-ext4", |m| {
            let base: serde_json::Value = serde_json::from_slice(&native.manifest()).unwrap();
            m["layers"].as_array_mut().unwrap().insert(0, base["layers"][0].clone());
        });
        memory.add(native.blob(&native.layers()[0].digest));
        let image = open(&memory, &tag, verify);
        assert_eq!(block_on(image.read_file(LOWER, None)).unwrap().1.len(), 69_000);
        assert_eq!(memory.log()[0], "blob 7bc73666");
    }
}

/// A disk as the only layer of an image.
fn image_of(disk: &[u8]) -> Memory {
    let mut segments: Vec<_> = disk.chunks(64 << 10).map(|part| Said::Data(part.to_vec())).collect();
    let segments: Vec<_> = segments.drain(..).enumerate().map(|(i, said)| (i as u64 * 128, said)).collect();
    let memory = Memory::default();
    let mut layer = memory.put(
        "application/vnd.oci.image.layer.v1.tar",
        tar(&zfile(&lsmt(disk.len() as u64, &segments), 4096, true)),
    );
    layer.annotations.insert("containerd.io/snapshot/overlaybd/blob-digest".into(), layer.digest.to_string());
    let config = memory.put("application/vnd.oci.image.config.v1+json", &b"{}"[..]);
    let describe = |d: &ocipeek::format::oci::Descriptor| {
        serde_json::json!({
            "mediaType": d.media_type, "digest": d.digest.to_string(), "size": d.size,
            "annotations": d.annotations.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect::<std::collections::BTreeMap<_, _>>(),
        })
    };
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": describe(&config), "layers": [describe(&layer)],
    });
    let digest = memory.add(serde_json::to_vec(&manifest).unwrap());
    memory.tag("disk", digest, media_type::OCI_MANIFEST);
    memory
}

async fn walk(image: &Image) -> Result<Vec<Vec<u8>>> {
    let (mut paths, mut walk) = (Vec::new(), image.walk(b"/", None));
    while let Some(stat) = walk.next().await? {
        paths.push(stat.path);
        assert!(paths.len() < 10_000, "it does not end");
    }
    Ok(paths)
}

#[test]
fn a_walk_ends_whatever_the_disk_says() {
    let good = crate::ext4::image("tiny");
    let image = open(&image_of(&good), "disk", false);
    let paths = block_on(walk(&image)).unwrap();
    assert!(paths.len() > 25 && paths.contains(&b"/dir/sub/sub".to_vec()), "{}", paths.len());
    assert_eq!(block_on(image.realpath(b"/links/../dir/./sub/../size-1")).unwrap(), b"/dir/size-1");
    // The record of dir/sub leads to the root, to dir, to dir/sub/sub's own parent.
    let at = good.windows(4).position(|w| w == b"sub\0").unwrap() - 8;
    let records: Vec<_> =
        (0..good.len() - 4).filter(|&at| good[at..].starts_with(b"sub\0")).map(|at| at - 8).collect();
    let sub = u32::from_le_bytes(good[at..at + 4].try_into().unwrap());
    for (record, inode) in [(records[0], 2), (records[1], 2), (records[1], sub)] {
        let mut disk = good.clone();
        disk[record..record + 4].copy_from_slice(&inode.to_le_bytes());
        for verify in [false, true] {
            let image = open(&image_of(&disk), "disk", verify);
            let e = block_on(walk(&image)).unwrap_err();
            assert!(e.code() == Code::CorruptLayer && e.message().contains("in itself"), "{e}");
        }
    }
}

/// A changed byte anywhere in a layer gives an error or the right bytes: CRCs cover all that is read.
#[test]
fn a_changed_byte_gives_no_wrong_one() {
    const FILES: [&[u8]; 4] = [DEEP, LOWER, b"/bin/tool", b"/opt/xattr/file"];
    let read = |memory: &Memory| -> Result<Vec<_>> {
        let image = open(memory, "test:overlaybd", false);
        FILES
            .iter()
            .map(|path| block_on(image.read_file(path, None)).map(|(stat, data)| (stat.xattrs, data)))
            .collect()
    };
    let good = read(&Memory::layout("formats/overlaybd")).unwrap();
    let (mut errors, mut right) = (0, 0);
    for layer in crate::layout::Layout::open("overlaybd").layers() {
        for at in (0..layer.size).step_by(layer.size as usize / 211) {
            let memory = Memory::layout("formats/overlaybd");
            let digest = layer.digest;
            memory.fault(move |blob, range, data| {
                let mut data = data.to_vec();
                if *blob == digest && range.contains(&at) {
                    data[(at - range.start) as usize] ^= 0x20;
                }
                Ok(data.into())
            });
            match read(&memory) {
                Ok(data) => {
                    assert!(data == good, "{at}");
                    right += 1;
                }
                Err(e) => {
                    assert!(matches!(e.code(), Code::CorruptLayer | Code::Unsupported), "{at}: {e}");
                    errors += 1;
                }
            }
        }
    }
    assert!(errors > 20 && right > 100, "{errors} {right}");
}
