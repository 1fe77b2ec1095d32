//! How eStargz and zstd:chunked layers are read: what is asked for once, again, together, and not at all.
#![cfg(all(not(target_arch = "wasm32"), feature = "estargz"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;

use futures_executor::block_on;
use futures_util::future::join;
use ocipeek::error::Code;
use ocipeek::format::lazy::{Format, FormatFound, Reader};
use ocipeek::format::oci::Digest;
use ocipeek::image::{ContentCheck, Image, MetadataCheck, OpenOptions, ReadBy};
use ocipeek::limits::Limits;
use ocipeek::source::Target;
use ocipeek::source::cache::MemoryCache;
use test_support::memory::Memory;

const FILE: &[u8] = b"/lib/libc.so.6";
const SHA256: &str = "8e57ee6715a3800d3c8e7e160d9b79441e559b694638ebea56cb88c73c381d8a";

fn open(memory: &Memory, tag: &str, options: OpenOptions) -> Image {
    block_on(memory.open(tag, options)).unwrap()
}

fn read(image: &Image) -> Digest {
    Digest::of(&block_on(image.read_file(FILE, None)).unwrap().1)
}

/// The image with its manifest changed by `change`, under the tag `changed`.
fn changed(folder: &str, tag: &str, change: impl Fn(&mut serde_json::Value)) -> Memory {
    let memory = Memory::layout(folder);
    let image = open(&memory, tag, OpenOptions::default());
    let mut manifest = serde_json::from_slice(&memory.blob_bytes(image.digest()).unwrap()).unwrap();
    change(&mut manifest);
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let new = memory.put(media_type, manifest.to_string().into_bytes());
    memory.tag("changed", new.digest, media_type);
    memory.log();
    memory
}

#[test]
fn readers_at_the_same_time_share_a_request() {
    let memory = Memory::layout("formats/zstdchunked-current");
    memory.slow();
    let image = open(&memory, "test:zstdchunked-current", OpenOptions::default());
    block_on(image.stat(FILE, ocipeek::image::Follow::All)).unwrap();
    memory.log();
    let (a, b) = block_on(join(image.read_file(FILE, None), image.read_file(FILE, Some(100..60_000))));
    assert_eq!(Digest::of(&a.unwrap().1).hex(), SHA256);
    assert_eq!(b.unwrap().1.len(), 59_900);
    assert_eq!(memory.log(), ["range d765dab2 35318-48599"]);
}

#[test]
fn a_part_costs_the_chunks_that_it_is_in() {
    let memory = Memory::layout("formats/zstdchunked-current");
    let image = open(&memory, "test:zstdchunked-current", OpenOptions::default());
    block_on(image.stat(FILE, ocipeek::image::Follow::All)).unwrap();
    memory.log();
    // The last one of the file's chunks.
    let (_, part) = block_on(image.read_file(FILE, Some(68_990..69_000))).unwrap();
    assert_eq!(part.len(), 10);
    assert_eq!(memory.log(), ["range d765dab2 44361-48599"]);
}

#[test]
fn a_stream_that_is_dropped_cancels_its_request() {
    let memory = Memory::layout("formats/zstdchunked-current");
    memory.chunks(&[1000]);
    let image = open(&memory, "test:zstdchunked-current", OpenOptions::default());
    let mut stream = block_on(image.read_stream(FILE, None)).unwrap();
    let before = memory.polled();
    block_on(stream.next()).unwrap().unwrap();
    drop(stream);
    assert_eq!(memory.cancelled(), 1);
    // The first chunk of it and no more.
    assert!(memory.polled() - before < 10_100, "{}", memory.polled() - before);
}

#[test]
fn a_cache_keeps_chunks_by_their_digests() {
    let cache = Rc::new(MemoryCache::new(16 << 20));
    let options = || OpenOptions::default().cache(cache.clone());
    for folder in ["zstdchunked-current", "estargz-minchunk"] {
        let memory = Memory::layout(&format!("formats/{folder}"));
        let tag = format!("test:{folder}");
        assert_eq!(read(&open(&memory, &tag, options())).hex(), SHA256);
        memory.log();
        assert_eq!(read(&open(&memory, &tag, options())).hex(), SHA256);
        // The TOCs, which are not kept, and nothing of the file.
        assert_eq!(memory.log().len(), 3, "{folder}");
    }
}

