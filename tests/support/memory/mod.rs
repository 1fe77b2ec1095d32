//! An image source in memory that logs what is asked of it, cuts bodies as a test wants, and misbehaves on demand.

pub mod ztoc;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt};
use ocipeek::error::{Code, Error, Result};
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::image::{Image, OpenOptions};
use ocipeek::limits::Limits;
use ocipeek::net::stats::{RequestRecord, Stats};
use ocipeek::net::transport::{ByteStream, Purpose, Request, Response, Transport};
use ocipeek::source::{Cache, RawManifest, Source, Target};

/// Changes the bytes of one answer: `(blob, range, how often this blob's range was asked for before) -> bytes`.
pub type Fault = Rc<dyn Fn(&Digest, &Range<u64>, Bytes) -> Result<Bytes>>;

#[derive(Clone, Default)]
pub struct Memory(Rc<Inner>, Stats);

#[derive(Default)]
struct Inner {
    blobs: RefCell<HashMap<Digest, Bytes>>,
    tags: RefCell<HashMap<String, (Digest, String)>>,
    types: RefCell<HashMap<Digest, String>>,
    referrers: RefCell<HashMap<Digest, Vec<Descriptor>>>,
    log: RefCell<Vec<String>>,
    /// Sizes of the chunks of bodies, used in turn; empty: one chunk.
    chunks: RefCell<Vec<usize>>,
    fault: RefCell<Option<Fault>>,
    /// Body bytes that were polled, and bodies that were dropped before their end.
    polled: Cell<u64>,
    cancelled: Cell<u64>,
    /// Whole blobs on their way, and the most at a time.
    blobs_now: Cell<usize>,
    blobs_most: Cell<usize>,
    /// Every chunk is pending once before it comes.
    slow: Cell<bool>,
}

/// Options that agree to attached indexes, which most images here have.
pub fn agreed() -> OpenOptions {
    OpenOptions::default().attached_index(true)
}

impl Memory {
    /// The demo image of the fixtures.
    pub fn demo() -> Memory {
        Memory::layout("demo")
    }

