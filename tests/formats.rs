//! Images in the other lazy formats, made by their own tools (see the fixtures' README), read whole and file by file.
//! Each layout is one line of `LAYOUTS`.
#![cfg(all(not(target_arch = "wasm32"), feature = "formats"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use futures_executor::block_on;
use ocipeek::format::lazy::{Format, Reader};
use ocipeek::format::oci::Digest;
use ocipeek::format::tar::Kind;
use ocipeek::image::{ContentCheck, FileStat, Image, MetadataCheck, OpenOptions, ReadBy};
use serde_json::Value;
use test_support::memory::Memory;

/// One layout, and what is to be true of it.
struct Layout {
    folder: &'static str,
    /// How its layers are read.
    read: ReadBy,
    verify: bool,
    metadata: MetadataCheck,
    content: ContentCheck,
    /// What the format, or its tool, does not keep.
    loses: &'static [Loss],
    /// Requests of opening it and reading one file, as the fixture's source logs them.
    cold: &'static [&'static str],
}

/// What a format does not keep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Which of a file's names was the first.
    HardLinks,
    /// That there is no `lost+found`, which mke2fs makes in each ext4 file system.
    LostAndFound,
}

const fn chunked(folder: &'static str, format: Format, cold: &'static [&'static str]) -> Layout {
    Layout {
        folder,
        read: ReadBy::Format(format),
        verify: true,
        metadata: MetadataCheck::TocDigest,
        content: ContentCheck::ChunkDigest,
        loses: &[],
        cold,
    }
}

/// A disk or its metadata, fetched whole and verified: `blobs`, then the original layer where TurboOCI needs one.
const fn whole(folder: &'static str, format: Format, cold: &'static [&'static str]) -> Layout {
    Layout {
        metadata: MetadataCheck::LayerDigest,
        content: ContentCheck::LayerDigest,
        loses: &[Loss::LostAndFound],
        ..chunked(folder, format, cold)
    }
}

/// A disk read block by block: ext4 does not tell which of a file's names was the first.
const fn blocks(folder: &'static str, cold: &'static [&'static str]) -> Layout {
    Layout {
        verify: false,
        metadata: MetadataCheck::Crc,
        content: ContentCheck::Crc,
        loses: &[Loss::LostAndFound, Loss::HardLinks],
        ..chunked(folder, Format::OverlayBd, cold)
    }
}

const LAYOUTS: &[Layout] = &[
    whole("overlaybd", Format::OverlayBd, &["manifest test:overlaybd", "blob 7bc73666", "blob 6a21b1dd"]),
    whole(
        "overlaybd-64g",
        Format::OverlayBd,
        &["manifest test:overlaybd-64g", "blob a9536762", "blob 10306693"],
    ),
    whole(
        "overlaybd-zstd-bs16",
        Format::OverlayBd,
        &["manifest test:overlaybd-zstd-bs16", "blob 43b040e9", "blob 8f766501"],
    ),
    // Their rounds are counted in tests/overlaybd/lazy.rs.
    blocks(
        "overlaybd",
        &[
            "manifest test:overlaybd",
            "range 7bc73666 0-8192",
            "range 7bc73666 81920-90112",
            "range 6a21b1dd 0-8192",
            "range 6a21b1dd 621056-629248",
            "range 6a21b1dd 8977-17169",
            "range 6a21b1dd 54698-62890",
            "range 6a21b1dd 54768-72455",
        ],
    ),
    blocks(
        "overlaybd-64g",
        &[
            "manifest test:overlaybd-64g",
            "range a9536762 0-8192",
            "range a9536762 699904-708096",
            "range a9536762 628000-699904",
            "range 10306693 0-8192",
            "range 10306693 1188352-1196544",
            "range 10306693 1117968-1188352",
            "range 10306693 9611-17803",
            "range 10306693 64129-72321",
            "range 10306693 64129-81845",
        ],
    ),
    blocks(
        "overlaybd-zstd-bs16",
        &[
            "manifest test:overlaybd-zstd-bs16",
            "range 43b040e9 0-8192",
            "range 43b040e9 51712-59904",
            "range 8f766501 0-8192",
            "range 8f766501 369664-377856",
            "range 8f766501 39259-47451",
            "range 8f766501 39397-53048",
        ],
    ),
    whole(
        "turbooci-ext4",
        Format::TurboOci,
        &["manifest test:turbooci-ext4", "blob 0dfc781c", "blob ca7688b5", "blob ad411b17"],
    ),
    Layout {
        loses: &[],
        ..whole(
            "turbooci-erofs",
            Format::TurboOci,
            &["manifest test:turbooci-erofs", "blob 8eb901fd", "blob 4710e5b7", "blob ad411b17"],
        )
    },
    Layout {
        verify: false,
        content: ContentCheck::None,
        ..whole(
            "turbooci-ext4",
            Format::TurboOci,
            &["manifest test:turbooci-ext4", "blob 0dfc781c", "blob ca7688b5", "range ad411b17 10-50538"],
        )
    },
    Layout {
        verify: false,
        content: ContentCheck::None,
        loses: &[],
        ..whole(
            "turbooci-erofs",
            Format::TurboOci,
            &["manifest test:turbooci-erofs", "blob 8eb901fd", "blob 4710e5b7", "range ad411b17 10-50538"],
        )
    },
    chunked(
        "estargz",
        Format::Estargz,
        &["manifest esgz", "range 0dde0c9b 255894-321430", "range 25b9b9d1 0-57263"],
    ),
    chunked(
        "estargz-64k",
        Format::Estargz,
        &["manifest esgz64k", "range ce64fc64 257982-323518", "range 0b5acd6a 0-57448"],
    ),
    chunked(
        "estargz-minchunk",
        Format::Estargz,
        &["manifest test:estargz-minchunk", "range 7f0ff6d9 241767-307303", "range ab413d92 0-54593"],
    ),
    chunked(
        "estargz-external-toc",
        Format::Estargz,
        &[
            "manifest test:estargz-external-toc",
            "range e96f008d 247583-313119",
            "range 93cd55e6 0-55906",
            "manifest test:estargz-external-toc-esgztoc",
            "blob bc32e45e",
            "blob 537f9e41",
        ],
    ),
    chunked(
        "zstdchunked-stargz",
        Format::ZstdChunked,
        &[
            "manifest zstdchunked",
            "range a891f10d 337129-350817",
            "range 2f85299a 57814-60914",
            "range 2f85299a 36935-51016",
        ],
    ),
    chunked(
        "zstdchunked-skopeo19",
        Format::ZstdChunked,
        &[
            "manifest t",
            "range c4eea8db 319279-332766",
            "range deb8899d 55542-58785",
            "range deb8899d 35543-48251",
        ],
    ),
    chunked(
        "zstdchunked-current",
        Format::ZstdChunked,
        &[
            "manifest test:zstdchunked-current",
            "range 3535f25d 342555-356121",
            "range d765dab2 56187-59481",
            "range d765dab2 35318-48599",
        ],
    ),
    Layout {
        read: ReadBy::Whole,
        metadata: MetadataCheck::LayerDigest,
        content: ContentCheck::LayerDigest,
        ..chunked(
            "plain-gzip",
            Format::Estargz,
            &["manifest test:gzip", "stream 441a2049", "stream ad411b17"],
        )
    },
    Layout {
        read: ReadBy::Whole,
        metadata: MetadataCheck::LayerDigest,
        content: ContentCheck::LayerDigest,
        ..chunked("plain-zstd", Format::Estargz, &["manifest t", "stream 11df1b85", "stream fcdddea3"])
    },
    nydus("nydus-v5", &["manifest test:nydus-v5", "blob 9f7c9711", "range ff0252a5 34537-48330"]),
    nydus("nydus-v5-lz4", &["manifest test:nydus-v5-lz4", "blob fec23191", "range 35c55b1b 40845-57070"]),
    nydus("nydus-v6", &["manifest test:nydus-v6", "blob 99aa5c0f", "range 650f3c50 34537-48330"]),
    nydus("nydus-v6-lz4", &["manifest test:nydus-v6-lz4", "blob 0f87201a", "range 313d5216 40845-57070"]),
    nydus("nydus-v6-batch", &["manifest test:nydus-v6-batch", "blob b5ab7908", "range 8ca91ef9 0-49409"]),
    nydus("nydus-v6-zran", &["manifest test:nydus-v6-zran", "blob 05b25646", "range ad411b17 10-50522"]),
];

const fn nydus(folder: &'static str, cold: &'static [&'static str]) -> Layout {
    Layout {
        read: ReadBy::Format(Format::Nydus),
        metadata: MetadataCheck::LayerDigest,
        ..chunked(folder, Format::Nydus, cold)
    }
}

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/formats/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn tag(folder: &str) -> String {
    fixture("INDEX.json")[folder]["images"][0]["tag"].as_str().unwrap().to_owned()
}

fn open(memory: &Memory, layout: &Layout) -> Image {
    let options = OpenOptions::default().verify(layout.verify);
    block_on(memory.open(&tag(layout.folder), options)).unwrap()
}

fn walk(image: &Image) -> BTreeMap<Vec<u8>, FileStat> {
    block_on(async {
        let mut all = BTreeMap::new();
        let mut walk = image.walk(b"/", None);
        while let Some(stat) = walk.next().await.unwrap() {
            all.insert(stat.path[1..].to_vec(), stat);
        }
        all
    })
}

fn text(v: &Value, key: &str) -> Vec<u8> {
    v[key].as_str().unwrap_or_default().as_bytes().to_vec()
}

/// Compares what is shown of a path with what is expected of it.
fn compare(stat: &FileStat, v: &Value, layout: &Layout) {
    let path = String::from_utf8_lossy(&stat.path).into_owned();
    let kind = match v["type"].as_str().unwrap() {
        "reg" => Kind::Regular,
        "dir" => Kind::Directory,
        "symlink" => Kind::Symlink,
        "fifo" => Kind::Fifo,
        "char" => Kind::CharDevice,
        "block" => Kind::BlockDevice,
        other => panic!("{other}"),
    };
    assert_eq!(stat.kind, kind, "{path}");
    let first = v["hardlink_of"].as_str().map(|path| format!("/{path}").into_bytes());
    if !layout.loses.contains(&Loss::HardLinks) {
        assert_eq!(stat.hardlink_of, first, "{path}");
    }
    assert_eq!(u64::from(stat.mode), v["mode"].as_u64().unwrap(), "{path}");
    assert_eq!((stat.uid, stat.gid), (v["uid"].as_u64().unwrap(), v["gid"].as_u64().unwrap()), "{path}");
    assert_eq!(stat.mtime.expect(&path).secs, v["mtime"].as_i64().unwrap(), "{path}");
    if kind == Kind::Symlink {
        assert_eq!(stat.link_name.as_deref(), Some(&*text(v, "link")), "{path}");
    }
    if matches!(kind, Kind::CharDevice | Kind::BlockDevice) {
        let device = (v["dev"][0].as_u64().unwrap(), v["dev"][1].as_u64().unwrap());
        assert_eq!((stat.dev_major, stat.dev_minor), device, "{path}");
    }
    let hex =
        |s: &str| (0..s.len()).step_by(2).map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap()).collect();
    let wanted: BTreeMap<Vec<u8>, Vec<u8>> = v["xattrs_hex"].as_object().map_or_else(BTreeMap::new, |map| {
        map.iter().map(|(k, v)| (k.as_bytes().to_vec(), hex(v.as_str().unwrap()))).collect()
    });
    assert_eq!(stat.xattrs.iter().cloned().collect::<BTreeMap<_, _>>(), wanted, "{path}");
    assert_eq!((stat.verified.metadata, stat.verified.content), (layout.metadata, layout.content), "{path}");
    if kind == Kind::Regular {
        assert_eq!(stat.size, v["size"].as_u64().unwrap(), "{path}");
    }
}

#[test]
fn every_file_of_every_layout_is_as_expected() {
    let expected = fixture("expected.json");
    let expected: BTreeMap<Vec<u8>, Value> =
        expected["merged"].as_array().unwrap().iter().map(|v| (text(v, "path"), v.clone())).collect();
    for layout in LAYOUTS {
        println!("{}", layout.folder);
        let memory = Memory::layout(&format!("formats/{}", layout.folder));
        memory.chunks(&[1000, 7, 40_000]);
        let image = open(&memory, layout);
        let mut shown = walk(&image);
        if layout.loses.contains(&Loss::LostAndFound) {
            assert_eq!(shown.remove(&b"lost+found"[..]).unwrap().kind, Kind::Directory);
        }
        let names = |of: Vec<&Vec<u8>>| {
            of.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(shown.keys().collect()), names(expected.keys().collect()));
        let mut files = 0;
        for (path, v) in &expected {
            let stat = &shown[path];
            compare(stat, v, layout);
            let Some(hash) = v["sha256"].as_str() else { continue };
            files += 1;
            let (_, data) = block_on(image.read_file(&stat.path, None)).unwrap();
            assert_eq!(Digest::of(&data).hex(), hash, "{}", String::from_utf8_lossy(path));
            // A part out of the middle, and the end.
            let len = data.len() as u64;
            for range in [len / 3..len / 2, len.saturating_sub(3)..len + 5] {
                let (_, part) = block_on(image.read_file(&stat.path, Some(range.clone()))).unwrap();
                assert!(part == data[range.start as usize..range.end.min(len) as usize], "{range:?}");
            }
        }
        assert!(files >= 266, "{files}");
        for info in image.layers() {
            assert_eq!(info.read, layout.read, "{}", layout.folder);
        }
    }
}

/// What is read of each layout: a file of the lower layer, which the upper one does not touch.
const COLD: &str = "/lib/libc.so.6";

/// Section 8 of the facts on formats: rounds after the manifest are two where the TOC's place is known or guessed.
#[test]
fn a_cold_read_costs_what_it_must() {
    for layout in LAYOUTS {
        let memory = Memory::layout(&format!("formats/{}", layout.folder));
        let image = open(&memory, layout);
        let (_, data) = block_on(image.read_file(COLD.as_bytes(), None)).unwrap();
        assert_eq!(data.len(), 69_000);
        let log = memory.log();
        assert_eq!(log, layout.cold, "{}", layout.folder);
        // Again, and a part of it: nothing more.
        block_on(image.read_file(COLD.as_bytes(), Some(5..50))).unwrap();
        assert_eq!(memory.log(), [""; 0], "{}", layout.folder);
    }
}

/// Where a digest vouches for what is read, bytes that were changed on the way give an error or what was meant, never
/// something else. Every blob of every layout, at places all over it: `OCIPEEK_PLACES` of each blob, 8 where it is not set.
#[test]
fn changed_bytes_give_an_error_or_the_right_bytes() {
    let places: u64 = std::env::var("OCIPEEK_PLACES").map_or(8, |n| n.parse().unwrap());
    let mut failed = 0;
    let expected = fixture("expected.json");
    let files: Vec<_> =
        expected["merged"].as_array().unwrap().iter().filter(|v| v["type"] == "reg").collect();
    for layout in LAYOUTS.iter().filter(|l| l.content != ContentCheck::Crc && l.content != ContentCheck::None)
    {
        let folder = format!("formats/{}", layout.folder);
        let memory = Memory::layout(&folder);
        let blobs: Vec<_> = open(&memory, layout).manifest().layers.clone();
        let (mut right, mut wrong) = (0, 0);
        for blob in &blobs {
            for place in 0..places {
                // The ends, where metadata is, and evenly in between; any bit.
                let at = match place {
                    0..2 => place * 7,
                    2..6 => blob.size - 1 - (place - 2) * 137,
                    _ => (blob.size * place / places + place).min(blob.size - 1),
                };
                let digest = blob.digest;
                memory.fault(move |asked, range, data| {
                    let mut data = data.to_vec();
                    if *asked == digest && range.contains(&at) {
                        data[(at - range.start) as usize] ^= 1 << (place % 8);
                    }
                    Ok(data.into())
                });
                let image = open(&memory, layout);
                for v in files.iter().skip(place as usize % 47).step_by(47) {
                    match block_on(image.read_file(&[b"/", &*text(v, "path")].concat(), None)) {
                        Ok((_, data)) => {
                            assert_eq!(
                                Digest::of(&data).hex(),
                                v["sha256"].as_str().unwrap(),
                                "{folder} {at}"
                            );
                            right += 1;
                        }
                        Err(_) => wrong += 1,
                    }
                }
            }
        }
        println!("{folder}: {right} reads were right, {wrong} failed");
        failed += wrong;
    }
    assert!(failed > 100, "{failed}");
}

/// Tools that push both gzip and zstd:chunked list them side by side, gzip first: the reader that is named finds its own.
#[test]
fn zstd_chunked_beside_gzip_in_an_index_is_found_by_name() {
    let memory = Memory::layout("formats/zstdchunked-current");
    let gzip = Memory::layout("formats/plain-gzip");
    let options = |reader| OpenOptions::default().reader(reader).platform("linux/amd64".parse().unwrap());
    let mut entries = Vec::new();
    for (of, folder, zstd) in [(&gzip, "plain-gzip", false), (&memory, "zstdchunked-current", true)] {
        let image = block_on(of.open(&tag(folder), OpenOptions::default())).unwrap();
        let bytes = of.blob_bytes(image.digest()).unwrap();
        for blob in image.manifest().layers.iter().chain([&image.manifest().config]) {
            memory.add(of.blob_bytes(&blob.digest).unwrap());
        }
        let at = memory.put("application/vnd.oci.image.manifest.v1+json", bytes);
        let mut entry = serde_json::json!({
            "mediaType": at.media_type, "digest": at.digest.to_string(), "size": at.size,
            "platform": { "os": "linux", "architecture": "amd64" },
        });
        if zstd {
            entry["annotations"] = serde_json::json!({ "io.github.containers.compression.zstd": "true" });
        }
        entries.push(entry);
    }
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = serde_json::json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries });
    let index = memory.put(media_type, index.to_string().into_bytes());
    memory.tag("both", index.digest, media_type);
    for (reader, read) in [
        (Reader::Auto, ReadBy::Whole),
        (Reader::Format(Format::ZstdChunked), ReadBy::Format(Format::ZstdChunked)),
    ] {
        let image = block_on(memory.open("both", options(reader))).unwrap();
        assert_eq!(image.layers()[0].read, read);
        assert_eq!(block_on(image.read_file(COLD.as_bytes(), None)).unwrap().1.len(), 69_000);
    }
}
