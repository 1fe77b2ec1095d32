//! Members of a tar by name, and where they lie in it.

use std::ops::Range;

use crate::format::tar::{EntryTable, Kind, SparseMap};
use crate::sort::heap_sort;

/// Links that are followed, one to the other.
const MAX_LINKS: usize = 40;

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Offset in the tar of the first byte that is stored.
    pub start: u64,
    /// Bytes of the file, holes included.
    pub size: u64,
    /// Of a sparse file: the data runs, `(offset in the file, length)`, which are stored one behind the other.
    pub runs: Option<SparseMap>,
}

/// Member of a tar, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    File(Place),
    /// The content that this name had before.
    HardLink(String),
    Symlink(String),
    /// A device, or a link that leads out of the tar.
    Other,
}

/// The names of a tar, but folders'.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// Sorted by name, then as they come in the tar.
    list: Vec<(String, usize, Member)>,
}

impl Members {
    /// Those of a tar with these entries. Names that are no UTF-8 or lead out of the tar are left out: nothing of an image
    /// has such.
    pub fn new(table: &EntryTable) -> Members {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let mut list = Vec::new();
        for (i, entry) in table.iter().enumerate() {
            let Some(name) = text(entry.name).and_then(clean) else { continue };
            let member = match entry.kind {
                Kind::Directory => continue,
                Kind::Regular => {
                    let (start, runs) = (entry.offset, table.sparse(i).map(Box::from));
                    Some(Member::File(Place { start, size: entry.size, runs }))
                }
                Kind::HardLink => text(entry.link_name).and_then(clean).map(Member::HardLink),
                Kind::Symlink => {
                    text(entry.link_name).and_then(|link| beside(&name, link)).map(Member::Symlink)
                }
                _ => None,
            };
            list.push((name, i, member.unwrap_or(Member::Other)));
        }
        Members::sorted(list)
    }

    /// Of members with their places in the tar's order.
    pub fn sorted(mut list: Vec<(String, usize, Member)>) -> Members {
        heap_sort(&mut list, |a, b| (&a.0, a.1) < (&b.0, b.1));
        Members { list }
    }

    /// All of them, as [`sorted`](Self::sorted) takes them.
    pub fn list(&self) -> &[(String, usize, Member)] {
        &self.list
    }

    /// The file of a name: the last of equal names counts, as when the tar is extracted. Links are followed.
    pub fn find(&self, path: &str) -> Option<&Place> {
        let (mut path, mut before) = (path, usize::MAX);
        for _ in 0..MAX_LINKS {
            let (_, order, member) = self.last(path, before)?;
            (path, before) = match member {
                Member::File(place) => return Some(place),
                Member::HardLink(to) => {
                    let before = self.last(to, *order).map_or(usize::MAX, |_| *order);
                    (to.as_str(), before)
                }
                Member::Symlink(to) => (to.as_str(), usize::MAX),
                Member::Other => return None,
            };
        }
        None
    }

    /// Whether there is something of that name, if only a link that leads nowhere.
    pub fn has(&self, path: &str) -> bool {
        self.last(path, usize::MAX).is_some()
    }

    /// The last member of a name before one of the tar.
    fn last(&self, path: &str, before: usize) -> Option<&(String, usize, Member)> {
        let behind = self.list.partition_point(|(name, order, _)| (name.as_str(), *order) < (path, before));
        self.list.get(behind.checked_sub(1)?).filter(|(name, ..)| name == path)
    }
}

/// The part `range` of a file's `size` bytes, or all of it; `None` for one that is not inside.
pub(super) fn part(range: Option<Range<u64>>, size: u64) -> Option<Range<u64>> {
    Some(range.unwrap_or(0..size)).filter(|r| r.start <= r.end && r.end <= size)
}

/// `./blobs//x` → `blobs/x`; nothing that leaves the root.
pub(super) fn clean(name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            _ => parts.push(part),
        }
    }
    joined(&parts)
}

/// A path of its names; `None` where it has none.
fn joined(names: &[&str]) -> Option<String> {
    let (first, rest) = names.split_first()?;
    Some(rest.iter().fold((*first).to_owned(), |path, name| path + "/" + name))
}

/// Target of a symbolic link at `name` inside the tar.
fn beside(name: &str, link: &str) -> Option<String> {
    if link.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    joined(&parts)
}
