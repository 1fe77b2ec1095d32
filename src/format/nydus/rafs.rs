//! A parsed bootstrap: the tree, and where the contents of its files are.

use std::ops::Range;

use bytes::Bytes;

use super::blob::{Blob, Compressor, Digester};
use super::chunk::Chunk;
use super::meta::{BlobMeta, MetaKind};
use super::{corrupt, unsupported, v5, v6};
use crate::error::{Code, Error, Result};
use crate::format::erofs::{self, le};
use crate::format::extent::{BlobRef, Check, Codec, Extent, Extents, Unit};
use crate::format::tar::EntryTable;
use crate::limits::Limits;

/// A bootstrap: the tree of an image, and where the contents of its files are.
pub struct Rafs {
    /// All entries, the root first.
    pub entries: EntryTable,
    /// Where their contents are.
    pub chunks: Chunks,
}

/// Where the contents of a bootstrap's files are.
pub struct Chunks {
    files: Files,
    blobs: Vec<Blob>,
    /// By blob. Needed of those of which [`Blob::needs_meta`] says so.
    metas: Vec<Option<BlobMeta>>,
    /// Blobs that cannot be had.
    missing: Vec<bool>,
    limits: Limits,
}

enum Files {
    V5(v5::Files),
    V6(Box<v6::Files>),
}

impl Rafs {
    /// Parses a bootstrap. Memory is what its entries need, besides `boot` itself.
    ///
    /// # Errors
    /// `CORRUPT_LAYER` where it contradicts itself; `UNSUPPORTED` for what cannot be read, by name; `LIMIT_EXCEEDED`
    /// over `max_entries`, `max_name_bytes`, `max_path_len` or `max_tar_header_size`.
    pub fn parse(boot: Bytes, limits: &Limits) -> Result<Rafs> {
        let (entries, blobs, files) = match u32::from_le_bytes(le(&boot, 0)) {
            v5::MAGIC => {
                let (entries, blobs, files) = v5::parse(boot, limits)?;
                (entries, blobs, Files::V5(files))
            }
            _ if u32::from_le_bytes(le(&boot, erofs::SUPER_OFFSET as usize)) == erofs::MAGIC => {
                let (entries, blobs, files) = v6::parse(boot, limits)?;
                (entries, blobs, Files::V6(Box::new(files)))
            }
            _ => return Err(unsupported("a bootstrap that is neither RAFS version 5 nor 6")),
        };
        let metas = blobs.iter().map(|_| None).collect();
        let missing = vec![false; blobs.len()];
        Ok(Rafs { entries, chunks: Chunks { files, blobs, metas, missing, limits: limits.clone() } })
    }

    /// 5 or 6.
    pub fn version(&self) -> u8 {
        match self.chunks.files {
            Files::V5(_) => 5,
            Files::V6(_) => 6,
        }
    }
}

impl Chunks {
    /// The blobs that contents are in; [`BlobRef`]s are places here.
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// Adds what is needed to read blob `blob`. `CORRUPT_LAYER` if it is of another one.
    pub fn set_meta(&mut self, blob: usize, meta: BlobMeta) -> Result<()> {
        match (self.blobs.get(blob), self.metas.get_mut(blob)) {
            (Some(b), Some(slot)) if b.tells_all(meta.len()) => *slot = Some(meta),
            _ => return Err(corrupt("a blob's contexts are of another blob")),
        }
        Ok(())
    }

    /// Notes that blob `blob` cannot be had: what is in it is `UNSUPPORTED`.
    pub fn set_missing(&mut self, blob: usize) {
        if let Some(slot) = self.missing.get_mut(blob) {
            *slot = true;
        }
    }

