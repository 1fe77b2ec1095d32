//! A layer's entries in parts that are loaded one by one, as look-ups need them.

use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use super::hardlink::Target;
use super::index::PathIndex;
use super::names::Names;
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::format::tar::path::{clean, compare, compare_first, take_component};
use crate::format::tar::{Entry, EntryTable};
use crate::limits::Limits;

/// One layer's entries: all, or those parts of them that were needed so far. Entries have the numbers that they have
/// in the layer's tar, either way. Clones are the same.
#[derive(Debug, Clone)]
pub enum LayerIndex {
    /// All entries.
    Whole(Rc<PathIndex>),
    /// Parts, which whoever loads them adds.
    Parts(Rc<Parts>),
}

impl From<Rc<PathIndex>> for LayerIndex {
    fn from(index: Rc<PathIndex>) -> Self {
        LayerIndex::Whole(index)
    }
}

impl From<PathIndex> for LayerIndex {
    fn from(index: PathIndex) -> Self {
        LayerIndex::Whole(Rc::new(index))
    }
}

impl From<Rc<Parts>> for LayerIndex {
    fn from(parts: Rc<Parts>) -> Self {
        LayerIndex::Parts(parts)
    }
}

impl LayerIndex {
    /// Whether both are the same, not only equal.
    pub(super) fn is(&self, other: &LayerIndex) -> bool {
        match (self, other) {
            (LayerIndex::Whole(a), LayerIndex::Whole(b)) => Rc::ptr_eq(a, b),
            (LayerIndex::Parts(a), LayerIndex::Parts(b)) => Rc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// The number of entries of the layer.
    pub fn len(&self) -> usize {
        match self {
            LayerIndex::Whole(index) => index.table().len(),
            LayerIndex::Parts(parts) => parts.entries,
        }
    }

    /// True for a layer without entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The index that holds an entry, and the entry's number there.
    fn place(&self, entry: usize) -> Option<(&PathIndex, usize)> {
        match self {
            LayerIndex::Whole(index) => Some((index, entry)),
            LayerIndex::Parts(parts) => parts.place(entry),
        }
    }

    /// An entry by its number, if it is here.
    pub fn get(&self, entry: usize) -> Option<Entry<'_>> {
        let (index, at) = self.place(entry)?;
        index.table().get(at)
    }

    /// As [`PathIndex::path`]; empty for an entry that is not here.
    pub fn path(&self, entry: usize) -> &[u8] {
        self.place(entry).map_or(&b""[..], |(index, at)| index.path(at))
    }

    /// As [`PathIndex::nlink`].
    pub fn nlink(&self, entry: usize) -> u32 {
        self.place(entry).map_or(1, |(index, at)| index.nlink(at))
    }

    /// As [`PathIndex::resolve_hardlink`].
    pub fn resolve_hardlink(&self, entry: usize) -> Result<usize> {
        match self.place(entry) {
            Some((index, at)) => Ok(index.number(index.resolve_hardlink(at)?)),
            None => Err(Error::new(Code::InvalidArgument, format!("entry {entry} of the layer is not here"))),
        }
    }

    /// As [`EntryTable::sparse`].
    pub fn sparse(&self, entry: usize) -> Option<&[(u64, u64)]> {
        let (index, at) = self.place(entry)?;
        index.table().sparse(at)
    }

    /// As [`EntryTable::map_in_header`].
    pub fn map_in_header(&self, entry: usize) -> bool {
        self.place(entry).is_some_and(|(index, at)| index.table().map_in_header(at))
    }

    /// True where only its tar header can tell whether an entry is sparse.
    pub(crate) fn may_be_sparse(&self, entry: usize) -> bool {
        self.place(entry).is_some_and(|(index, at)| index.table().may_be_sparse(at))
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        match self {
            LayerIndex::Whole(index) => index.heap_bytes(),
            LayerIndex::Parts(parts) => parts.heap_bytes(),
        }
    }
}

/// The parts of a layer's entries.
///
/// The shown entries in the order of their paths are cut into ranges, and each range is a part. The border before a
/// part is the shortest leading directory of its first path (or that path itself) that comes behind the last path of
/// the part before; the first border is the root. So the part whose range holds a path also begins with whatever
/// lies below that path.
///
/// A part is closed: beside its range's own entries it repeats the directories that its border is in, and each
/// whiteout or opaque mark of this layer that concerns a path in its range, or a directory that its range lies in,
/// and it knows the targets of its hard links. So one part answers any question about a path in its range, and about
/// the directories on the way there, as the whole index would.
///
/// Entries that nothing shows are in parts without a range, behind the others.
#[derive(Debug)]
pub struct Parts {
    /// Ascending. As many as there are parts with a range.
    borders: Vec<Box<[u8]>>,
    parts: Vec<OnceCell<Rc<PathIndex>>>,
    /// Which part has an entry, and under which number there.
    places: RefCell<HashMap<u32, (u32, u32)>>,
    /// Of `places`; the parts have their own.
    held: RefCell<Reservation>,
    entries: usize,
}

/// Bytes that a place takes at most: a third of the map's slots is empty at worst when it has grown, and the last is
/// still there then.
const PLACE: usize = 3 * (size_of::<(u32, (u32, u32))>() + 1);

impl Parts {
    /// No part loaded yet, of a layer of so many `entries`. `unshown` parts have no range. `None` where the borders do
    /// not ascend from the root.
    pub fn new(borders: Vec<Box<[u8]>>, unshown: usize, entries: usize) -> Option<Parts> {
        let ascend = borders.is_sorted_by(|a, b| compare(a, b) == Ordering::Less);
        if !ascend || borders.first().is_none_or(|first| !first.is_empty()) {
            return None;
        }
        let count = borders.len().checked_add(unshown)?;
        u32::try_from(count).ok()?;
        let parts = (0..count).map(|_| OnceCell::new()).collect();
        Some(Parts { borders, parts, places: RefCell::default(), held: RefCell::default(), entries })
    }

