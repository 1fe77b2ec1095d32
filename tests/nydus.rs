//! Nydus images that are not as nydus-image makes them, or not where one looks first.
#![cfg(all(not(target_arch = "wasm32"), feature = "nydus"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use ocipeek::error::{Code, Error, Remedy, Result};
use ocipeek::format::lazy::{Format, FormatFound, Reader};
use ocipeek::format::nydus::Bundle;
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::image::{
    ContentCheck, Image, IndexVoucher, ManifestCheck, MetadataCheck, OpenOptions, ReadBy, SociChoice,
};
use ocipeek::limits::Limits;
use ocipeek::source::Target;
use serde_json::{Value, json};
use test_support::memory::{Kept, Memory, Plain, agreed};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const NYDUS: &str = "application/vnd.nydus.image.manifest.v1+json";

/// A layout's image, to be changed.
struct Changed {
    memory: Memory,
    manifest: Value,
    bundle: Bundle,
}

fn layout(name: &str) -> (Memory, Descriptor) {
    let memory = Memory::layout(&format!("formats/{name}"));
    let root = format!("{}/tests/fixtures/formats/{name}/index.json", env!("CARGO_MANIFEST_DIR"));
    let index: Value = serde_json::from_slice(&std::fs::read(root).unwrap()).unwrap();
    let digest: Digest = index["manifests"][0]["digest"].as_str().unwrap().parse().unwrap();
    let size = memory.blob_bytes(&digest).unwrap().len() as u64;
    (memory, Descriptor::new(MANIFEST, digest, size))
}

impl Changed {
    fn of(name: &str) -> Changed {
        let (memory, image) = layout(name);
        let manifest: Value = serde_json::from_slice(&memory.blob_bytes(&image.digest).unwrap()).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        let layer = layers.last().unwrap()["digest"].as_str().unwrap().parse().unwrap();
        let bundle = Bundle::of_layer(memory.blob_bytes(&layer).unwrap(), &Limits::default()).unwrap();
        Changed { memory, manifest, bundle }
    }

    /// Bytes of the bootstrap.
    fn patch(&mut self, at: usize, bytes: &[u8]) {
        let mut boot = self.bundle.boot.to_vec();
        boot[at..at + bytes.len()].copy_from_slice(bytes);
        self.bundle.boot = boot.into();
    }

    /// Puts the bootstrap's layer together anew, as a plain tar, and the image as `changed`.
    fn tag(&mut self) {
        self.tag_as("image/image.boot");
    }

    fn tag_as(&mut self, name: &str) {
        let mut tar = entry(name, &self.bundle.boot);
        for (digest, meta) in &self.bundle.metas {
            tar.extend(entry(&format!("image/{}.blob.meta", digest.hex()), meta));
        }
        tar.extend([0; 1024]);
        let layer = self.memory.put("application/vnd.oci.image.layer.v1.tar", tar);
        let last = self.manifest["layers"].as_array_mut().unwrap().last_mut().unwrap();
        last["mediaType"] = json!(layer.media_type);
        last["digest"] = json!(layer.digest.to_string());
        last["size"] = json!(layer.size);
        let manifest = self.memory.put(MANIFEST, self.manifest.to_string());
        self.memory.tag("changed", manifest.digest, MANIFEST);
    }

    fn open(&mut self) -> Image {
        self.tag();
        open(&self.memory, "changed", Reader::Auto).unwrap()
    }
}

