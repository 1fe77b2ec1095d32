//! Image manifests and image indexes: OCI (image spec, manifest.md and image-index.md) and Docker schema 2.

use std::collections::BTreeMap;

use super::descriptor::annotations;
use super::json::{Json, Node, shown};
use super::media_type::{
    DOCKER_CONFIG, DOCKER_MANIFEST, DocKind, OCI_CONFIG, OCI_MANIFEST, doc_kind, essence,
};
use super::{Descriptor, Digest, Platform, PlatformMatcher};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// Annotation of a SOCI index's descriptor in an OCI index: the digest of the image manifest that it is for.
pub const IMAGE_MANIFEST_DIGEST: &str = "com.amazon.soci.image-manifest-digest";

/// What a registry holds under a tag or a manifest's digest.
// One or two exist per image: a box would only make it longer to read.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestDoc {
    /// An OCI image index or a Docker manifest list.
    Index(ImageIndex),
    /// An OCI image manifest or a Docker manifest of schema 2; also that of an artifact.
    Image(ImageManifest),
}

/// An OCI image index or a Docker manifest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIndex {
    /// Its entries, in order. Not all are images: see [`ImageIndex::images`].
    pub manifests: Vec<Descriptor>,
    /// The type of artifact that it is.
    pub artifact_type: Option<String>,
    /// The manifest that it is about, where it is a referrer.
    pub subject: Option<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// An OCI image manifest or a Docker manifest of schema 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageManifest {
    /// The image's config.
    pub config: Descriptor,
    /// Layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// The type of artifact, where it is not an image. Without one, `config.media_type` tells.
    pub artifact_type: Option<String>,
    /// The manifest that it is about, where it is a referrer.
    pub subject: Option<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

const FIELDS: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "fsLayers",
    "subject",
    "annotations",
];

/// Parses an image index or manifest. `media_type` is what its `Content-Type` or descriptor says.
///
/// Its kind is what `media_type`, the `mediaType` field and the fields themselves agree on; a document that
/// can be taken for both kinds is refused (CVE-2021-41190). A media type that names neither (`text/plain`
/// of a file server) decides nothing.
///
/// # Errors
/// `CORRUPT_MANIFEST`, `LIMIT_EXCEEDED`; `UNSUPPORTED` for Docker schema 1 and OCI artifact manifests;
/// `DIGEST_MISMATCH` for embedded `data` that is not what its descriptor says.
pub fn parse_manifest(bytes: &[u8], media_type: &str, limits: &Limits) -> Result<ManifestDoc> {
    let stated = doc_kind(media_type);
    refuse_unsupported(stated)?;
    let json = Json::parse(bytes, "manifest", limits).map_err(|e| hint_at_html(e, bytes, media_type))?;
    let node = json.root("manifest");
    match kind(&node, stated)? {
        DocKind::Index => ImageIndex::from_json(&json.root("image index"), limits).map(ManifestDoc::Index),
        _ => ImageManifest::from_json(&json.root("image manifest"), limits).map(ManifestDoc::Image),
    }
}

/// A login page or proxy's notice in place of a manifest is common enough to say so.
fn hint_at_html(error: Error, bytes: &[u8], media_type: &str) -> Error {
    let html = essence(media_type) == "text/html" || bytes.trim_ascii_start().starts_with(b"<");
    if html && error.code() == Code::CorruptManifest {
        return Error::new(
            Code::CorruptManifest,
            "a web page came in place of a manifest; is this a registry, and is no proxy or login in between?",
        );
    }
    error
}

fn refuse_unsupported(kind: DocKind) -> Result<()> {
    let what = match kind {
        DocKind::Schema1 => {
            "this is a Docker image of schema 1, which was withdrawn in 2017; pull it with an old Docker and \
             push it again to convert it"
        }
        DocKind::ArtifactManifest => "this is an OCI artifact manifest, a withdrawn draft; it holds no image",
        DocKind::Index | DocKind::Image | DocKind::Unknown => return Ok(()),
    };
    Err(Error::new(Code::Unsupported, what))
}

fn kind(node: &Node<'_>, stated: DocKind) -> Result<DocKind> {
    node.refuse_lookalikes(FIELDS)?;
    let named = node.get_str("mediaType")?;
    let own = named.map_or(DocKind::Unknown, doc_kind);
    refuse_unsupported(own)?;
    let version = node.get("schemaVersion")?.map(|v| v.whole()).transpose()?;
    if version == Some(1) || node.has("fsLayers") {
        refuse_unsupported(DocKind::Schema1)?;
    }
    if !matches!(version, None | Some(2)) {
        return Err(node.wrong("has a schemaVersion other than 2"));
    }
    let like_index = node.has("manifests");
    let like_image = node.has("layers") || node.has("config");
    if like_index && like_image {
        return Err(
            node.wrong("has both `manifests` and `layers` or `config`, so that readers may differ on it")
        );
    }
    let shape = match (like_index, like_image) {
        (true, _) => DocKind::Index,
        (_, true) => DocKind::Image,
        _ => return Err(node.wrong("has neither `manifests` nor `config` and `layers`")),
    };
    for (claim, who) in [(stated, "its Content-Type or descriptor"), (own, "its own mediaType")] {
        if claim != DocKind::Unknown && claim != shape {
            let (says, is) = match shape {
                DocKind::Index => ("an image manifest", "an index"),
                _ => ("an index", "an image manifest"),
            };
            return Err(node.wrong(&format!("is {says} by {who} but looks like {is}")));
        }
    }
    if own == DocKind::Unknown
        && let Some(named) = named
    {
        return Err(node.error(
            Code::Unsupported,
            &format!("is of the media type {}, which is not an image's", shown(named)),
        ));
    }
    Ok(shape)
}

