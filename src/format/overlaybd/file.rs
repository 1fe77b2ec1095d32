//! The LSMT file inside of a layer's blob.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::wrapper::{self, payload};
use super::zfile::{self, Header, ZFile};
use super::{Layer, Trailer, corrupt, lsmt};
use crate::error::Result;
use crate::format::ext4::{Asked, Disk, Stop};
use crate::limits::Limits;

/// Bytes of a blob's start that are read first: the tar's headers, the ZFile's, and the first blocks, where file systems
/// have their superblocks.
pub const HEAD_READ: u64 = 4 << 10;
/// Bytes of a blob's end that are read at the same time: the table of blocks, if it is small, and the index in front of it.
pub const TAIL_READ: u64 = 8 << 10;
/// Where the table is elsewhere: bytes in front of it that are read with it, for the index.
const INDEX_READ: u64 = 8 << 10;

/// Decompressed blocks that are kept for the next question, in bytes. A few are asked again and again.
const KEEP: usize = 128 << 10;

/// Bytes of files' content that are read at once: what is compressed in smaller blocks, and what is not compressed.
const UNIT: u64 = 16 << 10;
const RAW_UNIT: u64 = 128 << 10;

/// What is read at once of a layer's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Where in the blob it is stored.
    pub stored: Range<u64>,
    /// The bytes of the file that it holds.
    pub holds: Range<u64>,
    /// The blocks of the ZFile, where it is one.
    blocks: Range<u64>,
}

/// The LSMT file in a blob: where it is, and how it is compressed.
#[derive(Debug)]
pub struct File {
    payload: Range<u64>,
    zfile: Option<ZFile>,
    limits: Limits,
    latest: RefCell<VecDeque<(u64, Bytes)>>,
}

impl File {
    /// Finds the file in `blob`, a layer's.
    ///
    /// `CORRUPT_LAYER`, `UNSUPPORTED` and `LIMIT_EXCEEDED` as [`payload`] and [`Header::parse`] say.
    pub fn open(blob: &dyn Disk, limits: &Limits) -> Asked<File> {
        let size = blob.size();
        let head_len = size.min(HEAD_READ);
        let head = blob.read(0, head_len as usize);
        // At the same time, as it is needed in most cases.
        let tail = size.min(TAIL_READ);
        if let (Err(Stop::Missing), _) | (_, Err(Stop::Missing)) =
            (&head, blob.read(size - tail, tail as usize))
        {
            return Err(Stop::Missing);
        }
        let head = head?;
        let payload = payload(head.get(..wrapper::HEAD).unwrap_or(&head), size, limits)?;
        let length = payload.end.saturating_sub(payload.start);
        let start = if length < zfile::HEADER as u64 {
            Bytes::new()
        } else {
            blob.read(payload.start, zfile::HEADER)?
        };
        let mut zfile = None;
        if Header::is_here(&start) {
            let values = match Header::is_final(&start) {
                true => start,
                false => blob.read(payload.end.saturating_sub(zfile::HEADER as u64), zfile::HEADER)?,
            };
            let header = Header::parse(&values, length, limits)?;
            let table = Self::table(blob, &payload, &header)?;
            zfile = Some(ZFile::new(header, table)?);
        }
        Ok(File { payload, zfile, limits: limits.clone(), latest: RefCell::default() })
    }

    fn table(blob: &dyn Disk, payload: &Range<u64>, header: &Header) -> Asked<Bytes> {
        let table = header.table();
        let start = payload.start.saturating_add(table.start);
        let len = usize::try_from(table.end.saturating_sub(table.start))
            .map_err(|_| corrupt("the table of a ZFile is longer than there is memory for"))?;
        let table = blob.read(start, len);
        if let Err(Stop::Missing) = table {
            // What is in front will be wanted next; whether it is here does not matter now.
            let ahead = start.saturating_sub(payload.start).min(INDEX_READ);
            drop(blob.read(start.saturating_sub(ahead), ahead as usize));
        }
        table
    }

    /// Reads the layer's index. `has_target`: its segments may be in a target.
    ///
    /// `CORRUPT_LAYER`, `UNSUPPORTED` and `LIMIT_EXCEEDED` as [`Trailer::parse`] and [`Layer::new`] say.
    pub fn layer(&self, blob: &dyn Disk, has_target: bool) -> Asked<Layer> {
        let size = self.size();
        let Some(at) = size.checked_sub(lsmt::HEADER as u64) else {
            return Err(corrupt("a layer is too short for an LSMT file").into());
        };
        let trailer = Trailer::parse(&self.read(blob, at, lsmt::HEADER)?, size, &self.limits)?;
        let index = trailer.index();
        let len = usize::try_from(index.end.saturating_sub(index.start)).unwrap_or(usize::MAX);
        let index = self.read(blob, index.start, len)?;
        Ok(Layer::new(trailer, &index, has_target)?)
    }

