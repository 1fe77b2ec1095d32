//! Parts of a layer's entries.

use super::coding::{Cursor, put_bytes, put_number, put_path, put_signed};
use super::section::{MAX_PART_NAMES, MAX_SECTION};
use crate::format::tar::{self, Entry, Kind, Mtime, Xattrs};
use crate::limits::Limits;
use crate::rootfs::{PartBuilder, PathIndex, Target};
use crate::sort::sort_keys;

const KINDS: [Kind; 7] = [
    Kind::Regular,
    Kind::HardLink,
    Kind::Symlink,
    Kind::Directory,
    Kind::CharDevice,
    Kind::BlockDevice,
    Kind::Fifo,
];

/// How names are made of their paths: what comes in front and behind. Else the name is written out.
const FORMS: [(&[u8], &[u8]); 7] =
    [(b"", b""), (b"", b"/"), (b"./", b""), (b"./", b"/"), (b"/", b""), (b"/", b"/"), (b".", b"/")];
const WRITTEN_OUT: u8 = 7;

// The first byte: kind, form << 3, and:
/// The header is where the content of the entry before ends.
const FOLLOWS: u8 = 1 << 6;
const SAME_MTIME: u8 = 1 << 7;

// The second byte: what follows, or does not.
const SAME_OWNER: u8 = 1;
const SAME_MODE: u8 = 1 << 1;
const DEVICE: u8 = 1 << 2;
const LINK: u8 = 1 << 3;
const XATTRS: u8 = 1 << 4;
/// Data runs follow.
const SPARSE: u8 = 1 << 5;
const MAP_IN_HEADER: u8 = 1 << 6;
/// Both: only the header tells whether it is sparse.
const MAY_BE_SPARSE: u8 = SPARSE | MAP_IN_HEADER;
const NLINK: u8 = 1 << 7;

// Where a hard link leads; from `TARGET` on, to an entry of the part.
const MISSING: u64 = 0;
const DIRECTORY: u64 = 1;
const CIRCLE: u64 = 2;
const TARGET: u64 = 3;

/// With how many of the latest owners one is compared.
const OWNERS_COMPARED: usize = 16;

/// What an entry is told against.
struct Before<'a> {
    number: i64,
    /// Where the content ends, padded.
    end: u64,
    mtime: Option<Mtime>,
    mode: u32,
    owner: usize,
    owners: Vec<Owner<'a>>,
}

#[derive(PartialEq, Clone, Copy)]
struct Owner<'a> {
    uid: u64,
    gid: u64,
    uname: &'a [u8],
    gname: &'a [u8],
}

impl Before<'_> {
    fn new() -> Self {
        Before { number: -1, end: 0, mtime: None, mode: 0, owner: usize::MAX, owners: Vec::new() }
    }

    fn set(&mut self, e: &Entry<'_>, number: u32) {
        self.number = i64::from(number);
        self.end = tar::padded(e.offset.saturating_add(e.size)).unwrap_or(0);
        (self.mtime, self.mode) = (e.mtime, e.mode);
    }
}

/// What an entry has besides.
struct More<'a> {
    path: &'a [u8],
    number: u32,
    nlink: u32,
    sparse: Option<&'a [(u64, u64)]>,
    /// `MAP_IN_HEADER` or `MAY_BE_SPARSE`, or neither.
    unknown: u8,
    /// Of a hard link.
    target: u64,
}

/// A part of the entries `shown`, in the order of their paths, and of further ones: targets of hard links, or what is
/// not shown. `None` for what would be too long.
pub(super) fn write(index: &PathIndex, shown: &[u32], further: &[u32]) -> Option<Vec<u8>> {
    let entries = || shown.iter().chain(further).copied();
    let mut places: Vec<(u64, u32)> = entries().map(u64::from).zip(0..).collect();
    sort_keys(&mut places);
    let place = |entry: u32| {
        let at = places.binary_search_by_key(&u64::from(entry), |p| p.0).ok()?;
        places.get(at).map(|p| u64::from(p.1))
    };
    let mut out = Vec::new();
    put_number(&mut out, shown.len() as u64);
    put_number(&mut out, further.len() as u64);
    let mut before = Before::new();
    let (mut path, mut names) = (&b""[..], 0u64);
    for number in entries() {
        let (table, i) = (index.table(), number as usize);
        let e = table.get(i)?;
        let more = More {
            path: index.path(i),
            number,
            nlink: index.names_of(number),
            sparse: table.sparse(i),
            unknown: match (table.map_in_header(i), table.may_be_sparse(i)) {
                (true, _) => MAP_IN_HEADER,
                (false, may_be) => {
                    if may_be {
                        MAY_BE_SPARSE
                    } else {
                        0
                    }
                }
            },
            target: match index.link_target(number) {
                None | Some(Target::Missing) => MISSING,
                Some(Target::Directory) => DIRECTORY,
                Some(Target::Circle) => CIRCLE,
                Some(Target::Entry(t)) => place(t)?.saturating_add(TARGET),
            },
        };
        if more.sparse.is_some() && more.unknown != 0 {
            // No zTOC says both.
            return None;
        }
        put_path(&mut out, path, more.path);
        path = more.path;
        put_entry(&mut out, &mut before, &e, &more);
        // As the table counts it, and more.
        let strings = [path, e.name, e.link_name, e.uname, e.gname, e.xattrs.0];
        names = strings.iter().fold(names.saturating_add(64), |n, s| n.saturating_add(s.len() as u64));
        names = names.saturating_add((more.sparse.map_or(0, <[_]>::len) as u64).saturating_mul(16));
        if names > MAX_PART_NAMES || out.len() > MAX_SECTION {
            return None;
        }
    }
    Some(out)
}

