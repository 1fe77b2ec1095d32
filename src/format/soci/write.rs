//! Writes SOCI indexes and prefetch artifacts, as the reference marshals them.

use std::collections::BTreeMap;

use super::gojson::Json;
use super::{
    BUILD_TOOL, DISABLE_XATTRS, LAYER_DIGEST, LAYER_MEDIA_TYPE, PREFETCH, PrefetchArtifact, PrefetchSpans,
    SPAN_SIZE, V1_INDEX, V2_INDEX, ZTOC,
};
use crate::format::oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use crate::format::oci::{Descriptor, Digest, ImageIndex, ImageManifest};

/// The config of every index: an empty object. A registry wants this blob beside the index.
pub const EMPTY_CONFIG: &[u8] = b"{}";

/// A document and what to call it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Media type, digest and size, and the artifact type where it has one.
    pub descriptor: Descriptor,
}

impl Document {
    fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        let descriptor = Descriptor::new(media_type, Digest::of(&bytes), bytes.len() as u64);
        Document { bytes, descriptor }
    }
}

/// The descriptor of a layer's zTOC in an index. `span_size` is what the zTOC was built with: builders since 2026 say
/// it, older ones do not. `disable_xattrs` tells that the layer has neither extended attributes nor opaque markers
/// ([`BuiltZtoc::needs_xattrs`](crate::format::ztoc::create::BuiltZtoc::needs_xattrs) is false).
pub fn ztoc_descriptor(
    layer: &Descriptor,
    ztoc: Digest,
    size: u64,
    span_size: Option<u64>,
    disable_xattrs: bool,
) -> Descriptor {
    let mut out = Descriptor::new(ZTOC, ztoc, size);
    out.annotations.insert(LAYER_MEDIA_TYPE.to_owned(), layer.media_type.clone());
    out.annotations.insert(LAYER_DIGEST.to_owned(), layer.digest.to_string());
    if let Some(span_size) = span_size {
        out.annotations.insert(SPAN_SIZE.to_owned(), span_size.to_string());
    }
    if disable_xattrs {
        out.annotations.insert(DISABLE_XATTRS.to_owned(), "true".to_owned());
    }
    out
}

/// A prefetch artifact of a layer: ranges sorted, those that touch or overlap joined, without priorities. `None` without
/// ranges.
pub fn prefetch(layer: &Digest, spans: &[PrefetchSpans]) -> Option<Document> {
    let joined = join(spans);
    if joined.is_empty() {
        return None;
    }
    let mut document = Document::new(PREFETCH, PrefetchArtifact { spans: joined }.to_json());
    document.descriptor.annotations.insert(LAYER_DIGEST.to_owned(), layer.to_string());
    Some(document)
}

fn join(spans: &[PrefetchSpans]) -> Vec<PrefetchSpans> {
    let mut sorted: Vec<(u64, u64)> = spans.iter().map(|s| (s.start, s.end.max(s.start))).collect();
    crate::sort::heap_sort(&mut sorted, |a, b| a < b);
    let mut out: Vec<PrefetchSpans> = Vec::new();
    for (start, end) in sorted {
        match out.last_mut() {
            Some(last) if start <= last.end.saturating_add(1) => last.end = last.end.max(end),
            _ => out.push(PrefetchSpans { start, end, priority: 0 }),
        }
    }
    out
}

impl PrefetchArtifact {
    /// The artifact's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Json::new();
        json.object(|json| {
            json.string("version", "1.0");
            json.array_field("prefetch_spans", |json| {
                for span in &self.spans {
                    json.object(|json| {
                        json.number("start_span", span.start);
                        json.number("end_span", span.end);
                        if span.priority != 0 {
                            json.number("priority", span.priority);
                        }
                    });
                }
            });
        });
        json.into_bytes()
    }
}

/// An index of version 1, which its `subject`, the image manifest, does not know. `blobs`: the zTOCs in the order of
/// the image's layers, then the prefetch artifacts.
pub fn index_v1(blobs: Vec<Descriptor>, subject: &Descriptor, build_tool: &str) -> Document {
    let subject = Descriptor::new(subject.media_type.clone(), subject.digest, subject.size);
    index(V1_INDEX, blobs, Some(subject), build_tool)
}

/// An index of version 2, which [`convert`](super::convert()) makes part of an image. `blobs` as in [`index_v1`].
pub fn index_v2(blobs: Vec<Descriptor>, build_tool: &str) -> Document {
    index(V2_INDEX, blobs, None, build_tool)
}

fn index(
    artifact_type: &str,
    blobs: Vec<Descriptor>,
    subject: Option<Descriptor>,
    build_tool: &str,
) -> Document {
    let config = Descriptor::new(artifact_type, Digest::of(EMPTY_CONFIG), EMPTY_CONFIG.len() as u64);
    let mut annotations = BTreeMap::new();
    annotations.insert(BUILD_TOOL.to_owned(), build_tool.to_owned());
    let manifest = ImageManifest { config, layers: blobs, artifact_type: None, subject, annotations };
    let mut document = manifest_document(&manifest);
    document.descriptor.artifact_type = Some(artifact_type.to_owned());
    document
}

/// An OCI image manifest.
pub(super) fn manifest_document(manifest: &ImageManifest) -> Document {
    document(
        OCI_MANIFEST,
        manifest.artifact_type.as_deref(),
        |json| {
            json.object_field("config", |json| json.descriptor(&manifest.config));
            descriptors(json, "layers", &manifest.layers);
        },
        manifest.subject.as_ref(),
        &manifest.annotations,
    )
}

/// An OCI image index.
pub(super) fn index_document(index: &ImageIndex) -> Document {
    document(
        OCI_INDEX,
        index.artifact_type.as_deref(),
        |json| descriptors(json, "manifests", &index.manifests),
        index.subject.as_ref(),
        &index.annotations,
    )
}

fn document(
    media_type: &str,
    artifact_type: Option<&str>,
    fill: impl FnOnce(&mut Json),
    subject: Option<&Descriptor>,
    annotations: &BTreeMap<String, String>,
) -> Document {
    let mut json = Json::new();
    json.object(|json| {
        json.number("schemaVersion", 2);
        json.string("mediaType", media_type);
        json.string_unless_empty("artifactType", artifact_type);
        fill(json);
        if let Some(subject) = subject {
            json.object_field("subject", |json| json.descriptor(subject));
        }
        json.annotations(annotations);
    });
    Document::new(media_type, json.into_bytes())
}

fn descriptors(json: &mut Json, key: &str, list: &[Descriptor]) {
    json.array_field(key, |json| {
        for descriptor in list {
            json.object(|json| json.descriptor(descriptor));
        }
    });
}
