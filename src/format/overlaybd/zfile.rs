//! ZFile: a file compressed in blocks of one size, with a table of their stored lengths.
//!
//! `header 512 | dictionary | blocks | table: u32 each | trailer 512`. Blocks follow each other; each is compressed, even
//! where that does not pay, and followed by its CRC-32C where the header says so. The trailer, which is written last,
//! counts; a header with flag 8 says the same.

use std::ops::Range;

use bytes::Bytes;

use super::crc::crc32c;
use super::{corrupt, unsupported};
use crate::error::Result;
use crate::format::ext4::bytes::{u32_at, u64_at};
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;

/// Length of the header and of the trailer.
pub const HEADER: usize = 512;

const MAGIC: &[u8; 24] = b"ZFile\0\x01\0tuji.yyf@Alibaba";
const CRC_FIELD: Range<usize> = 28..32;

// Of the flags; others are not tested, as old writers left garbage there.
const IS_HEADER: u64 = 1;
const IS_DATA: u64 = 2;
const IS_SEALED: u64 = 4;
const IS_FINAL: u64 = 8;
const HAS_DIGESTS: u64 = 16;
const COMPRESSED_TABLE: u64 = 32;

/// What the register of a block's CRC-32C starts with.
const BLOCK_CRC_START: u32 = 100_007;
const BLOCK_CRC: usize = 4;

const MAX_BLOCK_SIZE: u32 = 64 << 10;

/// Entries of the table between two sums that are kept.
const SUM_EVERY: usize = 32;

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// LZ4, a bare block.
    Lz4,
    /// Zstandard, a frame.
    Zstd,
}

/// What a header or trailer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    table_offset: u64,
    blocks: u64,
    size: u64,
    table_crc: Option<u32>,
    block_size: u32,
    algorithm: Algorithm,
    checked: bool,
}

impl Header {
    /// Whether `data` begins as a ZFile does.
    pub fn is_here(data: &[u8]) -> bool {
        data.starts_with(MAGIC)
    }

    /// Whether this header, the first 512 bytes of a ZFile, has the final values, so that the trailer need not be read.
    pub fn is_final(data: &[u8]) -> bool {
        Self::is_here(data) && u64_at(data, 32) & IS_FINAL != 0
    }

    /// Reads the header (which must be [final](Self::is_final)) or the trailer of a ZFile of `file_size` bytes.
    ///
    /// `CORRUPT_LAYER` if it contradicts itself, its CRC or the file's size; `UNSUPPORTED` for dictionaries, compressed
    /// tables and algorithms that are not known; `LIMIT_EXCEEDED` over `max_zfile_blocks`.
    pub fn parse(data: &[u8], file_size: u64, limits: &Limits) -> Result<Header> {
        let Some(data) = data.get(..HEADER).filter(|data| Self::is_here(data)) else {
            return Err(corrupt("no ZFile header or trailer where one must be"));
        };
        let flags = u64_at(data, 32);
        if flags & HAS_DIGESTS != 0 {
            let mut blank = data.to_vec();
            blank.get_mut(CRC_FIELD).unwrap_or_default().fill(0);
            if crc32c(0, &blank) != u32_at(data, CRC_FIELD.start) {
                return Err(corrupt("the CRC of a ZFile header or trailer is wrong"));
            }
        }
        let complete = if flags & IS_HEADER != 0 { IS_FINAL } else { IS_SEALED };
        if flags & IS_DATA == 0 || flags & complete == 0 {
            return Err(corrupt("a ZFile is not sealed"));
        }
        if flags & COMPRESSED_TABLE != 0 {
            return Err(unsupported("a ZFile has its table of blocks compressed"));
        }
        let byte = |at: usize| data.get(at).copied().unwrap_or_default();
        if byte(78) != 0 || u32_at(data, 84) != 0 {
            return Err(unsupported("a ZFile is compressed with a dictionary"));
        }
        let algorithm = match byte(76) {
            1 => Algorithm::Lz4,
            2 => Algorithm::Zstd,
            n => {
                return Err(unsupported(format!(
                    "a ZFile is compressed by algorithm {n}, which is not known"
                )));
            }
        };
        let header = Header {
            table_offset: u64_at(data, 40),
            blocks: u64_at(data, 48),
            size: u64_at(data, 56),
            table_crc: (flags & HAS_DIGESTS != 0).then(|| u32_at(data, 64)),
            block_size: u32_at(data, 72),
            algorithm,
            checked: byte(88) != 0,
        };
        header.check(file_size, limits)?;
        Ok(header)
    }

    fn check(&self, file_size: u64, limits: &Limits) -> Result<()> {
        let size = self.block_size;
        if !size.is_power_of_two() || !(512..=MAX_BLOCK_SIZE).contains(&size) {
            return Err(corrupt(format!("a ZFile has blocks of {size} bytes")));
        }
        if self.blocks != self.size.div_ceil(u64::from(size)) {
            return Err(corrupt("a ZFile has another number of blocks than its size takes"));
        }
        Limits::check("max_zfile_blocks", self.blocks, limits.max_zfile_blocks)?;
        let table = self.table();
        if table.start < HEADER as u64 || table.end.saturating_add(HEADER as u64) > file_size {
            return Err(corrupt("the table of a ZFile is not inside of it"));
        }
        Ok(())
    }

    /// Where in the file the table is.
    pub fn table(&self) -> Range<u64> {
        self.table_offset..self.table_offset.saturating_add(self.blocks.saturating_mul(4))
    }
}

