//! PAX extended headers (POSIX.1-2001 `pax`, "pax Extended Header"), by the rules of Go's `archive/tar`:
//! the last record of a key counts, an empty value leaves the header's own.

use std::ops::Range;

use super::Xattrs;
use super::number::decimal;
use crate::error::{Code, Error, Result};
use crate::sort::heap_sort;

/// In front of an extended attribute's name in a PAX key.
pub(crate) const XATTR: &[u8] = b"SCHILY.xattr.";

/// Keys with a meaning here. `hdrcharset` and all others have none: names are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Key {
    Path,
    LinkPath,
    Uname,
    Gname,
    Uid,
    Gid,
    Size,
    Mtime,
    SparseMajor,
    SparseMinor,
    SparseName,
    SparseSize,
    SparseRealSize,
    SparseMap,
    SparseNumBlocks,
}

const KEYS: usize = Key::SparseNumBlocks as usize + 1;

fn key(name: &[u8]) -> Option<Key> {
    Some(match name {
        b"path" => Key::Path,
        b"linkpath" => Key::LinkPath,
        b"uname" => Key::Uname,
        b"gname" => Key::Gname,
        b"uid" => Key::Uid,
        b"gid" => Key::Gid,
        b"size" => Key::Size,
        b"mtime" => Key::Mtime,
        b"GNU.sparse.major" => Key::SparseMajor,
        b"GNU.sparse.minor" => Key::SparseMinor,
        b"GNU.sparse.name" => Key::SparseName,
        b"GNU.sparse.size" => Key::SparseSize,
        b"GNU.sparse.realsize" => Key::SparseRealSize,
        b"GNU.sparse.map" => Key::SparseMap,
        b"GNU.sparse.numblocks" => Key::SparseNumBlocks,
        _ => return None,
    })
}

/// The records of one entry that have a meaning here, as ranges of the header's bytes.
#[derive(Debug, Default)]
pub(crate) struct Pax {
    bytes: Vec<u8>,
    known: [Option<Range<usize>>; KEYS],
    /// Name without prefix, value.
    xattrs: Vec<(Range<usize>, Range<usize>)>,
    /// Offsets and lengths in turn, of sparse format 0.0.
    map00: Vec<Range<usize>>,
    /// All records but those of `map00`: key, value.
    #[cfg(feature = "build")]
    all: Vec<(Range<usize>, Range<usize>)>,
}

