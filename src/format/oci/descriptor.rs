//! Content descriptors (OCI image spec, descriptor.md).

use std::collections::BTreeMap;

use bytes::Bytes;

use super::json::{Json, Node, shown};
use super::{Digest, Platform, base64};
use crate::error::{Code, Error, Result};

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
    /// What the content runs on, where an index says so.
    pub platform: Option<Platform>,
}

const FIELDS: &[&str] =
    &["mediaType", "digest", "size", "artifactType", "annotations", "data", "urls", "platform"];

impl Descriptor {
    /// A descriptor with nothing but what every one has.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Descriptor {
            media_type: media_type.into(),
            digest,
            size,
            artifact_type: None,
            annotations: BTreeMap::new(),
            data: None,
            urls: Vec::new(),
            platform: None,
        }
    }

    pub(crate) fn from_json(node: &Node<'_>) -> Result<Self> {
        node.refuse_lookalikes(FIELDS)?;
        let mut descriptor = Descriptor::new(
            node.need("mediaType")?.str()?,
            digest(&node.need("digest")?)?,
            node.need("size")?.whole()?,
        );
        descriptor.artifact_type = node.get_str("artifactType")?.map(str::to_owned);
        descriptor.annotations = annotations(node)?;
        if let Some(urls) = node.get("urls")? {
            descriptor.urls = urls.strings()?;
        }
        descriptor.platform = node.get("platform")?.map(|p| Platform::from_json(&p)).transpose()?;
        if let Some(data) = node.get("data")? {
            descriptor.data = Some(descriptor.embedded(&data)?);
        }
        Ok(descriptor)
    }

    fn embedded(&self, node: &Node<'_>) -> Result<Bytes> {
        let data = base64::decode(node.str()?).ok_or_else(|| node.wrong("is not base64"))?;
        if u64::try_from(data.len()) != Ok(self.size) || Digest::of(&data) != self.digest {
            let error = node.error(Code::DigestMismatch, "does not have the descriptor's digest and size");
            return Err(error.with_digest(&self.digest));
        }
        Ok(data.into())
    }
}

/// A digest in a document.
pub(crate) fn digest(node: &Node<'_>) -> Result<Digest> {
    let text = node.str()?;
    text.parse().map_err(|e: Error| match e.code() {
        Code::Unsupported => node.error(Code::Unsupported, &format!("cannot be checked: {}", e.message())),
        _ => node.wrong(&format!("is {}, which is not sha256:<64 lower-case hex digits>", shown(text))),
    })
}

/// The `annotations` of a manifest or descriptor: strings by string.
pub(crate) fn annotations(node: &Node<'_>) -> Result<BTreeMap<String, String>> {
    match node.get("annotations")? {
        None => Ok(BTreeMap::new()),
        Some(annotations) => string_map(&annotations),
    }
}

/// An object whose values are all strings; what is null is not there.
pub(crate) fn string_map(node: &Node<'_>) -> Result<BTreeMap<String, String>> {
    let mut out = BTreeMap::new();
    for (key, value) in node.fields()? {
        match value {
            Json::String(value) => {
                out.insert(key.clone(), value.clone());
            }
            Json::Null => {}
            _ => return Err(node.wrong(&format!("has a value under {} that is not a string", shown(key)))),
        }
    }
    Ok(out)
}
