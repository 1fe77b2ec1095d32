//! Indexer: what builds the index of a layer that has none.

use std::rc::Rc;

use bytes::Bytes;

use super::Source;
use crate::format::oci::{Descriptor, Digest};
use crate::net::transport::Later;

/// A zTOC that was built of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltIndex {
    /// The zTOC.
    pub ztoc: Bytes,
    /// The digest of the bytes that it was built of. Whoever asked compares it with the layer's.
    pub layer_digest: Digest,
}

/// Builds indexes. One may serve several images; a layer that two of them want of one source is then read once, and fails
/// once.
pub trait Indexer {
    /// Streams `layer` out of `source` once and gives its zTOC. `UNSUPPORTED` where there can be none (zstd, an empty
    /// layer): the layer is then fetched whole. Dropping the future ends the work, unless others wait for it.
    fn build(&self, source: Rc<dyn Source>, layer: Descriptor) -> Later<'static, BuiltIndex>;
}
