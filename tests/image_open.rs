//! From a reference to an image: indexes, platforms, artifacts, SOCI discovery; then walks and views of layers.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::rc::Rc;

use futures_executor::block_on;
use ocipeek::error::Code;
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::format::tar::Kind;
use ocipeek::image::{
    Follow, Image, ManifestCheck, OpenOptions, PlatformBy, ReadBy, SociChoice, SociFound, Walk,
};
use ocipeek::rootfs::Glob;
use ocipeek::source::Target;
use serde_json::{Value, json};
use test_support::memory;
use test_support::memory::ztoc::{Spec, file, gzip, noise, tar};
use test_support::memory::{GZIP, Kept, MadeLayer, Memory, Plain, TAR};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const V1: &str = "application/vnd.amazon.soci.index.v1+json";
const V2: &str = "application/vnd.amazon.soci.index.v2+json";

fn desc(d: &Descriptor, more: Value) -> Value {
    let mut v = json!({"mediaType": d.media_type, "digest": d.digest, "size": d.size});
    v.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    v
}

/// An image with one small layer, told apart by `name`; `annotations` go into its manifest.
fn image(m: &Memory, name: &str, annotations: Value) -> (Descriptor, Descriptor) {
    let config = m.put(
        "application/vnd.oci.image.config.v1+json",
        json!({"architecture": "arm", "variant": "v7", "os": "linux", "author": name,
               "rootfs": {"type": "layers", "diff_ids": []}})
        .to_string(),
    );
    let layer = m.put(TAR, tar(&[file(name, name)]).0);
    let doc = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": desc(&config, json!({})),
                     "layers": [desc(&layer, json!({}))], "annotations": annotations});
    (m.put(MANIFEST, doc.to_string()), layer)
}

/// A SOCI index for a layer of `tar`.
fn soci(m: &Memory, version: &str, layer: &Descriptor, subject: Option<&Descriptor>) -> Descriptor {
    let data = m.blob_bytes(&layer.digest).unwrap();
    let name = String::from_utf8_lossy(&data[..100]).trim_end_matches('\0').to_owned();
    let (_, told) = tar(&[file(&name, name.clone())]);
    let ztoc = m.put("application/octet-stream", Spec::tar(told, &data, 1 << 20).build());
    let empty = m.put(version, "{}");
    let mut doc = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": version,
        "config": desc(&empty, json!({})),
        "layers": [desc(&ztoc, json!({"annotations": {
            "com.amazon.soci.image-layer-digest": layer.digest, "com.amazon.soci.image-layer-mediaType": TAR}}))],
    });
    if let Some(subject) = subject {
        doc["subject"] = desc(subject, json!({}));
    }
    let mut d = m.put(MANIFEST, doc.to_string());
    d.artifact_type = Some(version.to_owned());
    d
}

fn index(m: &Memory, tag: &str, entries: Vec<Value>) -> Descriptor {
    let doc = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
    let d = m.put(INDEX, doc);
    m.tag(tag, d.digest, INDEX);
    d
}

fn platform(os: &str, architecture: &str) -> Value {
    json!({"platform": {"os": os, "architecture": architecture}})
}

fn with_platform(platform: &str) -> OpenOptions {
    memory::agreed().platform(platform.parse().unwrap())
}

fn names(image: &Image) -> Vec<String> {
    let list = block_on(image.read_dir(b"/")).unwrap();
    list.iter().map(|s| String::from_utf8(s.path.clone()).unwrap()).collect()
}

#[test]
fn the_platform_chooses_the_image() {
    let m = Memory::default();
    let (a, _) = image(&m, "a", json!({}));
    let (b, _) = image(&m, "b", json!({}));
    let i = index(
        &m,
        "t",
        vec![
            desc(&a, platform("linux", "amd64")),
            desc(&b, json!({"platform": {"os": "linux", "architecture": "arm", "variant": "v7"}})),
        ],
    );
    let amd = block_on(m.open("t", with_platform("linux/amd64"))).unwrap();
    assert_eq!((names(&amd), amd.digest()), (vec!["/a".to_owned()], &a.digest));
    assert_eq!(amd.index_digest(), Some(&i.digest));
    assert_eq!(amd.platforms().len(), 2);
    assert_eq!(amd.platform().unwrap().architecture, "amd64");
    let arm = block_on(m.open("t", with_platform("linux/arm"))).unwrap();
    assert_eq!(names(&arm), ["/b"]);
    let e = block_on(m.open("t", with_platform("linux/s390x"))).err().unwrap();
    assert_eq!(e.code(), Code::NotFound);
    assert!(e.message().contains("linux/arm/v7"), "{e}");
    assert_eq!(e.reference(), Some("memory"));
}