#[test]
fn what_is_damaged_once_is_fetched_once_more_and_twice_is_not_used() {
    for fails in [false, true] {
        // The TOC of the lower layer is looked for ahead, and again by whoever needs it.
        for (at, what, most) in [(40_000, "chunk", 2), (57_000, "TOC", 4)] {
            let times = if fails { most } else { 1 };
            let memory = Memory::layout("formats/zstdchunked-current");
            let left = Rc::new(Cell::new(times));
            let fault = left.clone();
            memory.fault(move |_, range, data| {
                let mut data = data.to_vec();
                // The lower layer alone is shorter than that.
                if range.contains(&at) && range.end < 70_000 && fault.get() > 0 {
                    fault.set(fault.get() - 1);
                    data[(at - range.start) as usize] ^= 1;
                }
                Ok(data.into())
            });
            let image = open(&memory, "test:zstdchunked-current", OpenOptions::default());
            let result = block_on(image.read_file(FILE, None));
            assert_eq!(left.get(), 0, "{what}");
            match fails {
                false => assert_eq!(Digest::of(&result.unwrap().1).hex(), SHA256, "{what}"),
                // The layer's own digest vouches for it as well as the TOC's would.
                true if what == "TOC" => {
                    assert_eq!(Digest::of(&result.unwrap().1).hex(), SHA256);
                    let lower = image.layers().remove(0);
                    assert!(lower.read == ReadBy::Whole && lower.set_aside.is_some(), "{lower:?}");
                }
                true => {
                    let code = result.err().unwrap().code();
                    assert!(matches!(code, Code::DigestMismatch | Code::CorruptLayer), "{what}: {code:?}");
                }
            }
        }
    }
}

/// Annotations as other tools leave them on layers that they compress anew, and what is said of those.
fn stale() -> Vec<(serde_json::Value, &'static str)> {
    let zero = format!("sha256:{}", "0".repeat(64));
    let chunked = |prefix: &str, position: &str, digest: &str| {
        let key = |name: &str| format!("{prefix}.zstd-chunked.{name}");
        let mut out = serde_json::Map::new();
        out.insert(key("manifest-position"), position.into());
        out.insert(key("manifest-checksum"), digest.into());
        out.insert(key("tarsplit-position"), "59489:3197:80391".into());
        out.into()
    };
    let estargz = |digest: &str| serde_json::json!({"containerd.io/snapshot/stargz/toc.digest": digest});
    let (now, before) = ("io.github.containers", "io.containers");
    vec![
        (chunked(now, "20000:3294:13740:1", &zero), "compressed anew"),
        (chunked(before, "20000:3294:13740:1", &zero), "compressed anew"),
        // Behind the layer's end, of another type, and not a position at all.
        (chunked(now, "99999999:3294:13740:1", &zero), "do not say where"),
        (chunked(now, "20000:3294:13740:7", &zero), "do not say where"),
        (chunked(now, "", &zero), "do not say where"),
        (chunked(now, "20000:3294:13740:1", "junk"), "do not say where"),
        (serde_json::json!({"io.github.containers.zstd-chunked.manifest-position": "1"}), "do not say where"),
        (estargz(&zero), "does not end as a layer with one"),
        (estargz("sha512:1"), "no digest"),
    ]
}

#[test]
fn annotations_that_do_not_fit_the_layer_are_set_aside_and_said() {
    for (folder, tag) in [("formats/plain-gzip", "test:gzip"), ("formats/plain-zstd", "t")] {
        for (annotations, why) in stale() {
            let memory = changed(folder, tag, |manifest| {
                for layer in manifest["layers"].as_array_mut().unwrap() {
                    layer["annotations"] = annotations.clone();
                }
            });
            let image = open(&memory, "changed", OpenOptions::default());
            assert_eq!(read(&image).hex(), SHA256, "{folder} {annotations}");
            for layer in image.layers() {
                assert_eq!(layer.read, ReadBy::Whole);
                let said = layer.set_aside.unwrap();
                assert!(said.contains(why), "{annotations}: {said}");
            }
            let verified = block_on(image.stat(FILE, ocipeek::image::Follow::All)).unwrap().verified;
            assert_eq!(verified.metadata, MetadataCheck::LayerDigest);
            assert_eq!((verified.content, verified.index), (ContentCheck::LayerDigest, None));
            // Of each layer: what was to be its TOC, at most twice, or its end; and all of it.
            let log = memory.log();
            assert!(log.iter().filter(|l| l.starts_with("range")).count() <= 4, "{log:?}");
            assert_eq!(log.iter().filter(|l| l.starts_with("stream")).count(), 2, "{log:?}");
            // Who names the format is told that the layer is not in it.
            if why == "compressed anew" {
                let reader = Reader::Format(Format::ZstdChunked);
                let image = open(&memory, "changed", OpenOptions::default().reader(reader));
                let e = block_on(image.read_file(FILE, None)).err().unwrap();
                assert_eq!(e.code(), Code::DigestMismatch);
            }
        }
    }
}

