//! zTOCs: a layer's table of contents and the places to start inflating it (the SOCI project's format).
//! Pure.
//!
//! The outer form is FlatBuffers; `ztoc.fbs` beside this file is the schema. It is read through `planus`,
//! chosen over `flatbuffers` because it checks every offset at the access that uses it, in safe code:
//! no verifier has to run first over the whole buffer with limits of its own, a table that is not looked
//! at costs nothing, and strings that are no UTF-8 (tar names need not be) are read as bytes. The reader is
//! written by hand over planus's table access, as generated code implements planus's unsafe vector traits.
#![forbid(unsafe_code)]

pub(crate) mod cached;
#[cfg(feature = "build")]
pub mod compare;
#[cfg(feature = "build")]
pub mod create;
mod flatbuffer;
mod spans;
mod time;
mod toc;

use bytes::Bytes;

pub use spans::{Compression, SpanStart, Spans};
#[cfg(feature = "estargz")]
pub(crate) use time::rfc3339;

use crate::error::{Code, Error, Result};
use crate::format::tar::EntryTable;
use crate::limits::Limits;
use crate::turns::{AtOnce, Turns, at_once};
use flatbuffer::Table;

/// A zTOC that has passed all checks that need no layer.
#[derive(Debug)]
pub struct Ztoc {
    version: Box<[u8]>,
    build_tool: Box<[u8]>,
    compressed_size: u64,
    uncompressed_size: u64,
    table: EntryTable,
    spans: Spans,
}

impl Ztoc {
    /// Reads and checks a zTOC. The caller has checked its digest.
    ///
    /// `CORRUPT_ZTOC` if it is damaged, contradicts itself, or states offsets that no gzip and tar can have;
    /// `UNSUPPORTED` for compressions other than gzip and none; `LIMIT_EXCEEDED` by `max_ztoc_size`,
    /// `max_entries`, `max_spans`, `max_name_bytes`, `max_path_len`, `max_tar_header_size`.
    pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Ztoc> {
        at_once(Ztoc::parse_in_turns(bytes, limits, &mut AtOnce))
    }

    /// [`Ztoc::parse`] with pauses.
    pub(crate) async fn parse_in_turns(bytes: Bytes, limits: &Limits, turns: &mut dyn Turns) -> Result<Ztoc> {
        Limits::check("max_ztoc_size", bytes.len() as u64, limits.max_ztoc_size)?;
        let root = Table::root(&bytes, "Ztoc")?;
        let compressed_size = root.size(2, "compressed_archive_size")?;
        let uncompressed_size = root.size(3, "uncompressed_archive_size")?;
        let toc = root.table(4, "toc", "TOC")?;
        let info = root.table(5, "compression_info", "CompressionInfo")?;
        let spans = Spans::read(info, &bytes, compressed_size, uncompressed_size, limits)?;
        let table = toc::read(toc, bytes.len(), uncompressed_size, limits, turns).await?;
        Ok(Ztoc {
            version: root.bytes(0, "version")?.into(),
            build_tool: root.bytes(1, "build_tool_identifier")?.into(),
            compressed_size,
            uncompressed_size,
            table,
            spans,
        })
    }

    /// The format's version, such as `0.9`, as stored.
    pub fn version(&self) -> &[u8] {
        &self.version
    }
    /// The build tool, such as `AWS SOCI CLI v0.2`, as stored.
    pub fn build_tool(&self) -> &[u8] {
        &self.build_tool
    }
    /// Size of the layer in bytes.
    pub fn compressed_size(&self) -> u64 {
        self.compressed_size
    }
    /// Where the builder's tar reader stopped: all entries are before, the stream may go on behind.
    pub fn uncompressed_size(&self) -> u64 {
        self.uncompressed_size
    }
    /// `CORRUPT_ZTOC` unless it is for a layer of this size.
    pub fn check_layer(&self, layer_size: u64) -> Result<()> {
        if self.compressed_size == layer_size {
            return Ok(());
        }
        Err(Error::new(
            Code::CorruptZtoc,
            format!(
                "the zTOC is for a layer of {} bytes, but this one has {layer_size}: it belongs to another",
                self.compressed_size
            ),
        ))
    }
    /// The entries in tar order, and the spans.
    pub fn into_parts(self) -> (EntryTable, Spans) {
        (self.table, self.spans)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod tests;
