//! SOCI index manifests, discovery rules and prefetch artifacts. Pure.
//!
//! Facts are those of the reference implementation, `awslabs/soci-snapshotter`.
#![forbid(unsafe_code)]

#[cfg(feature = "build")]
mod convert;
mod discovery;
#[cfg(feature = "build")]
mod gojson;
mod index;
mod prefetch;
#[cfg(test)]
mod tests;
#[cfg(feature = "build")]
mod write;

pub use crate::format::oci::IMAGE_MANIFEST_DIGEST;
#[cfg(feature = "build")]
pub use convert::{Converted, PlatformIndex, convert, index_of_one};
pub use discovery::{fallback_tag, v1_indexes, v2_index_digest, v2_index_in};
pub use index::{SociIndex, SociLayer, SociPrefetch, SociVersion};
pub use prefetch::{PrefetchArtifact, PrefetchSpans};
#[cfg(feature = "build")]
pub use write::{Document, EMPTY_CONFIG, index_v1, index_v2, prefetch, ztoc_descriptor};

/// Artifact type, and `config.mediaType`, of an index of version 1.
pub const V1_INDEX: &str = "application/vnd.amazon.soci.index.v1+json";
/// Artifact type, and `config.mediaType`, of an index of version 2.
pub const V2_INDEX: &str = "application/vnd.amazon.soci.index.v2+json";
/// Media type of a zTOC.
pub const ZTOC: &str = "application/octet-stream";
/// Media type of a prefetch artifact.
pub const PREFETCH: &str = "application/vnd.amazon.soci.prefetch.v1+json";

/// Annotation of an image manifest: the digest of its index (version 2).
pub const INDEX_DIGEST: &str = "com.amazon.soci.index-digest";
/// Annotation of a zTOC or prefetch artifact: the digest of its layer.
pub const LAYER_DIGEST: &str = "com.amazon.soci.image-layer-digest";
/// Annotation of a zTOC: the media type of its layer.
pub const LAYER_MEDIA_TYPE: &str = "com.amazon.soci.image-layer-mediaType";
/// Annotation of a zTOC: the span size asked for, in bytes.
pub const SPAN_SIZE: &str = "com.amazon.soci.span-size";
/// Annotation of a zTOC: true where the layer has no extended attributes.
pub const DISABLE_XATTRS: &str = "com.amazon.soci.disable-xattrs";
/// Annotation of an index: the tool that made it.
pub const BUILD_TOOL: &str = "com.amazon.soci.build-tool-identifier";