    /// A layout of the fixtures.
    pub fn layout(name: &str) -> Memory {
        let memory = Memory::default();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name);
        for blob in std::fs::read_dir(root.join("blobs/sha256")).unwrap() {
            memory.add(std::fs::read(blob.unwrap().path()).unwrap());
        }
        let index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(root.join("index.json")).unwrap()).unwrap();
        for m in index["manifests"].as_array().unwrap() {
            let digest: Digest = m["digest"].as_str().unwrap().parse().unwrap();
            let media_type = m["mediaType"].as_str().unwrap();
            memory.0.types.borrow_mut().insert(digest, media_type.to_owned());
            let Some(tag) = m["annotations"]["org.opencontainers.image.ref.name"].as_str() else { continue };
            memory.tag(tag, digest, media_type);
            if let Some(hex) = tag.strip_prefix("sha256-") {
                let list: serde_json::Value =
                    serde_json::from_slice(&memory.blob_bytes(&digest).unwrap()).unwrap();
                let list = list["manifests"].as_array().unwrap().iter().map(|d| {
                    let digest: Digest = d["digest"].as_str().unwrap().parse().unwrap();
                    let media_type = d["mediaType"].as_str().unwrap();
                    let mut out = Descriptor::new(media_type, digest, d["size"].as_u64().unwrap());
                    out.artifact_type = d["artifactType"].as_str().map(str::to_owned);
                    out
                });
                let subject = format!("sha256:{hex}").parse().unwrap();
                memory.0.referrers.borrow_mut().insert(subject, list.collect());
            }
        }
        memory
    }

    pub fn add(&self, data: impl Into<Bytes>) -> Digest {
        let data = data.into();
        let digest = Digest::of(&data);
        self.0.blobs.borrow_mut().insert(digest, data);
        digest
    }

    /// Adds a blob and describes it.
    pub fn put(&self, media_type: &str, data: impl Into<Bytes>) -> Descriptor {
        let data = data.into();
        let size = data.len() as u64;
        let digest = self.add(data);
        self.0.types.borrow_mut().insert(digest, media_type.to_owned());
        Descriptor::new(media_type, digest, size)
    }

    pub fn tag(&self, tag: &str, digest: Digest, media_type: &str) {
        self.0.tags.borrow_mut().insert(tag.to_owned(), (digest, media_type.to_owned()));
    }

    pub fn refer(&self, subject: Digest, referrers: Vec<Descriptor>) {
        self.0.referrers.borrow_mut().insert(subject, referrers);
    }

    pub fn remove(&self, digest: &Digest) {
        self.0.blobs.borrow_mut().remove(digest);
    }

    pub fn blob_bytes(&self, digest: &Digest) -> Option<Bytes> {
        self.0.blobs.borrow().get(digest).cloned()
    }

    pub fn chunks(&self, sizes: &[usize]) {
        *self.0.chunks.borrow_mut() = sizes.to_vec();
    }

    pub fn slow(&self) {
        self.0.slow.set(true);
    }

    pub fn fault(&self, fault: impl Fn(&Digest, &Range<u64>, Bytes) -> Result<Bytes> + 'static) {
        *self.0.fault.borrow_mut() = Some(Rc::new(fault));
    }

    /// What was asked for since the last call, one line a request, digests cut to 8 digits.
    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.log.borrow_mut())
    }

    pub fn polled(&self) -> u64 {
        self.0.polled.get()
    }

    pub fn most_blobs_at_once(&self) -> usize {
        self.0.blobs_most.get()
    }

    pub fn cancelled(&self) -> u64 {
        self.0.cancelled.get()
    }

    pub async fn open(&self, tag: &str, options: OpenOptions) -> Result<Image> {
        self.open_target(&Target::Tag(tag.to_owned()), options).await
    }

    pub async fn open_target(&self, target: &Target, options: OpenOptions) -> Result<Image> {
        Image::open(Rc::new(self.clone()), Rc::new(Plain), target, options).await
    }

    fn note(&self, line: String) {
        self.0.log.borrow_mut().push(line);
    }

    fn get(&self, digest: &Digest) -> Result<Bytes> {
        self.blob_bytes(digest)
            .ok_or_else(|| Error::new(Code::NotFound, "no such blob in memory").with_digest(digest))
    }

    fn answer(&self, digest: &Digest, range: Range<u64>) -> Result<Bytes> {
        let data = self.get(digest)?;
        let data = data.slice(range.start as usize..range.end as usize);
        let fault = self.0.fault.borrow().clone();
        match fault {
            Some(fault) => fault(digest, &range, data),
            None => Ok(data),
        }
    }

    fn body(&self, purpose: Purpose, target: &Digest, range: Range<u64>, data: Bytes) -> ByteStream {
        let record = RequestRecord {
            purpose,
            method: "READ",
            target: target.to_string(),
            range: (purpose == Purpose::Range).then_some(range),
            status: 200,
            bytes: 0,
        };
        let handle = self.1.request(record);
        let sizes = self.0.chunks.borrow().clone();
        let guard = Guard { memory: self.clone(), left: data.len() };
        let state = (data, 0usize, guard, false);
        let slow = self.0.slow.get();
        stream::unfold(state, move |(mut data, turn, mut guard, waited)| {
            let (sizes, handle) = (sizes.clone(), handle.clone());
            async move {
                if data.is_empty() {
                    return None;
                }
                if slow && !waited {
                    yield_now().await;
                }
                let size = sizes.get(turn % sizes.len().max(1)).copied().unwrap_or(usize::MAX).max(1);
                let chunk = data.split_to(size.min(data.len()));
                guard.left -= chunk.len();
                guard.memory.0.polled.set(guard.memory.0.polled.get() + chunk.len() as u64);
                handle.add_bytes(chunk.len() as u64);
                Some((Ok(chunk), (data, turn + 1, guard, false)))
            }
        })
        .boxed_local()
    }
}

struct Guard {
    memory: Memory,
    left: usize,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.left > 0 {
            self.memory.0.cancelled.set(self.memory.0.cancelled.get() + 1);
        }
    }
}

/// Lets the others run.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return std::task::Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn short(digest: &Digest) -> String {
    digest.hex()[..8].to_owned()
}

