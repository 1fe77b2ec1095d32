//! RAFS version 5: a table of inodes, each followed by its names, attributes and chunks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::blob::{Blob, Compressor, Digester, blobs_v5, check_flags, table};
use super::chunk::{CHUNK_SIZE, Chunk};
use super::{corrupt, unsupported};
use crate::error::Result;
use crate::format::erofs::{ReadAt, device, le};
use crate::format::tar::{Entry, EntryTable, Kind, Mtime, Xattrs};
use crate::limits::Limits;

/// The bootstrap's first four bytes, little-endian.
pub(super) const MAGIC: u32 = 0x5241_4653;

const VERSION: u32 = 0x500;
const SUPER_SIZE: usize = 8192;
/// Bytes of an inode.
const INODE: u64 = 128;
const FLAG_XATTR: u64 = 0x4;
const FLAG_HOLE: u64 = 0x8;
/// Length of a name, as the kernel has it.
const MAX_NAME: usize = 255;

/// Where the chunks of files are.
pub(super) struct Files {
    boot: Bytes,
    /// Per entry, where its inode is, divided by 8.
    inodes: Vec<u32>,
}

/// A piece of a file.
pub(super) enum Found {
    Chunk(Chunk),
    /// Zeros.
    Hole(Range<u64>),
}

/// What an inode says.
struct Inode {
    at: u64,
    ino: u64,
    uid: u32,
    gid: u32,
    mode: u32,
    size: u64,
    flags: u64,
    links: u32,
    child: u32,
    children: u32,
    name_len: u16,
    link_len: u16,
    rdev: u32,
    mtime: Mtime,
}

impl Inode {
    fn read(boot: &Bytes, at: u64) -> Result<Self> {
        let head = boot.read_at(at, INODE as usize)?;
        let u16_at = |at| u16::from_le_bytes(le(&head, at));
        let u32_at = |at| u32::from_le_bytes(le(&head, at));
        let u64_at = |at| u64::from_le_bytes(le(&head, at));
        let mtime = Mtime { secs: u64_at(112).cast_signed(), nanos: u32_at(108) };
        if mtime.nanos >= 1_000_000_000 {
            return Err(corrupt("a time has more nanoseconds than a second").with_offset(at));
        }
        Ok(Inode {
            at,
            ino: u64_at(40),
            uid: u32_at(48),
            gid: u32_at(52),
            mode: u32_at(60),
            size: u64_at(64),
            flags: u64_at(80),
            links: u32_at(88),
            child: u32_at(92),
            children: u32_at(96),
            name_len: u16_at(100),
            link_len: u16_at(102),
            rdev: u32_at(104),
            mtime,
        })
    }

    /// The type; `None` for sockets, which no layer can hold.
    fn kind(&self) -> Result<Option<Kind>> {
        match Kind::of_mode(self.mode) {
            None if !Kind::is_socket(self.mode) => {
                Err(corrupt("an inode is of no type that there is").with_offset(self.at))
            }
            kind => Ok(kind),
        }
    }

    fn name<'b>(&self, boot: &'b Bytes) -> Result<Cow<'b, [u8]>> {
        boot.read_at(self.at.saturating_add(INODE), usize::from(self.name_len))
    }

    /// Where what follows the name begins: names are padded to 8 bytes.
    fn link_at(&self) -> u64 {
        self.at.saturating_add(INODE).saturating_add(padded(u64::from(self.name_len)))
    }

    fn link<'b>(&self, boot: &'b Bytes) -> Result<Cow<'b, [u8]>> {
        let target = boot.read_at(self.link_at(), usize::from(self.link_len))?;
        if target.is_empty() || target.contains(&0) {
            return Err(corrupt("a symbolic link's target is empty or holds a NUL").with_offset(self.at));
        }
        Ok(target)
    }

    /// Extended attributes, where it has any, and where what follows them begins.
    fn xattrs(&self, boot: &Bytes) -> Result<(Bytes, u64)> {
        let at = self.link_at().saturating_add(padded(u64::from(self.link_len)));
        if self.flags & FLAG_XATTR == 0 {
            return Ok((Bytes::new(), at));
        }
        let total = u64::from_le_bytes(le(&boot.read_at(at, 8)?, 0));
        let start = at.saturating_add(8);
        let range = usize::try_from(start).ok().zip(
            start.checked_add(total).and_then(|e| usize::try_from(e).ok()).filter(|end| *end <= boot.len()),
        );
        let (from, to) = range.ok_or_else(|| corrupt("extended attributes are cut off").with_offset(at))?;
        // The bootstrap is of at most so many bytes: no overflow.
        Ok((boot.slice(from..to), at.saturating_add(padded(total.saturating_add(8)))))
    }
}

fn padded(len: u64) -> u64 {
    len.checked_next_multiple_of(8).unwrap_or(u64::MAX)
}

