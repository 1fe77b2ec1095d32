//! The targets of a layer's hard links, by their names.

use std::cmp::Ordering;

use super::apply::Placed;
use super::hardlink::{HardLinks, Target};
use super::index::PathIndex;
use crate::format::tar::Kind;
use crate::format::tar::path::{clean, compare};

/// A link while chains are followed.
#[derive(Clone, Copy)]
enum State {
    /// Leads to this entry, which may be a link itself.
    Next(u32),
    /// On the chain that is being followed.
    OnChain,
    Known(Target),
}

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
    HardLinks::of_part(links, Vec::new())
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