impl Source for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn manifest<'a>(&'a self, target: &'a Target) -> LocalBoxFuture<'a, Result<RawManifest>> {
        Box::pin(async move {
            let (digest, media_type) = match target {
                Target::Digest(digest) => {
                    self.note(format!("manifest {}", short(digest)));
                    let media_type = self.0.types.borrow().get(digest).cloned();
                    (
                        *digest,
                        media_type
                            .unwrap_or_else(|| ocipeek::format::oci::media_type::OCI_MANIFEST.to_owned()),
                    )
                }
                Target::Tag(tag) => {
                    self.note(format!("manifest {tag}"));
                    let found = self.0.tags.borrow().get(tag).cloned();
                    found.ok_or_else(|| Error::new(Code::NotFound, "no such tag in memory"))?
                }
                Target::Only => return Err(Error::new(Code::InvalidArgument, "name a tag")),
            };
            yield_now().await;
            let size = self.get(&digest)?.len() as u64;
            let bytes = self.answer(&digest, 0..size)?;
            if Digest::of(&bytes) != digest {
                return Err(Error::new(Code::DigestMismatch, "damaged manifest").with_digest(&digest));
            }
            let _ = self.body(Purpose::Manifest, &digest, 0..size, Bytes::new());
            Ok(RawManifest { bytes, media_type, digest })
        })
    }

    fn blob<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> LocalBoxFuture<'a, Result<Bytes>> {
        Box::pin(async move {
            if descriptor.size > limit {
                return Err(Error::limit(limit_name, descriptor.size, limit));
            }
            self.note(format!("blob {}", short(&descriptor.digest)));
            self.0.blobs_now.set(self.0.blobs_now.get() + 1);
            self.0.blobs_most.set(self.0.blobs_most.get().max(self.0.blobs_now.get()));
            yield_now().await;
            self.0.blobs_now.set(self.0.blobs_now.get() - 1);
            for _ in 0..2 {
                let bytes = self.answer(&descriptor.digest, 0..descriptor.size)?;
                if Digest::of(&bytes) == descriptor.digest {
                    return Ok(bytes);
                }
            }
            Err(Error::new(Code::DigestMismatch, "damaged blob").with_digest(&descriptor.digest))
        })
    }

    fn blob_range<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        range: Range<u64>,
    ) -> LocalBoxFuture<'a, Result<ByteStream>> {
        Box::pin(async move {
            self.note(format!("range {} {}-{}", short(&descriptor.digest), range.start, range.end));
            assert!(
                range.start < range.end && range.end <= descriptor.size,
                "{range:?} of {}",
                descriptor.size
            );
            yield_now().await;
            let data = self.answer(&descriptor.digest, range.clone())?;
            Ok(self.body(Purpose::Range, &descriptor.digest, range, data))
        })
    }

    fn blob_stream<'a>(&'a self, descriptor: &'a Descriptor) -> LocalBoxFuture<'a, Result<ByteStream>> {
        Box::pin(async move {
            self.note(format!("stream {}", short(&descriptor.digest)));
            yield_now().await;
            let data = self.answer(&descriptor.digest, 0..descriptor.size)?;
            Ok(self.body(Purpose::Blob, &descriptor.digest, 0..descriptor.size, data))
        })
    }

    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
        artifact_type: &'a str,
    ) -> LocalBoxFuture<'a, Result<Vec<Descriptor>>> {
        Box::pin(async move {
            self.note(format!("referrers {}", short(subject)));
            yield_now().await;
            let mut list = self.0.referrers.borrow().get(subject).cloned().unwrap_or_default();
            list.retain(|d| d.artifact_type.as_deref() == Some(artifact_type));
            Ok(list)
        })
    }

    fn stats(&self) -> &Stats {
        &self.1
    }

    fn for_reader(&self, _: &Rc<dyn Transport>, _: &Limits, stats: &Stats) -> Option<Rc<dyn Source>> {
        Some(Rc::new(Memory(self.0.clone(), stats.clone())))
    }
}

/// A layer for a made-up image.
pub struct MadeLayer {
    pub media_type: &'static str,
    pub data: Vec<u8>,
    pub ztoc: Option<Vec<u8>>,
}

pub const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
pub const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

