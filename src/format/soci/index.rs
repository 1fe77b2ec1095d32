//! SOCI index manifests, versions 1 and 2.

use super::{
    BUILD_TOOL, DISABLE_XATTRS, LAYER_DIGEST, LAYER_MEDIA_TYPE, PREFETCH, SPAN_SIZE, V1_INDEX, V2_INDEX, ZTOC,
};
use crate::error::{Code, Error, Result};
use crate::format::oci::json::shown;
use crate::format::oci::media_type::{OCI_MANIFEST, essence};
use crate::format::oci::{Descriptor, Digest, ImageManifest, ManifestDoc, parse_manifest};
use crate::limits::Limits;

named! {
    /// The version of an index.
    pub enum SociVersion {
        /// Attached from outside: its `subject` is the image manifest. Who may write to the repository can attach one.
        V1 = "v1",
        /// Part of the image: the image manifest names it.
        V2 = "v2",
    }
}

/// A SOCI index: which zTOC belongs to which layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SociIndex {
    /// The version.
    pub version: SociVersion,
    /// The layers that have a zTOC, in the index's order; usually not all of the image's.
    pub layers: Vec<SociLayer>,
    /// What to load ahead.
    pub prefetch: Vec<SociPrefetch>,
    /// The image manifest that it is for (version 1).
    pub subject: Option<Descriptor>,
    /// The tool that made it, e.g. `AWS SOCI CLI v0.2`.
    pub build_tool: Option<String>,
}

/// The zTOC of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SociLayer {
    /// Digest of the layer's blob.
    pub layer_digest: Digest,
    /// Media type of the layer, as the builder saw it.
    pub layer_media_type: Option<String>,
    /// The zTOC.
    pub ztoc: Descriptor,
    /// The span size asked for when it was built, in bytes; older builders do not say. Only a hint.
    pub span_size: Option<u64>,
    /// Whether the builder found no extended attributes in the layer.
    pub disable_xattrs: bool,
}

/// The prefetch artifact of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SociPrefetch {
    /// Digest of the layer's blob.
    pub layer_digest: Digest,
    /// The artifact.
    pub descriptor: Descriptor,
}

impl SociIndex {
    /// Parses an index manifest. Layers of unknown media types are ignored.
    ///
    /// # Errors
    /// `CORRUPT_MANIFEST`, `LIMIT_EXCEEDED`; `UNSUPPORTED` where it is no SOCI index or one of an unknown version.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        match parse_manifest(bytes, OCI_MANIFEST, limits)? {
            ManifestDoc::Image(manifest) => Self::from_manifest(&manifest),
            ManifestDoc::Index(_) => {
                Err(Error::new(Code::Unsupported, "this is an image index, not a SOCI index"))
            }
        }
    }

    /// Reads an index out of its manifest.
    ///
    /// # Errors
    /// As [`SociIndex::parse`].
    pub fn from_manifest(manifest: &ImageManifest) -> Result<Self> {
        // As the reference does, the config tells the version, not artifactType.
        let version = match essence(&manifest.config.media_type).as_str() {
            V1_INDEX => SociVersion::V1,
            V2_INDEX => SociVersion::V2,
            other => {
                let message =
                    format!("this is not a SOCI index of version 1 or 2: its config is {}", shown(other));
                return Err(Error::new(Code::Unsupported, message));
            }
        };
        let mut out = SociIndex {
            version,
            layers: Vec::new(),
            prefetch: Vec::new(),
            subject: manifest.subject.clone(),
            build_tool: manifest.annotations.get(BUILD_TOOL).cloned(),
        };
        for descriptor in &manifest.layers {
            match essence(&descriptor.media_type).as_str() {
                ZTOC => out.layers.push(SociLayer::new(descriptor)?),
                PREFETCH => out.prefetch.push(SociPrefetch {
                    layer_digest: layer_digest(descriptor)?,
                    descriptor: descriptor.clone(),
                }),
                _ => {}
            }
        }
        Ok(out)
    }

    /// The zTOC of a layer. Where an index lists several, the last, as in the reference.
    pub fn ztoc_for(&self, layer: &Digest) -> Option<&SociLayer> {
        self.layers.iter().rev().find(|l| l.layer_digest == *layer)
    }

    /// The prefetch artifact of a layer. Where an index lists several, the first, as in the reference.
    pub fn prefetch_for(&self, layer: &Digest) -> Option<&SociPrefetch> {
        self.prefetch.iter().find(|p| p.layer_digest == *layer)
    }

    /// Refuses an index of version 1 that was made for another image than `image_manifest`.
    ///
    /// # Errors
    /// `CORRUPT_MANIFEST`.
    pub fn check_subject(&self, image_manifest: &Digest) -> Result<()> {
        match &self.subject {
            Some(subject) if subject.digest != *image_manifest => Err(Error::new(
                Code::CorruptManifest,
                format!("the SOCI index is for another image, {}", subject.digest),
            )),
            _ => Ok(()),
        }
    }
}

impl SociLayer {
    fn new(ztoc: &Descriptor) -> Result<Self> {
        let annotation = |name| ztoc.annotations.get(name);
        Ok(SociLayer {
            layer_digest: layer_digest(ztoc)?,
            layer_media_type: annotation(LAYER_MEDIA_TYPE).cloned(),
            span_size: annotation(SPAN_SIZE)
                .and_then(|s| s.parse().ok())
                .filter(|n| i64::try_from(*n).is_ok()),
            disable_xattrs: annotation(DISABLE_XATTRS).is_some_and(|s| parse_bool(s)),
            ztoc: ztoc.clone(),
        })
    }
}

fn layer_digest(descriptor: &Descriptor) -> Result<Digest> {
    let text = descriptor.annotations.get(LAYER_DIGEST);
    text.and_then(|t| t.parse().ok()).ok_or_else(|| {
        let message = format!("an entry of the SOCI index does not name its layer in {LAYER_DIGEST}");
        Error::new(Code::CorruptManifest, message).with_digest(&descriptor.digest)
    })
}

/// Go's `strconv.ParseBool`; what it cannot read is false in the reference.
fn parse_bool(s: &str) -> bool {
    matches!(s, "1" | "t" | "T" | "TRUE" | "true" | "True")
}