#[test]
fn the_only_image_needs_no_platform() {
    let m = Memory::default();
    let (a, _) = image(&m, "a", json!({}));
    index(&m, "t", vec![desc(&a, platform("plan9", "mips"))]);
    let by = |image: &Image| (image.platform().unwrap().to_string(), image.platform_by());
    let open = block_on(m.open("t", OpenOptions::default())).unwrap();
    assert_eq!(by(&open), ("plan9/mips".into(), Some(PlatformBy::Only)));
    assert!(block_on(m.open("t", with_platform("linux/amd64"))).is_err());
    let asked = block_on(m.open("t", with_platform("plan9/mips"))).unwrap();
    assert_eq!(by(&asked), ("plan9/mips".into(), Some(PlatformBy::Asked)));

    // The same image for two platforms is one; two are not, and the error lists both.
    let default = |platform: &str| OpenOptions::default().default_platform(platform.parse().unwrap());
    let plan9 = desc(&a, platform("plan9", "mips"));
    index(&m, "t", vec![plan9.clone(), desc(&a, platform("plan9", "arm"))]);
    let open = block_on(m.open("t", default("linux/s390x"))).unwrap();
    assert_eq!(by(&open), ("plan9/mips".into(), Some(PlatformBy::Only)));
    let (b, _) = image(&m, "b", json!({}));
    index(&m, "t", vec![plan9, desc(&b, platform("linux", "s390x"))]);
    let open = block_on(m.open("t", default("linux/s390x"))).unwrap();
    assert_eq!(
        (by(&open), names(&open)),
        (("linux/s390x".into(), Some(PlatformBy::Default)), vec!["/b".into()])
    );
    let e = block_on(m.open("t", default("linux/riscv64"))).err().unwrap();
    assert_eq!(e.code(), Code::NotFound);
    assert!(e.message().contains("plan9/mips, linux/s390x"), "{e}");
}

#[test]
fn indexes_nest_but_not_for_ever() {
    let m = Memory::default();
    let (a, _) = image(&m, "a", json!({}));
    let mut d = index(&m, "t0", vec![desc(&a, platform("linux", "amd64"))]);
    for i in 1..8 {
        d = index(&m, &format!("t{i}"), vec![desc(&d, json!({}))]);
    }
    let inner = block_on(m.open("t3", with_platform("linux/amd64"))).unwrap();
    assert_eq!(names(&inner), ["/a"]);
    assert_eq!(block_on(m.open("t7", with_platform("linux/amd64"))).err().unwrap().code(), Code::Unsupported);
}

#[test]
fn a_manifest_of_its_own_tells_its_platform_by_its_config() {
    let m = Memory::default();
    let (a, _) = image(&m, "a", json!({}));
    m.tag("t", a.digest, MANIFEST);
    let open = block_on(m.open("t", memory::agreed())).unwrap();
    assert_eq!((open.platform(), open.index_digest(), open.platforms().len()), (None, None, 0));
    let config = block_on(open.config()).unwrap();
    assert_eq!(config.author.as_deref(), Some("a"));
    assert_eq!(open.platform().unwrap().architecture, "arm");
}

#[test]
fn a_digest_vouches_for_more_than_a_tag() {
    let m = Memory::default();
    let (a, _) = image(&m, "a", json!({}));
    m.tag("t", a.digest, MANIFEST);
    let check = |target: Target| {
        let open = block_on(Image::open(Rc::new(m.clone()), Rc::new(Plain), &target, memory::agreed()));
        block_on(open.unwrap().stat(b"/a", Follow::All)).unwrap().verified.manifest
    };
    assert_eq!(check(Target::Digest(a.digest)), ManifestCheck::Digest);
    assert_eq!(check(Target::Tag("t".to_owned())), ManifestCheck::Tag);
}

#[test]
fn artifacts_are_no_images() {
    let m = Memory::default();
    let (a, layer) = image(&m, "a", json!({}));
    for version in [V1, V2] {
        let s = soci(&m, version, &layer, Some(&a));
        m.tag("soci", s.digest, MANIFEST);
        let e = block_on(m.open("soci", memory::agreed())).err().unwrap();
        assert_eq!(e.code(), Code::Unsupported);
        assert!(e.message().contains(version), "{e}");
    }
}