    /// The extent that a chunk is, at `file_offset` of its file.
    fn extent(&self, chunk: &Chunk, file_offset: u64) -> Result<Extent> {
        let number = chunk.blob as usize;
        let (Some(blob), Ok(blob_ref)) = (self.blobs.get(number), u16::try_from(chunk.blob)) else {
            return Err(corrupt("a chunk is in a blob that is not there"));
        };
        if self.missing.get(number) == Some(&true) {
            let message = "the image's manifest does not list the blob that a file is in";
            return Err(Error::new(Code::Unsupported, message).with_digest(&blob.id));
        }
        let mut extent = Extent {
            file_offset,
            len: u64::from(chunk.unpacked),
            unit: Unit {
                blob: BlobRef(blob_ref),
                offset: chunk.offset,
                length: u64::from(chunk.size),
                codec: if chunk.compressed { codec(blob.compressor)? } else { Codec::Raw },
                decoded: u64::from(chunk.unpacked),
            },
            skip: 0,
            check: match blob.digester {
                Digester::Blake3 => Check::Blake3(chunk.digest),
                Digester::Sha256 => Check::Sha256(chunk.digest),
            },
        };
        if blob.needs_meta() {
            let meta = self.metas.get(number).and_then(|m| m.as_ref());
            let meta = meta.ok_or_else(|| corrupt("a blob needs its contexts, and they are not there"))?;
            place(&mut extent, meta, chunk, blob)?;
        }
        let unit = &extent.unit;
        if matches!(unit.codec, Codec::Raw) && unit.length != unit.decoded {
            return Err(corrupt("a chunk that is not compressed has two sizes"));
        }
        if unit.length == 0 || extent.skip.saturating_add(extent.len) > unit.decoded {
            return Err(corrupt("a chunk is not in what it is a part of"));
        }
        // Old images do not say how much there is.
        let room = if blob.data_size == 0 { u64::MAX } else { blob.data_size };
        if unit.offset.checked_add(unit.length).is_none_or(|end| end > room) {
            return Err(corrupt("a chunk is out of its blob"));
        }
        Limits::check("max_span_size", unit.length.max(unit.decoded), self.limits.max_span_size)?;
        Ok(extent)
    }
}

fn codec(compressor: Compressor) -> Result<Codec> {
    Ok(match compressor {
        Compressor::None => return Err(corrupt("a chunk is compressed, but its blob is not")),
        Compressor::Lz4 => Codec::Lz4Block,
        Compressor::Gzip => Codec::GzipMembers,
        Compressor::Zstd => Codec::Zstd,
    })
}

/// Puts an extent where the blob's contexts say.
fn place(extent: &mut Extent, meta: &BlobMeta, chunk: &Chunk, blob: &Blob) -> Result<()> {
    let entry = meta.entry(chunk.index)?;
    if entry.unpacked != chunk.unpacked {
        return Err(corrupt("a chunk and its contexts differ in size"));
    }
    let unit = &mut extent.unit;
    match entry.kind {
        MetaKind::Batch { index, skip } => {
            let batch = meta.batch(index)?;
            // A batch that did not shrink is stored, whatever its chunks say.
            unit.codec = if batch.size == batch.unpacked { Codec::Raw } else { codec(blob.compressor)? };
            (unit.offset, unit.length) = (entry.offset, u64::from(batch.size));
            unit.decoded = u64::from(batch.unpacked);
            extent.skip = u64::from(skip);
        }
        MetaKind::Zran { index, skip } => {
            let from = meta.checkpoint(index)?;
            // The byte that the checkpoint splits comes first.
            let shared = u64::from(from.bits != 0);
            let offset = from.offset.checked_sub(shared);
            unit.offset = offset.ok_or_else(|| corrupt("a checkpoint is in front of its stream"))?;
            unit.length = u64::from(from.size).saturating_add(shared);
            unit.decoded = u64::from(from.unpacked);
            unit.codec = Codec::Zran { bits: from.bits, window: from.window };
            extent.skip = u64::from(skip);
        }
        MetaKind::Single { compressed } => {
            if blob.is_zran() {
                return Err(corrupt("a chunk of a gzip stream has no checkpoint"));
            }
            (unit.offset, unit.length) = (entry.offset, u64::from(entry.size));
            unit.codec = match compressed.unwrap_or(chunk.compressed) {
                true => codec(blob.compressor)?,
                false => Codec::Raw,
            };
        }
    }
    Ok(())
}

impl Extents for Chunks {
    fn extents(&self, entry: usize, range: Range<u64>) -> Result<Vec<Extent>> {
        let mut extents = Vec::new();
        let mut add = |extent: Extent| {
            extents.push(extent);
            Limits::check("max_spans", extents.len() as u64, self.limits.max_spans)
        };
        match &self.files {
            Files::V5(files) => files.chunks(entry, range, |found| match found {
                v5::Found::Chunk(chunk) => add(self.extent(&chunk, chunk.file_offset)?),
                v5::Found::Hole(hole) => add(Extent::zeros(hole.start, hole.end.saturating_sub(hole.start))),
            })?,
            Files::V6(files) => files.chunks(entry, range, |chunk, at| add(self.extent(chunk, at)?))?,
        }
        Ok(extents)
    }

    fn heap_bytes(&self) -> usize {
        let files = match &self.files {
            Files::V5(files) => files.heap_bytes(),
            Files::V6(files) => files.heap_bytes(),
        };
        let metas: usize = self.metas.iter().flatten().map(BlobMeta::memory).sum();
        files.saturating_add(metas).saturating_add(self.blobs.capacity().saturating_mul(size_of::<Blob>()))
    }
}
