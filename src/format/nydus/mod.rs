//! Nydus: RAFS bootstraps, versions 5 and 6. Pure.
//!
//! A bootstrap is the merged tree of a whole image, and per file a list of chunks: which bytes of which blob, how they are
//! compressed, and their digest. It comes in a layer of its own, a small tar ([`Bundle`]), and is at hand as a whole.
//!
//! | blobs | a chunk is |
//! |---|---|
//! | native | one frame or block of its own |
//! | batch | a slice of small chunks that were compressed together |
//! | zran | a slice of what an OCI layer's gzip stream gives from a checkpoint on |
//!
//! The latter two need the blob's [`BlobMeta`]. Encrypted blobs, TARFS, and features that are not known are refused by
//! name.
//!
//! Formats: `rafs/src/metadata/layout` and `storage/src/meta` of dragonflyoss/nydus.
#![forbid(unsafe_code)]

mod blob;
mod bundle;
mod chunk;
mod meta;
mod rafs;
mod v5;
mod v6;

pub use blob::{Blob, Compressor, Digester, MetaPlace};
pub use bundle::Bundle;
pub use meta::{Batch, BlobMeta, Checkpoint, HEADER_SIZE, MetaEntry, MetaKind};
pub use rafs::{Chunks, Rafs};

use crate::error::{Code, Error};

pub(crate) fn corrupt(message: &str) -> Error {
    Error::new(Code::CorruptLayer, format!("Nydus: {message}"))
}

pub(crate) fn unsupported(what: &str) -> Error {
    Error::new(Code::Unsupported, format!("Nydus with {what} cannot be read"))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
