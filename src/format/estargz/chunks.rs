//! Compact table of where the chunks of files lie.

use std::ops::Range;

use crate::error::{Code, Error, Remedy, Result};
use crate::format::extent::{BlobRef, Check, Codec, Extent, Extents, Unit};
use crate::format::oci::Digest;

/// Compressed pieces of the layer and the chunks in them, in the order of both.
#[derive(Default)]
pub(super) struct Chunks {
    pub(super) units: Vec<Piece>,
    pub(super) chunks: Vec<Chunk>,
    /// Entries that have chunks, and the first of these; ascending.
    pub(super) files: Vec<(u32, u32)>,
    /// How pieces are compressed; `None` only before the TOC is read.
    pub(super) codec: Option<Codec>,
    /// A chunk without a digest is refused.
    pub(super) verify: bool,
}

/// A gzip member or Zstandard frame, and what else its request would fetch.
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) end: u64,
    /// What its chunks need of its output.
    pub(super) decoded: u64,
}

/// A part of a file.
pub(super) struct Chunk {
    pub(super) file_offset: u64,
    pub(super) len: u64,
    /// Offset in the output of its piece.
    pub(super) inner: u64,
    /// Its piece; `ZEROS`: it has none.
    pub(super) unit: u32,
    pub(super) digest: Option<Digest>,
}

/// The piece of a chunk that is all zeros.
pub(super) const ZEROS: u32 = u32::MAX;

impl Chunks {
    pub(super) fn shrink(&mut self) {
        self.units.shrink_to_fit();
        self.chunks.shrink_to_fit();
        self.files.shrink_to_fit();
    }

    fn extent(&self, chunk: &Chunk) -> Result<Extent> {
        if chunk.unit == ZEROS {
            return Ok(Extent::zeros(chunk.file_offset, chunk.len));
        }
        let check = match &chunk.digest {
            Some(digest) => Check::Sha256(*digest.as_bytes()),
            None if !self.verify => Check::None,
            None => {
                let message = "the layer's TOC states no digest for a chunk";
                return Err(Error::new(Code::Unsupported, message).with_remedy(Remedy::ReadUnverifiedChunks));
            }
        };
        let piece = usize::try_from(chunk.unit).ok().and_then(|i| self.units.get(i));
        let (Some(piece), Some(codec)) = (piece, &self.codec) else {
            return Err(Error::new(Code::CorruptLayer, "the layer's TOC leaves out where a chunk is"));
        };
        let unit = Unit {
            blob: BlobRef(0),
            offset: piece.start,
            length: piece.end.saturating_sub(piece.start),
            codec: codec.clone(),
            decoded: piece.decoded,
        };
        Ok(Extent { file_offset: chunk.file_offset, len: chunk.len, unit, skip: chunk.inner, check })
    }
}

impl Extents for Chunks {
    fn extents(&self, entry: usize, range: Range<u64>) -> Result<Vec<Extent>> {
        let found = self.files.binary_search_by_key(&entry, |&(e, _)| e as usize);
        let at = |i: usize| self.files.get(i).map_or(self.chunks.len(), |&(_, first)| first as usize);
        let Ok(found) = found else { return Ok(Vec::new()) };
        let chunks = self.chunks.get(at(found)..at(found.saturating_add(1))).unwrap_or_default();
        let first = chunks.partition_point(|c| c.file_offset.saturating_add(c.len) <= range.start);
        let wanted = chunks.get(first..).unwrap_or_default();
        wanted.iter().take_while(|c| c.file_offset < range.end).map(|c| self.extent(c)).collect()
    }

    fn heap_bytes(&self) -> usize {
        self.units.capacity() * size_of::<Piece>()
            + self.chunks.capacity() * size_of::<Chunk>()
            + self.files.capacity() * size_of::<(u32, u32)>()
    }
}