/// What is over the limit for layers that are fetched whole is then read as a plain layer of that kind is.
#[cfg(feature = "zstd-stream")]
#[test]
fn a_large_layer_with_annotations_that_do_not_fit_is_streamed() {
    for (annotations, _) in stale() {
        let memory = changed("formats/plain-zstd", "t", |manifest| {
            manifest["layers"][1]["annotations"] = annotations.clone();
        });
        let mut limits = Limits::default();
        limits.max_whole_layer_size = 100_000;
        let image = open(&memory, "changed", OpenOptions::default().limits(limits));
        assert_eq!(read(&image).hex(), SHA256);
        assert!(image.layers()[1].set_aside.is_some());
        assert_eq!(image.layers()[1].read, ReadBy::Format(Format::Zstd));
    }
}

#[test]
fn a_wrong_digest_in_the_manifest_is_told() {
    let memory = changed("formats/estargz", "esgz", |manifest| {
        for layer in manifest["layers"].as_array_mut().unwrap() {
            layer["annotations"]["containerd.io/snapshot/stargz/toc.digest"] =
                format!("sha256:{}", "0".repeat(64)).into();
        }
    });
    let image = open(&memory, "changed", OpenOptions::default());
    assert_eq!(read(&image).hex(), SHA256);
    assert!(image.layers().iter().all(|l| l.read == ReadBy::Whole && l.set_aside.is_some()));
    let reader = Reader::Format(Format::Estargz);
    let image = open(&memory, "changed", OpenOptions::default().reader(reader));
    let e = block_on(image.read_file(FILE, None)).err().unwrap();
    assert_eq!(e.code(), Code::DigestMismatch);
    assert!(e.digest().is_some());
}

#[test]
fn a_footer_that_nothing_vouches_for_is_used_only_when_asked_for_unverified() {
    let strip = |manifest: &mut serde_json::Value| {
        for layer in manifest["layers"].as_array_mut().unwrap() {
            layer["annotations"] = serde_json::json!({});
        }
    };
    let memory = changed("formats/estargz", "esgz", strip);
    for (reader, verify, lazy) in [
        (Reader::Auto, true, false),
        (Reader::Auto, false, false),
        (Reader::Format(Format::Estargz), true, false),
        (Reader::Format(Format::Estargz), false, true),
    ] {
        let image = open(&memory, "changed", OpenOptions::default().reader(reader).verify(verify));
        assert_eq!(read(&image).hex(), SHA256);
        let layer = image.layers().remove(0);
        assert_eq!(layer.read == ReadBy::Format(Format::Estargz), lazy, "{reader:?} {verify}");
        if lazy {
            assert_eq!(layer.format, Some((Format::Estargz, FormatFound::Named)));
            let verified = block_on(image.stat(FILE, ocipeek::image::Follow::All)).unwrap().verified;
            assert_eq!((verified.metadata, verified.content), (MetadataCheck::None, ContentCheck::None));
        }
    }
}

#[test]
fn tocs_in_another_image_are_found_by_tag_only() {
    let memory = Memory::layout("formats/estargz-external-toc");
    let tagged = open(&memory, "test:estargz-external-toc", OpenOptions::default());
    let target = Target::Digest(*tagged.digest());
    let image = block_on(memory.open_target(&target, OpenOptions::default())).unwrap();
    assert_eq!(read(&image).hex(), SHA256);
    assert!(image.layers().iter().all(|l| l.read == ReadBy::Whole));
    assert_eq!(
        block_on(image.stat(FILE, ocipeek::image::Follow::All)).unwrap().verified.content,
        ContentCheck::LayerDigest
    );
    // A digest with a tag beside it is as good, whoever moved the tag since.
    for (tag, lazy) in [("test:estargz-external-toc", true), ("another", false)] {
        let options = OpenOptions::default().tag(tag.into());
        let image = block_on(memory.open_target(&target, options)).unwrap();
        assert_eq!(read(&image).hex(), SHA256);
        assert!(image.layers().iter().any(|l| l.read == ReadBy::Format(Format::Estargz)) == lazy, "{tag}");
    }
}

