//! A layout as a [`Source`].

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join;

use super::docker::DockerFiles;
use super::files::{Files, read_counted};
use super::index::{self, Found};
use crate::error::{Code, Error, Result};
use crate::format::oci::json::Json;
use crate::format::oci::manifest_media_type;
use crate::format::oci::{
    Descriptor, Digest, ImageConfig, ImageIndex, ManifestDoc, media_type, parse_manifest,
};
use crate::limits::Limits;
use crate::net::http::{read_limited, shown};
use crate::net::inline::inline_part;
use crate::net::retry_damaged::twice;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later, Purpose, Transport};
use crate::source::{RawManifest, Source, Target};

/// An OCI image layout.
pub struct Layout {
    files: Rc<dyn Files>,
    index: Rc<ImageIndex>,
    /// `index.json` as it is.
    raw: Bytes,
    /// It was made of what `docker save` wrote.
    saved: bool,
    /// The names of what it is made of say nothing of its digests.
    computed: bool,
    limits: Limits,
    stats: Stats,
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layout").field(&self.files.name()).finish()
    }
}

impl Layout {
    /// Reads `oci-layout` and `index.json`. Where these list no image, what `docker save` writes besides is read as a
    /// layout: its `manifest.json`.
    ///
    /// # Errors
    /// `NOT_FOUND` where there is no layout, `UNSUPPORTED` for another version, `CORRUPT_MANIFEST`.
    pub async fn open(files: Rc<dyn Files>, limits: Limits, stats: Stats) -> Result<Layout> {
        Layout::open_as(files, false, limits, stats).await
    }

