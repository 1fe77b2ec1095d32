//! Archives of `docker save`, podman and `crane pull`, shown as an OCI layout.
//!
//! `manifest.json` is an array of `{"Config": FILE, "RepoTags": [NAME…], "Layers": [FILE…]}` (moby, `image/tarexport`).
//! Layers are uncompressed tars, whose digests are the `diff_ids` of the config: with these an OCI manifest is made, and
//! each layer is verified by its digest as any other. Some tools (`crane`, Bazel) put compressed layers there, named by
//! their digests; then the name vouches. Where a compressed layer has another name, its digest is computed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use sha2::{Digest as _, Sha256};

use super::files::{Files, read_counted};
use super::members::clean;
use crate::error::{Code, Error, Result};
use crate::format::oci::json::{Json, Node};
use crate::format::oci::{Digest, ImageConfig, Reference, media_type};
use crate::format::tar::TarWalker;
use crate::format::unpack::{Packing, Unpacker};
use crate::limits::Limits;
use crate::net::http::{read_limited, shown};
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later, Purpose, Transport};

/// Bytes of a layer that tell whether it is a tar: a header.
const START: u64 = 512;

/// An image of a `manifest.json`. All are names of files in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedImage {
    /// Its config.
    pub config: String,
    /// Its names, e.g. `app:latest`. Those that are no references are left out.
    pub names: Vec<Reference>,
    /// Its layers, the lowest first.
    pub layers: Vec<String>,
}

/// Parses the `manifest.json` of `docker save`.
///
/// # Errors
/// `CORRUPT_MANIFEST`, also for files that would lie outside of the archive; `LIMIT_EXCEEDED`.
pub fn parse_saved(bytes: &[u8], limits: &Limits) -> Result<Vec<SavedImage>> {
    let json = Json::parse(bytes, "manifest.json", limits)?;
    let node = json.root("manifest.json");
    let images = node.items()?;
    Limits::check("max_index_entries", images.len() as u64, limits.max_index_entries)?;
    images.map(|image| SavedImage::from_json(&image, limits)).collect()
}

impl SavedImage {
    fn from_json(node: &Node<'_>, limits: &Limits) -> Result<Self> {
        node.refuse_lookalikes(&["Config", "RepoTags", "Layers"])?;
        let file = |node: &Node<'_>| {
            let name = node.str()?;
            clean(name).ok_or_else(|| node.wrong("names no file inside the archive"))
        };
        let names = node.get("RepoTags")?.map(|tags| tags.strings()).transpose()?.unwrap_or_default();
        let layers = match node.get("Layers")? {
            Some(layers) => {
                let layers = layers.items()?;
                Limits::check("max_layers", layers.len() as u64, limits.max_layers)?;
                layers.map(|layer| file(&layer)).collect::<Result<_>>()?
            }
            None => Vec::new(),
        };
        Ok(SavedImage {
            config: file(&node.need("Config")?)?,
            names: names.iter().filter_map(|name| name.parse().ok()).collect(),
            layers,
        })
    }
}

/// The files of an archive of `docker save` by the names that they would have in an OCI layout.
#[derive(Clone)]
pub(super) struct DockerFiles {
    files: Rc<dyn Files>,
    /// `oci-layout`, `index.json`, and manifests.
    made: BTreeMap<String, Bytes>,
    /// Where blobs are in the archive.
    blobs: BTreeMap<String, String>,
    /// A config is not named by its digest.
    computed: bool,
}

