//! Chunk records: 80 bytes, the same in both versions.

use super::{corrupt, unsupported};
use crate::error::Result;
use crate::format::erofs::le;

/// Bytes of a record.
pub(super) const CHUNK_SIZE: usize = 80;

const COMPRESSED: u32 = 0x1;
const ENCRYPTED: u32 = 0x4;
const BATCH: u32 = 0x8;
const HAS_CRC32: u32 = 0x10;

/// A piece of files' contents, at most 16 MiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    /// Digest of what it decompresses to.
    pub(super) digest: [u8; 32],
    /// Number of its blob.
    pub(super) blob: u32,
    pub(super) compressed: bool,
    /// Where it is in the blob.
    pub(super) offset: u64,
    pub(super) size: u32,
    /// Bytes that it decompresses to.
    pub(super) unpacked: u32,
    /// In version 5, where it is in its file.
    pub(super) file_offset: u64,
    /// Its number in its blob.
    pub(super) index: u32,
}

impl Chunk {
    pub(super) fn parse(record: &[u8; CHUNK_SIZE]) -> Result<Self> {
        let u32_at = |at| u32::from_le_bytes(le(record, at));
        let u64_at = |at| u64::from_le_bytes(le(record, at));
        let flags = u32_at(36);
        if flags & ENCRYPTED != 0 {
            return Err(unsupported("encrypted chunks"));
        }
        let unknown = flags & !(COMPRESSED | BATCH | HAS_CRC32);
        if unknown != 0 {
            return Err(unsupported(&format!("the unknown chunk flags {unknown:#x}")));
        }
        let chunk = Chunk {
            digest: le(record, 0),
            blob: u32_at(32),
            compressed: flags & COMPRESSED != 0,
            offset: u64_at(48),
            size: u32_at(40),
            unpacked: u32_at(44),
            file_offset: u64_at(64),
            index: u32_at(72),
        };
        if chunk.unpacked == 0 {
            return Err(corrupt("a chunk is empty"));
        }
        Ok(chunk)
    }

    /// Only what tells it from others: blob and number.
    pub(super) fn key(record: &[u8; CHUNK_SIZE]) -> (u32, u32) {
        (u32::from_le_bytes(le(record, 32)), u32::from_le_bytes(le(record, 72)))
    }
}
