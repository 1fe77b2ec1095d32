//! RAFS version 6: an EROFS file system with tables behind it.

use std::ops::Range;

use bytes::Bytes;

use super::blob::{Blob, Compressor, Digester, MAX_CHUNKS, blobs_v6, check_flags, table};
use super::chunk::{CHUNK_SIZE, Chunk};
use super::{corrupt, unsupported};
use crate::error::Result;
use crate::format::erofs::{FileSystem, Layout, ReadAt, SUPER_OFFSET, Tree, le};
use crate::format::tar::EntryTable;
use crate::limits::Limits;

/// The second superblock is behind EROFS's own.
const EXT_OFFSET: u64 = SUPER_OFFSET + 128;
const EXT_SIZE: usize = 256;
/// EROFS's compatible feature by which RAFS is told.
const IS_RAFS: u32 = 0x4000_0000;

const CHUNK_SIZES: std::ops::RangeInclusive<u32> = 4096..=16 << 20;
/// Bytes of an address of a chunk.
const ADDRESS: u64 = 8;

/// Where the chunks of files are.
pub(super) struct Files {
    fs: FileSystem<Bytes>,
    /// Per entry, its inode's number.
    nids: Vec<u64>,
    chunk_size: u64,
    table: Bytes,
    /// [`key`] of each chunk, and which of the table it is, in one number; ascending.
    index: Vec<u64>,
}

pub(super) fn parse(boot: Bytes, limits: &Limits) -> Result<(EntryTable, Vec<Blob>, Files)> {
    let fs = FileSystem::open(boot.clone(), limits)?;
    if fs.superblock().compatible & IS_RAFS == 0 {
        return Err(unsupported("a bootstrap that is EROFS but not RAFS"));
    }
    let ext = boot.read_at(EXT_OFFSET, EXT_SIZE)?;
    let u32_at = |at| u32::from_le_bytes(le(&ext, at));
    let u64_at = |at| u64::from_le_bytes(le(&ext, at));
    let flags = u64_at(0);
    check_flags(flags)?;
    Compressor::from_flags(flags)?;
    Digester::from_flags(flags)?;
    let chunk_size = u32_at(20);
    if !CHUNK_SIZES.contains(&chunk_size) || !chunk_size.is_power_of_two() {
        return Err(corrupt("chunks are of a size that there is none of"));
    }
    let blobs = blobs_v6(&table(&boot, u64_at(8), u64::from(u32_at(16)))?, chunk_size)?;
    let table = table(&boot, u64_at(24), u64_at(32))?;
    if table.is_empty() && !blobs.is_empty() {
        return Err(unsupported("a bootstrap without a table of chunks"));
    }
    let index = index(&table)?;
    let Tree { entries, mut nids } = fs.tree()?;
    nids.shrink_to_fit();
    Ok((entries, blobs, Files { fs, nids, chunk_size: u64::from(chunk_size), table, index }))
}

/// Chunks by blob and number. Those that no address can name are left out.
fn index(table: &[u8]) -> Result<Vec<u64>> {
    let (records, rest) = table.as_chunks::<CHUNK_SIZE>();
    if !rest.is_empty() || u32::try_from(records.len()).is_err() {
        return Err(corrupt("a table of chunks holds a part of one"));
    }
    let numbered = (0u64..).zip(records);
    let mut index: Vec<u64> =
        numbered.filter_map(|(i, record)| Some(key(Chunk::key(record))? << 32 | i)).collect();
    index.sort_unstable();
    Ok(index)
}

/// A chunk's blob (8 bits) and number in it (24 bits), as addresses have them.
fn key((blob, chunk): (u32, u32)) -> Option<u64> {
    (blob <= 0xff && chunk < MAX_CHUNKS).then(|| u64::from(blob) << 24 | u64::from(chunk))
}

impl Files {
    /// The chunks that hold `range` of a file, and where in the file each is.
    pub(super) fn chunks(
        &self,
        entry: usize,
        range: Range<u64>,
        mut each: impl FnMut(&Chunk, u64) -> Result<()>,
    ) -> Result<()> {
        let nid = self.nids.get(entry).copied();
        let inode = self.fs.inode(nid.ok_or_else(|| corrupt("there is no such entry"))?)?;
        let end = range.end.min(inode.size);
        if range.start >= end {
            return Ok(());
        }
        if inode.layout != Layout::Chunks {
            return Err(corrupt("a file's content is not in chunks"));
        }
        let addresses = inode.end().checked_next_multiple_of(ADDRESS);
        for i in range.start / self.chunk_size..end.div_ceil(self.chunk_size) {
            let at = i.checked_mul(ADDRESS).zip(addresses).and_then(|(i, base)| base.checked_add(i));
            let at = at.ok_or_else(|| corrupt("a chunk's address is out of all bootstraps"))?;
            let chunk = self.chunk(&le(&self.fs.volume().read_at(at, ADDRESS as usize)?, 0))?;
            // No overflow: it is in front of `end`.
            let start = i * self.chunk_size;
            if u64::from(chunk.unpacked) != self.chunk_size.min(inode.size.saturating_sub(start)) {
                return Err(corrupt("a chunk does not fill its place in a file"));
            }
            each(&chunk, start)?;
        }
        Ok(())
    }

    /// The chunk of an address: 24 bits of its number, and its blob's number, from 1 on.
    fn chunk(&self, address: &[u8; ADDRESS as usize]) -> Result<Chunk> {
        let [low, mid, device, high, ..] = *address;
        let missing = || corrupt("a file is in a chunk that is not there");
        let blob = u32::from(device).checked_sub(1).ok_or_else(missing)?;
        let wanted = key((blob, u32::from_le_bytes([low, mid, high, 0]))).ok_or_else(missing)?;
        // Of several, which no tool writes, the first.
        let at = self.index.partition_point(|found| found >> 32 < wanted);
        let number = self.index.get(at).filter(|found| **found >> 32 == wanted).map(|found| *found as u32);
        let record = number.and_then(|i| self.table.as_chunks::<CHUNK_SIZE>().0.get(i as usize));
        Chunk::parse(record.ok_or_else(missing)?)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        (self.nids.capacity() * size_of::<u64>())
            .saturating_add(self.index.capacity() * size_of::<u64>())
            .saturating_add(self.fs.volume().len())
    }
}