#[test]
fn too_many_layers() {
    let m = Memory::default();
    let (a, _) = image(&m, "a", json!({}));
    m.tag("t", a.digest, MANIFEST);
    let mut options = memory::agreed();
    options.limits.max_layers = 0;
    assert_eq!(block_on(m.open("t", options)).err().unwrap().limit_name(), Some("max_layers"));
}

fn found(m: &Memory, soci: SociChoice) -> Result<Option<(Digest, SociFound)>, Code> {
    found_for(m, "linux/amd64", soci)
}

fn found_for(m: &Memory, platform: &str, soci: SociChoice) -> Result<Option<(Digest, SociFound)>, Code> {
    let options = with_platform(platform).soci(soci);
    let open = block_on(m.open("t", options)).map_err(|e| e.code())?;
    assert_eq!(names(&open), ["/a"]);
    let read = open.layers()[0].read;
    assert_eq!(read, if open.soci().is_some() { ReadBy::Ztoc } else { ReadBy::Whole });
    Ok(open.soci().map(|s| (s.digest, s.found)))
}

#[test]
fn version_1_is_found_by_referrers() {
    let m = Memory::default();
    let (a, layer) = image(&m, "a", json!({}));
    let (b, other) = image(&m, "b", json!({}));
    index(&m, "t", vec![desc(&a, platform("linux", "amd64"))]);
    assert_eq!(found(&m, SociChoice::Auto), Ok(None));
    let s = soci(&m, V1, &layer, Some(&a));
    m.refer(a.digest, vec![s.clone()]);
    m.log();
    assert_eq!(found(&m, SociChoice::Auto), Ok(Some((s.digest, SociFound::Referrers))));
    // With the manifest in one go: nothing of it waits for something else.
    assert_eq!(
        m.log()[1..3].iter().map(|l| l.split(' ').next().unwrap()).collect::<Vec<_>>(),
        ["manifest", "referrers"]
    );
    assert_eq!(found(&m, SociChoice::None), Ok(None));
    assert_eq!(found(&m, SociChoice::Digest(s.digest)), Ok(Some((s.digest, SociFound::Named))));

    // Of another image, or of none of its layers.
    let stranger = soci(&m, V1, &other, Some(&b));
    assert_eq!(found(&m, SociChoice::Digest(stranger.digest)), Err(Code::CorruptManifest));
    // What is attached and of no use is passed over: anybody may attach anything.
    let liar = soci(&m, V1, &other, Some(&a));
    m.refer(a.digest, vec![liar]);
    assert_eq!(found(&m, SociChoice::Auto), Ok(None));
    let mut gone = s.clone();
    gone.digest = Digest::of(b"gone");
    m.refer(a.digest, vec![gone.clone(), s.clone()]);
    assert_eq!(found(&m, SociChoice::Auto), Ok(Some((s.digest, SociFound::Referrers))));
    m.refer(a.digest, vec![gone]);
    assert_eq!(found(&m, SociChoice::Auto), Ok(None));
    let mut posing = soci(&m, V2, &layer, None);
    posing.artifact_type = Some(V1.to_owned());
    m.refer(a.digest, vec![posing]);
    assert_eq!(found(&m, SociChoice::Auto), Ok(None));
    assert_eq!(found(&m, SociChoice::Digest(a.digest)), Err(Code::Unsupported));
    assert_eq!(found(&m, SociChoice::Digest(Digest::of(b"nothing"))), Err(Code::NotFound));
}

