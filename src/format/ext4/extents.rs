//! Extents: where a file's content is on the disk.

use std::ops::Range;

use super::bytes::{u16_at, u32_at};
use super::{Asked, Disk, Ext4, Inode, Stop, corrupt, unsupported};
use crate::error::Result;

const MAGIC: u16 = 0xf30a;
const HEADER: usize = 12;
const ENTRY: usize = 12;
const MAX_DEPTH: u16 = 5;
/// Longer extents are of this much less, and reserved but not written: zeros.
const MAX_WRITTEN: u16 = 32_768;

/// A part of a file that is together on the disk, or is zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Offset in the file.
    pub start: u64,
    /// Length in bytes.
    pub len: u64,
    /// Offset on the disk; `None`: zeros.
    pub disk: Option<u64>,
}

/// Blocks of the file `start..end`, which must be all that the tree below one entry has.
type Blocks = Range<u64>;

impl Ext4 {
    /// Where bytes `range` of an inode's content are: in order, without gaps, cut to its size. Of the extent tree, only
    /// what leads to these is read.
    ///
    /// `CORRUPT_LAYER` if the tree is out of order, deeper than it says, or leads out of the file system;
    /// `UNSUPPORTED` for content that is stored otherwise.
    pub fn runs(&self, disk: &dyn Disk, inode: &Inode, range: Range<u64>) -> Asked<Vec<Run>> {
        let range = range.start..range.end.min(inode.size);
        let mut runs = Vec::new();
        if range.start >= range.end {
            return Ok(runs);
        }
        if let Some(how) = inode.unreadable() {
            return Err(unsupported(format!("inode {} {how}, which is not read", inode.number)).into());
        }
        let block = self.block_size as u64;
        let wanted = range.start / block..range.end.div_ceil(block);
        let mut walk = Walk { fs: self, disk, wanted, runs: Vec::new(), missing: false };
        let root = inode.block_area();
        let depth = u16_at(root, 6);
        if depth > MAX_DEPTH {
            return Err(corrupt(format!("the extent tree of inode {} is {depth} deep", inode.number)).into());
        }
        walk.node(root, depth, 0..1 << 32)?;
        if walk.missing {
            return Err(Stop::Missing);
        }
        let mut at = range.start;
        for run in walk.runs {
            let (start, end) = (run.start.max(range.start), run.start.saturating_add(run.len).min(range.end));
            if start >= end {
                continue;
            }
            push(&mut runs, Run { start: at, len: start.saturating_sub(at), disk: None });
            let disk = run.disk.map(|disk| disk.saturating_add(start.saturating_sub(run.start)));
            push(&mut runs, Run { start, len: end - start, disk });
            at = end;
        }
        push(&mut runs, Run { start: at, len: range.end.saturating_sub(at), disk: None });
        Ok(runs)
    }

    /// Bytes `range` of an inode's content, cut to its size. The whole range is in memory: for directories and links,
    /// and for pieces of files.
    pub fn content(&self, disk: &dyn Disk, inode: &Inode, range: Range<u64>) -> Asked<Vec<u8>> {
        let runs = self.runs(disk, inode, range)?;
        let mut out = Vec::new();
        let mut missing = false;
        for run in &runs {
            // The caller's range is one that fits.
            let len = usize::try_from(run.len).unwrap_or(usize::MAX);
            match run.disk.map(|at| self.read(disk, at, len)) {
                // Go on: all that is missing is to be noted at once.
                Some(Err(Stop::Missing)) => missing = true,
                Some(data) => {
                    let data = data?;
                    if !missing {
                        out.extend_from_slice(&data);
                    }
                }
                None if !missing => out.resize(out.len().saturating_add(len), 0),
                None => {}
            }
        }
        if missing { Err(Stop::Missing) } else { Ok(out) }
    }
}

struct Walk<'a> {
    fs: &'a Ext4,
    disk: &'a dyn Disk,
    wanted: Blocks,
    runs: Vec<Run>,
    /// Some part of the tree is not here; the rest is walked to note what else is not.
    missing: bool,
}

impl Walk<'_> {
    /// Walks one node, of `depth` levels below it, for blocks `all` of the file.
    fn node(&mut self, node: &[u8], depth: u16, all: Blocks) -> Asked<()> {
        let entries = usize::from(u16_at(node, 2));
        let room = node.len().saturating_sub(HEADER) / ENTRY;
        if u16_at(node, 0) != MAGIC || u16_at(node, 6) != depth || entries > room {
            return Err(corrupt("a node of an extent tree is none").into());
        }
        let entry = |i: usize| {
            let at = i.saturating_mul(ENTRY).saturating_add(HEADER);
            node.get(at..at.saturating_add(ENTRY)).unwrap_or_default()
        };
        let mut end = all.start;
        for i in 0..entries {
            let start = u64::from(u32_at(entry(i), 0));
            if start < end || start >= all.end {
                return Err(corrupt("an extent tree is out of order").into());
            }
            if depth == 0 {
                end = self.leaf(entry(i), start)?;
                if end > all.end {
                    return Err(corrupt("an extent tree is out of order").into());
                }
                continue;
            }
            // An inner entry goes up to the next one.
            let last = i.saturating_add(1) == entries;
            let next = if last { all.end } else { u64::from(u32_at(entry(i.saturating_add(1)), 0)) };
            if next <= start {
                return Err(corrupt("an extent tree is out of order").into());
            }
            end = next;
            if start < self.wanted.end && next > self.wanted.start {
                self.child(entry(i), depth, start..next)?;
            }
        }
        Ok(())
    }

    fn child(&mut self, entry: &[u8], depth: u16, all: Blocks) -> Asked<()> {
        let number = u64::from(u16_at(entry, 8)) << 32 | u64::from(u32_at(entry, 4));
        let at = self.fs.block(number)?;
        match self.fs.read(self.disk, at, self.fs.block_size) {
            Ok(node) => self.node(&node, depth.saturating_sub(1), all),
            Err(Stop::Missing) => {
                self.missing = true;
                Ok(())
            }
            Err(failed) => Err(failed),
        }
    }

    /// Notes an extent from block `start` on, if it is wanted; returns the block behind it.
    fn leaf(&mut self, entry: &[u8], start: u64) -> Result<u64> {
        let (len, written) = match u16_at(entry, 4) {
            len if len > MAX_WRITTEN => (len - MAX_WRITTEN, false),
            len => (len, true),
        };
        let end = start.saturating_add(u64::from(len));
        if len == 0 || start >= self.wanted.end || end <= self.wanted.start {
            return Ok(end);
        }
        let first = u64::from(u16_at(entry, 6)) << 32 | u64::from(u32_at(entry, 8));
        let at = self.fs.block(first)?;
        self.fs.block(first.saturating_add(u64::from(len) - 1))?;
        let block = self.fs.block_size as u64;
        self.runs.push(Run {
            start: start.saturating_mul(block),
            len: u64::from(len).saturating_mul(block),
            disk: written.then_some(at),
        });
        Ok(end)
    }
}

/// Appends `run`, joined with the last one where they are one.
fn push(runs: &mut Vec<Run>, run: Run) {
    if run.len == 0 {
        return;
    }
    if let Some(last) = runs.last_mut() {
        let follows = match (last.disk, run.disk) {
            (None, None) => true,
            (Some(a), Some(b)) => a.checked_add(last.len) == Some(b),
            _ => false,
        };
        if follows && last.start.checked_add(last.len) == Some(run.start) {
            last.len = last.len.saturating_add(run.len);
            return;
        }
    }
    runs.push(run);
}
