//! All entries of one layer in tar order, compactly: fixed records and one arena of bytes.

use std::collections::HashMap;

use super::{Entry, Kind, Mtime, Xattrs};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// The entries of one layer, in tar order. No heap object per entry.
#[derive(Debug, Default)]
pub struct EntryTable {
    records: Vec<Record>,
    arena: Vec<u8>,
    /// Sparse maps by entry index: `(offset, length)` of the data runs in the expanded file.
    sparse: HashMap<u32, Box<[(u64, u64)]>>,
}

#[derive(Debug, Clone, Copy)]
struct Slice {
    start: u32,
    len: u32,
}

#[derive(Debug)]
struct Record {
    size: u64,
    offset: u64,
    header_offset: u64,
    mtime_secs: i64,
    uid: u64,
    gid: u64,
    dev: (u32, u32),
    /// `u32::MAX`: no time.
    mtime_nanos: u32,
    name: Slice,
    link_name: Slice,
    uname: Slice,
    gname: Slice,
    xattrs: Slice,
    mode: u16,
    kind: Kind,
}

impl EntryTable {
    /// An empty table.
    pub fn new() -> Self {
        EntryTable::default()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        self.records.capacity() * size_of::<Record>() + self.arena.capacity()
    }

    /// Appends an entry; over `max_entries`, `max_name_bytes` or `max_path_len` is `LIMIT_EXCEEDED`.
    pub fn push(&mut self, e: &Entry<'_>, limits: &Limits) -> Result<()> {
        Limits::check(
            "max_entries",
            self.records.len() as u64 + 1,
            limits.max_entries.min(u64::from(u32::MAX)),
        )?;
        for path in [e.name, e.link_name] {
            Limits::check("max_path_len", path.len() as u64, limits.max_path_len)?;
        }
        let total = [e.name, e.link_name, e.uname, e.gname, e.xattrs.0]
            .iter()
            .fold(self.arena.len() as u64, |n, s| n.saturating_add(s.len() as u64));
        Limits::check("max_name_bytes", total, limits.max_name_bytes.min(u64::from(u32::MAX)))?;
        let previous = self.records.last();
        // Owners hardly change from one entry to the next: share their bytes.
        let (uname, gname) = (previous.map(|r| r.uname), previous.map(|r| r.gname));
        let record = Record {
            size: e.size,
            offset: e.offset,
            header_offset: e.header_offset,
            mtime_secs: e.mtime.map_or(0, |m| m.secs),
            mtime_nanos: e.mtime.map_or(u32::MAX, |m| m.nanos),
            uid: e.uid,
            gid: e.gid,
            dev: (
                u32::try_from(e.dev_major).unwrap_or(u32::MAX),
                u32::try_from(e.dev_minor).unwrap_or(u32::MAX),
            ),
            name: self.store(e.name, None),
            link_name: self.store(e.link_name, None),
            uname: self.store(e.uname, uname),
            gname: self.store(e.gname, gname),
            xattrs: self.store(e.xattrs.0, None),
            mode: (e.mode & 0o7777) as u16,
            kind: e.kind,
        };
        self.records.push(record);
        Ok(())
    }

    fn store(&mut self, bytes: &[u8], shared: Option<Slice>) -> Slice {
        if let Some(s) = shared.filter(|&s| self.slice(s) == bytes) {
            return s;
        }
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        Slice { start, len: bytes.len() as u32 }
    }

    fn slice(&self, s: Slice) -> &[u8] {
        let start = s.start as usize;
        self.arena.get(start..start + s.len as usize).unwrap_or_default()
    }

    /// Marks the last pushed entry as sparse: `(offset, length)` of its data runs.
    pub fn set_sparse(&mut self, map: Box<[(u64, u64)]>) -> Result<()> {
        match self.records.len().checked_sub(1) {
            Some(i) => {
                self.sparse.insert(i as u32, map);
                Ok(())
            }
            None => Err(Error::new(crate::error::Code::InvalidArgument, "no entry to mark as sparse")),
        }
    }

    /// The data runs of entry `i`, where it is sparse.
    pub fn sparse(&self, i: usize) -> Option<&[(u64, u64)]> {
        self.sparse.get(&u32::try_from(i).ok()?).map(|m| &**m)
    }

    /// Entry `i` in tar order.
    pub fn get(&self, i: usize) -> Option<Entry<'_>> {
        let r = self.records.get(i)?;
        Some(Entry {
            name: self.slice(r.name),
            kind: r.kind,
            size: r.size,
            mode: u32::from(r.mode),
            uid: r.uid,
            gid: r.gid,
            uname: self.slice(r.uname),
            gname: self.slice(r.gname),
            mtime: (r.mtime_nanos != u32::MAX).then_some(Mtime { secs: r.mtime_secs, nanos: r.mtime_nanos }),
            link_name: self.slice(r.link_name),
            dev_major: u64::from(r.dev.0),
            dev_minor: u64::from(r.dev.1),
            header_offset: r.header_offset,
            offset: r.offset,
            xattrs: Xattrs(self.slice(r.xattrs)),
        })
    }

    /// All entries in tar order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).filter_map(|i| self.get(i))
    }
}
