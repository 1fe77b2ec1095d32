//! All entries of one layer in tar order, compactly: fixed records and an arena of bytes, both in segments.
//!
//! A record takes 48 bytes. Names go into the arena; link name, device numbers and extended attributes
//! follow the name there only where an entry has them. Owners, which hardly vary within a layer, are kept
//! once and named by index.

use super::block::BLOCK;
use super::segments::Segments;
use super::{Entry, Kind, Mtime, SparseMap, Xattrs};
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// The entries of one layer, in tar order. No heap object per entry.
#[derive(Debug, Default)]
pub struct EntryTable {
    records: Segments<Record, RECORDS>,
    /// Per entry its name, then what `Record::flags` tells: see [`EntryTable::push`].
    arena: Segments<u8, ARENA>,
    owners: Vec<Owner>,
    owner_names: Vec<u8>,
    /// By increasing entry index: `(offset, length)` of the data runs in the expanded file.
    sparse: Vec<(u32, SparseMap)>,
    sparse_runs: u64,
    /// The entries are picked ones: what follows one here did not follow it in the tar.
    picked: bool,
    held: Reservation,
}

/// Records of a segment.
const RECORDS: usize = 4 << 10;
/// Bytes of names of a segment.
const ARENA: usize = 256 << 10;

#[derive(Debug, Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
    start: u32,
    uname_len: u32,
    gname_len: u32,
}

#[derive(Debug)]
struct Record {
    size: u64,
    offset: u64,
    mtime_secs: i64,
    /// `u32::MAX`: no time.
    mtime_nanos: u32,
    /// `offset - header_offset`.
    header_len: u32,
    /// Where the entry's bytes begin in the arena; they end where the next entry's begin.
    start: u32,
    name_len: u32,
    owner: u32,
    mode: u16,
    kind: Kind,
    flags: u8,
}

/// The arena holds major and minor (16 bytes) behind the name.
const HAS_DEVICE: u8 = 1;
/// The arena holds a length (4 bytes) and the link name behind these.
const HAS_LINK: u8 = 2;
/// The file is sparse, by a map in front of its stored content.
const MAP_IN_HEADER: u8 = 4;
/// Of a picked entry: [`EntryTable::may_be_sparse`] in its tar.
const MAY_BE_SPARSE: u8 = 8;

/// How many of the latest owners a new entry is compared with. A layer with more owners than this in
/// turns repeats them, at 20 bytes and their names each.
const OWNERS_COMPARED: usize = 16;

const RUN_SIZE: u64 = size_of::<(u64, u64)>() as u64;