fn put_entry<'a>(out: &mut Vec<u8>, before: &mut Before<'a>, e: &Entry<'a>, more: &More<'_>) {
    let kind = KINDS.iter().position(|k| *k == e.kind).unwrap_or(0) as u8;
    let is = |(front, back): &(&[u8], &[u8])| {
        e.name.strip_prefix(*front).and_then(|n| n.strip_suffix(*back)) == Some(more.path)
    };
    let form = FORMS.iter().position(is).map_or(WRITTEN_OUT, |f| f as u8);
    let owner = Owner { uid: e.uid, gid: e.gid, uname: e.uname, gname: e.gname };
    let same_owner = before.owners.get(before.owner) == Some(&owner);
    let (same_mode, same_mtime) = (before.mode == e.mode, before.mtime == e.mtime);
    let follows = before.end == e.header_offset;
    let device = (e.dev_major, e.dev_minor) != (0, 0);
    let flags = |all: &[(bool, u8)]| all.iter().fold(0, |sum, &(is, flag)| sum | if is { flag } else { 0 });
    out.push(kind | form << 3 | flags(&[(follows, FOLLOWS), (same_mtime, SAME_MTIME)]));
    out.push(flags(&[
        (same_owner, SAME_OWNER),
        (same_mode, SAME_MODE),
        (device, DEVICE),
        (!e.link_name.is_empty(), LINK),
        (!e.xattrs.is_empty(), XATTRS),
        (more.sparse.is_some(), SPARSE),
        (more.unknown != 0, more.unknown),
        (more.nlink != 1, NLINK),
    ]));
    if form == WRITTEN_OUT {
        put_bytes(out, e.name);
    }
    put_signed(out, i64::from(more.number) - before.number);
    if !follows {
        put_signed(out, e.header_offset.wrapping_sub(before.end).cast_signed());
    }
    put_number(out, e.offset.saturating_sub(e.header_offset));
    put_number(out, e.size);
    if !same_mtime {
        let secs = |m: Option<Mtime>| m.map_or(0, |m| m.secs);
        put_signed(out, secs(e.mtime).wrapping_sub(secs(before.mtime)));
        put_number(out, e.mtime.map_or(0, |m| u64::from(m.nanos).saturating_add(1)));
    }
    if !same_mode {
        put_number(out, u64::from(e.mode));
    }
    if !same_owner {
        let latest = before.owners.iter().enumerate().rev().take(OWNERS_COMPARED);
        let known = latest.into_iter().find(|(_, o)| **o == owner).map(|(i, _)| i);
        before.owner = known.unwrap_or(before.owners.len());
        put_number(out, before.owner as u64);
        if known.is_none() {
            put_number(out, owner.uid);
            put_number(out, owner.gid);
            put_bytes(out, owner.uname);
            put_bytes(out, owner.gname);
            before.owners.push(owner);
        }
    }
    if device {
        put_number(out, e.dev_major);
        put_number(out, e.dev_minor);
    }
    if !e.link_name.is_empty() {
        put_bytes(out, e.link_name);
    }
    if !e.xattrs.is_empty() {
        put_bytes(out, e.xattrs.0);
    }
    if let Some(runs) = more.sparse {
        put_number(out, runs.len() as u64);
        for (offset, len) in runs {
            put_number(out, *offset);
            put_number(out, *len);
        }
    }
    if more.nlink != 1 {
        put_number(out, u64::from(more.nlink));
    }
    if e.kind == Kind::HardLink {
        put_number(out, more.target);
    }
    before.set(e, more.number);
}

