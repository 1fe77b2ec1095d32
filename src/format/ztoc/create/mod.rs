//! Builds zTOCs: the compressed layer streams past once, and out come its table of contents, checkpoints, span digests,
//! and its own digests. Pure.
//!
//! The bytes are those of the reference, `awslabs/soci-snapshotter`, for the same layer, span size and build tool (as of
//! 2026-08, in the time zone UTC). Where it fails or writes what nobody can read, see `docs/soci-compat.md`.
//!
//! A zTOC is written from its end to its front, and the size of its front is known at its end only. So the entries
//! stay in memory until then, and the checkpoints, most of a zTOC with small spans, either do too or are taken from
//! the builder as they come ([`ZtocBuilder::take_checkpoints`]).

mod built;
mod flatbuffer;
mod options;
mod spans;
mod sum;
mod time;
mod toc;
mod write;

use crate::error::{Code, Error, Remedy, Result};
use crate::format::failure::sticky;
use crate::format::gzip::blocks::BlockDecoder;
use crate::format::oci::Digest;
use crate::format::tar::EntryTable;
use crate::format::unpack::Packing;
use crate::format::ztoc::Compression;
use crate::limits::Limits;
pub use built::{BuiltZtoc, Piece};
pub use options::{BuildOptions, DEFAULT_BUILD_TOOL, DEFAULT_SPAN_SIZE};
use spans::{GzipSpans, TarSpans};
#[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
pub(crate) use sum::Hasher;
use sum::Sum;
use toc::Toc;

/// Builds the zTOC of one layer. Give it the layer's bytes, in order and in pieces of any size, then
/// [`finish`](Self::finish). After a broken connection go on with the bytes from [`wants`](Self::wants) on.
///
/// Memory: the entries, the checkpoints that nobody took, and half a megabyte.
pub struct ZtocBuilder {
    source: Source,
    toc: Toc,
    layer: Sum,
    wants: u64,
    options: BuildOptions,
    limits: Limits,
    failed: Option<Error>,
}

enum Source {
    Gzip(Box<BlockDecoder>, GzipSpans),
    Tar(TarSpans),
}

impl ZtocBuilder {
    /// `INVALID_ARGUMENT` for a span size of 0 or over 2^63 - 1.
    pub fn new(compression: Compression, options: BuildOptions, limits: &Limits) -> Result<Self> {
        let in_range = i64::try_from(options.span_size).is_ok_and(|n| n > 0);
        if !in_range {
            return Err(Error::new(Code::InvalidArgument, "the span size must be from 1 to 2^63 - 1 bytes"));
        }
        let source = match compression {
            Compression::Gzip => {
                Source::Gzip(Box::new(BlockDecoder::new()), GzipSpans::new(options.span_size, limits))
            }
            Compression::Uncompressed => Source::Tar(TarSpans::new(options.span_size, limits)),
        };
        Ok(ZtocBuilder {
            source,
            toc: Toc::new(options.diff_id, limits),
            layer: Sum::new(),
            wants: 0,
            options,
            limits: limits.clone(),
            failed: None,
        })
    }

    /// Has all sums made by `hasher` and others of its kind. Before the first byte.
    #[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
    pub(crate) fn hash_by(&mut self, hasher: Box<dyn Hasher>) {
        self.layer = Sum::Other(hasher);
        match &mut self.source {
            Source::Gzip(_, spans) => spans.hash_as(&self.layer),
            Source::Tar(spans) => spans.hash_as(&self.layer),
        }
        self.toc.hash_as(&self.layer);
    }

