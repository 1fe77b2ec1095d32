//! A manifest before it is parsed: what names it, its bytes, and its media type.

use bytes::Bytes;

use super::json::Json;
use super::{Digest, Reference, media_type};

/// What names a manifest inside a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A tag (registry) or `org.opencontainers.image.ref.name` (layout).
    Tag(String),
    /// A digest; the bytes are verified against it.
    Digest(Digest),
    /// The only image of a layout.
    Only,
}

/// A manifest or index as its exact bytes.
#[derive(Debug, Clone)]
pub struct RawManifest {
    /// The bytes, as served.
    pub bytes: Bytes,
    /// `Content-Type` of the answer, the descriptor's media type in a layout, or the `mediaType` field.
    pub media_type: String,
    /// The SHA-256 (or the asked-for digest) of `bytes`, computed here.
    pub digest: Digest,
}

impl Reference {
    /// The target to ask the registry for: the digest if there is one, else the tag, else `latest`.
    pub fn target(&self) -> Target {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Target::Digest(*digest),
            (None, Some(tag)) => Target::Tag(tag.clone()),
            (None, None) => Target::Tag("latest".to_owned()),
        }
    }
}

/// The media type of a manifest: that of the answer or descriptor, else its `mediaType` field, else what its shape
/// says. Empty where nothing says anything.
pub(crate) fn manifest_media_type(stated: &str, bytes: &[u8]) -> String {
    let stated = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let says_nothing = matches!(
        stated.as_str(),
        "" | "application/json" | "application/octet-stream" | "text/plain" | "binary/octet-stream"
    );
    if !says_nothing {
        return stated;
    }
    let Some(shape) = Json::outline(bytes, &["mediaType", "manifests", "layers"]) else { return stated };
    let root = shape.root("manifest");
    let has = |key| root.get(key).is_ok_and(|field| field.is_some());
    match root.get("mediaType").map(|field| field.map(|f| f.str())) {
        Ok(Some(Ok(media_type))) => media_type.to_owned(),
        Ok(None) if has("manifests") => media_type::OCI_INDEX.into(),
        Ok(None) if has("layers") => media_type::OCI_MANIFEST.into(),
        _ => stated,
    }
}
