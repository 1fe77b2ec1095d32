// Folders and a tar program are native.
#![cfg(not(target_arch = "wasm32"))]

mod archive;
mod docker;
#[cfg(feature = "archive")]
mod packed;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::future::LocalBoxFuture;
use futures_util::{StreamExt, TryStreamExt};

use super::*;
use crate::error::{Code, Error, Result};
use crate::format::oci::{Descriptor, Digest};
use crate::limits::Limits;
use crate::net::stats::Stats;
use crate::net::transport::ByteStream;
use crate::source::{Source, Target};

const SOCI_V1: &str = "application/vnd.amazon.soci.index.v1+json";
const SOCI_V2: &str = "application/vnd.amazon.soci.index.v2+json";
const IMAGE: &str = "sha256:42a11d5b53c278c4ef8a9c3c5f7ec51db200191ebab32732a1cac5c94cc36a96";
const V1: [&str; 2] = [
    "sha256:fd5e455f010a0f28239909c3a43867c395e658d9cd791ea657d1bc606609bb02",
    "sha256:e69c39472f2616d0d3e34681688395719e76259c18a8b1fae7efbfa86b8e77b8",
];

fn demo() -> Layout {
    let files = FolderFiles::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/demo")).unwrap();
    block_on(Layout::open(Rc::new(files), Limits::default(), Stats::default())).unwrap()
}

/// Files in memory.
struct MemoryFiles(RefCell<BTreeMap<String, Bytes>>);

impl MemoryFiles {
    fn new(files: &[(&str, &str)]) -> Rc<Self> {
        let own = |(n, t): &(&str, &str)| (n.to_string(), Bytes::copy_from_slice(t.as_bytes()));
        Rc::new(MemoryFiles(RefCell::new(files.iter().map(own).collect())))
    }
    fn put_blob(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = format!("blobs/sha256/{}", digest.hex());
        self.0.borrow_mut().insert(path, Bytes::copy_from_slice(bytes));
        digest
    }
}

impl Files for MemoryFiles {
    fn size<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async move { Ok(self.0.borrow().get(path).map(|b| b.len() as u64)) })
    }
    fn read<'a>(
        &'a self,
        path: &'a str,
        range: Option<Range<u64>>,
    ) -> LocalBoxFuture<'a, Result<ByteStream>> {
        Box::pin(async move {
            let all = self.0.borrow().get(path).cloned();
            let all = all.ok_or_else(|| Error::new(Code::NotFound, "no such file"))?;
            let range = range.unwrap_or(0..all.len() as u64);
            let part = all.slice(range.start as usize..range.end as usize);
            // In small pieces, with empty ones between.
            let pieces: Vec<_> =
                part.chunks(7).flat_map(|c| [Ok(Bytes::copy_from_slice(c)), Ok(Bytes::new())]).collect();
            Ok(futures_util::stream::iter(pieces).boxed_local())
        })
    }
    fn name(&self) -> String {
        "memory".into()
    }
}

const MARKER: (&str, &str) = ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);

fn open(files: &[(&str, &str)]) -> Result<Layout> {
    block_on(Layout::open(MemoryFiles::new(files), Limits::default(), Stats::default()))
}

fn digest_of(n: u8) -> String {
    Digest::of(&[n]).to_string()
}

/// An entry of `index.json`: a number for its digest, its type, and more fields.
fn entry(n: u8, media_type: &str, more: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":9{more}}}"#, digest_of(n))
}

fn index_of(entries: &[String]) -> String {
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","))
}

fn named(n: u8, name: &str) -> String {
    entry(
        n,
        "application/vnd.oci.image.manifest.v1+json",
        &format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#),
    )
}

/// The digest that a target leads to, read off the error for the blob that is not there.
fn leads_to(index: &str, target: &Target) -> Result<String> {
    let layout = open(&[MARKER, ("index.json", index)])?;
    match block_on(Source::manifest(&layout, target)) {
        Ok(raw) => Ok(raw.digest.to_string()),
        Err(e) if e.message() == "no such file" => Ok(e.digest().unwrap().to_string()),
        Err(e) => Err(e),
    }
}