/// The image of the tag holds TOCs of others' making, or cannot be had, or what it lists cannot.
#[test]
fn a_toc_that_somebody_else_made_is_set_aside() {
    const TAG: &str = "test:estargz-external-toc";
    let tocs = |change: &dyn Fn(&mut serde_json::Value)| {
        let memory = Memory::layout("formats/estargz-external-toc");
        let target = Target::Tag(format!("{TAG}-esgztoc"));
        let raw = block_on(ocipeek::source::Source::manifest(&memory, &target)).unwrap();
        let mut manifest = serde_json::from_slice(&raw.bytes).unwrap();
        change(&mut manifest);
        let new = memory.put(&raw.media_type, manifest.to_string().into_bytes());
        memory.tag(&format!("{TAG}-esgztoc"), new.digest, &raw.media_type);
        (memory, new.digest)
    };
    let (exchanged, _) = tocs(&|manifest| {
        let layers = manifest["layers"].as_array_mut().unwrap();
        let annotations = layers[0]["annotations"].take();
        layers[0]["annotations"] = layers[1]["annotations"].take();
        layers[1]["annotations"] = annotations;
    });
    let (none, _) = tocs(&|manifest| manifest["layers"] = serde_json::json!([]));
    let (busy, digest) = tocs(&|_| {});
    busy.fault(move |asked, _, data| match *asked == digest {
        true => Err(ocipeek::error::Error::new(Code::RateLimited, "slow down")),
        false => Ok(data),
    });
    for (memory, why) in
        [(exchanged, "does not have its digest"), (none, "nor elsewhere"), (busy, "slow down")]
    {
        let image = open(&memory, TAG, OpenOptions::default());
        assert_eq!(read(&image).hex(), SHA256, "{why}");
        for layer in image.layers() {
            assert_eq!(layer.read, ReadBy::Whole, "{why}");
            let said = layer.set_aside.unwrap();
            assert!(said.contains(why), "{said}");
        }
        let verified = block_on(image.stat(FILE, ocipeek::image::Follow::All)).unwrap().verified;
        assert_eq!((verified.metadata, verified.index), (MetadataCheck::LayerDigest, None));
    }
}

#[test]
fn soci_reads_what_is_in_a_format_as_it_is() {
    let memory = Memory::layout("formats/estargz");
    let options = OpenOptions::default().reader(Reader::Soci);
    let image = open(&memory, "esgz", options);
    assert_eq!(read(&image).hex(), SHA256);
    assert!(image.layers().iter().all(|l| l.read == ReadBy::Whole));
    // As it is: the TOC and the landmark are files.
    assert!(block_on(image.stat(b"/stargz.index.json", ocipeek::image::Follow::All)).is_ok());
}

#[test]
fn limits_come_before_what_they_bound() {
    let memory = Memory::layout("formats/zstdchunked-current");
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    };
    for (limits, name) in [
        (with(|l| l.max_metadata_size = 1000), "max_metadata_size"),
        (with(|l| l.max_entries = 5), "max_entries"),
        (with(|l| l.max_span_size = 100), "max_span_size"),
        (with(|l| l.max_spans = 3), "max_spans"),
    ] {
        let image = open(&memory, "test:zstdchunked-current", OpenOptions::default().limits(limits));
        let e = block_on(image.read_file(FILE, None)).err().unwrap();
        assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some(name)));
    }
}

#[test]
fn a_plain_zstd_layer_over_the_limit_says_its_size_and_what_helps() {
    let memory = Memory::layout("formats/plain-zstd");
    let mut limits = Limits::default();
    limits.max_whole_layer_size = 100_000;
    limits.max_streamed_layer_size = 100_000;
    for (reader, limit) in [(Reader::Auto, "max_streamed_layer_size"), (Reader::Soci, "max_whole_layer_size")]
    {
        let image = open(&memory, "t", OpenOptions::default().reader(reader).limits(limits.clone()));
        let e = block_on(image.read_file(FILE, None)).err().unwrap();
        assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some(limit)));
        assert!(e.to_string().contains("316607 bytes") && e.to_string().contains("zstd:chunked"), "{e}");
    }
    // Told before anything of it is fetched.
    assert_eq!(memory.log().iter().filter(|l| l.starts_with("stream")).count(), 0);
}