impl EntryTable {
    /// An empty table.
    pub fn new() -> Self {
        EntryTable::default()
    }
    /// An empty table for entries picked from another.
    pub(crate) fn picked() -> Self {
        EntryTable { picked: true, ..EntryTable::default() }
    }
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.records.len()
    }
    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        self.records.heap_bytes()
            + self.arena.heap_bytes()
            + self.owners.capacity() * size_of::<Owner>()
            + self.owner_names.capacity()
            + self.sparse.capacity() * size_of::<(u32, SparseMap)>()
            + usize::try_from(self.sparse_runs.saturating_mul(RUN_SIZE)).unwrap_or(usize::MAX)
    }
    /// Gives back what growing left over.
    pub(crate) fn shrink(&mut self) {
        self.records.shrink();
        self.arena.shrink();
        self.owners.shrink_to_fit();
        self.owner_names.shrink_to_fit();
        self.sparse.shrink_to_fit();
        // Less than before, so that it cannot fail.
        let _ = self.held.resize(self.heap_bytes() as u64);
    }

    /// Bytes of the arena that an entry takes beside its strings.
    fn fixed_bytes(has_link: bool, has_device: bool) -> u64 {
        16 * u64::from(has_device) + 4 * u64::from(has_link)
    }

    /// What counts against `max_name_bytes`.
    fn used(&self) -> u64 {
        (self.arena.len() as u64)
            .saturating_add(self.owner_names.len() as u64)
            .saturating_add(self.sparse_runs.saturating_mul(RUN_SIZE))
    }

    /// Appends an entry; over `max_entries`, `max_name_bytes`, `max_path_len` or `max_tar_header_size` is
    /// `LIMIT_EXCEEDED`. Of the owner numbers the low 32 bits are kept.
    pub fn push(&mut self, e: &Entry<'_>, limits: &Limits) -> Result<()> {
        Limits::check(
            "max_entries",
            self.records.len() as u64 + 1,
            limits.max_entries.min(u64::from(u32::MAX) - 1),
        )?;
        for path in [e.name, e.link_name] {
            Limits::check("max_path_len", path.len() as u64, limits.max_path_len)?;
        }
        let header_len = e.offset.checked_sub(e.header_offset).ok_or_else(|| {
            Error::new(Code::InvalidArgument, "an entry's content begins before its header").with_path(e.name)
        })?;
        let header_len = u32::try_from(header_len)
            .map_err(|_| Error::limit("max_tar_header_size", header_len, u64::from(u32::MAX)))?;
        let has_device = e.dev_major != 0 || e.dev_minor != 0;
        let fixed = Self::fixed_bytes(!e.link_name.is_empty(), has_device);
        let total = [e.name, e.link_name, e.uname, e.gname, e.xattrs.0]
            .iter()
            .fold(self.used().saturating_add(fixed), |n, s| n.saturating_add(s.len() as u64));
        Limits::check("max_name_bytes", total, limits.max_name_bytes.min(u64::from(u32::MAX)))?;

        let in_arena = fixed + (e.name.len() + e.link_name.len() + e.xattrs.0.len()) as u64;
        let in_arena = usize::try_from(in_arena).unwrap_or(usize::MAX);
        self.reserve(in_arena, e.uname.len() + e.gname.len())?;
        let start = self.arena.begin(in_arena);
        let start = start.ok_or_else(|| Error::limit("max_name_bytes", total, u64::from(u32::MAX)))?;
        // The limits above keep each length below 2^32, and the number of entries.
        let _ = self.records.begin(1);
        let mut flags = 0;
        self.arena.extend(e.name);
        if has_device {
            flags |= HAS_DEVICE;
            self.arena.extend(&e.dev_major.to_le_bytes());
            self.arena.extend(&e.dev_minor.to_le_bytes());
        }
        if !e.link_name.is_empty() {
            flags |= HAS_LINK;
            self.arena.extend(&(e.link_name.len() as u32).to_le_bytes());
            self.arena.extend(e.link_name);
        }
        self.arena.extend(e.xattrs.0);
        let owner = self.owner(e);
        self.records.add(Record {
            size: e.size,
            offset: e.offset,
            mtime_secs: e.mtime.map_or(0, |m| m.secs),
            mtime_nanos: e.mtime.map_or(u32::MAX, |m| m.nanos),
            header_len,
            start,
            name_len: e.name.len() as u32,
            owner,
            mode: (e.mode & 0o7777) as u16,
            kind: e.kind,
            flags,
        });
        Ok(())
    }

    /// Reserves memory for one entry more, with so many bytes in the arena and among the names of owners.
    fn reserve(&mut self, in_arena: usize, of_owner: usize) -> Result<()> {
        let owners = if self.owners.len() < self.owners.capacity() { 0 } else { 2 * self.owners.len() + 4 };
        let room = self.owner_names.capacity() - self.owner_names.len();
        let names = if of_owner <= room { 0 } else { self.owner_names.capacity().max(of_owner) * 2 };
        let more =
            self.records.more_for(1) + self.arena.more_for(in_arena) + owners * size_of::<Owner>() + names;
        if more == 0 { Ok(()) } else { self.held.grow((self.heap_bytes() + more) as u64) }
    }

    /// The index of the entry's owner, which is added where it is not among the latest.
    fn owner(&mut self, e: &Entry<'_>) -> u32 {
        let (uid, gid) = (low32(e.uid), low32(e.gid));
        let latest = self.owners.len().saturating_sub(OWNERS_COMPARED);
        let known = self
            .owners
            .iter()
            .enumerate()
            .skip(latest)
            .rev()
            .find(|(_, o)| (o.uid, o.gid) == (uid, gid) && self.owner_strings(o) == (e.uname, e.gname));
        if let Some((i, _)) = known {
            return i as u32;
        }
        self.owners.push(Owner {
            uid,
            gid,
            start: self.owner_names.len() as u32,
            uname_len: e.uname.len() as u32,
            gname_len: e.gname.len() as u32,
        });
        self.owner_names.extend_from_slice(e.uname);
        self.owner_names.extend_from_slice(e.gname);
        (self.owners.len() - 1) as u32
    }

    fn owner_strings(&self, o: &Owner) -> (&[u8], &[u8]) {
        let both = self.owner_names.get(o.start as usize..).unwrap_or_default();
        let (uname, rest) = both.split_at_checked(o.uname_len as usize).unwrap_or_default();
        (uname, rest.get(..o.gname_len as usize).unwrap_or_default())
    }

    /// Marks the last pushed entry as sparse: `(offset, length)` of its data runs in the expanded file, in
    /// order. Their bytes follow each other from the entry's `offset` on. Counts against `max_name_bytes`.
    pub fn set_sparse(&mut self, map: SparseMap, limits: &Limits) -> Result<()> {
        let Some(i) = self.records.len().checked_sub(1) else {
            return Err(Error::new(Code::InvalidArgument, "no entry to mark as sparse"));
        };
        let total = self.used().saturating_add((map.len() as u64).saturating_mul(RUN_SIZE));
        Limits::check("max_name_bytes", total, limits.max_name_bytes)?;
        let runs = (map.len() as u64).saturating_mul(RUN_SIZE);
        self.held.grow((self.heap_bytes() as u64).saturating_add(runs))?;
        self.sparse_runs += map.len() as u64;
        self.sparse.push((i as u32, map));
        Ok(())
    }
    /// Marks the last pushed entry as sparse by a map that only the tar holds.
    pub(crate) fn set_map_in_header(&mut self) {
        if let Some(last) = self.records.last_mut() {
            last.flags |= MAP_IN_HEADER;
        }
    }
    /// Marks the last pushed entry, a picked one, as one that may be sparse.
    pub(crate) fn set_may_be_sparse(&mut self) {
        if let Some(last) = self.records.last_mut() {
            last.flags |= MAY_BE_SPARSE;
        }
    }
    /// True where a zTOC tells that entry `i` is sparse (PAX format 1.0) but not by which data runs: these
    /// are what [`check_header`](super::check_header) gives for its header.
    pub fn map_in_header(&self, i: usize) -> bool {
        self.records.get(i).is_some_and(|r| r.flags & MAP_IN_HEADER != 0)
    }
    /// True where only its tar header can tell whether file `i` is sparse. Of GNU's old format (typeflag `S`) a zTOC
    /// tells nothing. But there less is stored than the size says, by a block at least, as holes are whole blocks;
    /// then the next entry's header begins earlier than it would, and is longer than the one block that it seems to be.
    pub(crate) fn may_be_sparse(&self, i: usize) -> bool {
        if self.picked {
            return self.records.get(i).is_some_and(|r| r.flags & (MAP_IN_HEADER | MAY_BE_SPARSE) != 0);
        }
        let next = self.records.get(i.saturating_add(1));
        let room = next.is_none_or(|next| u64::from(next.header_len) > BLOCK as u64);
        self.map_in_header(i)
            || room && self.sparse(i).is_none() && self.records.get(i).is_some_and(|r| r.size > 0)
    }
    /// The data runs of entry `i`, where it is sparse.
    pub fn sparse(&self, i: usize) -> Option<&[(u64, u64)]> {
        let i = u32::try_from(i).ok()?;
        let at = self.sparse.binary_search_by_key(&i, |(entry, _)| *entry).ok()?;
        self.sparse.get(at).map(|(_, map)| &**map)
    }

    /// The name of entry `i`, without the work for the rest of it: look-ups by path read many.
    pub(crate) fn name(&self, i: usize) -> Option<&[u8]> {
        let r = self.records.get(i)?;
        self.arena.from(r.start)?.get(..r.name_len as usize)
    }

    /// The type of entry `i`.
    pub(crate) fn kind(&self, i: usize) -> Option<Kind> {
        self.records.get(i).map(|r| r.kind)
    }

    /// Entry `i` in tar order.
    pub fn get(&self, i: usize) -> Option<Entry<'_>> {
        let r = self.records.get(i)?;
        let bytes = self.arena.from(r.start).unwrap_or_default();
        // The next entry's bytes follow, or begin in another segment.
        let len = self.records.get(i + 1).map_or(bytes.len(), |next| (next.start - r.start) as usize);
        let bytes = bytes.get(..len).unwrap_or(bytes);
        let (name, mut rest) = bytes.split_at_checked(r.name_len as usize).unwrap_or_default();
        let (mut dev_major, mut dev_minor) = (0, 0);
        if r.flags & HAS_DEVICE != 0
            && let Some((dev, after)) = rest.split_first_chunk::<16>()
        {
            let both = u128::from_le_bytes(*dev);
            (dev_major, dev_minor) = (both as u64, (both >> 64) as u64);
            rest = after;
        }
        let mut link_name: &[u8] = &[];
        if r.flags & HAS_LINK != 0
            && let Some((len, after)) = rest.split_first_chunk::<4>()
        {
            (link_name, rest) = after.split_at_checked(u32::from_le_bytes(*len) as usize).unwrap_or_default();
        }
        let owner = self.owners.get(r.owner as usize);
        let (uname, gname) = owner.map(|o| self.owner_strings(o)).unwrap_or_default();
        Some(Entry {
            name,
            kind: r.kind,
            size: r.size,
            mode: u32::from(r.mode),
            uid: owner.map_or(0, |o| u64::from(o.uid)),
            gid: owner.map_or(0, |o| u64::from(o.gid)),
            uname,
            gname,
            mtime: (r.mtime_nanos != u32::MAX).then_some(Mtime { secs: r.mtime_secs, nanos: r.mtime_nanos }),
            link_name,
            dev_major,
            dev_minor,
            header_offset: r.offset.saturating_sub(u64::from(r.header_len)),
            offset: r.offset,
            xattrs: Xattrs(rest),
        })
    }

    /// All entries in tar order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).filter_map(|i| self.get(i))
    }
}

