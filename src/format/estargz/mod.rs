//! eStargz and zstd:chunked: layers that tell in a table of contents (TOC) where their files lie. Pure.
//!
//! Both are a tar, compressed in pieces: gzip members or Zstandard frames, of which each begins with a file's content or a
//! chunk of it. The TOC is JSON; the layer's annotations state its digest, and it states one of each chunk.
//!
//! Formats: stargz-snapshotter's `docs/estargz.md` (and its legacy ancestor CRFS), containers/storage's `pkg/chunked`. Of
//! zstd:chunked there are three dialects, which differ in what a file's entry says of its end, in chunks, and in a footer that
//! is never needed here.
#![forbid(unsafe_code)]

mod chunks;
mod entry;
mod footer;
mod objects;
mod position;
mod toc;

pub use footer::{FOOTER, Footer, footer};
pub use position::{Position, position};
pub use toc::{Pieces, TocParser};

/// The annotation that states the SHA-256 of an eStargz layer's TOC, uncompressed.
pub const TOC_DIGEST: &str = "containerd.io/snapshot/stargz/toc.digest";
/// The annotation that states whose TOC a layer of a TOC image is.
pub const LAYER_DIGEST: &str = "containerd.io/snapshot/stargz/layer.digest";
/// What is added to an image's tag for that of the image that holds its TOCs.
pub const TOC_TAG: &str = "-esgztoc";
/// The name of the TOC in the tar.
pub const TOC_NAME: &[u8] = b"stargz.index.json";

#[cfg(test)]
mod tests;