    /// As [`open`](Self::open); where there is a `manifest.json`, it says what images there are, as it does for
    /// `docker load`.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub async fn open_saved(files: Rc<dyn Files>, limits: Limits, stats: Stats) -> Result<Layout> {
        Layout::open_as(files, true, limits, stats).await
    }

    async fn open_as(files: Rc<dyn Files>, saved: bool, limits: Limits, stats: Stats) -> Result<Layout> {
        let name = files.name();
        let is_saved = async || files.size("manifest.json").await.is_ok_and(|size| size.is_some());
        let opened = async {
            if saved && is_saved().await {
                return Layout::of_saved(files.clone(), &limits, &stats).await;
            }
            match Layout::of_oci(files.clone(), &limits, &stats).await {
                // Some tools write an empty index besides.
                Ok(layout) if layout.is_empty() && is_saved().await => {
                    Layout::of_saved(files.clone(), &limits, &stats).await
                }
                Err(e) if e.code() == Code::NotFound && is_saved().await => {
                    Layout::of_saved(files.clone(), &limits, &stats).await
                }
                opened => opened,
            }
        };
        opened.await.map_err(|e: Error| e.with_reference(name))
    }

    async fn of_saved(files: Rc<dyn Files>, limits: &Limits, stats: &Stats) -> Result<Layout> {
        let docker = DockerFiles::open(files, limits, stats).await?;
        let computed = docker.computed();
        // What was made costs no read.
        let layout = Layout::of_oci(Rc::new(docker), limits, stats).await?;
        Ok(Layout { computed, saved: true, ..layout })
    }

    async fn of_oci(files: Rc<dyn Files>, limits: &Limits, stats: &Stats) -> Result<Layout> {
        let whole = async |path| {
            let most = limits.max_manifest_size;
            let body = read_counted(&*files, stats, path, None, Purpose::Manifest).await?;
            read_limited(body, None, "max_manifest_size", most).await
        };
        let (version, raw) = join(whole("oci-layout"), whole("index.json")).await;
        let wrap = |e: Error, file: &str| match e.code() {
            Code::NotFound => {
                Error::new(Code::NotFound, format!("there is no {file}, so this is no OCI image layout"))
            }
            _ => e,
        };
        check_version(&version.map_err(|e| wrap(e, "oci-layout"))?)?;
        let raw = raw.map_err(|e| wrap(e, "index.json"))?;
        Layout::of_index(files, raw, limits, stats)
    }

    /// Of the bytes of `index.json`.
    pub(crate) fn of_index(
        files: Rc<dyn Files>,
        raw: Bytes,
        limits: &Limits,
        stats: &Stats,
    ) -> Result<Layout> {
        let index = Rc::new(index::parse(&raw, limits)?);
        let (limits, stats) = (limits.clone(), stats.clone());
        Ok(Layout { files, index, raw, saved: false, computed: false, limits, stats })
    }

    /// The bytes of `index.json`, where there is one.
    #[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
    pub(crate) fn raw_index(&self) -> Option<&Bytes> {
        (!self.saved).then_some(&self.raw)
    }

    /// Whether the index lists no image.
    fn is_empty(&self) -> bool {
        matches!(index::only(&self.index, ""), Err(e) if e.code() == Code::NotFound)
    }

    /// The image index, `index.json`.
    pub fn index(&self) -> &ImageIndex {
        &self.index
    }

    /// Names of its images, each of which means one of them as a [`Target::Tag`]; a digest where an image has none. One
    /// name where the layout holds one image.
    pub fn names(&self) -> Vec<String> {
        index::all_names(&self.index)
    }

    async fn manifest(&self, target: &Target) -> Result<RawManifest> {
        let place = self.files.name();
        let found = match target {
            Target::Only => index::only(&self.index, &place)?,
            Target::Tag(name) => index::by_name(&self.index, name, &place)?,
            Target::Digest(digest) => match self.index.find(digest) {
                Some(d) => Found::Entry(d),
                None => return self.manifest_bytes(digest, "", None).await,
            },
        };
        match found {
            Found::Many(images, text) => Err(self.ambiguous(&images, &text).await),
            Found::Entry(d) => self.manifest_bytes(&d.digest, &d.media_type, Some(d)).await,
            Found::Whole => Ok(RawManifest {
                bytes: self.raw.clone(),
                media_type: media_type::OCI_INDEX.into(),
                digest: Digest::of(&self.raw),
            }),
        }
    }

    /// That one of several images is to be named, and how each is: where its name is another's too, by its digest, with
    /// its platform.
    async fn ambiguous(&self, images: &[&Descriptor], text: &str) -> Error {
        let mut names: Vec<String> = Vec::new();
        for (name, d) in index::distinct(images).iter().zip(images).take(index::MOST_NAMES) {
            let is_digest = *name == d.digest.to_string();
            names.push(match if is_digest { self.platform(d).await } else { None } {
                Some(platform) => format!("{name} ({platform})"),
                None => shown(name),
            });
        }
        if images.len() > names.len() {
            names.push(format!("{} more", images.len() - names.len()));
        }
        let text = format!("{text}; name one of {}", names.join(", "));
        Error::new(Code::InvalidArgument, text).with_reference(self.files.name())
    }

    /// What an image runs on, by its entry or its config.
    async fn platform(&self, d: &Descriptor) -> Option<String> {
        if let Some(platform) = &d.platform {
            return Some(platform.shown());
        }
        let raw = self.manifest_bytes(&d.digest, &d.media_type, Some(d)).await.ok()?;
        let doc = parse_manifest(&raw.bytes, &raw.media_type, &self.limits).ok()?;
        let ManifestDoc::Image(image) = doc else { return None };
        let config = Source::blob(self, &image.config, "max_manifest_size", self.limits.max_manifest_size);
        Some(ImageConfig::parse(&config.await.ok()?, &self.limits).ok()?.platform().shown())
    }

    async fn manifest_bytes(
        &self,
        digest: &Digest,
        stated: &str,
        d: Option<&Descriptor>,
    ) -> Result<RawManifest> {
        let limit = self.limits.max_manifest_size;
        if let Some(d) = d {
            Limits::check("max_manifest_size", d.size, limit).map_err(|e| e.with_digest(digest))?;
        }
        let bytes = match d.and_then(|d| d.data.clone()) {
            Some(data) => data,
            None => {
                self.verified(digest, d.map(|d| d.size), "max_manifest_size", limit, Purpose::Manifest)
                    .await?
            }
        };
        Ok(RawManifest { media_type: manifest_media_type(stated, &bytes), bytes, digest: *digest })
    }

    /// A whole blob, verified; read once more if it is not what its digest says.
    async fn verified(
        &self,
        digest: &Digest,
        size: Option<u64>,
        limit_name: &'static str,
        limit: u64,
        purpose: Purpose,
    ) -> Result<Bytes> {
        let once = async || {
            let body = read_counted(&*self.files, &self.stats, &path_of(digest), None, purpose).await?;
            let body = match size {
                Some(size) => exactly(body, size),
                None => body,
            };
            let bytes = read_limited(body, size, limit_name, limit).await?;
            if Digest::of(&bytes) == *digest {
                return Ok(bytes);
            }
            Err(Error::new(Code::DigestMismatch, "the bytes of a blob do not have its digest"))
        };
        twice(&self.stats, once).await.map_err(|e| self.about(e, digest))
    }

    fn about(&self, e: Error, digest: &Digest) -> Error {
        e.with_reference(self.files.name()).with_digest(digest)
    }

    async fn part(&self, d: &Descriptor, range: Option<Range<u64>>) -> Result<ByteStream> {
        if let Some(part) = inline_part(d, range.as_ref()) {
            return part;
        }
        let (len, purpose) = match &range {
            Some(r) => {
                if r.start > r.end || r.end > d.size {
                    let text = format!("bytes {}..{} are not inside the blob", r.start, r.end);
                    return Err(self.about(Error::new(Code::InvalidArgument, text), &d.digest));
                }
                if r.is_empty() {
                    return Ok(futures_util::stream::empty().boxed_local());
                }
                (r.end - r.start, Purpose::Range)
            }
            None => (d.size, Purpose::Blob),
        };
        let body = read_counted(&*self.files, &self.stats, &path_of(&d.digest), range, purpose).await;
        let body = body.map_err(|e| self.about(e, &d.digest))?;
        let (place, digest) = (self.files.name(), d.digest);
        let named =
            exactly(body, len).map(move |c| c.map_err(|e| e.with_reference(&place).with_digest(&digest)));
        Ok(named.boxed_local())
    }

    async fn referrers(&self, subject: &Digest, artifact_type: &str) -> Result<Vec<Descriptor>> {
        let of_type = |d: &Descriptor| d.artifact_type.as_deref() == Some(artifact_type);
        let mut found: Vec<Descriptor> = Vec::new();
        let tag = format!("sha256-{}", subject.hex());
        match self.manifest(&Target::Tag(tag)).await {
            Ok(raw) => {
                let doc = parse_manifest(&raw.bytes, &raw.media_type, &self.limits)
                    .map_err(|e| self.about(e, &raw.digest))?;
                if let ManifestDoc::Index(index) = doc {
                    found.extend(index.manifests.into_iter().filter(of_type));
                }
            }
            Err(e) if e.code() == Code::NotFound => {}
            Err(e) => return Err(e),
        }
        // ORAS and containerd list referrers in index.json itself.
        for d in self.index.manifests.iter().filter(|d| of_type(d)) {
            if found.iter().any(|f| f.digest == d.digest) || d.size > self.limits.max_manifest_size {
                continue;
            }
            let raw = match self.manifest_bytes(&d.digest, &d.media_type, Some(d)).await {
                Ok(raw) => raw,
                // A partial copy of a layout may list what it does not hold.
                Err(e) if e.code() == Code::NotFound => continue,
                Err(e) => return Err(e),
            };
            let doc = parse_manifest(&raw.bytes, &raw.media_type, &self.limits)
                .map_err(|e| self.about(e, &d.digest))?;
            let named = match &doc {
                ManifestDoc::Image(m) => &m.subject,
                ManifestDoc::Index(i) => &i.subject,
            };
            if named.as_ref().is_some_and(|s| s.digest == *subject) {
                found.push(d.clone());
            }
        }
        Ok(found)
    }
}

