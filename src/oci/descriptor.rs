//! Content descriptors (OCI image spec, descriptor.md).

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Digest;

/// A typed pointer to content. Unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The content's media type.
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    pub size: u64,
    /// The artifact's type where the content is an artifact manifest.
    pub artifact_type: Option<String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The content itself (`data`), already decoded and verified against digest and size.
    pub data: Option<Bytes>,
    /// Further places to fetch it from (foreign layers). Never followed; kept to be shown.
    pub urls: Vec<String>,
}