/// Reads a part of a layer of so many entries. An `ordered` one shows entries.
pub(super) fn read(data: &[u8], entries: usize, ordered: bool, limits: &Limits) -> Option<PathIndex> {
    let limits = Limits { max_name_bytes: 2 * MAX_PART_NAMES, ..limits.clone() };
    let mut cursor = Cursor(data);
    let (shown, further) = (cursor.len()?, cursor.len()?);
    let count = shown.checked_add(further)?;
    if !ordered && shown > 0 {
        return None;
    }
    let mut builder = PartBuilder::new();
    let mut before = Before::new();
    let (mut path, mut name) = (Vec::new(), Vec::new());
    let mut paths = 0u64;
    for at in 0..u32::try_from(count).ok()? {
        cursor.path(&mut path)?;
        // Also those that the table does not count, because they are their names.
        paths = paths.saturating_add(path.len() as u64);
        if paths > 2 * MAX_PART_NAMES {
            return None;
        }
        let read = read_entry(&mut cursor, &mut before, &path, &mut name)?;
        if read.more.number as usize >= entries {
            return None;
        }
        let e = Entry { name: &name, ..read.entry };
        builder.push(&e, read.more.number, &path, read.more.nlink, &limits).ok()?;
        if let Some(runs) = read.runs {
            builder.table().set_sparse(runs, &limits).ok()?;
        }
        match read.more.unknown {
            MAP_IN_HEADER => builder.table().set_map_in_header(),
            MAY_BE_SPARSE => builder.table().set_may_be_sparse(),
            _ => {}
        }
        if e.kind == Kind::HardLink {
            let target = match read.more.target {
                MISSING => Target::Missing,
                DIRECTORY => Target::Directory,
                CIRCLE => Target::Circle,
                n => Target::Entry(u32::try_from(n - TARGET).ok().filter(|t| (*t as usize) < count)?),
            };
            builder.link(at, target);
        }
        before.set(&e, read.more.number);
    }
    cursor.0.is_empty().then_some(())?;
    builder.finish(shown)
}

struct Read<'a> {
    /// Without its name.
    entry: Entry<'a>,
    more: More<'a>,
    runs: Option<Box<[(u64, u64)]>>,
}

fn read_entry<'a>(
    cursor: &mut Cursor<'a>,
    before: &mut Before<'a>,
    path: &[u8],
    name: &mut Vec<u8>,
) -> Option<Read<'a>> {
    let (first, second) = (cursor.byte()?, cursor.byte()?);
    let has = |flag| second & flag != 0;
    let kind = *KINDS.get(usize::from(first & 7))?;
    name.clear();
    match FORMS.get(usize::from(first >> 3 & 7)) {
        Some((front, back)) => [front, path, back].iter().for_each(|part| name.extend_from_slice(part)),
        None => name.extend_from_slice(cursor.bytes()?),
    }
    let number = u32::try_from(before.number.checked_add(cursor.signed()?)?).ok()?;
    let skipped = if first & FOLLOWS != 0 { 0 } else { cursor.signed()? };
    let header_offset = before.end.wrapping_add(skipped.cast_unsigned());
    let offset = header_offset.checked_add(cursor.number()?)?;
    let size = cursor.number()?;
    let mtime = if first & SAME_MTIME != 0 {
        before.mtime
    } else {
        let secs = before.mtime.map_or(0, |m| m.secs).wrapping_add(cursor.signed()?);
        match cursor.small()?.checked_sub(1) {
            None => None,
            Some(nanos) => Some(Mtime { secs, nanos }).filter(|m| m.nanos < 1_000_000_000),
        }
    };
    let mode = if has(SAME_MODE) { before.mode } else { cursor.small()? };
    if !has(SAME_OWNER) {
        before.owner = cursor.len()?;
        if before.owner == before.owners.len() {
            let (uid, gid) = (cursor.number()?, cursor.number()?);
            before.owners.push(Owner { uid, gid, uname: cursor.bytes()?, gname: cursor.bytes()? });
        }
    }
    let owner = *before.owners.get(before.owner)?;
    let device = if has(DEVICE) { (cursor.number()?, cursor.number()?) } else { (0, 0) };
    let link_name = if has(LINK) { cursor.bytes()? } else { b"" };
    let xattrs = if has(XATTRS) { cursor.bytes()? } else { b"" };
    let mut runs = None;
    let unknown = if has(MAP_IN_HEADER) { second & MAY_BE_SPARSE } else { 0 };
    if has(SPARSE) && unknown == 0 {
        let mut list = Vec::new();
        for _ in 0..cursor.len()? {
            list.push((cursor.number()?, cursor.number()?));
        }
        runs = Some(list.into_boxed_slice());
    }
    let nlink = if has(NLINK) { cursor.small()? } else { 1 };
    let target = if kind == Kind::HardLink { cursor.number()? } else { 0 };
    let entry = Entry {
        name: b"",
        kind,
        size,
        mode,
        uid: owner.uid,
        gid: owner.gid,
        uname: owner.uname,
        gname: owner.gname,
        mtime,
        link_name,
        dev_major: device.0,
        dev_minor: device.1,
        header_offset,
        offset,
        xattrs: Xattrs(xattrs),
    };
    let more = More { path: b"", number, nlink, sparse: None, unknown, target };
    Some(Read { entry, more, runs })
}
