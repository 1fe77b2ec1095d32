//! Gzip layers: inflate one span from a checkpoint, or a whole layer as a stream. Pure.
//!
//! - [`SpanInflater`] starts in the middle of a gzip layer, at a checkpoint of its zTOC.
//! - [`GzipDecoder`] reads a layer from its first byte, checking each member's CRC-32 and length.
//! - [`HeaderParser`] and [`header_len`] find where a member's deflate data begins.
//!
//! Formats: RFC 1951 (deflate), RFC 1952 (gzip). The inflate engine is behind `engine`, so that it can be
//! replaced without touching the rest.
#![forbid(unsafe_code)]

#[cfg(any(feature = "archive", feature = "build"))]
pub(crate) mod blocks;
mod decoder;
mod engine;
mod header;
mod member;
mod span;

pub use decoder::GzipDecoder;
pub(crate) use engine::inflate_to;
pub use header::{HeaderParser, header_len};
pub use span::{SpanEnd, SpanInflater};

#[cfg(test)]
mod tests;
