//! A blob's compression contexts (`blob.meta`): how its chunks are compressed where that is not one by one.

use bytes::Bytes;

use super::blob::{Blob, FEATURE_BATCH, FEATURE_V2, FEATURE_ZRAN, MAX_CHUNKS};
use super::{corrupt, unsupported};
use crate::error::Result;
use crate::format::erofs::le;

/// Bytes of the header, which is behind the contexts.
pub const HEADER_SIZE: usize = 4096;

const MAGIC: u32 = 0xb10b_b10b;
const V1_SIZE: usize = 16;
const V2_SIZE: usize = 24;
/// A batch, or a checkpoint.
const CONTEXT_SIZE: usize = 40;
/// What deflate looks back at.
const WINDOW: usize = 32 << 10;

/// A blob's compression contexts.
#[derive(Debug, Clone)]
pub struct BlobMeta {
    /// Entries, one per chunk; behind them batches, or checkpoints and their windows.
    table: Bytes,
    v2: bool,
    features: u32,
    entries: u32,
    /// Batches or checkpoints, and where they begin.
    contexts: u32,
    contexts_at: usize,
}

/// How one chunk is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaEntry {
    /// Where it is in the blob; of a chunk in a batch, where the batch is.
    pub offset: u64,
    /// How many bytes it has there. 0 in a batch.
    pub size: u32,
    /// Where it is in the blob's uncompressed form.
    pub unpacked_offset: u64,
    /// Bytes that it decompresses to.
    pub unpacked: u32,
    /// How it is compressed.
    pub kind: MetaKind,
}

/// How one chunk is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaKind {
    /// By itself, or not at all; version 1's entries do not say which.
    Single {
        /// Whether it is compressed, where that is said.
        compressed: Option<bool>,
    },
    /// As a part of a batch.
    Batch {
        /// Which.
        index: u32,
        /// Bytes of its output in front of it.
        skip: u32,
    },
    /// As a part of what a checkpoint gives.
    Zran {
        /// Which.
        index: u32,
        /// Bytes of its output in front of it.
        skip: u32,
    },
}

/// A batch of chunks that are compressed together. It is not compressed if both sizes are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Bytes that it has in the blob.
    pub size: u32,
    /// Bytes that it decompresses to.
    pub unpacked: u32,
}

/// A checkpoint in an OCI layer's gzip stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The first whole byte behind it in the layer.
    pub offset: u64,
    /// Bytes from there on that it takes.
    pub size: u32,
    /// Bytes that these inflate to.
    pub unpacked: u32,
    /// So many high bits of the byte before come first.
    pub bits: u8,
    /// Output in front of it.
    pub window: Bytes,
}

impl BlobMeta {
    /// Parses contexts as bootstrap layers hold them: the table, padded to 4096 bytes, then the header.
    pub fn parse(file: &Bytes, blob: &Blob) -> Result<BlobMeta> {
        let at =
            file.len().checked_sub(HEADER_SIZE).ok_or_else(|| corrupt("a blob's contexts have no header"))?;
        BlobMeta::from_parts(file.slice(..at), file.slice(at..), blob)
    }

    /// Puts together the table and the header. The table may be followed by anything.
    pub fn from_parts(table: Bytes, header: Bytes, blob: &Blob) -> Result<BlobMeta> {
        let header = header.first_chunk::<HEADER_SIZE>();
        let header = header.ok_or_else(|| corrupt("a blob's contexts have no header"))?;
        let u32_at = |at| u32::from_le_bytes(le(header, at));
        let u64_at = |at| u64::from_le_bytes(le(header, at));
        if u32_at(0) != MAGIC || u32_at(HEADER_SIZE - 4) != MAGIC {
            return Err(corrupt("a blob's contexts have no header"));
        }
        let (features, entries) = (u32_at(4), u32_at(12));
        super::blob::check_features(features)?;
        let kinds = FEATURE_V2 | FEATURE_BATCH | FEATURE_ZRAN;
        if features & kinds != blob.features & kinds || entries > MAX_CHUNKS {
            return Err(corrupt("a blob's contexts are of another blob"));
        }
        let v2 = features & FEATURE_V2 != 0;
        let len = usize::try_from(u64_at(32)).ok().filter(|len| *len <= table.len());
        let len = len.ok_or_else(|| corrupt("a blob's contexts are cut off"))?;
        let entries_size = u64::from(entries) * if v2 { V2_SIZE as u64 } else { V1_SIZE as u64 };
        let (contexts, contexts_at) = match features & (FEATURE_BATCH | FEATURE_ZRAN) {
            0 => (0, entries_size),
            _ => (u32_at(56), u64_at(40)),
        };
        let contexts_end = contexts_at.checked_add(u64::from(contexts) * CONTEXT_SIZE as u64);
        if contexts_at < entries_size || contexts_end.is_none_or(|end| end > len as u64) {
            return Err(corrupt("a blob's contexts are cut off"));
        }
        Ok(BlobMeta {
            table: table.slice(..len),
            v2,
            features,
            entries,
            contexts,
            // Within the table by the check.
            contexts_at: usize::try_from(contexts_at).unwrap_or(usize::MAX),
        })
    }