impl DockerFiles {
    /// Reads `manifest.json` and the configs, and the first bytes of each layer.
    pub(super) async fn open(files: Rc<dyn Files>, limits: &Limits, stats: &Stats) -> Result<DockerFiles> {
        let mut out = DockerFiles { files, made: BTreeMap::new(), blobs: BTreeMap::new(), computed: false };
        let saved = parse_saved(&out.read_whole("manifest.json", limits, stats).await?, limits)?;
        let mut index = String::new();
        for image in &saved {
            let (digest, size) = out.add(image, limits, stats).await?;
            let entry =
                format!(r#"{{"mediaType":"{}","digest":"{digest}","size":{size}"#, media_type::OCI_MANIFEST);
            if image.names.is_empty() {
                let _ = write!(index, "{entry}}},");
            }
            for name in &image.names {
                // References have no characters that JSON escapes.
                let _ = write!(
                    index,
                    r#"{entry},"annotations":{{"io.containerd.image.name":"{name}","org.opencontainers.image.ref.name":"{}"}}}},"#,
                    name.familiar()
                );
            }
        }
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, index.trim_end_matches(','));
        out.made.insert("index.json".into(), index.into());
        out.made.insert("oci-layout".into(), Bytes::from_static(br#"{"imageLayoutVersion":"1.0.0"}"#));
        Ok(out)
    }

    /// Whether nothing but what is there says what the config of an image must be.
    pub(super) fn computed(&self) -> bool {
        self.computed
    }

    /// Makes the manifest of an image.
    async fn add(&mut self, image: &SavedImage, limits: &Limits, stats: &Stats) -> Result<(Digest, u64)> {
        let config = self.read_whole(&image.config, limits, stats).await?;
        let digest = Digest::of(&config);
        // Tools change configs and leave their names: `docker load` does not look at these.
        self.computed |= named_digest(&image.config) != Some(digest);
        let diff_ids =
            ImageConfig::parse(&config, limits).map_err(|e| e.with_digest(&digest))?.rootfs.diff_ids;
        if diff_ids.len() != image.layers.len() {
            let text = format!(
                "manifest.json lists {} layers, and the config {} of them",
                image.layers.len(),
                diff_ids.len()
            );
            return Err(Error::new(Code::CorruptManifest, text).with_digest(&digest));
        }
        let mut manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{digest}","size":{}}},"layers":["#,
            media_type::OCI_MANIFEST,
            media_type::OCI_CONFIG,
            config.len()
        );
        self.blobs.insert(path_of(&digest), image.config.clone());
        for (i, (file, diff_id)) in image.layers.iter().zip(diff_ids).enumerate() {
            let Some(size) = self.files.size(file).await? else {
                return Err(Error::new(Code::NotFound, format!("the archive holds no {}", shown(file))));
            };
            let start = self.start(file, size, stats).await?;
            let (suffix, digest) = match compression(&start) {
                None => {
                    refuse_foreign(&start, limits).map_err(|e| e.with_digest(&diff_id))?;
                    ("", diff_id)
                }
                Some(suffix) => match named_digest(file) {
                    Some(named) => (suffix, named),
                    None => {
                        self.computed = true;
                        (suffix, self.digest_of(file, &diff_id, limits, stats).await?)
                    }
                },
            };
            let comma = if i == 0 { "" } else { "," };
            let _ = write!(
                manifest,
                r#"{comma}{{"mediaType":"application/vnd.oci.image.layer.v1.tar{suffix}","digest":"{digest}","size":{size}}}"#
            );
            self.blobs.insert(path_of(&digest), file.clone());
        }
        manifest.push_str("]}");
        let manifest = Bytes::from(manifest);
        let (digest, size) = (Digest::of(&manifest), manifest.len() as u64);
        self.made.insert(path_of(&digest), manifest);
        Ok((digest, size))
    }

    async fn read_whole(&self, file: &str, limits: &Limits, stats: &Stats) -> Result<Bytes> {
        let body = read_counted(&*self.files, stats, file, None, Purpose::Manifest).await?;
        read_limited(body, None, "max_manifest_size", limits.max_manifest_size).await
    }

    /// The digest of a compressed layer that states none; what it unpacks to must be what the config says.
    async fn digest_of(
        &self,
        file: &str,
        diff_id: &Digest,
        limits: &Limits,
        stats: &Stats,
    ) -> Result<Digest> {
        // It streams past.
        let limits = Limits { max_whole_layer_inflated: limits.max_build_inflated, ..limits.clone() };
        let (mut packed, mut unpacked) = (Sha256::new(), Sha256::new());
        let mut unpacker = Unpacker::new(&limits);
        let sink = &mut |out: &[u8]| {
            unpacked.update(out);
            Ok(())
        };
        let mut body = read_counted(&*self.files, stats, file, None, Purpose::Blob).await?;
        while let Some(chunk) = body.try_next().await? {
            packed.update(&chunk);
            unpacker.push(&chunk, sink)?;
        }
        unpacker.finish(sink)?;
        if Digest::from_sha256(unpacked.finalize().into()) == *diff_id {
            return Ok(Digest::from_sha256(packed.finalize().into()));
        }
        let text = format!("the layer {} is not what the config says", shown(file));
        Err(Error::new(Code::DigestMismatch, text).with_digest(diff_id))
    }

    /// The first bytes of a file.
    async fn start(&self, file: &str, size: u64, stats: &Stats) -> Result<Vec<u8>> {
        let mut body =
            read_counted(&*self.files, stats, file, Some(0..size.min(START)), Purpose::Range).await?;
        let mut out = Vec::new();
        while let Some(chunk) = body.try_next().await? {
            out.extend_from_slice(&chunk);
        }
        Ok(out)
    }
}

impl Files for DockerFiles {
    fn size<'a>(&'a self, path: &'a str) -> Later<'a, Option<u64>> {
        Box::pin(async move {
            match (self.made.get(path), self.blobs.get(path)) {
                (Some(made), _) => Ok(Some(made.len() as u64)),
                (None, Some(file)) => self.files.size(file).await,
                (None, None) => Ok(None),
            }
        })
    }
    fn read<'a>(&'a self, path: &'a str, range: Option<Range<u64>>) -> Later<'a, ByteStream> {
        Box::pin(async move {
            if let Some(file) = self.blobs.get(path) {
                return self.files.read(file, range).await;
            }
            let Some(made) = self.made.get(path) else {
                return Err(Error::new(Code::NotFound, format!("the archive holds no {path}")));
            };
            let part = range.map_or_else(|| made.clone(), |range| crate::source::cut(made, &range));
            Ok(futures_util::stream::iter([Ok(part)]).boxed_local())
        })
    }
    fn name(&self) -> String {
        self.files.name()
    }
    fn for_reader(
        &self,
        transport: &Rc<dyn Transport>,
        limits: &Limits,
        stats: &Stats,
    ) -> Option<Rc<dyn Files>> {
        let files = self.files.for_reader(transport, limits, stats)?;
        Some(Rc::new(DockerFiles { files, ..self.clone() }))
    }
    fn counts_reads(&self) -> bool {
        self.files.counts_reads()
    }
    fn is_steady(&self) -> bool {
        self.files.is_steady()
    }
}

fn path_of(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// `…/<64 hex digits>[.json|.tar.gz…]`, also with `sha256:` before them.
fn named_digest(file: &str) -> Option<Digest> {
    let name = file.rsplit('/').next()?.split('.').next()?;
    let hex = name.strip_prefix("sha256:").unwrap_or(name);
    format!("sha256:{hex}").parse().ok()
}

/// `UNSUPPORTED` for what is compressed in another way, which the config's digest would only tell to be wrong.
fn refuse_foreign(start: &[u8], limits: &Limits) -> Result<()> {
    let mut walker = TarWalker::new(limits);
    match walker.push(start).and_then(|_| walker.finish(None)) {
        Err(e) if e.code() == Code::Unsupported => Err(e),
        _ => Ok(()),
    }
}

/// The suffix of a compressed layer's media type.
fn compression(start: &[u8]) -> Option<&'static str> {
    Packing::of(start).map(|packing| if packing == Packing::Gzip { "+gzip" } else { "+zstd" })
}