impl Pax {
    /// Forgets the records, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.known = Default::default();
        self.xattrs.clear();
        self.map00.clear();
        #[cfg(feature = "build")]
        self.all.clear();
    }

    /// Reads the content of an extended header in place of what was there. A malformed record is
    /// `CORRUPT_LAYER`.
    pub fn read(&mut self, content: &[u8]) -> Result<()> {
        self.clear();
        self.bytes.extend_from_slice(content);
        let mut at = 0;
        while let Some(rest) = content.get(at..).filter(|r| !r.is_empty()) {
            let (name, value, len) = record(rest).ok_or_else(|| {
                Error::new(Code::CorruptLayer, "a PAX extended header has a malformed record")
            })?;
            self.add(content, shift(name, at), shift(value, at))?;
            at += len;
        }
        Ok(())
    }

    /// Notes one record from elsewhere (a zTOC keeps an entry's records).
    pub fn insert(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        let bytes = std::mem::take(&mut self.bytes);
        let middle = start + name.len();
        let added = self.add(&bytes, start..middle, middle..bytes.len());
        self.bytes = bytes;
        added
    }

    fn add(&mut self, bytes: &[u8], name: Range<usize>, value: Range<usize>) -> Result<()> {
        let (n, v) =
            (bytes.get(name.clone()).unwrap_or_default(), bytes.get(value.clone()).unwrap_or_default());
        #[cfg(feature = "build")]
        if !matches!(n, b"GNU.sparse.offset" | b"GNU.sparse.numbytes") {
            self.all.push((name.clone(), value.clone()));
        }
        match n {
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                let wants_offset = self.map00.len().is_multiple_of(2);
                if wants_offset != (n == b"GNU.sparse.offset") || v.contains(&b',') {
                    return Err(Error::new(
                        Code::CorruptLayer,
                        "a sparse map's PAX records are out of order",
                    ));
                }
                self.map00.push(value);
            }
            _ if n.starts_with(XATTR) => self.xattrs.push((name.start + XATTR.len()..name.end, value)),
            _ => {
                if let Some(slot) = key(n).and_then(|k| self.known.get_mut(k as usize)) {
                    *slot = (!value.is_empty()).then_some(value);
                }
            }
        }
        Ok(())
    }

    /// The value of a key, where there is one and it is not empty.
    pub fn get(&self, key: Key) -> Option<&[u8]> {
        self.bytes.get(self.known.get(key as usize)?.clone()?)
    }

    /// The value as a number.
    pub fn number(&self, key: Key) -> Result<Option<i64>> {
        self.get(key)
            .map(|v| {
                decimal(v).ok_or_else(|| {
                    Error::new(
                        Code::CorruptLayer,
                        format!(
                            "a PAX record is not a number: \"{}\"",
                            v.get(..v.len().min(40)).unwrap_or_default().escape_ascii()
                        ),
                    )
                })
            })
            .transpose()
    }

    /// The map's numbers of sparse format 0.0, if that is used.
    pub fn map00(&self) -> Option<impl Iterator<Item = &[u8]>> {
        let values = || self.map00.iter().map(|r| self.bytes.get(r.clone()).unwrap_or_default());
        (!self.map00.is_empty()).then(values)
    }

    /// Appends the extended attributes, sorted by name, the last of each name.
    pub fn xattrs(&mut self, out: &mut Vec<u8>) {
        let bytes = &self.bytes;
        let get = |r: &Range<usize>| bytes.get(r.clone()).unwrap_or_default();
        // Later records lie further back.
        heap_sort(&mut self.xattrs, |a, b| (get(&a.0), a.0.start) < (get(&b.0), b.0.start));
        for (i, (name, value)) in self.xattrs.iter().enumerate() {
            let same_follows = self.xattrs.get(i + 1).is_some_and(|(next, _)| get(next) == get(name));
            if !same_follows {
                Xattrs::encode(out, get(name), get(value));
            }
        }
    }
}

#[cfg(feature = "build")]
impl Pax {
    /// Appends all records, as [`Xattrs::encode`] does, sorted by key, the last of each key; the numbers of sparse
    /// format 0.0 become a map as in 0.1. So Go's `archive/tar` reports them.
    pub fn records(&mut self, out: &mut Vec<u8>) {
        const MAP: &[u8] = b"GNU.sparse.map";
        let bytes = &self.bytes;
        let get = |r: &Range<usize>| bytes.get(r.clone()).unwrap_or_default();
        let map: Vec<&[u8]> = self.map00.iter().map(&get).collect();
        let mut map = (!map.is_empty()).then(|| map.join(&b','));
        heap_sort(&mut self.all, |a, b| (get(&a.0), a.0.start) < (get(&b.0), b.0.start));
        for (i, (name, value)) in self.all.iter().enumerate() {
            if self.all.get(i + 1).is_some_and(|(next, _)| get(next) == get(name)) {
                continue;
            }
            if get(name) >= MAP
                && let Some(map) = map.take()
            {
                Xattrs::encode(out, MAP, &map);
                if get(name) == MAP {
                    continue;
                }
            }
            Xattrs::encode(out, get(name), get(value));
        }
        if let Some(map) = map {
            Xattrs::encode(out, MAP, &map);
        }
    }
}

fn shift(r: Range<usize>, by: usize) -> Range<usize> {
    r.start + by..r.end + by
}

/// `LENGTH SP KEY = VALUE LF` at the start of `s`: where key and value are, and the length.
fn record(s: &[u8]) -> Option<(Range<usize>, Range<usize>, usize)> {
    let space = s.iter().position(|&b| b == b' ')?;
    let len = usize::try_from(decimal(s.get(..space)?)?).ok().filter(|n| *n >= 5)?;
    let body = s.get(space + 1..len)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&b| b == b'=').filter(|e| *e > 0)?;
    let (key, value) = (body.get(..equals)?, body.get(equals + 1..)?);
    let must_be_text = matches!(key, b"path" | b"linkpath" | b"uname" | b"gname");
    if (if must_be_text { value } else { key }).contains(&0) {
        return None;
    }
    let name = space + 1..space + 1 + equals;
    Some((name.clone(), name.end + 1..len - 1, len))
}