fn descriptors(
    node: &Node<'_>,
    key: &'static str,
    limit: &'static str,
    allowed: u64,
) -> Result<Vec<Descriptor>> {
    if !node.has(key) {
        return Err(node.wrong(&format!("has no `{key}`")));
    }
    // Go writes an empty list as null.
    let Some(list) = node.get(key)? else { return Ok(Vec::new()) };
    let items = list.items()?;
    Limits::check(limit, items.len() as u64, allowed)?;
    items.map(|item| Descriptor::from_json(&item)).collect()
}

fn subject(node: &Node<'_>) -> Result<Option<Descriptor>> {
    node.get("subject")?.map(|s| Descriptor::from_json(&s)).transpose()
}

impl ImageIndex {
    fn from_json(node: &Node<'_>, limits: &Limits) -> Result<Self> {
        Ok(ImageIndex {
            manifests: descriptors(node, "manifests", "max_index_entries", limits.max_index_entries)?,
            artifact_type: node.get_str("artifactType")?.map(str::to_owned),
            subject: subject(node)?,
            annotations: annotations(node)?,
        })
    }

    /// The entries that are image manifests: not SOCI indexes, attestations or other artifacts, and not
    /// further indexes.
    pub fn images(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().filter(|d| is_image(d))
    }

    /// The entry to open for a platform: the best match among the images; else the first image that states
    /// no platform; else the first index among the entries.
    ///
    /// As containerd does it, an entry without a platform is a candidate: what it runs on is known only
    /// once its config (or, for an index, its entries) is read.
    ///
    /// # Errors
    /// `NOT_FOUND`, listing the platforms that there are.
    pub fn select(&self, matcher: &PlatformMatcher) -> Result<&Descriptor> {
        let stated = |d: &&Descriptor| d.platform.is_some();
        let ranked =
            self.images().filter(stated).filter_map(|d| Some((matcher.rank(d.platform.as_ref()?)?, d)));
        // min_by_key gives the first of equals.
        if let Some((_, best)) = ranked.min_by_key(|(rank, _)| *rank) {
            return Ok(best);
        }
        let unstated = self.images().find(|d| !stated(d));
        let nested = || self.manifests.iter().find(|d| doc_kind(&d.media_type) == DocKind::Index);
        unstated.or_else(nested).ok_or_else(|| matcher.no_match(&self.platforms()))
    }

    /// The platforms of the images, each once, in order.
    pub fn platforms(&self) -> Vec<Platform> {
        let mut out: Vec<Platform> = Vec::new();
        for platform in self.images().filter_map(|d| d.platform.as_ref()) {
            // Quadratic only in different platforms, of which real images have a dozen.
            if out.len() < 256 && !out.contains(platform) {
                out.push(platform.clone());
            }
        }
        out
    }

    /// The entry of a digest.
    pub fn find(&self, digest: &Digest) -> Option<&Descriptor> {
        self.manifests.iter().find(|d| d.digest == *digest)
    }
}

/// Whether an entry of an index is an image.
fn is_image(d: &Descriptor) -> bool {
    // Referrers name a type even for images: that of the config.
    let artifact = d.artifact_type.as_deref().is_some_and(|t| t != OCI_CONFIG && t != DOCKER_CONFIG);
    let unknown = d.platform.as_ref().is_some_and(|p| p.os == "unknown" || p.architecture == "unknown");
    matches!(essence(&d.media_type).as_str(), OCI_MANIFEST | DOCKER_MANIFEST)
        && !artifact
        && !unknown
        // BuildKit's attestations, and SOCI indexes whose artifactType a tool has dropped.
        && !d.annotations.contains_key("vnd.docker.reference.type")
        && !d.annotations.contains_key(IMAGE_MANIFEST_DIGEST)
}

impl ImageManifest {
    fn from_json(node: &Node<'_>, limits: &Limits) -> Result<Self> {
        Ok(ImageManifest {
            config: Descriptor::from_json(&node.need("config")?)?,
            layers: descriptors(node, "layers", "max_layers", limits.max_layers)?,
            artifact_type: node.get_str("artifactType")?.map(str::to_owned),
            subject: subject(node)?,
            annotations: annotations(node)?,
        })
    }

    /// Whether the config is that of an image that can be read as one.
    pub fn is_image(&self) -> bool {
        matches!(essence(&self.config.media_type).as_str(), OCI_CONFIG | DOCKER_CONFIG)
    }
}

#[cfg(test)]
mod tests;
