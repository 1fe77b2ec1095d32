//! Finding names in the sorted order. A directory is a run of positions whose paths share a prefix, so that
//! going down one component compares that component only.

use std::cmp::Ordering;
use std::ops::Range;

use super::index::PathIndex;
use super::node::{DirEntry, Node};
use super::{OPAQUE, WHITEOUT};
use crate::error::{Code, Error, Result};
use crate::format::tar::Kind;
use crate::format::tar::path::{clean, compare_first, join, take_component};

/// What is below a directory: positions in the order, and the length of the prefix (slash included) that all
/// their paths have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dir {
    start: usize,
    end: usize,
    pub(super) prefix: usize,
}

impl Dir {
    pub(super) fn positions(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// What a layer has at a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// The entry; `None` for a directory that is only implied by what is below it.
    pub(super) entry: Option<usize>,
    /// What is below it; nothing where it is no directory.
    pub(super) below: Dir,
    /// True for a listed or implied directory.
    pub(super) is_dir: bool,
}

impl PathIndex {
    /// The layer's root.
    pub(super) fn root(&self) -> Found {
        let entry = self.order_at(0).filter(|&e| self.path(e).is_empty());
        let start = usize::from(entry.is_some());
        Found { entry, below: Dir { start, end: self.order_len(), prefix: 0 }, is_dir: true }
    }

    /// `path[prefix..]` of the entry at position `at`.
    fn rest(&self, at: usize, prefix: usize) -> &[u8] {
        let path = self.order_at(at).map_or(&b""[..], |e| self.path(e));
        path.get(prefix..).unwrap_or_default()
    }

    /// The first position in `from..to` for which `is_before` no longer holds.
    pub(super) fn partition(from: usize, to: usize, is_before: impl Fn(usize) -> bool) -> usize {
        let (mut from, mut to) = (from, to);
        while from < to {
            let middle = from + (to - from) / 2;
            if is_before(middle) { from = middle + 1 } else { to = middle }
        }
        from
    }

    /// The first position after `from` whose path has another component at `prefix` than `from` has: steps that
    /// double, then halves, so that it costs the logarithm of what is skipped.
    fn after(&self, from: usize, end: usize, prefix: usize, name: &[u8]) -> usize {
        let same = |at| compare_first(self.rest(at, prefix), name) == Ordering::Equal;
        let (mut low, mut step) = (from + 1, 1usize);
        while low < end && same(low) {
            let next = low.saturating_add(step);
            if next >= end || !same(next) {
                return Self::partition(low + 1, next.min(end), same);
            }
            (low, step) = (next, step.saturating_mul(2));
        }
        low.min(end)
    }

    /// All positions, as of a directory that names begin in as they are.
    pub(super) fn everything(&self) -> Dir {
        Dir { start: 0, end: self.order_len(), prefix: 0 }
    }

    /// What the layer has as `name` in `dir`; it may be several names with slashes between.
    pub(super) fn child(&self, dir: &Dir, name: &[u8]) -> Option<Found> {
        let start = Self::partition(dir.start, dir.end, |at| {
            compare_first(self.rest(at, dir.prefix), name) == Ordering::Less
        });
        if start >= dir.end || compare_first(self.rest(start, dir.prefix), name) != Ordering::Equal {
            return None;
        }
        Some(self.found(dir, start, name.len()).0)
    }

    /// The child of `dir` that begins at position `start` and has a name of `len` bytes, and where the next begins.
    fn found(&self, dir: &Dir, start: usize, len: usize) -> (Found, usize) {
        let rest = self.rest(start, dir.prefix);
        let listed = rest.len() == len;
        let entry = self.order_at(start).filter(|_| listed);
        let is_dir = entry.is_none_or(|e| self.kind(e) == Kind::Directory);
        let end = if is_dir {
            self.after(start, dir.end, dir.prefix, rest.get(..len).unwrap_or_default())
        } else {
            start + 1
        };
        let below = Dir { start: start + usize::from(listed), end, prefix: dir.prefix + len + 1 };
        (Found { entry, below, is_dir }, end)
    }

    /// The children of `dir` by name, in the order of their bytes. Whiteouts are among them.
    pub(super) fn children(&self, dir: &Dir) -> impl Iterator<Item = (&[u8], Found)> {
        let dir = *dir;
        let mut at = dir.start;
        std::iter::from_fn(move || {
            if at >= dir.end {
                return None;
            }
            let name = take_component(&mut self.rest(at, dir.prefix))?;
            let (found, next) = self.found(&dir, at, name.len());
            at = next;
            Some((name, found))
        })
    }

    /// Whether this layer hides `name` of the layers below.
    pub(super) fn whiteout(&self, dir: &Dir, name: &[u8]) -> bool {
        self.has_whiteouts() && self.child(dir, &[WHITEOUT, name].concat()).is_some_and(|f| f.entry.is_some())
    }

    /// Whether this layer hides everything that the layers below have in `dir`.
    pub(super) fn opaque(&self, dir: &Dir) -> bool {
        self.has_whiteouts() && self.child(dir, OPAQUE).is_some_and(|f| f.entry.is_some())
    }

    /// What the layer has at a clean path. At once, not name by name: that is shared by thousands of paths in a deep tree.
    pub(super) fn find(&self, path: &[u8]) -> Option<Found> {
        if path.is_empty() { Some(self.root()) } else { self.child(&self.everything(), path) }
    }

    /// What this layer alone has at a path, whiteouts included, links not followed. The path is cleaned as an
    /// entry's name is. `ENOENT` where it has nothing; `ENOTDIR` where the way leads through a file.
    /// `layer` is the number to put into the node.
    pub fn lookup(&self, layer: usize, path: &[u8]) -> Result<Node> {
        let path = clean(path);
        let (mut found, mut rest) = (self.root(), &path[..]);
        while let Some(component) = take_component(&mut rest) {
            if !found.is_dir {
                return Err(
                    Error::new(Code::Enotdir, "a component of the path is not a directory").with_path(&path)
                );
            }
            found = self.child(&found.below, component).ok_or_else(|| {
                Error::new(Code::Enoent, "no such file or directory in this layer").with_path(&path)
            })?;
        }
        if let Some(e) = found.entry {
            self.resolve_hardlink(e)?;
        }
        Ok(self.node(layer, path.into_owned(), &found))
    }

    /// The entries of this layer alone in a directory, whiteouts included, sorted by bytes.
    pub fn read_dir(&self, layer: usize, path: &[u8]) -> Result<Vec<DirEntry>> {
        let path = clean(path);
        let found = self.find(&path).ok_or_else(|| {
            Error::new(Code::Enoent, "no such file or directory in this layer").with_path(&path)
        })?;
        if !found.is_dir {
            return Err(Error::new(Code::Enotdir, "not a directory").with_path(&path));
        }
        let children = self.children(&found.below).map(|(name, found)| DirEntry {
            name: name.to_vec(),
            node: self.node(layer, join(&path, name), &found),
        });
        Ok(children.collect())
    }

    /// The node of what was found; a hard link that leads nowhere stays `HardLink`.
    pub(super) fn node(&self, layer: usize, path: Vec<u8>, found: &Found) -> Node {
        let Some(entry) = found.entry else {
            return Node { path, at: None, link: None, kind: Kind::Directory };
        };
        let inode = self.resolve_hardlink(entry).unwrap_or(entry);
        let link = (self.kind(entry) == Kind::HardLink).then_some(self.number(entry));
        Node { path, at: Some((layer, self.number(inode))), link, kind: self.kind(inode) }
    }
}
