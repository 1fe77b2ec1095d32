//! One layer's entries by path.

use std::cmp::Ordering;

use super::WHITEOUT;
use super::apply::{self, Placed};
use super::hardlink::{HardLinks, Target};
use super::node::{DirEntry, Node};
use super::path::{clean, compare, is_clean, split_last, strip, take_component};
use super::search::Found;
use super::sort::sorted;
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::format::tar::{EntryTable, Kind};
use crate::limits::Limits;
use crate::sort::sort_numbers;

/// One layer's entries, found by path.
///
/// Holds the table, its entries' numbers in the order of their paths (`/` lowest, so that what is below a
/// directory follows it), and nothing else per entry: paths are sub-slices of the table's names.
///
/// # What a layer shows
/// What extracting its tar shows: of equal names the last; an entry that is no directory takes the place of a
/// directory with all that was put below it before; entries below a file are dropped; entries below a symbolic link
/// of the same layer go where it leads, inside the root. Entries that this removes are in no listing, but hard
/// links made before keep them. Whiteouts never concern their own layer, wherever in the tar they are; but those in a
/// directory that the layer hides by a whiteout, and has nothing else in, say nothing more: they are dropped, and so do
/// not imply that directory.
#[derive(Debug)]
pub struct PathIndex {
    table: EntryTable,
    names: Names,
    order: Vec<u32>,
    links: HardLinks,
    whiteouts: bool,
    /// In a part of a layer, the entries' numbers in the whole. Empty in a whole.
    numbers: Vec<u32>,
    held: Reservation,
}

/// Bytes that ordering takes for each entry: its number, and a key with it.
const ORDERING: u64 = 20;

/// The paths that are not sub-slices of the table's names, by entry.
#[derive(Debug, Default)]
pub(super) struct Names {
    entries: Vec<(u32, u32, u32)>,
    arena: Vec<u8>,
}

impl Names {
    /// The clean path of entry `i`, which the table calls `name`.
    pub(super) fn path<'a>(&'a self, i: u32, name: &'a [u8]) -> &'a [u8] {
        if let Some(&(_, start, len)) = self.find(i) {
            return self.arena.get(start as usize..).and_then(|a| a.get(..len as usize)).unwrap_or_default();
        }
        strip(name)
    }

    fn find(&self, i: u32) -> Option<&(u32, u32, u32)> {
        // Nearly always there is none at all; now and then every entry is here, each at its number.
        match self.entries.get(i as usize).or(self.entries.last()) {
            None => None,
            Some(e) if e.0 == i => Some(e),
            Some(_) => {
                self.entries.binary_search_by_key(&i, |e| e.0).ok().and_then(|at| self.entries.get(at))
            }
        }
    }

    /// Gives entry `i` a path of its own. Entries come in ascending order.
    pub(super) fn set(&mut self, i: u32, path: &[u8], limits: &Limits) -> Result<()> {
        Limits::check("max_path_len", path.len() as u64, limits.max_path_len)?;
        let end = (self.arena.len() as u64).saturating_add(path.len() as u64);
        Limits::check("max_name_bytes", end, limits.max_name_bytes.min(u64::from(u32::MAX)))?;
        // Within `u32` by the check.
        self.entries.push((i, self.arena.len() as u32, path.len() as u32));
        self.arena.extend_from_slice(path);
        Ok(())
    }
}

impl PathIndex {
    /// Orders a layer's entries. Over `max_entries`, `max_name_bytes`, `max_path_len` or `max_link_steps` is
    /// `LIMIT_EXCEEDED`; nothing that an entry says is an error here.
    pub fn new(table: EntryTable, limits: &Limits) -> Result<PathIndex> {
        let count = table.len() as u64;
        Limits::check("max_entries", count, limits.max_entries.min(u64::from(u32::MAX - 8)))?;
        let count = table.len() as u32;
        // The order, and the keys by which it is sorted.
        let held = Reservation::take(u64::from(count).saturating_mul(ORDERING))?;
        let mut names = Names::default();
        for i in 0..count {
            let name = table.name(i as usize).unwrap_or_default();
            if !is_clean(strip(name)) {
                names.set(i, &clean(name), limits)?;
            }
        }
        let sorted = sorted(count, &|i| names.path(i, table.name(i as usize).unwrap_or_default()));
        let mut index = PathIndex {
            table,
            names,
            order: sorted,
            links: HardLinks::default(),
            whiteouts: false,
            numbers: Vec::new(),
            held,
        };
        let links = HardLinks::resolve(&index, None);
        // A target that no entry is called by may be reached over a link.
        let symlinks = || (0..index.table.len()).any(|i| index.table.kind(i) == Some(Kind::Symlink));
        if index.has_files_as_directories() || links.any_missing() && symlinks() {
            let placed = apply::place(&index, limits)?;
            index.links = HardLinks::resolve(&index, Some(&placed));
            index.apply(placed, limits)?;
        } else {
            index.links = links;
            index.keep_last(count);
        }
        index.whiteouts = index.order.iter().any(|&e| has_whiteout(index.path(e as usize)));
        if index.whiteouts {
            index.drop_void();
        }
        index.order.shrink_to_fit();
        index.names.entries.shrink_to_fit();
        index.names.arena.shrink_to_fit();
        index.links.count_names(&index.inodes());
        let own = index.heap_bytes().saturating_sub(index.table.heap_bytes());
        index.held.resize(own as u64)?;
        Ok(index)
    }

