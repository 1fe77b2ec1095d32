//! Path index: the entries of one layer by path.

use std::cmp::Ordering;

use super::WHITEOUT;
use super::hardlink::{HardLinks, Target};
use super::names::Names;
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::format::tar::path::{clean, compare};
use crate::format::tar::{EntryTable, Kind};

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
    pub(super) table: EntryTable,
    pub(super) names: Names,
    pub(super) order: Vec<u32>,
    pub(super) links: HardLinks,
    pub(super) whiteouts: bool,
    /// In a part of a layer, the entries' numbers in the whole. Empty in a whole.
    pub(super) numbers: Vec<u32>,
    pub(super) held: Reservation,
}

impl PathIndex {
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

    /// The number of names of this layer that lead to the entry (hard links resolved first); 1 for a directory.
    pub fn nlink(&self, entry: usize) -> u32 {
        let inode = self.resolve_hardlink(entry).unwrap_or(entry);
        u32::try_from(inode).map_or(1, |i| self.links.names(i))
    }
}

/// Whether a component of the path begins like a whiteout.
pub(super) fn has_whiteout(path: &[u8]) -> bool {
    path.starts_with(WHITEOUT) || path.windows(WHITEOUT.len() + 1).any(|w| w == b"/.wh.")
}