    /// Offset in the layer of the next byte it wants.
    pub fn wants(&self) -> u64 {
        self.wants
    }
    /// Bytes of the tar so far.
    pub fn unpacked(&self) -> u64 {
        self.toc.len()
    }
    /// The entries so far, in tar order.
    pub fn entries(&self) -> &EntryTable {
        self.toc.entries()
    }
    /// Checkpoints, which are spans, so far.
    pub fn spans(&self) -> usize {
        match &self.source {
            Source::Gzip(_, spans) => spans.len(),
            Source::Tar(spans) => spans.len(),
        }
    }
    /// Bytes of heap that grow with the layer.
    pub fn heap_bytes(&self) -> usize {
        let spans = match &self.source {
            Source::Gzip(_, spans) => spans.heap_bytes(),
            Source::Tar(spans) => spans.heap_bytes(),
        };
        spans.saturating_add(self.toc.heap_bytes())
    }

    /// Takes the next bytes of the layer.
    ///
    /// `CORRUPT_LAYER` if it is no gzip or no tar, is broken or fails a check; `UNSUPPORTED` for zstd, of which no zTOC
    /// exists, and for sparse files in GNU tar's old form; `LIMIT_EXCEEDED` by `max_build_inflated`, `max_spans`,
    /// `max_ztoc_size`, `max_entries`, `max_name_bytes`, `max_path_len`, `max_tar_header_size`. After an error each
    /// further call gives it again.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        sticky(self, |it| &mut it.failed, |it| it.take(bytes))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let is_zstd = self.wants == 0 && Packing::of(bytes) == Some(Packing::Zstd);
        self.layer.update(bytes);
        self.wants = self.wants.saturating_add(bytes.len() as u64);
        if is_zstd {
            return Err(zstd());
        }
        match &mut self.source {
            Source::Gzip(decoder, spans) => {
                let mut pass = spans.pass(bytes, &mut self.toc);
                decoder.push(bytes, &mut pass)?;
                pass.end();
                Ok(())
            }
            Source::Tar(spans) => {
                spans.push(bytes)?;
                self.toc.push(bytes)
            }
        }
    }

    /// After an error: takes the next bytes of the layer for nothing but its [digest](Self::layer_digest), which tells
    /// whether the layer was made broken or came so.
    pub fn drain(&mut self, bytes: &[u8]) {
        self.layer.update(bytes);
        self.wants = self.wants.saturating_add(bytes.len() as u64);
    }
    /// The digest of all bytes so far.
    pub fn layer_digest(&self) -> Digest {
        self.layer.digest()
    }

    /// The bytes of checkpoints that are complete, which the builder then forgets. Keep them, in order: they belong
    /// where [`BuiltZtoc::pieces`] says. Empty for a tar, which has none.
    pub fn take_checkpoints(&mut self) -> Vec<u8> {
        match &mut self.source {
            Source::Gzip(_, spans) => spans.take(),
            Source::Tar(_) => Vec::new(),
        }
    }

    /// Bytes that [`take_checkpoints`](Self::take_checkpoints) would give.
    pub fn checkpoint_bytes(&self) -> usize {
        match &self.source {
            Source::Gzip(_, spans) => spans.untaken(),
            Source::Tar(_) => 0,
        }
    }

    /// The end of the layer. `CORRUPT_LAYER` if gzip or tar are not complete; `LIMIT_EXCEEDED` by `max_ztoc_size`;
    /// `UNSUPPORTED` for an empty layer.
    pub fn finish(self) -> Result<BuiltZtoc> {
        if let Some(e) = self.failed {
            return Err(e);
        }
        if self.wants == 0 {
            return Err(Error::new(Code::Unsupported, "an empty layer has no spans and so no zTOC"));
        }
        let (info, unpacked) = match self.source {
            Source::Gzip(decoder, spans) => {
                let unpacked = decoder.finish()?;
                (spans.finish()?, unpacked)
            }
            Source::Tar(spans) => (spans.finish(), self.wants),
        };
        let toc = self.toc.finish(unpacked)?;
        let layer = self.layer.digest();
        write::write(toc, info, layer, self.wants, &self.options, &self.limits)
    }
}

fn zstd() -> Error {
    Error::new(
        Code::Unsupported,
        "the layer is compressed with zstd, of which no zTOC exists; SOCI indexes leave such layers out",
    )
    .with_remedy(Remedy::ConvertToChunked)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