/// An entry of a tar.
fn entry(name: &str, data: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    block[148..156].fill(b' ');
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block.extend_from_slice(data);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

fn open(memory: &Memory, tag: &str, reader: Reader) -> Result<Image> {
    block_on(memory.open(tag, agreed().reader(reader)))
}

fn read(image: &Image, path: &str) -> Result<Bytes> {
    block_on(image.read_file(path.as_bytes(), None)).map(|(_, data)| data)
}

fn sha(path: &str) -> String {
    let root = format!("{}/tests/fixtures/formats/expected.json", env!("CARGO_MANIFEST_DIR"));
    let expected: Value = serde_json::from_slice(&std::fs::read(root).unwrap()).unwrap();
    let all = expected["merged"].as_array().unwrap();
    let file = all.iter().find(|v| v["path"] == path[1..]).unwrap();
    file["sha256"].as_str().unwrap().to_owned()
}

const FILE: &str = "/lib/libc.so.6";

#[test]
fn contexts_that_the_bootstrap_lacks_come_from_the_blobs() {
    // Entries and header lie one behind the other, of zran in the blob that is beside the OCI layer.
    for (name, ranges) in [
        ("nydus-v6-batch", ["range 8ca91ef9 49921-54430", "range 6bebccb9 306779-311749"]),
        ("nydus-v6-zran", ["range 2ac20993 0-4633", "range 4f54b710 0-13267"]),
    ] {
        let mut changed = Changed::of(name);
        changed.bundle.metas.clear();
        let image = changed.open();
        changed.memory.log();
        assert_eq!(Digest::of(&read(&image, FILE).unwrap()).hex(), sha(FILE), "{name}");
        let log = changed.memory.log();
        assert_eq!(log[1..3], ranges, "{name}: {log:?}");
        assert_eq!(log.len(), 4, "{name}: {log:?}");
    }
    // Native blobs do without.
    let mut changed = Changed::of("nydus-v6-lz4");
    changed.bundle.metas.clear();
    let image = changed.open();
    changed.memory.log();
    assert_eq!(Digest::of(&read(&image, FILE).unwrap()).hex(), sha(FILE));
    assert_eq!(changed.memory.log()[1..], ["range 313d5216 40845-57070"]);
}

#[test]
fn the_first_converters_called_the_bootstrap_otherwise() {
    let mut changed = Changed::of("nydus-v5");
    changed.tag_as("./image.boot");
    let image = open(&changed.memory, "changed", Reader::Auto).unwrap();
    assert_eq!(Digest::of(&read(&image, FILE).unwrap()).hex(), sha(FILE));
}

#[test]
fn small_files_cost_one_request() {
    let (memory, _) = layout("nydus-v6-batch");
    let image = open(&memory, "test:nydus-v6-batch", Reader::Auto).unwrap();
    for path in ["/bin/tool", "/lib/libc.so.6", "/etc/os-release", "/etc/passwd"] {
        assert_eq!(Digest::of(&read(&image, path).unwrap()).hex(), sha(path));
    }
    assert_eq!(memory.log(), ["manifest test:nydus-v6-batch", "blob b5ab7908", "range 8ca91ef9 0-49409"]);
}

#[test]
fn what_is_read_is_told() {
    let (memory, image) = layout("nydus-v6");
    let opened = open(&memory, "test:nydus-v6", Reader::Auto).unwrap();
    assert_eq!(*opened.digest(), image.digest);
    let layers = opened.layers();
    assert_eq!(layers.len(), 3);
    assert!(layers.iter().all(|l| l.read == ReadBy::Format(Format::Nydus)));
    assert!(layers.iter().all(|l| l.format == Some((Format::Nydus, FormatFound::Annotation))));
    assert!(opened.layer(0).is_none(), "there is one tree of them all");
    let (stat, _) = block_on(opened.read_file(FILE.as_bytes(), None)).unwrap();
    let v = stat.verified;
    assert_eq!(
        (v.manifest, v.metadata, v.content),
        (ManifestCheck::Tag, MetadataCheck::LayerDigest, ContentCheck::ChunkDigest)
    );
    let options = OpenOptions::default().verify(false);
    let opened = block_on(memory.open("test:nydus-v6", options)).unwrap();
    let (stat, data) = block_on(opened.read_file(FILE.as_bytes(), None)).unwrap();
    assert_eq!((stat.verified.content, data.len()), (ContentCheck::None, 69_000));
}

#[test]
fn a_damaged_bootstrap_is_never_read() {
    const LAYER: &str = "sha256:99aa5c0fc17648f3225c3e1700717ebf3fb66cd2b3cb2643b591e3767838bc30";
    for at in [0, 40, 5_000, 24_000] {
        let (memory, _) = layout("nydus-v6");
        memory.fault(move |digest, _, data| {
            let mut data = data.to_vec();
            if digest.to_string() == LAYER {
                data[at] ^= 4;
            }
            Ok(data.into())
        });
        let image = open(&memory, "test:nydus-v6", Reader::Auto).unwrap();
        let e = read(&image, FILE).unwrap_err();
        assert_eq!((e.code(), e.digest()), (Code::DigestMismatch, Some(LAYER)));
    }
}

#[test]
fn damaged_chunks_are_fetched_again_and_then_refused() {
    for name in ["nydus-v5", "nydus-v5-lz4", "nydus-v6", "nydus-v6-lz4", "nydus-v6-batch", "nydus-v6-zran"] {
        let tag = format!("test:{name}");
        for (times, healed) in [(1, true), (2, false)] {
            let (memory, _) = layout(name);
            let left = Rc::new(Cell::new(0));
            let faults = left.clone();
            memory.fault(move |_, _, data| {
                let mut bad = data.to_vec();
                if left.get() > 0 {
                    left.set(left.get() - 1);
                    let middle = bad.len() / 2;
                    bad[middle] ^= 0x10;
                }
                Ok(bad.into())
            });
            let image = open(&memory, &tag, Reader::Auto).unwrap();
            block_on(image.read_dir(b"/")).unwrap();
            faults.set(times);
            match read(&image, FILE) {
                Ok(data) => assert!(healed && Digest::of(&data).hex() == sha(FILE), "{name}"),
                Err(e) => {
                    assert!(!healed, "{name}: {e}");
                    assert!(matches!(e.code(), Code::DigestMismatch | Code::CorruptLayer), "{name}: {e}");
                    assert!(e.digest().is_some(), "{name}: {e}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_read_says_so() {
    let refused = |changed: &mut Changed| -> Error { read(&changed.open(), FILE).unwrap_err() };
    let mut changed = Changed::of("nydus-v6");
    changed.patch(1152 + 1, &[3]);
    let e = refused(&mut changed);
    assert_eq!(e.code(), Code::Unsupported);
    assert_eq!(e.message(), "Nydus with blobs that are plain tars (TARFS) cannot be read");
    let mut changed = Changed::of("nydus-v6");
    changed.patch(4096 + 84 + 1, &[1]);
    assert_eq!(refused(&mut changed).message(), "Nydus with encrypted blobs cannot be read");
    let mut changed = Changed::of("nydus-v5");
    changed.patch(4, &[0, 4]);
    assert_eq!(refused(&mut changed).message(), "Nydus with RAFS version 0x400 cannot be read");
    // Of a blob that is not there, the files that are in it.
    let mut changed = Changed::of("nydus-v6");
    changed.manifest["layers"].as_array_mut().unwrap().remove(0);
    let image = changed.open();
    let e = read(&image, FILE).unwrap_err();
    assert_eq!(e.code(), Code::Unsupported);
    assert!(e.message().contains("does not list the blob"), "{e}");
    assert!(e.digest().unwrap().starts_with("sha256:650f3c50"), "{e}");
    assert_eq!(block_on(image.read_dir(b"/")).unwrap().len(), {
        let (memory, _) = layout("nydus-v6");
        block_on(open(&memory, "test:nydus-v6", Reader::Auto).unwrap().read_dir(b"/")).unwrap().len()
    });
    // A layer that has none.
    let mut changed = Changed::of("nydus-v6");
    changed.bundle.boot = Bytes::from_static(b"nothing");
    assert!(refused(&mut changed).message().contains("neither RAFS version 5 nor 6"));
}

#[test]
fn its_metadata_is_limited() {
    let (memory, _) = layout("nydus-v6");
    let mut limits = Limits::default();
    limits.max_metadata_size = 70_000;
    let options = OpenOptions::default().limits(limits);
    let image = block_on(memory.open("test:nydus-v6", options)).unwrap();
    let e = read(&image, FILE).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_metadata_size")));
}

/// An ordinary image and a Nydus one of it, in one source.
fn both() -> (Memory, Descriptor, Descriptor) {
    let (memory, image) = layout("plain-gzip");
    let (nydus, hidden) = layout("nydus-v6");
    let manifest: Value = serde_json::from_slice(&nydus.blob_bytes(&hidden.digest).unwrap()).unwrap();
    memory.put(MANIFEST, nydus.blob_bytes(&hidden.digest).unwrap());
    for layer in manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]) {
        memory.add(nydus.blob_bytes(&layer["digest"].as_str().unwrap().parse().unwrap()).unwrap());
    }
    (memory, image, hidden)
}

fn index(memory: &Memory, entries: &[Value]) {
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    let index = memory.put(INDEX, index.to_string());
    memory.tag("both", index.digest, INDEX);
}

fn described(d: &Descriptor, more: Value) -> Value {
    let mut out = json!({"mediaType": d.media_type, "digest": d.digest.to_string(), "size": d.size,
        "platform": {"os": "linux", "architecture": "amd64"}});
    out.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    out
}

#[test]
fn an_index_may_list_the_image_once_more() {
    let features = json!({"platform":
        {"os": "linux", "architecture": "amd64", "os.features": ["nydus.remoteimage.v1"]}});
    for marked in [json!({"artifactType": NYDUS}), features] {
        let (memory, image, hidden) = both();
        index(&memory, &[described(&image, json!({})), described(&hidden, marked)]);
        let linux = |reader| {
            let options = OpenOptions::default().reader(reader).platform("linux/amd64".parse().unwrap());
            block_on(memory.open("both", options)).unwrap()
        };
        for reader in [Reader::Auto, Reader::Format(Format::Nydus)] {
            memory.log();
            let opened = linux(reader);
            assert_eq!(*opened.digest(), hidden.digest);
            assert_eq!(opened.layers()[2].format, Some((Format::Nydus, FormatFound::Index)));
            assert_eq!(Digest::of(&read(&opened, FILE).unwrap()).hex(), sha(FILE));
            assert_eq!(
                memory.log(),
                ["manifest both", "manifest 3c4be5b5", "blob 99aa5c0f", "range 650f3c50 34537-48330"]
            );
        }
        let opened = linux(Reader::Soci);
        assert_eq!(*opened.digest(), image.digest);
        assert_eq!(opened.layers()[0].read, ReadBy::Whole);
        // One that the caller names goes first, and so does a SOCI index that the index lists.
        let platform = "linux/amd64".parse().unwrap();
        let soci = SociChoice::Digest(image.digest);
        let e = block_on(memory.open("both", OpenOptions::default().soci(soci).platform(platform)));
        assert!(e.is_err(), "it is no SOCI index, but it was looked for");
    }
    // Of another platform it is not.
    let (memory, image, hidden) = both();
    let other = json!({"artifactType": NYDUS, "platform": {"os": "linux", "architecture": "arm64"}});
    index(&memory, &[described(&image, json!({})), described(&hidden, other)]);
    let platform = "linux/amd64".parse().unwrap();
    let opened = block_on(memory.open("both", OpenOptions::default().platform(platform))).unwrap();
    assert_eq!(*opened.digest(), image.digest);
}

#[test]
fn an_attached_image_is_read_where_the_caller_names_its_format() {
    for artifact_type in
        [NYDUS, "application/vnd.nydus.image.config.v1+json", "application/vnd.oci.image.config.v1+json"]
    {
        let (memory, image, hidden) = both();
        let mut attached = hidden.clone();
        attached.artifact_type = Some(artifact_type.to_owned());
        // One that is gone, and one that is something else.
        let mut gone = Descriptor::new(MANIFEST, Digest::of(b"gone"), 5);
        gone.artifact_type = attached.artifact_type.clone();
        let mut other = image.clone();
        other.artifact_type = attached.artifact_type.clone();
        memory.refer(image.digest, vec![gone, other, attached]);
        memory.tag("one", image.digest, MANIFEST);
        let opened = open(&memory, "one", Reader::Format(Format::Nydus)).unwrap();
        assert_eq!(*opened.digest(), hidden.digest);
        assert_eq!(opened.layers()[2].format, Some((Format::Nydus, FormatFound::Referrers)));
        assert_eq!(Digest::of(&read(&opened, FILE).unwrap()).hex(), sha(FILE));
        // Whatever the caller asked for does not vouch for what is attached to it.
        let options = agreed().reader(Reader::Format(Format::Nydus));
        let target = Target::Digest(image.digest);
        let opened =
            block_on(Image::open(Rc::new(memory.clone()), Rc::new(Plain), &target, options)).unwrap();
        let (stat, _) = block_on(opened.read_file(FILE.as_bytes(), None)).unwrap();
        assert_eq!(stat.verified.manifest, ManifestCheck::Tag);
        assert_eq!(stat.verified.index, Some(IndexVoucher::Attached));
        assert_eq!(opened.discovery().unwrap().failed.as_ref().unwrap().code(), Code::NotFound);
        // Nobody else gets it, and it is not looked for without agreement.
        memory.log();
        let unasked = OpenOptions::default().reader(Reader::Format(Format::Nydus));
        let e = block_on(memory.open("one", unasked)).err().unwrap();
        assert_eq!((e.code(), e.remedies()), (Code::Unsupported, &[Remedy::UseAttached][..]));
        assert_eq!(memory.log(), ["manifest one"]);
        let opened = open(&memory, "one", Reader::Auto).unwrap();
        assert_eq!(*opened.digest(), image.digest);
    }
    let (memory, image, _) = both();
    memory.tag("one", image.digest, MANIFEST);
    let e = open(&memory, "one", Reader::Format(Format::Nydus)).err().unwrap();
    assert_eq!(e.code(), Code::Unsupported);
    assert!(e.message().starts_with("the image is not in the format nydus"), "{e}");
}

#[test]
fn chunks_are_kept_by_their_digests() {
    for (name, key) in [("nydus-v6", "blake3:"), ("nydus-v6-batch", "blake3:"), ("nydus-v6-zran", "sha256:")]
    {
        let (memory, _) = layout(name);
        let cache = Rc::new(Kept::default());
        let opened = || {
            let options = OpenOptions::default().cache(cache.clone());
            let image = block_on(memory.open(&format!("test:{name}"), options)).unwrap();
            assert_eq!(Digest::of(&read(&image, FILE).unwrap()).hex(), sha(FILE));
            memory.log().len()
        };
        assert_eq!((opened(), opened()), (3, 2), "{name}: the second time, no range");
        let mut found = 0;
        for (_, value) in
            cache.map.borrow_mut().iter_mut().filter(|(k, v)| k.starts_with(key) && v.len() == 69_000)
        {
            // What a cache gives is checked as well.
            *value = vec![0; 69_000].into();
            found += 1;
        }
        assert_eq!((found, opened()), (1, 3), "{name}");
    }
}