impl Source for Layout {
    fn name(&self) -> String {
        self.files.name()
    }
    fn manifest<'a>(&'a self, target: &'a Target) -> Later<'a, RawManifest> {
        Box::pin(self.manifest(target))
    }
    fn blob<'a>(&'a self, d: &'a Descriptor, limit_name: &'static str, limit: u64) -> Later<'a, Bytes> {
        Box::pin(async move {
            Limits::check(limit_name, d.size, limit).map_err(|e| self.about(e, &d.digest))?;
            match &d.data {
                Some(data) => Ok(data.clone()),
                None => self.verified(&d.digest, Some(d.size), limit_name, limit, Purpose::Blob).await,
            }
        })
    }
    fn blob_range<'a>(&'a self, d: &'a Descriptor, range: Range<u64>) -> Later<'a, ByteStream> {
        Box::pin(self.part(d, Some(range)))
    }
    fn blob_stream<'a>(&'a self, d: &'a Descriptor) -> Later<'a, ByteStream> {
        Box::pin(self.part(d, None))
    }
    fn referrers<'a>(&'a self, subject: &'a Digest, artifact_type: &'a str) -> Later<'a, Vec<Descriptor>> {
        Box::pin(self.referrers(subject, artifact_type))
    }
    fn stats(&self) -> &Stats {
        &self.stats
    }
    fn for_reader(
        &self,
        transport: &Rc<dyn Transport>,
        limits: &Limits,
        stats: &Stats,
    ) -> Option<Rc<dyn Source>> {
        let files = self.files.for_reader(transport, limits, stats);
        // Where these count themselves, all readers share the counters.
        let files = files.or_else(|| Some(self.files.clone()).filter(|files| !files.counts_reads()))?;
        let (index, raw, limits) = (self.index.clone(), self.raw.clone(), limits.clone());
        let (saved, computed) = (self.saved, self.computed);
        Some(Rc::new(Layout { files, index, raw, saved, computed, limits, stats: stats.clone() }))
    }
    fn is_steady(&self) -> bool {
        self.files.is_steady()
    }
    fn is_local(&self) -> bool {
        true
    }
    fn computes_digests(&self) -> bool {
        self.computed
    }
}