    /// Chunks that it tells of.
    pub fn len(&self) -> u32 {
        self.entries
    }

    /// True without chunks.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Batches or checkpoints.
    pub fn contexts(&self) -> u32 {
        self.contexts
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.table.len()
    }

    /// The entry of chunk `index`.
    pub fn entry(&self, index: u32) -> Result<MetaEntry> {
        let size = if self.v2 { V2_SIZE } else { V1_SIZE };
        let at = (index < self.entries).then(|| (index as usize).checked_mul(size)).flatten();
        let record = at.and_then(|at| self.table.get(at..at.checked_add(size)?));
        let record = record.ok_or_else(|| corrupt("a blob's contexts do not have a chunk"))?;
        let x = u64::from_le_bytes(le(record, 0));
        let y = u64::from_le_bytes(le(record, 8));
        let offset = y & 0xff_ffff_ffff;
        if !self.v2 {
            let unpacked = ((x >> 44) | ((x & 0xf00) << 12)) as u32;
            let packed = ((y >> 44) | ((y & 0xf00_0000_0000) >> 20)) as u32;
            return Ok(MetaEntry {
                offset,
                size: packed.saturating_add(1),
                unpacked_offset: x & 0xfff_ffff_f000,
                unpacked: unpacked.saturating_add(1),
                kind: MetaKind::Single { compressed: None },
            });
        }
        let z = u64::from_le_bytes(le(record, 16));
        let (index, skip) = ((z >> 32) as u32, z as u32);
        let flags = x >> 56;
        let kind = match flags & 0x1f {
            _ if flags & !0x1f != 0 => {
                return Err(unsupported(&format!("the unknown chunk flags {:#x}", flags & !0x1f)));
            }
            f if f & 0x8 != 0 => return Err(unsupported("encrypted chunks")),
            f if f & 0x6 == 0x6 => return Err(corrupt("a chunk is in a batch and in a gzip stream")),
            f if f & 0x4 != 0 => MetaKind::Batch { index, skip },
            f if f & 0x2 != 0 => MetaKind::Zran { index, skip },
            f => MetaKind::Single { compressed: Some(f & 0x1 != 0) },
        };
        Ok(MetaEntry {
            offset,
            size: (y >> 40) as u32,
            unpacked_offset: (x & 0xffff_ffff) << 12,
            unpacked: ((x >> 32) & 0xff_ffff) as u32 + 1,
            kind,
        })
    }

    /// Batch `index`.
    pub fn batch(&self, index: u32) -> Result<Batch> {
        let record = self.context(index, FEATURE_BATCH)?;
        Ok(Batch { size: u32::from_le_bytes(le(record, 0)), unpacked: u32::from_le_bytes(le(record, 4)) })
    }

    /// Checkpoint `index`.
    pub fn checkpoint(&self, index: u32) -> Result<Checkpoint> {
        let record = self.context(index, FEATURE_ZRAN)?;
        let windows = self.contexts_at.checked_add((self.contexts as usize).saturating_mul(CONTEXT_SIZE));
        let start = usize::try_from(u64::from_le_bytes(le(record, 16))).ok();
        let start = windows.zip(start).and_then(|(windows, at)| windows.checked_add(at));
        let len = usize::try_from(u32::from_le_bytes(le(record, 32))).ok().filter(|len| *len <= WINDOW);
        let end = start.zip(len).and_then(|(start, len)| start.checked_add(len));
        let [byte_bits @ .., _, _] = le::<4>(record, 36);
        let (Some(start), Some(end), [_, bits @ 0..=7]) =
            (start, end.filter(|end| *end <= self.table.len()), byte_bits)
        else {
            return Err(corrupt("a checkpoint's window or bits are out of their place"));
        };
        Ok(Checkpoint {
            offset: u64::from_le_bytes(le(record, 0)),
            size: u32::from_le_bytes(le(record, 24)),
            unpacked: u32::from_le_bytes(le(record, 28)),
            bits,
            window: self.table.slice(start..end),
        })
    }

    fn context(&self, index: u32, feature: u32) -> Result<&[u8]> {
        let at = (index < self.contexts && self.features & feature != 0)
            .then(|| (index as usize).checked_mul(CONTEXT_SIZE)?.checked_add(self.contexts_at))
            .flatten();
        at.and_then(|at| self.table.get(at..at.checked_add(CONTEXT_SIZE)?))
            .ok_or_else(|| corrupt("a chunk is in a batch or behind a checkpoint that is not there"))
    }
}