    /// Adds a part, unless it is here. `LIMIT_EXCEEDED` where there is no memory for it.
    pub fn add(&self, part: usize, index: PathIndex) -> Result<()> {
        let Some(slot) = self.parts.get(part).filter(|slot| slot.get().is_none()) else { return Ok(()) };
        let mut places = self.places.borrow_mut();
        let count = places.len().saturating_add(index.table().len());
        self.held.borrow_mut().grow(count.saturating_mul(PLACE) as u64)?;
        for at in 0..index.table().len() {
            if let (Ok(number), Ok(at)) = (u32::try_from(index.number(at)), u32::try_from(at)) {
                // Within `u32` by `new`.
                places.entry(number).or_insert((part as u32, at));
            }
        }
        slot.get_or_init(|| Rc::new(index));
        Ok(())
    }

    /// The parts that are not here yet.
    pub fn missing(&self) -> Vec<usize> {
        (0..self.parts.len()).filter(|&part| !self.has(part)).collect()
    }

    /// Whether a part is here.
    pub fn has(&self, part: usize) -> bool {
        self.part(part).is_some()
    }

    pub(super) fn part(&self, part: usize) -> Option<&PathIndex> {
        self.parts.get(part)?.get().map(|index| &**index)
    }

    fn place(&self, entry: usize) -> Option<(&PathIndex, usize)> {
        let (part, at) = *self.places.borrow().get(&u32::try_from(entry).ok()?)?;
        Some((self.part(part as usize)?, at as usize))
    }

    fn heap_bytes(&self) -> usize {
        let borders: usize = self.borders.iter().map(|b| b.len() + size_of::<Box<[u8]>>()).sum();
        let parts: usize = (0..self.parts.len()).filter_map(|p| Some(self.part(p)?.heap_bytes())).sum();
        borders
            + parts
            + self.parts.capacity() * size_of::<OnceCell<Rc<PathIndex>>>()
            + self.places.borrow().capacity() * size_of::<(u32, (u32, u32))>()
    }

    /// The parts that the root is in.
    pub(super) fn all(&self) -> Range<usize> {
        0..self.borders.len()
    }

    /// The part whose range holds a path.
    pub(super) fn part_of(&self, path: &[u8]) -> usize {
        part_of(&self.borders, path)
    }