fn path_of(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn check_version(bytes: &[u8]) -> Result<()> {
    let marker = Json::outline(bytes, &["imageLayoutVersion"]);
    let root = marker.as_ref().map(|marker| marker.root("oci-layout"));
    let version =
        root.as_ref().and_then(|root| root.get("imageLayoutVersion").ok()??.str().ok()).ok_or_else(|| {
            Error::new(Code::CorruptManifest, "oci-layout is not JSON with an imageLayoutVersion")
        })?;
    if version.split('.').next() == Some("1") {
        return Ok(());
    }
    let text = format!(
        "this OCI image layout has the version {:?}; only 1.x is known",
        crate::net::http::shown(version)
    );
    Err(Error::new(Code::Unsupported, text))
}

/// A body that must have `size` bytes. None past them is given out.
fn exactly(body: ByteStream, size: u64) -> ByteStream {
    let bad =
        |how: &str| Error::new(Code::DigestMismatch, format!("a blob is {how} than its descriptor says"));
    let stream = futures_util::stream::unfold(Some((body, size)), move |state| async move {
        let (mut body, left) = state?;
        match body.next().await {
            Some(Ok(chunk)) => {
                let len = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                match left.checked_sub(len) {
                    Some(left) => Some((Ok(chunk), Some((body, left)))),
                    None => Some((Err(bad("longer")), None)),
                }
            }
            None if left > 0 => Some((Err(bad("shorter")), None)),
            None => None,
            Some(Err(e)) => Some((Err(e), None)),
        }
    });
    stream.boxed_local()
}