impl Memory {
    /// An image of such layers under the tag `made`, with a SOCI index of version 1 attached if a layer has a zTOC.
    pub fn made(layers: Vec<MadeLayer>) -> Memory {
        let memory = Memory::default();
        let json = |d: &Descriptor| serde_json::json!({"mediaType": d.media_type, "digest": d.digest, "size": d.size});
        let config = memory.put(
            "application/vnd.oci.image.config.v1+json",
            r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#,
        );
        let (mut list, mut ztocs) = (Vec::new(), Vec::new());
        for layer in layers {
            let d = memory.put(layer.media_type, layer.data);
            if let Some(ztoc) = layer.ztoc {
                let mut z = json(&memory.put("application/octet-stream", ztoc));
                z["annotations"] = serde_json::json!({
                    "com.amazon.soci.image-layer-digest": d.digest,
                    "com.amazon.soci.image-layer-mediaType": d.media_type,
                });
                ztocs.push(z);
            }
            list.push(json(&d));
        }
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type, "config": json(&config), "layers": list,
        });
        let manifest = memory.put(media_type, manifest.to_string());
        memory.tag("made", manifest.digest, media_type);
        if !ztocs.is_empty() {
            let v1 = "application/vnd.amazon.soci.index.v1+json";
            let empty = memory.put(v1, "{}");
            let soci = serde_json::json!({
                "schemaVersion": 2, "mediaType": media_type, "artifactType": v1,
                "config": json(&empty), "layers": ztocs, "subject": json(&manifest),
            });
            let mut soci = memory.put(media_type, soci.to_string());
            soci.artifact_type = Some(v1.to_owned());
            memory.refer(manifest.digest, vec![soci]);
        }
        memory
    }
}

/// Hashes; sends nothing.
pub struct Plain;

impl Transport for Plain {
    fn send(&self, _: Request) -> LocalBoxFuture<'static, Result<Response>> {
        Box::pin(async { Err(Error::new(Code::Network, "no network in this test")) })
    }
    /// A turn for each millisecond, so that what takes a turn or two comes before.
    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            for _ in 0..time.as_millis() {
                yield_now().await;
            }
        })
    }
    fn now_ms(&self) -> u64 {
        0
    }
    fn random(&self) -> f64 {
        0.5
    }
}

/// A cache that forgets nothing, and counts.
#[derive(Default)]
pub struct Kept {
    pub map: RefCell<HashMap<String, Bytes>>,
    pub hits: Cell<usize>,
}

impl Cache for Kept {
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            yield_now().await;
            let found = self.map.borrow().get(key).cloned();
            self.hits.set(self.hits.get() + usize::from(found.is_some()));
            found
        })
    }
    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            self.map.borrow_mut().insert(key.to_owned(), value);
        })
    }
}

/// A cache that gives ranges, and so is for packs too. It logs what is asked of it, digests cut to 8 digits.
#[derive(Default)]
pub struct Ranged {
    pub map: RefCell<HashMap<String, Bytes>>,
    log: RefCell<Vec<String>>,
    /// What is put under a key that begins so is dropped.
    pub refuses: Cell<Option<&'static str>>,
    /// Puts are pending so many times.
    pub slow_puts: Cell<usize>,
}

impl Ranged {
    /// What was asked since the last call.
    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.borrow_mut())
    }

    pub fn packs(&self) -> Vec<String> {
        self.map.borrow().keys().filter(|key| key.starts_with("pack-v1:")).cloned().collect()
    }

    fn note(&self, what: &str, key: &str, rest: &str) {
        let key = key.replace("sha256:", "");
        let cut = key.len().saturating_sub(64 - 8);
        self.log.borrow_mut().push(format!("{what} {}{rest}", &key[..cut]));
    }
}

impl Cache for Ranged {
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            self.note("get", key, "");
            yield_now().await;
            self.map.borrow().get(key).cloned()
        })
    }
    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            self.note("put", key, "");
            for _ in 0..self.slow_puts.get() {
                yield_now().await;
            }
            if self.refuses.get().is_none_or(|start| !key.starts_with(start)) {
                self.map.borrow_mut().insert(key.to_owned(), value);
            }
        })
    }
    fn has_ranges(&self) -> bool {
        true
    }
    fn get_range<'a>(&'a self, key: &'a str, range: Range<u64>) -> LocalBoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            self.note("range", key, &format!(" {}-{}", range.start, range.end));
            yield_now().await;
            let value = self.map.borrow().get(key).cloned()?;
            let clip = |n: u64| (n as usize).min(value.len());
            Some(value.slice(clip(range.start)..clip(range.end)))
        })
    }
}