#[test]
fn the_demo_layout() {
    let layout = demo();
    let raw = block_on(Source::manifest(&layout, &Target::Tag("latest".into()))).unwrap();
    assert_eq!(raw.digest.to_string(), IMAGE);
    assert_eq!(raw.media_type, "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(Digest::of(&raw.bytes), raw.digest);
    let by_digest = block_on(Source::manifest(&layout, &Target::Digest(raw.digest))).unwrap();
    assert_eq!(by_digest.bytes, raw.bytes);

    let e = block_on(Source::manifest(&layout, &Target::Only)).unwrap_err();
    assert_eq!(e.code(), Code::InvalidArgument);
    assert_eq!(
        e.message(),
        "the layout holds 4 images; name one of latest, latest-soci, latest-soci-4m, latest-soci-head"
    );
    let e = block_on(Source::manifest(&layout, &Target::Tag("nope".into()))).unwrap_err();
    assert_eq!(e.code(), Code::NotFound);
    assert!(e.message().ends_with("it has latest, latest-soci, latest-soci-4m, latest-soci-head"), "{e}");

    let v1 = block_on(Source::referrers(&layout, &raw.digest, SOCI_V1)).unwrap();
    assert_eq!(v1.iter().map(|d| d.digest.to_string()).collect::<Vec<_>>(), V1);
    assert_eq!(block_on(Source::referrers(&layout, &raw.digest, SOCI_V2)).unwrap(), []);
}

#[test]
fn ranges_and_costs_of_a_folder() {
    let layout = demo();
    let raw = block_on(Source::manifest(&layout, &Target::Tag("latest".into()))).unwrap();
    let size = raw.bytes.len() as u64;
    let d = Descriptor::new(raw.media_type, raw.digest, size);
    let read = |range| -> Result<Vec<u8>> {
        block_on(async { Ok(layout.blob_range(&d, range).await?.try_collect::<Vec<_>>().await?.concat()) })
    };
    assert_eq!(read(0..size).unwrap(), raw.bytes);
    assert_eq!(read(5..9).unwrap(), &raw.bytes[5..9]);
    assert_eq!(read(7..7).unwrap(), b"");
    assert_eq!(read(7..size + 1).unwrap_err().code(), Code::InvalidArgument);
    let whole = block_on(Source::blob(&layout, &d, "max_manifest_size", 4096)).unwrap();
    assert_eq!(whole, raw.bytes);
    let e = block_on(Source::blob(&layout, &d, "max_manifest_size", 100)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_manifest_size")));

    let log: Vec<_> =
        layout.stats().requests().iter().map(|r| (r.target.clone(), r.range.clone(), r.bytes)).collect();
    let blob = format!("blobs/sha256/{}", raw.digest.hex());
    assert_eq!(
        log[1],
        ("index.json".into(), None, std::fs::metadata("tests/fixtures/demo/index.json").unwrap().len())
    );
    assert_eq!(
        log[3..],
        [(blob.clone(), Some(0..size), size), (blob.clone(), Some(5..9), 4), (blob, None, size),]
    );
    assert!(
        layout.stats().requests().iter().all(|r| r.method == "READ" && (r.status == 200 || r.status == 206))
    );
}

#[test]
fn wrong_sizes_and_bytes_are_mismatches() {
    let files = MemoryFiles::new(&[MARKER, ("index.json", &index_of(&[]))]);
    let digest = files.put_blob(b"0123456789");
    let layout = block_on(Layout::open(files.clone(), Limits::default(), Stats::default())).unwrap();
    let stream = |size| {
        let d = Descriptor::new("x", digest, size);
        block_on(async {
            Ok::<_, Error>(layout.blob_stream(&d).await?.try_collect::<Vec<_>>().await?.concat())
        })
    };
    assert_eq!(stream(10).unwrap(), b"0123456789");
    assert_eq!(stream(9).unwrap_err().code(), Code::DigestMismatch);
    assert_eq!(stream(11).unwrap_err().code(), Code::DigestMismatch);
    for size in [9, 11] {
        let e = block_on(Source::blob(&layout, &Descriptor::new("x", digest, size), "l", 99)).unwrap_err();
        assert_eq!(e.code(), Code::DigestMismatch, "{e}");
    }
    // A flipped bit: read twice, then given up.
    let path = format!("blobs/sha256/{}", digest.hex());
    files.0.borrow_mut().insert(path, Bytes::from_static(b"0123456788"));
    let before = layout.stats().counters();
    let e = block_on(Source::blob(&layout, &Descriptor::new("x", digest, 10), "l", 99)).unwrap_err();
    assert_eq!(e.code(), Code::DigestMismatch);
    assert_eq!(e.digest(), Some(digest.to_string().as_str()));
    let after = layout.stats().counters();
    assert_eq!((after.requests - before.requests, after.retries - before.retries), (2, 1));
    assert_eq!(
        block_on(Source::manifest(&layout, &Target::Digest(digest))).unwrap_err().code(),
        Code::DigestMismatch
    );
}

#[test]
fn what_is_no_layout_says_so() {
    let index = index_of(&[]);
    let code = |files: &[(&str, &str)]| open(files).unwrap_err();
    assert_eq!(code(&[("manifest.json", "{}")]).code(), Code::CorruptManifest);
    assert_eq!(code(&[]).code(), Code::NotFound);
    assert_eq!(code(&[MARKER]).code(), Code::NotFound);
    assert_eq!(code(&[("index.json", &index)]).code(), Code::NotFound);
    assert_eq!(code(&[("oci-layout", "{}"), ("index.json", &index)]).code(), Code::CorruptManifest);
    let version = |v: &str| format!(r#"{{"imageLayoutVersion":"{v}"}}"#);
    assert_eq!(code(&[("oci-layout", &version("2.0.0")), ("index.json", &index)]).code(), Code::Unsupported);
    assert!(open(&[("oci-layout", &version("1.1.0")), ("index.json", &index)]).is_ok());
    assert_eq!(code(&[MARKER, ("index.json", "[]")]).code(), Code::CorruptManifest);
    let huge = format!("{{{}}}", " ".repeat(4 << 20));
    assert_eq!(code(&[MARKER, ("index.json", &huge)]).limit_name(), Some("max_manifest_size"));
}

#[test]
fn names_as_tools_write_them() {
    let tag = |s: &str| Target::Tag(s.into());
    // skopeo, docker save (containerd image store), and full references in ref.name.
    let docker = |n, name: &str| {
        let tag = name.rsplit(':').next().unwrap();
        entry(
            n,
            "application/vnd.oci.image.index.v1+json",
            &format!(
                r#","annotations":{{"io.containerd.image.name":"{name}","org.opencontainers.image.ref.name":"{tag}"}}"#
            ),
        )
    };
    let index = index_of(&[
        named(1, "v1"),
        docker(2, "docker.io/library/alpine:latest"),
        docker(3, "docker.io/library/busybox:latest"),
        named(4, "ghcr.io/o/app:v4"),
        named(5, "localhost:5000/x"),
    ]);
    let to = |target| leads_to(&index, &target);
    assert_eq!(to(tag("v1")).unwrap(), digest_of(1));
    assert_eq!(to(tag("docker.io/library/alpine:latest")).unwrap(), digest_of(2));
    assert_eq!(to(tag("busybox")).unwrap(), digest_of(3));
    assert_eq!(to(tag("ghcr.io/o/app:v4")).unwrap(), digest_of(4));
    assert_eq!(to(tag("v4")).unwrap(), digest_of(4));
    assert_eq!(to(tag("localhost:5000/x")).unwrap(), digest_of(5));
    let e = to(tag("latest")).unwrap_err();
    assert_eq!(e.code(), Code::InvalidArgument);
    assert!(
        e.message().ends_with("docker.io/library/alpine:latest, docker.io/library/busybox:latest"),
        "{e}"
    );
    assert_eq!(to(tag("v9")).unwrap_err().code(), Code::NotFound);
    assert_eq!(to(tag("../../x")).unwrap_err().code(), Code::NotFound);
    assert_eq!(to(Target::Only).unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn images_of_one_name_are_told_by_digest_and_platform() {
    let files = MemoryFiles::new(&[MARKER]);
    // As tools write them: the platform is in the config only.
    let put = |architecture: &str| {
        let config = format!(
            r#"{{"architecture":"{architecture}","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}}}}"#
        );
        let digest = files.put_blob(config.as_bytes());
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":{}}},"layers":[]}}"#,
            config.len()
        );
        let digest = files.put_blob(manifest.as_bytes());
        let entry = format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"1.0.0"}}}}"#,
            manifest.len()
        );
        (digest, entry)
    };
    let ((one, first), (two, second)) = (put("amd64"), put("arm64"));
    let entries = [first, second, named(3, "other")];
    files.0.borrow_mut().insert("index.json".into(), index_of(&entries).into());
    let layout = block_on(Layout::open(files, Limits::default(), Stats::default())).unwrap();
    let both = format!("{one} (linux/amd64), {two} (linux/arm64)");
    let e = block_on(Source::manifest(&layout, &Target::Tag("1.0.0".into()))).unwrap_err();
    assert_eq!(e.code(), Code::InvalidArgument);
    assert_eq!(e.message(), format!("2 images have the name \"1.0.0\"; name one of {both}"));
    let e = block_on(Source::manifest(&layout, &Target::Only)).unwrap_err();
    assert_eq!(e.message(), format!("the layout holds 3 images; name one of {both}, other"));
    assert_eq!(layout.names(), [one.to_string(), two.to_string(), "other".to_owned()]);
    for digest in [one, two] {
        assert_eq!(block_on(Source::manifest(&layout, &Target::Digest(digest))).unwrap().digest, digest);
    }
}