#[test]
fn version_2_is_named_by_the_image() {
    let m = Memory::default();
    let layer = m.put(TAR, tar(&[file("a", "a")]).0);
    let s = soci(&m, V2, &layer, None);
    let (a, _) = image(&m, "a", json!({"com.amazon.soci.index-digest": s.digest}));
    let entry = |s: &Descriptor, of: &Descriptor| {
        desc(
            s,
            json!({"artifactType": V2, "platform": {"os": "linux", "architecture": "amd64"},
                       "annotations": {"com.amazon.soci.image-manifest-digest": of.digest}}),
        )
    };
    let named = Ok(Some((s.digest, SociFound::Annotation)));
    // Whether the OCI index lists it or not; an attached index does not count.
    let attached = soci(&m, V1, &layer, Some(&a));
    m.refer(a.digest, vec![attached]);
    index(&m, "t", vec![desc(&a, platform("linux", "amd64")), entry(&s, &a)]);
    assert_eq!(found(&m, SociChoice::Auto), named);
    index(&m, "t", vec![desc(&a, platform("linux", "amd64"))]);
    assert_eq!(found(&m, SociChoice::Auto), named);
    m.tag("t", a.digest, MANIFEST);
    // Without an index, what its config says decides whether it is for the platform.
    assert_eq!(found(&m, SociChoice::Auto), Err(Code::NotFound));
    assert_eq!(found_for(&m, "linux/arm/v7", SociChoice::Auto), named);

    // The OCI index says another.
    let (_, other_layer) = image(&m, "b", json!({}));
    let other = soci(&m, V2, &other_layer, None);
    index(&m, "t", vec![desc(&a, platform("linux", "amd64")), entry(&other, &a)]);
    assert_eq!(found(&m, SociChoice::Auto), Err(Code::CorruptManifest));

    // It lists two, of which the image names the second.
    index(&m, "t", vec![desc(&a, platform("linux", "amd64")), entry(&other, &a), entry(&s, &a)]);
    assert_eq!(found(&m, SociChoice::Auto), named);

    // Left behind by a copy, or deleted by who would rather have the attached one used.
    index(&m, "t", vec![desc(&a, platform("linux", "amd64")), entry(&s, &a)]);
    m.remove(&s.digest);
    assert_eq!(found(&m, SociChoice::Auto), Err(Code::NotFound));
    assert_eq!(found(&m, SociChoice::None), Ok(None));
}

#[test]
fn a_manifest_that_is_in_its_descriptor_is_not_fetched() {
    use base64::Engine as _;
    let m = Memory::default();
    let (a, _) = image(&m, "a", json!({}));
    let data = base64::engine::general_purpose::STANDARD.encode(m.blob_bytes(&a.digest).unwrap());
    let mut entry = desc(&a, platform("linux", "amd64"));
    entry["data"] = json!(data);
    index(&m, "t", vec![entry]);
    m.remove(&a.digest);
    assert_eq!(names(&block_on(m.open("t", with_platform("linux/amd64"))).unwrap()), ["/a"]);
}