pub(super) fn parse(boot: Bytes, limits: &Limits) -> Result<(EntryTable, Vec<Blob>, Files)> {
    let head = boot.read_at(0, SUPER_SIZE).map_err(|_| corrupt("the superblock is cut off"))?;
    let u32_at = |at| u32::from_le_bytes(le(&head, at));
    let u64_at = |at| u64::from_le_bytes(le(&head, at));
    if u32_at(4) != VERSION {
        return Err(unsupported(&format!("RAFS version {:#x}", u32_at(4))));
    }
    if u32_at(8) as usize != SUPER_SIZE {
        return Err(corrupt("the superblock is of another size"));
    }
    let flags = u64_at(16);
    check_flags(flags)?;
    let blobs = blobs_v5(
        &table(&boot, u64_at(48), u64::from(u32_at(64)))?,
        &table(&boot, u64_at(72), u64::from(u32_at(68)) * 64)?,
        Compressor::from_flags(flags)?,
        Digester::from_flags(flags)?,
    )?;
    let numbers = table(&boot, u64_at(32), u64::from(u32_at(56)) * 4)?;
    let walk = Walk {
        boot: &boot,
        numbers: numbers.as_chunks::<4>().0,
        seen: vec![0; numbers.len().div_ceil(32)],
        entries: EntryTable::new(),
        inodes: Vec::new(),
        linked: BTreeMap::new(),
        limits,
    };
    let (entries, inodes) = walk.run()?;
    Ok((entries, blobs, Files { boot, inodes }))
}

struct Walk<'a> {
    boot: &'a Bytes,
    /// Where each inode is, divided by 8; the root is the first.
    numbers: &'a [[u8; 4]],
    /// A bit per inode: each is in one directory.
    seen: Vec<u8>,
    entries: EntryTable,
    inodes: Vec<u32>,
    /// Files with several names: the entry of the first, by inode number.
    linked: BTreeMap<u64, usize>,
    limits: &'a Limits,
}

impl Walk<'_> {
    fn run(mut self) -> Result<(EntryTable, Vec<u32>)> {
        self.add(b"./", 1, None)?;
        if self.entries.kind(0) != Some(Kind::Directory) {
            return Err(corrupt("the root is no directory"));
        }
        // Directories are read in the order that they were found in, which the table itself keeps.
        let mut next = 0;
        while let Some(kind) = self.entries.kind(next) {
            if kind == Kind::Directory {
                self.directory(next)?;
            }
            next += 1;
        }
        self.entries.shrink();
        self.inodes.shrink_to_fit();
        Ok((self.entries, self.inodes))
    }

    fn directory(&mut self, entry: usize) -> Result<()> {
        let at = self.inodes.get(entry).copied().unwrap_or_default();
        let inode = Inode::read(self.boot, u64::from(at) << 3)?;
        let mut path = Vec::new();
        if entry > 0 {
            path.extend_from_slice(self.entries.name(entry).unwrap_or_default());
            path.push(b'/');
        }
        let base = path.len();
        let mut last: Vec<u8> = Vec::new();
        for i in 0..inode.children {
            let number = inode.child.checked_add(i).ok_or_else(missing)?;
            let child = self.number(number).and_then(|at| Inode::read(self.boot, u64::from(at) << 3))?;
            let name = child.name(self.boot)?;
            let bad = matches!(&*name, b"" | b"." | b"..") || name.iter().any(|b| matches!(b, 0 | b'/'));
            if bad || name.len() > MAX_NAME {
                return Err(corrupt("a directory's entry has a name that is none").with_offset(child.at));
            }
            // Else one could be there twice.
            if i > 0 && *name <= *last {
                return Err(corrupt("a directory's entries are out of order").with_offset(child.at));
            }
            path.truncate(base);
            path.extend_from_slice(&name);
            last.clear();
            last.extend_from_slice(&name);
            self.add(&path, number, Some(&child)).map_err(|e| e.with_path(&path))?;
        }
        Ok(())
    }

    /// Where inode `number` is, divided by 8.
    fn number(&self, number: u32) -> Result<u32> {
        let slot = number.checked_sub(1).and_then(|i| self.numbers.get(i as usize));
        slot.map(|n| u32::from_le_bytes(*n)).ok_or_else(missing)
    }

    fn add(&mut self, path: &[u8], number: u32, inode: Option<&Inode>) -> Result<()> {
        let at = self.number(number)?;
        let slot = number.saturating_sub(1);
        let seen = self.seen.get_mut(slot as usize / 8).ok_or_else(missing)?;
        if *seen & 1 << (slot % 8) != 0 {
            return Err(corrupt("an inode is in two directories, or in itself"));
        }
        *seen |= 1 << (slot % 8);
        let root;
        let inode = match inode {
            Some(inode) => inode,
            None => {
                root = Inode::read(self.boot, u64::from(at) << 3)?;
                &root
            }
        };
        let Some(mut kind) = inode.kind()? else { return Ok(()) };
        let mut link_name = Cow::Borrowed(&[][..]);
        if kind == Kind::Symlink {
            link_name = inode.link(self.boot)?;
        }
        if kind != Kind::Directory && inode.links > 1 {
            match self.linked.get(&inode.ino) {
                Some(&first) => {
                    kind = Kind::HardLink;
                    link_name = Cow::Owned(self.entries.name(first).unwrap_or_default().to_vec());
                }
                None => drop(self.linked.insert(inode.ino, self.entries.len())),
            }
        }
        let xattrs = match kind {
            Kind::HardLink => Vec::new(),
            _ => self.xattrs(&inode.xattrs(self.boot)?.0)?,
        };
        let numbers = matches!(kind, Kind::CharDevice | Kind::BlockDevice).then(|| device(inode.rdev));
        let (dev_major, dev_minor) = numbers.unwrap_or_default();
        let entry = Entry {
            size: if kind == Kind::Regular { inode.size } else { 0 },
            mode: inode.mode & 0o7777,
            uid: u64::from(inode.uid),
            gid: u64::from(inode.gid),
            mtime: Some(inode.mtime),
            link_name: &link_name,
            dev_major,
            dev_minor,
            xattrs: Xattrs(&xattrs),
            ..Entry::named(path, kind)
        };
        self.entries.push(&entry, self.limits)?;
        self.inodes.push(at);
        Ok(())
    }

    /// `u32` length, name, NUL, value, for each.
    fn xattrs(&self, mut pairs: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        while !pairs.is_empty() {
            let pair = pairs
                .split_first_chunk::<4>()
                .and_then(|(len, rest)| rest.split_at_checked(u32::from_le_bytes(*len) as usize));
            let (pair, rest) = pair.ok_or_else(|| corrupt("an extended attribute is cut off"))?;
            let end = pair.iter().position(|b| *b == 0).filter(|end| *end > 0);
            let (name, value) = end.and_then(|end| pair.split_at_checked(end)).unwrap_or_default();
            if name.is_empty() {
                return Err(corrupt("an extended attribute has no name"));
            }
            Xattrs::encode(&mut out, name, value.get(1..).unwrap_or_default());
            let limit = self.limits.max_tar_header_size;
            Limits::check("max_tar_header_size", out.len() as u64, limit)?;
            pairs = rest;
        }
        Ok(out)
    }
}