#[test]
fn the_only_image() {
    let only = |entries: &[String]| leads_to(&index_of(entries), &Target::Only);
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let index = "application/vnd.oci.image.index.v1+json";
    let fallback = |n| {
        entry(
            n,
            index,
            &format!(r#","annotations":{{"org.opencontainers.image.ref.name":"sha256-{}"}}"#, "0".repeat(64)),
        )
    };
    let soci = entry(2, manifest, r#","artifactType":"application/vnd.amazon.soci.index.v1+json""#);
    assert_eq!(only(&[entry(1, manifest, ""), soci.clone(), fallback(3)]).unwrap(), digest_of(1));
    assert_eq!(only(&[entry(7, index, ""), soci.clone()]).unwrap(), digest_of(7));
    // One image under two names.
    assert_eq!(only(&[named(1, "a"), named(1, "b")]).unwrap(), digest_of(1));
    assert_eq!(only(&[soci, fallback(3)]).unwrap_err().code(), Code::NotFound);
    let e = only(&[named(1, "a"), entry(2, manifest, "")]).unwrap_err();
    assert_eq!(e.message(), format!("the layout holds 2 images; name one of a, {}", digest_of(2)));
    // Platforms side by side, without an index around them: index.json is that index.
    let arch =
        |n, a: &str| entry(n, manifest, &format!(r#","platform":{{"os":"linux","architecture":"{a}"}}"#));
    let both = [arch(1, "amd64"), arch(2, "arm64")];
    assert_eq!(only(&both).unwrap(), Digest::of(index_of(&both).as_bytes()).to_string());
}

#[test]
fn referrers_named_in_index_json() {
    let files = MemoryFiles::new(&[MARKER]);
    let subject = Digest::of(b"subject");
    let config = r#"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;
    let manifest = |subject: &Digest, n: u8| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"a/b","config":{config},"layers":[],"subject":{{"mediaType":"m/n","digest":"{subject}","size":7}},"annotations":{{"n":"{n}"}}}}"#
        )
    };
    let mut entries = Vec::new();
    let mut put = |text: String, artifact: &str| {
        let digest = files.put_blob(text.as_bytes());
        entries.push(format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":{},"artifactType":"{artifact}"}}"#,
            text.len()
        ));
        digest
    };
    let first = put(manifest(&subject, 1), "a/b");
    put(manifest(&Digest::of(b"other"), 2), "a/b");
    put(manifest(&subject, 3), "c/d");
    let last = put(manifest(&subject, 4), "a/b");
    entries.push(entry(9, "application/vnd.oci.image.manifest.v1+json", r#","artifactType":"a/b""#));
    files.0.borrow_mut().insert("index.json".into(), index_of(&entries).into());
    let layout = block_on(Layout::open(files, Limits::default(), Stats::default())).unwrap();
    let found = block_on(Source::referrers(&layout, &subject, "a/b")).unwrap();
    assert_eq!(found.iter().map(|d| d.digest).collect::<Vec<_>>(), [first, last]);
    assert_eq!(block_on(Source::referrers(&layout, &subject, "x/y")).unwrap(), []);
}

#[test]
fn a_folder_is_not_left() {
    let dir = temp_dir("folder");
    let root = dir.join("root");
    std::fs::create_dir_all(root.join("blobs")).unwrap();
    std::fs::write(dir.join("secret"), "s").unwrap();
    std::fs::write(root.join("file"), "0123456789").unwrap();
    let files = FolderFiles::open(&root).unwrap();
    let read = |path: &str, range| -> Result<Vec<u8>> {
        block_on(async { Ok(files.read(path, range).await?.try_collect::<Vec<_>>().await?.concat()) })
    };
    assert_eq!(read("file", None).unwrap(), b"0123456789");
    assert_eq!(read("file", Some(2..5)).unwrap(), b"234");
    assert_eq!(read("file", Some(2..11)).unwrap_err().code(), Code::DigestMismatch);
    assert_eq!(block_on(files.size("file")).unwrap(), Some(10));
    assert_eq!(block_on(files.size("none")).unwrap(), None);
    assert_eq!(read("none", None).unwrap_err().code(), Code::NotFound);
    for name in ["../secret", "/etc/passwd", "", "blobs/../../secret", "..\\secret", "./../secret"] {
        assert_eq!(read(name, None).unwrap_err().code(), Code::InvalidArgument, "{name}");
    }
    assert_eq!(read("blobs", None).unwrap_err().code(), Code::Unsupported);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret", root.join("out")).unwrap();
        std::os::unix::fs::symlink("file", root.join("in")).unwrap();
        assert_eq!(read("out", None).unwrap_err().code(), Code::Unsupported);
        assert_eq!(read("in", None).unwrap(), b"0123456789");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

fn temp_dir(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("ocipeek-layout-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