    /// Bytes of the file, decompressed.
    pub fn size(&self) -> u64 {
        match &self.zfile {
            Some(zfile) => zfile.size(),
            None => self.payload.end.saturating_sub(self.payload.start),
        }
    }

    /// Bytes of memory held.
    pub fn heap_bytes(&self) -> usize {
        self.zfile.as_ref().map_or(0, ZFile::heap_bytes).saturating_add(KEEP)
    }

    /// Bytes `offset..offset + len` of the file.
    pub fn read(&self, blob: &dyn Disk, offset: u64, len: usize) -> Asked<Bytes> {
        let end = offset.checked_add(len as u64).filter(|&end| end <= self.size());
        let end = end.ok_or_else(|| corrupt("something is behind the end of a layer's file"))?;
        let Some(zfile) = &self.zfile else {
            return blob.read(self.payload.start.saturating_add(offset), len);
        };
        let mut out = Vec::new();
        let mut missing = false;
        for i in zfile.blocks(offset..end) {
            let block = match self.block(zfile, blob, i, len <= KEEP / 2) {
                Err(Stop::Missing) => {
                    // Go on: all that is missing is to be noted at once.
                    missing = true;
                    continue;
                }
                block => block?,
            };
            if missing {
                continue;
            }
            let holds = zfile.holds(i);
            let from = offset.saturating_sub(holds.start) as usize;
            let to = end.min(holds.end).saturating_sub(holds.start) as usize;
            if from == 0 && to == block.len() && len == block.len() {
                return Ok(block);
            }
            out.extend_from_slice(block.get(from..to).unwrap_or_default());
        }
        if missing { Err(Stop::Missing) } else { Ok(out.into()) }
    }

    /// What is read at once of the file's content, with byte `at` in it. `CORRUPT_LAYER` where the file ends before.
    pub fn unit(&self, at: u64) -> Result<Unit> {
        let size = self.size();
        if at >= size {
            return Err(corrupt("a file's content is behind the end of its layer's file"));
        }
        let aligned = |unit: u64| {
            let start = at / unit * unit;
            start..start.saturating_add(unit).min(size)
        };
        let in_blob = |range: Range<u64>| {
            let start = self.payload.start.saturating_add(range.start);
            start..start.saturating_add(range.end.saturating_sub(range.start))
        };
        let Some(zfile) = &self.zfile else {
            let holds = aligned(RAW_UNIT);
            return Ok(Unit { stored: in_blob(holds.clone()), blocks: 0..0, holds });
        };
        let none = || corrupt("a ZFile has no such block");
        let blocks = zfile.blocks(aligned(UNIT.max(zfile.block_size())));
        let first = zfile.stored(blocks.start).ok_or_else(none)?;
        let last = zfile.stored(blocks.end.saturating_sub(1)).ok_or_else(none)?;
        let holds = zfile.holds(blocks.start).start..zfile.holds(blocks.end.saturating_sub(1)).end;
        Ok(Unit { stored: in_blob(first.start..last.end), holds, blocks })
    }

    /// The bytes that a [unit](Self::unit) holds, of those that are stored for it.
    pub fn decode(&self, unit: &Unit, stored: &Bytes) -> Result<Bytes> {
        let Some(zfile) = &self.zfile else { return Ok(stored.clone()) };
        let mut out = Vec::new();
        let mut at = 0_usize;
        for i in unit.blocks.clone() {
            let block = zfile.stored(i).and_then(|range| {
                let len = usize::try_from(range.end.saturating_sub(range.start)).ok()?;
                let end = at.checked_add(len)?;
                stored.get(std::mem::replace(&mut at, end)..end)
            });
            let block = block.ok_or_else(|| corrupt("a block of a ZFile is cut off"))?;
            out.extend_from_slice(&zfile.decode(i, block, &self.limits)?);
        }
        Ok(out.into())
    }

    fn block(&self, zfile: &ZFile, blob: &dyn Disk, i: u64, keep: bool) -> Asked<Bytes> {
        if let Some((_, block)) = self.latest.borrow().iter().find(|(latest, _)| *latest == i) {
            return Ok(block.clone());
        }
        let stored = zfile.stored(i).ok_or_else(|| corrupt("a ZFile has no such block"))?;
        let len = usize::try_from(stored.end.saturating_sub(stored.start)).unwrap_or(usize::MAX);
        let at = self.payload.start.saturating_add(stored.start);
        let stored = blob.read(at, len)?;
        let block = zfile.decode(i, &stored, &self.limits).map_err(|e| e.with_offset(at))?;
        if keep {
            let mut latest = self.latest.borrow_mut();
            latest.push_front((i, block.clone()));
            let most = (KEEP / block.len().max(1)).max(1);
            latest.truncate(most);
        }
        Ok(block)
    }
}