    /// What of a border lies below a directory whose paths begin with `prefix` bytes.
    fn rest(&self, part: usize, prefix: usize) -> &[u8] {
        self.borders.get(part).and_then(|b| b.get(prefix..)).unwrap_or_default()
    }

    /// The parts that hold `name` in a directory, or something below it: `dir` are those of the directory, all of
    /// whose paths begin with `prefix` bytes. The first one holds the name itself.
    pub(super) fn below(&self, dir: &Range<usize>, prefix: usize, name: &[u8]) -> Range<usize> {
        let partition = |from: usize, is_before: &dyn Fn(&[u8]) -> bool| {
            PathIndex::partition(from, dir.end, |part| is_before(self.rest(part, prefix)))
        };
        let second = partition(dir.start.saturating_add(1), &|rest| match compare_first(rest, name) {
            Ordering::Equal => rest.len() == name.len(),
            order => order == Ordering::Less,
        });
        let end = partition(second, &|rest| compare_first(rest, name) == Ordering::Equal);
        second.saturating_sub(1)..end
    }

    /// The parts that the children of a directory are in: of those of the directory, without the ones that lie in
    /// one child as a whole.
    pub(super) fn listing(&self, dir: &Range<usize>, prefix: usize) -> Vec<usize> {
        let inside = |part: usize| {
            let mut rest = self.rest(part, prefix);
            take_component(&mut rest).filter(|_| !rest.is_empty())
        };
        dir.clone()
            .filter(|&part| {
                let next = part + 1;
                part == dir.start || next == dir.end || inside(part).is_none() || inside(part) != inside(next)
            })
            .collect()
    }
}

/// The part whose range holds a path.
pub(crate) fn part_of(borders: &[Box<[u8]>], path: &[u8]) -> usize {
    borders.partition_point(|b| compare(b, path) != Ordering::Greater).saturating_sub(1)
}

/// The border between two neighbouring paths of a layer: see [`Parts`].
pub(crate) fn border<'a>(last: &[u8], first: &'a [u8]) -> &'a [u8] {
    let slashes = first.iter().enumerate().filter(|&(_, &b)| b == b'/').map(|(at, _)| at);
    let leading = slashes.filter_map(|at| first.get(..at));
    leading.into_iter().find(|dir| compare(dir, last) == Ordering::Greater).unwrap_or(first)
}

/// Puts a part together.
pub(crate) struct PartBuilder {
    table: EntryTable,
    names: Names,
    numbers: Vec<u32>,
    links: Vec<(u32, Target)>,
    counts: Vec<(u32, u32)>,
}

impl PartBuilder {
    pub(crate) fn new() -> Self {
        PartBuilder {
            table: EntryTable::picked(),
            names: Names::default(),
            numbers: Vec::new(),
            links: Vec::new(),
            counts: Vec::new(),
        }
    }

    /// The table, for what an entry has beside its fields.
    pub(crate) fn table(&mut self) -> &mut EntryTable {
        &mut self.table
    }

    /// Appends an entry of the layer: its number there, where it is shown (or was put), and how many names it has.
    /// `INVALID_ARGUMENT` for a path that is not clean.
    pub(crate) fn push(
        &mut self,
        entry: &Entry<'_>,
        number: u32,
        path: &[u8],
        nlink: u32,
        limits: &Limits,
    ) -> Result<()> {
        if clean(path) != path {
            return Err(Error::new(Code::InvalidArgument, "a path is not clean").with_path(path));
        }
        // As many as there are numbers: the table refuses more.
        let at = self.table.len() as u32;
        self.table.push(entry, limits)?;
        self.numbers.push(number);
        if crate::format::tar::path::strip(entry.name) != path {
            self.names.set(at, path, limits)?;
        }
        if nlink != 1 {
            self.counts.push((at, nlink));
        }
        Ok(())
    }

    /// Says where the hard link leads that was pushed as number `at` of this part; in ascending order.
    pub(crate) fn link(&mut self, at: u32, target: Target) {
        self.links.push((at, target));
    }

    /// The part, whose first `shown` entries are in the order of their paths. `None` if they are not.
    pub(crate) fn finish(mut self, shown: usize) -> Option<PathIndex> {
        self.table.shrink();
        PathIndex::of_part(self.table, self.names, self.numbers, shown, self.links, self.counts)
    }
}