    /// A part of a layer: see [`Parts`](super::Parts). The first `shown` entries are those that it shows. `None` if
    /// they are not in the order of their paths.
    pub(super) fn of_part(
        table: EntryTable,
        names: Names,
        numbers: Vec<u32>,
        shown: usize,
        links: Vec<(u32, Target)>,
        counts: Vec<(u32, u32)>,
    ) -> Option<PathIndex> {
        let order: Vec<u32> = (0..u32::try_from(shown).ok().filter(|_| shown <= table.len())?).collect();
        let links = HardLinks::of_part(links, counts);
        let held = Reservation::default();
        let mut index = PathIndex { table, names, order, links, whiteouts: false, numbers, held };
        let path = |e: &u32| index.path(*e as usize);
        let ordered = index.order.is_sorted_by(|a, b| compare(path(a), path(b)) == Ordering::Less);
        index.whiteouts = index.order.iter().any(|e| has_whiteout(path(e)));
        ordered.then_some(index)
    }

    /// Whether an entry that is no directory has entries below it, so that tar order decides what is there.
    fn has_files_as_directories(&self) -> bool {
        let mut file: Option<&[u8]> = None;
        for &e in &self.order {
            let path = self.path(e as usize);
            if let Some(file) = file
                && path.get(..file.len()) == Some(file)
                && path.get(file.len()) == Some(&b'/')
            {
                return true;
            }
            if self.kind(e as usize) != Kind::Directory && !path.is_empty() {
                file = Some(path);
            }
        }
        false
    }

    /// Keeps the last of equal paths, and of the root only a directory.
    fn keep_last(&mut self, count: u32) {
        let mut order = std::mem::take(&mut self.order);
        let mut kept = 0usize;
        for at in 0..order.len() {
            let Some(&e) = order.get(at) else { break };
            let path = self.path(e as usize);
            if e >= count || path.is_empty() && self.kind(e as usize) != Kind::Directory {
                continue;
            }
            let same = kept
                .checked_sub(1)
                .and_then(|k| order.get(k))
                .is_some_and(|&previous| self.path(previous as usize) == path);
            kept += usize::from(!same);
            if let Some(slot) = order.get_mut(kept - 1) {
                *slot = e;
            }
        }
        order.truncate(kept);
        self.order = order;
    }

    /// Drops whiteouts below a directory that has a whiteout itself and that nothing but whiteouts imply.
    fn drop_void(&mut self) {
        // How many entries before each position are something.
        let mut sum = 0u32;
        let real: Vec<u32> = std::iter::once(0)
            .chain(self.order.iter().map(|&e| {
                sum += u32::from(!has_whiteout(self.path(e as usize)));
                sum
            }))
            .collect();
        let mut void = vec![false; self.order.len()];
        for &e in &self.order {
            let (dir, name) = split_last(self.path(e as usize));
            let Some(hidden) = super::hidden_by(name).filter(|_| !has_whiteout(dir)) else { continue };
            let below =
                self.find(&join(dir, hidden)).filter(|f| f.entry.is_none()).map(|f| f.below.positions());
            if let Some(below) = below
                && real.get(below.start) == real.get(below.end)
            {
                void.get_mut(below).unwrap_or_default().fill(true);
            }
        }
        let mut void = void.into_iter();
        self.order.retain(|_| !void.next().unwrap_or_default());
    }

    /// Takes over what replaying the tar showed.
    fn apply(&mut self, placed: Placed, limits: &Limits) -> Result<()> {
        self.order.retain(|&e| placed.shown(e));
        if !placed.moved.is_empty() {
            let old = std::mem::take(&mut self.names);
            let mut names = Names::default();
            let mut moved = placed.moved.into_iter().peekable();
            for &(e, start, len) in &old.entries {
                while let Some((m, path)) = moved.next_if(|m| m.0 <= e) {
                    names.set(m, &path, limits)?;
                }
                if names.entries.last().is_none_or(|last| last.0 != e) {
                    let path = old.arena.get(start as usize..).and_then(|a| a.get(..len as usize));
                    names.set(e, path.unwrap_or_default(), limits)?;
                }
            }
            for (m, path) in moved {
                names.set(m, &path, limits)?;
            }
            self.names = names;
            let order = std::mem::take(&mut self.order);
            let path = |i: u32| order.get(i as usize).map_or(&b""[..], |&e| self.path(e as usize));
            let places = sorted(u32::try_from(order.len()).unwrap_or(u32::MAX), &path);
            self.order = places.iter().filter_map(|&i| order.get(i as usize).copied()).collect();
        }
        Ok(())
    }