#[test]
fn images_as_docker_pushes_them() {
    const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
    const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    let m = Memory::default();
    let config =
        m.put("application/vnd.docker.container.image.v1+json", r#"{"architecture":"amd64","os":"linux"}"#);
    let layer = m.put(
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        gzip(&tar(&[file("a", "docker")]).0, 1 << 20, None).0,
    );
    let doc = json!({"schemaVersion": 2, "mediaType": DOCKER, "config": desc(&config, json!({})),
                     "layers": [desc(&layer, json!({}))]});
    let image = m.put(DOCKER, doc.to_string());
    let list = json!({"schemaVersion": 2, "mediaType": LIST,
                      "manifests": [desc(&image, platform("linux", "amd64"))]});
    let list = m.put(LIST, list.to_string());
    m.tag("list", list.digest, LIST);
    m.tag("image", image.digest, DOCKER);
    for tag in ["list", "image"] {
        let open = block_on(m.open(tag, with_platform("linux/amd64"))).unwrap();
        assert_eq!(block_on(open.read_file(b"/a", None)).unwrap().1, "docker", "{tag}");
        assert_eq!(block_on(open.config()).unwrap().architecture, "amd64");
        assert_eq!(open.index_digest().is_some(), tag == "list");
    }
}

#[test]
fn a_span_size_is_known_at_the_latest_with_the_ztoc() {
    let m = Memory::default();
    let layer = m.put(TAR, tar(&[file("a", "a")]).0);
    let s = soci(&m, V2, &layer, None);
    let (a, _) = image(&m, "a", json!({"com.amazon.soci.index-digest": s.digest}));
    m.tag("t", a.digest, MANIFEST);
    let open = block_on(m.open("t", memory::agreed())).unwrap();
    let span_size = || open.layers()[0].ztoc.as_ref().unwrap().span_size;
    assert_eq!(span_size(), None);
    assert_eq!(names(&open), ["/a"]);
    assert_eq!(span_size(), Some(1 << 20));
}

#[test]
fn whole_layers_come_out_of_a_cache() {
    let data = noise(30_000, 1);
    let m = Memory::made(vec![MadeLayer {
        media_type: GZIP,
        data: gzip(&tar(&[file("f", data.clone())]).0, 1 << 20, None).0,
        ztoc: None,
    }]);
    let cache = Rc::new(Kept::default());
    let read = || {
        let options = memory::agreed().cache(cache.clone());
        let open = block_on(m.open("made", options)).unwrap();
        m.log();
        assert_eq!(block_on(open.read_file(b"f", None)).unwrap().1, data);
        m.log().len()
    };
    assert_eq!((read(), read()), (1, 0));
    for value in cache.map.borrow_mut().values_mut() {
        let mut damaged = value.to_vec();
        damaged[100] ^= 1;
        *value = damaged.into();
    }
    assert_eq!((read(), read()), (1, 0));
}

fn paths(mut walk: Walk) -> Vec<String> {
    block_on(async {
        let mut out = Vec::new();
        while let Some(stat) = walk.next().await.unwrap() {
            out.push(String::from_utf8_lossy(&stat.path).into_owned());
        }
        out
    })
}

#[test]
fn walks_and_globs() {
    let open = block_on(Memory::demo().open("latest", memory::agreed())).unwrap();
    let all = paths(open.walk(b"/", None));
    assert_eq!(all.len(), 2958);
    let glob = |g: &str| Some(Glob::new(g.as_bytes()).unwrap());
    let so = paths(open.walk(b"/", glob("**/*.so*")));
    assert!(so.contains(&"/lib/x86_64-linux-musl/libc.so".to_owned()), "{so:?}");
    let want: Vec<_> =
        all.iter().filter(|p| p.rsplit('/').next().unwrap().contains(".so")).cloned().collect();
    assert_eq!(so, want);
    // Relative to where the walk starts.
    let relative = paths(open.walk(b"usr/share", glob("demo/tz/*")));
    let whole = paths(open.walk(b"/", glob("/usr/share/demo/tz/*")));
    assert!(relative.len() > 100 && relative == whole, "{relative:?} {whole:?}");
    assert_eq!(paths(open.walk(b"/usr/share/demo/tz", glob("*/"))).len(), 4);
    assert_eq!(block_on(open.walk(b"/etc/os-release", None).next()).unwrap_err().code(), Code::Enotdir);
}

#[test]
fn a_layer_on_its_own_shows_its_whiteouts() {
    for soci in [SociChoice::Auto, SociChoice::None] {
        let options = memory::agreed().soci(soci);
        let open = block_on(Memory::demo().open("latest", options)).unwrap();
        assert!(open.layer(6).is_none());
        let all = paths(open.layer(2).unwrap().walk(b"/", None));
        assert!(all.iter().any(|p| p.contains("/.wh.")), "{all:?}");
        assert!(!paths(open.walk(b"/", None)).iter().any(|p| p.contains("/.wh.")));
        let view = open.layer(3).unwrap();
        let marks = paths(view.walk(b"/", None)).into_iter().filter(|p| p.ends_with("/.wh..wh..opq")).count();
        assert_eq!(marks, 1);
        let base = open.layer(0).unwrap();
        let link = paths(base.walk(b"/", None))
            .into_iter()
            .find(|p| block_on(base.stat(p.as_bytes(), Follow::ExceptLast)).unwrap().kind == Kind::Symlink);
        let link = link.unwrap();
        assert!(!block_on(base.readlink(link.as_bytes())).unwrap().is_empty());
        assert_eq!(block_on(base.readlink(b"/etc")).unwrap_err().code(), Code::Einval);
    }
}

#[test]
fn the_root_is_listed_with_several_layers_at_a_time() {
    let m = Memory::demo();
    let open = block_on(m.open("latest", memory::agreed())).unwrap();
    m.log();
    assert!(!block_on(open.read_dir(b"/")).unwrap().is_empty());
    assert_eq!(m.log().len(), 6);
    assert!(m.most_blobs_at_once() > 2);
}

#[test]
fn a_whole_layer_is_told_by_its_first_bytes() {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    let data = noise(70_000, 4);
    let (plain, _) = tar(&[file("f", data.clone())]);
    let zstd = compress_to_vec(&plain[..], CompressionLevel::Fastest);
    // A skippable frame in front, as zstd:chunked and estargz put some.
    let skippable = [b"\x50\x2A\x4D\x18\x03\0\0\0abc", &zstd[..]].concat();
    let members =
        [gzip(&plain[..30_000], 9_000, None).0, gzip(&plain[30_000..], 9_000, Some("x")).0].concat();
    for layer in [plain.clone(), gzip(&plain, 9_000, None).0, members, zstd, skippable] {
        for media_type in [TAR, GZIP, memory::ZSTD, "application/vnd.docker.image.rootfs.diff.tar.gzip"] {
            let m = Memory::made(vec![MadeLayer { media_type, data: layer.clone(), ztoc: None }]);
            m.chunks(&[1, 2, 3, 4_000]);
            let open = block_on(m.open("made", memory::agreed())).unwrap();
            let (stat, got) = block_on(open.read_file(b"f", None)).unwrap();
            assert!(got == data, "{media_type}");
            assert_eq!(stat.verified.content.as_str(), "layer-digest");
        }
    }
}

#[test]
fn a_layer_that_is_no_tar_is_not_fetched() {
    let media_type = "application/vnd.in-toto+json";
    let m = Memory::made(vec![MadeLayer { media_type, data: b"{}".to_vec(), ztoc: None }]);
    let open = block_on(m.open("made", memory::agreed())).unwrap();
    m.log();
    let e = block_on(open.read_dir(b"/")).unwrap_err();
    assert_eq!((e.code(), m.log().len()), (Code::Unsupported, 0));
    assert!(e.message().contains(media_type), "{e}");
}

#[test]
fn a_copy_may_lack_images_that_its_index_lists() {
    use ocipeek::source::layout::{FolderFiles, Layout};

    let dir = std::env::temp_dir().join(format!("ocipeek-partial-{}", std::process::id()));
    let blobs = dir.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |text: &str, media_type: &str, more: Value| {
        let digest = Digest::of(text.as_bytes());
        std::fs::write(blobs.join(digest.hex()), text).unwrap();
        desc(&Descriptor::new(media_type, digest, text.len() as u64), more)
    };
    let made = |architecture: &str| {
        let config = json!({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": []}});
        let config = put(&config.to_string(), "application/vnd.oci.image.config.v1+json", json!({}));
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
        put(&manifest.to_string(), MANIFEST, platform("linux", architecture))
    };
    let images = ["riscv64", "s390x", "ppc64le"].map(made);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": images.clone()});
    let index = put(&index.to_string(), INDEX, json!({}));
    std::fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let listed = json!({"schemaVersion": 2, "manifests": [index]});
    std::fs::write(dir.join("index.json"), listed.to_string()).unwrap();
    let open = |options: OpenOptions| {
        let files = Rc::new(FolderFiles::open(&dir).unwrap());
        let layout = block_on(Layout::open(files, Default::default(), Default::default())).unwrap();
        block_on(Image::open(Rc::new(layout), Rc::new(Plain), &Target::Only, options))
    };
    let remove = |i: usize| {
        let digest = images[i]["digest"].as_str().unwrap().trim_start_matches("sha256:");
        std::fs::remove_file(blobs.join(digest)).unwrap();
    };
    remove(0);
    let e = open(with_platform("linux/riscv64")).err().unwrap();
    assert_eq!(e.code(), Code::NotFound);
    let said = "the image for linux/riscv64 is listed but not here; of its platforms there are here: linux/s390x, \
                linux/ppc64le";
    assert_eq!((e.message(), e.digest()), (said, images[0]["digest"].as_str()));
    assert_eq!(open(with_platform("linux/s390x")).unwrap().platform().unwrap().to_string(), "linux/s390x");
    remove(1);
    let e = open(with_platform("linux/riscv64")).err().unwrap();
    assert!(e.message().ends_with("here: linux/ppc64le"), "{e}");
    remove(2);
    let e = open(with_platform("linux/riscv64")).err().unwrap();
    assert!(e.message().ends_with("here: none"), "{e}");
    std::fs::remove_dir_all(&dir).unwrap();

    // Without a platform asked for, this machine's would do; the only one that is there does.
    let host = ocipeek::format::oci::Platform::host().to_string();
    let other = if host == "linux/s390x" { "riscv64" } else { "s390x" };
    std::fs::create_dir_all(&blobs).unwrap();
    let images = [host.trim_start_matches("linux/"), other].map(made);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": images.clone()});
    let index = put(&index.to_string(), INDEX, json!({}));
    std::fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let listed = json!({"schemaVersion": 2, "manifests": [index]});
    std::fs::write(dir.join("index.json"), listed.to_string()).unwrap();
    assert_eq!(open(OpenOptions::default()).unwrap().platform().unwrap().to_string(), host);
    std::fs::remove_file(blobs.join(&images[0]["digest"].as_str().unwrap()[7..])).unwrap();
    let image = open(OpenOptions::default()).unwrap();
    assert_eq!(image.platform().unwrap().to_string(), format!("linux/{other}"));
    assert_eq!(image.platform_by(), Some(PlatformBy::Only));
    assert_eq!(image.index_digest().map(ToString::to_string).as_deref(), index["digest"].as_str());
    std::fs::remove_dir_all(&dir).unwrap();
}
