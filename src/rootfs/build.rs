//! Building of a [`PathIndex`] from a layer's entries.

use super::apply::{self, Placed};
use super::hardlink::HardLinks;
use super::index::{PathIndex, has_whiteout};
use super::names::Names;
use super::sort::sorted;
use super::{hidden_by, link_targets};
use crate::budget::Reservation;
use crate::error::Result;
use crate::format::tar::path::{clean, is_clean, join, split_last, strip};
use crate::format::tar::{EntryTable, Kind};
use crate::limits::Limits;
use crate::sort::sort_numbers;
use crate::turns::{AtOnce, Turns, at_once, pause};

/// Bytes that ordering takes for each entry: its number, and a key with it.
const ORDERING: u64 = 20;

impl PathIndex {
    /// Orders a layer's entries. Over `max_entries`, `max_name_bytes`, `max_path_len` or `max_link_steps` is
    /// `LIMIT_EXCEEDED`; nothing that an entry says is an error here.
    pub fn new(table: EntryTable, limits: &Limits) -> Result<PathIndex> {
        at_once(PathIndex::in_turns(table, limits, &mut AtOnce))
    }

    /// [`PathIndex::new`] with pauses.
    pub(crate) async fn in_turns(
        table: EntryTable,
        limits: &Limits,
        turns: &mut dyn Turns,
    ) -> Result<PathIndex> {
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
        pause(turns).await;
        let sorted =
            sorted(count, &|i| names.path(i, table.name(i as usize).unwrap_or_default()), turns).await;
        pause(turns).await;
        let mut index = PathIndex {
            table,
            names,
            order: sorted,
            links: HardLinks::default(),
            whiteouts: false,
            numbers: Vec::new(),
            held,
        };
        let links = link_targets::resolve(&index, None);
        pause(turns).await;
        // A target that no entry is called by may be reached over a link.
        let symlinks = || (0..index.table.len()).any(|i| index.table.kind(i) == Some(Kind::Symlink));
        if index.has_files_as_directories() || links.any_missing() && symlinks() {
            let placed = apply::place(&index, limits, turns).await?;
            pause(turns).await;
            index.links = link_targets::resolve(&index, Some(&placed));
            index.apply(placed, limits)?;
        } else {
            index.links = links;
            index.keep_last(count);
        }
        pause(turns).await;
        index.whiteouts = index.order.iter().any(|&e| has_whiteout(index.path(e as usize)));
        if index.whiteouts {
            index.drop_void();
        }
        pause(turns).await;
        index.order.shrink_to_fit();
        index.names.entries.shrink_to_fit();
        index.names.arena.shrink_to_fit();
        index.links.count_names(&index.inodes());
        let own = index.heap_bytes().saturating_sub(index.table.heap_bytes());
        index.held.resize(own as u64)?;
        Ok(index)
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
            let Some(hidden) = hidden_by(name).filter(|_| !has_whiteout(dir)) else { continue };
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
            let places = at_once(sorted(u32::try_from(order.len()).unwrap_or(u32::MAX), &path, &mut AtOnce));
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
}