fn missing() -> crate::error::Error {
    corrupt("an inode is not there")
}

impl Files {
    /// The chunks and holes that hold `range` of a file.
    pub(super) fn chunks(
        &self,
        entry: usize,
        range: Range<u64>,
        mut each: impl FnMut(Found) -> Result<()>,
    ) -> Result<()> {
        let at = self.inodes.get(entry).copied().ok_or_else(missing)?;
        let inode = Inode::read(&self.boot, u64::from(at) << 3)?;
        let end = range.end.min(inode.size);
        let mut pos = range.start;
        if pos >= end {
            return Ok(());
        }
        let base = inode.xattrs(&self.boot)?.1;
        let len = u64::from(inode.children) * CHUNK_SIZE as u64;
        let records = table(&self.boot, base, len)?;
        let records = records.as_chunks::<CHUNK_SIZE>().0;
        let bounds = |r: &[u8; CHUNK_SIZE]| {
            let (start, len) = (u64::from_le_bytes(le(r, 64)), u32::from_le_bytes(le(r, 44)));
            (start, start.saturating_add(u64::from(len)))
        };
        let gap = || corrupt("a file's chunks leave a gap, or overlap");
        let hole = |from: u64, to: u64| match inode.flags & FLAG_HOLE {
            0 => Err(gap()),
            _ => Ok(Found::Hole(from..to)),
        };
        let mut next = records.partition_point(|r| bounds(r).1 <= range.start);
        // What lies in front of the range belongs to it as far as its first chunk or hole does.
        let before = next.checked_sub(1).and_then(|i| records.get(i)).map_or(0, |r| bounds(r).1);
        if pos < before {
            return Err(gap());
        }
        let mut first = true;
        while pos < end {
            let Some(record) = records.get(next) else {
                each(hole(if first { before } else { pos }, inode.size)?)?;
                return Ok(());
            };
            let (start, stop) = bounds(record);
            let from = if first { before } else { pos };
            if stop <= start || stop > inode.size {
                return Err(gap());
            }
            if start > pos {
                each(hole(from, start)?)?;
                pos = start;
                first = false;
                continue;
            }
            // Chunks follow each other; the first one begins where the one before it ends, or behind a hole.
            if start < from {
                return Err(gap());
            }
            each(Found::Chunk(Chunk::parse(record)?))?;
            (pos, next, first) = (stop, next + 1, false);
        }
        Ok(())
    }

    pub(super) fn heap_bytes(&self) -> usize {
        (self.inodes.capacity() * size_of::<u32>()).saturating_add(self.boot.len())
    }
}