/// What the kernel and a zTOC keep of an owner's number.
pub(super) fn low32(n: u64) -> u32 {
    (n & 0xffff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8]) -> Entry<'_> {
        Entry {
            name,
            kind: Kind::Regular,
            size: 1 << 40,
            mode: 0o104755,
            uid: (7 << 32) | 5,
            gid: 6,
            uname: b"u",
            gname: b"gg",
            mtime: None,
            link_name: b"",
            dev_major: 0,
            dev_minor: 0,
            header_offset: 512,
            offset: 2048,
            xattrs: Xattrs::default(),
        }
    }

    #[test]
    fn a_record_takes_48_bytes() {
        assert_eq!(size_of::<Record>(), 48);
    }

    #[test]
    fn gives_back_what_was_put_in() {
        let limits = Limits::default();
        let mut xattrs = Vec::new();
        Xattrs::encode(&mut xattrs, b"user.a", b"");
        Xattrs::encode(&mut xattrs, b"user.b", b"\0\xff");
        let full = Entry {
            mtime: Some(Mtime { secs: -5, nanos: 999_999_999 }),
            link_name: b"target",
            dev_major: u64::MAX,
            dev_minor: 3,
            xattrs: Xattrs(&xattrs),
            ..entry(b"full")
        };
        let mut t = EntryTable::new();
        t.push(&entry(b""), &limits).unwrap();
        t.push(&full, &limits).unwrap();
        t.set_sparse(Box::new([(0, 5), (512, 1)]), &limits).unwrap();
        t.push(&Entry { uname: b"", gname: b"ugg", ..entry(b"last/") }, &limits).unwrap();
        let e = t.get(0).unwrap();
        assert_eq!((e.name, e.size, e.mode, e.uid, e.gid), (&b""[..], 1 << 40, 0o4755, 5, 6));
        assert_eq!((e.uname, e.gname, e.mtime, e.header_offset), (&b"u"[..], &b"gg"[..], None, 512));
        assert!(e.link_name.is_empty() && e.xattrs.is_empty() && t.sparse(0).is_none());
        let e = t.get(1).unwrap();
        assert_eq!((e.name, e.link_name), (&b"full"[..], &b"target"[..]));
        assert_eq!((e.dev_major, e.dev_minor, e.mtime), (u64::MAX, 3, full.mtime));
        assert_eq!(e.xattrs.collect::<Vec<_>>(), [(&b"user.a"[..], &b""[..]), (b"user.b", b"\0\xff")]);
        assert_eq!(t.sparse(1), Some(&[(0, 5), (512, 1)][..]));
        let e = t.get(2).unwrap();
        assert_eq!((e.name, e.uname, e.gname), (&b"last/"[..], &b""[..], &b"ugg"[..]));
        assert!(t.get(3).is_none());
        assert_eq!(t.owners.len(), 2);
    }

    #[test]
    fn limits_are_named() {
        let mut t = EntryTable::new();
        let mut limits = Limits { max_path_len: 3, ..Limits::default() };
        assert_eq!(t.push(&entry(b"four"), &limits).unwrap_err().limit_name(), Some("max_path_len"));
        limits.max_name_bytes = 5;
        assert_eq!(t.push(&entry(b"333"), &limits).unwrap_err().limit_name(), Some("max_name_bytes"));
        t.push(&entry(b"22"), &limits).unwrap();
        let e = t.set_sparse(Box::new([(0, 1)]), &limits).unwrap_err();
        assert_eq!(e.limit_name(), Some("max_name_bytes"));
        limits.max_entries = 1;
        assert_eq!(t.push(&entry(b""), &limits).unwrap_err().limit_name(), Some("max_entries"));
        assert_eq!(t.len(), 1);
    }
}