    /// For every shown entry that is no directory and part of a hard link: the entry that it leads to.
    fn inodes(&self) -> Vec<u32> {
        if self.links.is_empty() {
            return Vec::new();
        }
        // What stands for a whiteout, or lies in aufs' own directories, is no name that anyone sees.
        let named = |e: u32| !self.whiteouts || !has_whiteout(self.path(e as usize));
        let mut inodes: Vec<u32> =
            self.order.iter().filter_map(|&e| self.links.target(e)?.entry().filter(|_| named(e))).collect();
        sort_numbers(&mut inodes);
        let mut own = inodes.clone();
        own.dedup();
        own.retain(|&e| {
            named(e) && self.find(self.path(e as usize)).and_then(|f| f.entry) == Some(e as usize)
        });
        inodes.extend(own);
        sort_numbers(&mut inodes);
        inodes
    }

    /// The entries, in tar order.
    pub fn table(&self) -> &EntryTable {
        &self.table
    }

    /// Bytes of heap held, the table's included.
    pub fn heap_bytes(&self) -> usize {
        self.table.heap_bytes()
            + self.order.capacity() * size_of::<u32>()
            + self.names.entries.capacity() * size_of::<(u32, u32, u32)>()
            + self.names.arena.capacity()
            + self.links.heap_bytes()
            + self.numbers.capacity() * size_of::<u32>()
    }

    /// The path that an entry's name means in this layer: cleaned, without leading slash, empty for the root.
    pub fn path(&self, entry: usize) -> &[u8] {
        let name = self.table.name(entry).unwrap_or_default();
        u32::try_from(entry).map_or(&b""[..], |i| self.names.path(i, name))
    }

    /// An entry's number in its layer.
    pub(crate) fn number(&self, entry: usize) -> usize {
        self.numbers.get(entry).map_or(entry, |&n| n as usize)
    }

    /// Where a hard link leads.
    pub(crate) fn link_target(&self, entry: u32) -> Option<Target> {
        self.links.target(entry)
    }

    /// How many names lead to an entry that is no hard link.
    pub(crate) fn names_of(&self, entry: u32) -> u32 {
        self.links.names(entry)
    }

    pub(super) fn kind(&self, entry: usize) -> Kind {
        self.table.kind(entry).unwrap_or(Kind::Regular)
    }

    pub(super) fn order_at(&self, at: usize) -> Option<usize> {
        self.order.get(at).map(|&e| e as usize)
    }

    pub(super) fn order_len(&self) -> usize {
        self.order.len()
    }

    /// The shown entries' numbers sorted by path; all entries', while the index is being built.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Where in the order a shown path is.
    pub(crate) fn position(&self, path: &[u8]) -> Option<usize> {
        self.order.binary_search_by(|&e| compare(self.path(e as usize), path)).ok()
    }

    pub(super) fn has_whiteouts(&self) -> bool {
        self.whiteouts
    }

    /// The entry that holds an entry's content and attributes: for a hard link its target's, else itself.
    ///
    /// A hard link leads to what its target's name was when the link was made, that is to the last such entry
    /// before it; in odd tars that have it only later, to that. `CORRUPT_LAYER` where the layer has no such
    /// entry, where it is a directory, and where links lead in a circle.
    pub fn resolve_hardlink(&self, entry: usize) -> Result<usize> {
        let Some(e) = self.table.get(entry) else {
            return Err(Error::new(Code::InvalidArgument, format!("the layer has no entry {entry}")));
        };
        if e.kind != Kind::HardLink {
            return Ok(entry);
        }
        let target = u32::try_from(entry).ok().and_then(|i| self.links.target(i)).unwrap_or(Target::Missing);
        let reason = match target {
            Target::Entry(t) => return Ok(t as usize),
            Target::Missing => "which its layer does not hold",
            Target::Directory => "which is a directory",
            Target::Circle => "and that leads back to itself",
        };
        let link = clean(e.link_name);
        let message =
            format!("a hard link to \"{}\", {reason}; only this file is affected", link.escape_ascii());
        Err(Error::new(Code::CorruptLayer, message).with_path(self.path(entry)))
    }

    /// How many names of this layer lead to the entry (hard links resolved first); 1 for a directory.
    pub fn nlink(&self, entry: usize) -> u32 {
        let inode = self.resolve_hardlink(entry).unwrap_or(entry);
        u32::try_from(inode).map_or(1, |i| self.links.names(i))
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

    /// What this layer alone has in a directory, whiteouts included, sorted by bytes.
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

/// Whether a component of the path begins like a whiteout.
fn has_whiteout(path: &[u8]) -> bool {
    path.starts_with(WHITEOUT) || path.windows(WHITEOUT.len() + 1).any(|w| w == b"/.wh.")
}

/// A path in a directory, both without leading slash.
pub(super) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}