/// A ZFile whose table is here: tells where blocks are, and decodes them.
#[derive(Debug)]
pub struct ZFile {
    header: Header,
    table: Bytes,
    /// Where in the file every [`SUM_EVERY`]th block is stored.
    sums: Vec<u64>,
}

impl ZFile {
    /// A ZFile by its header and the bytes of its [table](Header::table).
    ///
    /// `CORRUPT_LAYER` if the table has another length or CRC, or names blocks that have no room.
    pub fn new(header: Header, table: Bytes) -> Result<ZFile> {
        let range = header.table();
        if table.len() as u64 != range.end.saturating_sub(range.start) {
            return Err(corrupt("the table of a ZFile has another length than the header says"));
        }
        if header.table_crc.is_some_and(|crc| crc != crc32c(0, &table)) {
            return Err(corrupt("the CRC of the table of a ZFile is wrong"));
        }
        // What the compressors make of blocks that they cannot compress is less than this.
        let most = header.block_size.saturating_mul(2).saturating_add(1 << 10);
        let least = if header.checked { BLOCK_CRC as u32 } else { 0 };
        let mut sums = Vec::with_capacity((table.len() / 4).div_ceil(SUM_EVERY));
        let mut at = HEADER as u64;
        for (i, length) in lengths(&table).enumerate() {
            if i % SUM_EVERY == 0 {
                sums.push(at);
            }
            if length <= least || length > most {
                return Err(corrupt(format!("block {i} of a ZFile is stored in {length} bytes")));
            }
            at = at.saturating_add(u64::from(length));
        }
        if at > header.table_offset {
            return Err(corrupt("the blocks of a ZFile reach into its table"));
        }
        Ok(ZFile { header, table, sums })
    }

    /// Bytes of the file, decompressed.
    pub fn size(&self) -> u64 {
        self.header.size
    }

    /// Bytes of a block, decompressed; the last has what is left.
    pub fn block_size(&self) -> u64 {
        u64::from(self.header.block_size)
    }

    /// Bytes of memory held.
    pub fn heap_bytes(&self) -> usize {
        self.table.len().saturating_add(self.sums.capacity().saturating_mul(8))
    }

    /// The blocks that hold bytes `range` of the decompressed file, cut to its size.
    pub fn blocks(&self, range: Range<u64>) -> Range<u64> {
        let size = u64::from(self.header.block_size);
        let end = range.end.min(self.header.size);
        if range.start >= end {
            return 0..0;
        }
        range.start / size..end.div_ceil(size)
    }

    /// The bytes of the decompressed file that block `i` holds.
    pub fn holds(&self, i: u64) -> Range<u64> {
        let size = u64::from(self.header.block_size);
        let start = i.saturating_mul(size).min(self.header.size);
        start..start.saturating_add(size).min(self.header.size)
    }

    /// Where in the file block `i` is stored, its CRC included.
    pub fn stored(&self, i: u64) -> Option<Range<u64>> {
        let i = usize::try_from(i).ok()?;
        let first = i / SUM_EVERY * SUM_EVERY;
        let length = u64::from(u32::from_le_bytes(*self.table.as_chunks::<4>().0.get(i)?));
        let before = lengths(self.table.get(first.checked_mul(4)?..)?).take(i - first);
        let start = before.fold(*self.sums.get(i / SUM_EVERY)?, |sum, n| sum.saturating_add(u64::from(n)));
        Some(start..start.saturating_add(length))
    }

    /// Decompresses block `i`, of which `stored` are the bytes at its [place](Self::stored).
    ///
    /// `CORRUPT_LAYER` if its CRC is wrong, the data is broken, or it has another length than it must have.
    pub fn decode(&self, i: u64, stored: &[u8], limits: &Limits) -> Result<Bytes> {
        let holds = self.holds(i);
        // At most `block_size`, which is at most 64 KiB.
        let len = (holds.end.saturating_sub(holds.start)) as usize;
        let broken = |what: &str| corrupt(format!("block {i} of a ZFile {what}"));
        let mut data = stored;
        if self.header.checked {
            let (front, crc) =
                stored.split_last_chunk::<BLOCK_CRC>().ok_or_else(|| broken("has no room for its CRC"))?;
            if crc32c(BLOCK_CRC_START, front) != u32::from_le_bytes(*crc) {
                return Err(broken("has another CRC than is stored with it"));
            }
            data = front;
        }
        let mut out = Vec::new();
        match self.header.algorithm {
            Algorithm::Lz4 => {
                out.resize(len, 0);
                let made = lz4_flex::block::decompress_into(data, &mut out);
                if made.ok() != Some(len) {
                    return Err(broken("is broken, or has another length than it must have"));
                }
            }
            Algorithm::Zstd => {
                let mut decoder = ZstdDecoder::new(limits);
                decoder
                    .push(data, &mut |piece| {
                        if out.len().saturating_add(piece.len()) > len {
                            return Err(broken("is longer than it must be"));
                        }
                        out.extend_from_slice(piece);
                        Ok(())
                    })
                    .and_then(|()| decoder.finish())?;
                if out.len() != len {
                    return Err(broken("is shorter than it must be"));
                }
            }
        }
        Ok(out.into())
    }
}

fn lengths(table: &[u8]) -> impl Iterator<Item = u32> {
    table.as_chunks::<4>().0.iter().map(|n| u32::from_le_bytes(*n))
}
