//! Where a layer's hard links lead, and how many names an entry has.

use std::cmp::Ordering;

use super::apply::Placed;
use super::index::PathIndex;
use super::path::{clean, compare};
use crate::format::tar::Kind;

/// Where a hard link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// An entry that is neither a hard link nor a directory.
    Entry(u32),
    /// Its layer has nothing of that name.
    Missing,
    /// A directory, which has no hard links.
    Directory,
    /// Hard links that name each other.
    Circle,
}

impl Target {
    pub(super) fn entry(self) -> Option<u32> {
        if let Target::Entry(e) = self { Some(e) } else { None }
    }
}

/// The hard links of one layer, resolved. Costs memory for hard links only.
#[derive(Debug, Default)]
pub(super) struct HardLinks {
    /// By the link's entry, ascending.
    links: Vec<(u32, Target)>,
    /// Entries that have not exactly one shown name, ascending, with that number.
    names: Vec<(u32, u32)>,
}

/// A link while chains are followed.
#[derive(Clone, Copy)]
enum State {
    /// Leads to this entry, which may be a link itself.
    Next(u32),
    /// On the chain that is being followed.
    OnChain,
    Known(Target),
}

impl HardLinks {
    /// Resolves all. `index` still holds every entry of the layer in its order.
    pub(super) fn resolve(index: &PathIndex, placed: Option<&Placed>) -> HardLinks {
        let mut links: Vec<(u32, State)> = Vec::new();
        for (i, entry) in (0u32..).zip(index.table().iter()) {
            if entry.kind == Kind::HardLink {
                let there = placed.and_then(|p| p.link_target(i));
                let next = there.or_else(|| by_name(index, &clean(entry.link_name), i));
                links.push((i, next.map_or(State::Known(Target::Missing), State::Next)));
            }
        }
        let mut chain: Vec<usize> = Vec::new();
        for start in 0..links.len() {
            let mut at = start;
            let end = loop {
                match links.get(at).map(|l| l.1) {
                    None => break Target::Missing,
                    Some(State::Known(target)) => break target,
                    Some(State::OnChain) => break Target::Circle,
                    Some(State::Next(next)) => {
                        chain.push(at);
                        if let Some(link) = links.get_mut(at) {
                            link.1 = State::OnChain;
                        }
                        match index.kind(next as usize) {
                            Kind::Directory => break Target::Directory,
                            Kind::HardLink => match links.binary_search_by_key(&next, |l| l.0) {
                                Ok(found) => at = found,
                                Err(_) => break Target::Missing,
                            },
                            _ => break Target::Entry(next),
                        }
                    }
                }
            };
            for at in chain.drain(..) {
                if let Some(link) = links.get_mut(at) {
                    link.1 = State::Known(end);
                }
            }
        }
        let links = links
            .into_iter()
            .map(|(i, state)| (i, if let State::Known(target) = state { target } else { Target::Missing }))
            .collect();
        HardLinks { links, names: Vec::new() }
    }

    /// Of links and names that are known: both ascending by entry.
    pub(super) fn of_part(links: Vec<(u32, Target)>, names: Vec<(u32, u32)>) -> HardLinks {
        HardLinks { links, names }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Whether the layer has no entry for some link's target.
    pub(super) fn any_missing(&self) -> bool {
        self.links.iter().any(|l| l.1 == Target::Missing)
    }

    /// Where entry `i` leads, if it is a hard link.
    pub(super) fn target(&self, i: u32) -> Option<Target> {
        let at = self.links.binary_search_by_key(&i, |l| l.0).ok()?;
        self.links.get(at).map(|l| l.1)
    }

    /// Counts names: `inodes` holds, ascending, an entry once for each shown name that leads to it.
    pub(super) fn count_names(&mut self, inodes: &[u32]) {
        self.names = inodes
            .chunk_by(|a, b| a == b)
            .filter_map(|same| Some((*same.first()?, u32::try_from(same.len()).unwrap_or(u32::MAX))))
            .filter(|n| n.1 != 1)
            .collect();
    }

    /// How many shown names lead to entry `i`.
    pub(super) fn names(&self, i: u32) -> u32 {
        let at = self.names.binary_search_by_key(&i, |n| n.0).ok();
        at.and_then(|at| self.names.get(at)).map_or(1, |n| n.1)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.links.capacity() * size_of::<(u32, Target)>() + self.names.capacity() * size_of::<(u32, u32)>()
    }
}

/// The entry that has this path: the last before `link`, else the last after it.
fn by_name(index: &PathIndex, path: &[u8], link: u32) -> Option<u32> {
    let order = index.order();
    let start = order.partition_point(|&e| compare(index.path(e as usize), path) == Ordering::Less);
    let from = order.get(start..)?;
    let same = from.get(..from.partition_point(|&e| index.path(e as usize) == path))?;
    let before = same.partition_point(|&e| e < link);
    match before.checked_sub(1) {
        Some(last) => same.get(last).copied(),
        None => same.last().copied().filter(|&e| e != link),
    }
}
