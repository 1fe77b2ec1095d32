//! Plan of a pack: which entries are in which part. See [`Parts`](crate::rootfs::Parts).

use std::ops::Range;

use crate::rootfs::{OPAQUE, PathIndex, WHITEOUT, border, part_of};
use crate::sort::{heap_sort, sort_numbers};

/// Bytes of names that end a part before it has as many entries as others.
const PART_NAMES: usize = 256 << 10;

pub(super) struct Plan {
    /// Where each part's range begins.
    pub(super) borders: Vec<Box<[u8]>>,
    /// The entries of each, in the order of their paths.
    pub(super) shown: Vec<Vec<u32>>,
    /// Entries that are not shown, in tar order.
    pub(super) unshown: Vec<Vec<u32>>,
}

impl Plan {
    /// Parts of at most `len` entries of their own. `None` where they would repeat too much.
    pub(super) fn new(index: &PathIndex, len: usize) -> Option<Plan> {
        let ranges = cut(index, len);
        let path = |at: usize| index.order().get(at).map_or(&b""[..], |&e| index.path(e as usize));
        let mut borders: Vec<Box<[u8]>> = vec![Box::default()];
        for range in ranges.iter().skip(1) {
            borders.push(border(path(range.start.saturating_sub(1)), path(range.start)).into());
        }
        let repeated = repeated(index, &ranges, &borders)?;
        let shown = ranges.into_iter().zip(repeated).map(|(range, mut repeated)| {
            // By position.
            repeated.retain(|at| !range.contains(at));
            repeated.extend(range);
            heap_sort(&mut repeated, |a, b| a < b);
            repeated.dedup();
            repeated.into_iter().filter_map(|at| index.order().get(at).copied()).collect()
        });
        Some(Plan { shown: shown.collect(), borders, unshown: unshown(index, len) })
    }
}

/// Cuts the shown entries, by position in their order, into ranges. One at least.
fn cut(index: &PathIndex, len: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut names) = (0, 0usize);
    for (at, &e) in index.order().iter().enumerate() {
        let entry = index.table().get(e as usize);
        let own = entry.map_or(0, |e| e.name.len() + e.link_name.len() + e.xattrs.0.len());
        names = names.saturating_add(own);
        if at > start && (at - start >= len || names > PART_NAMES) {
            ranges.push(start..at);
            (start, names) = (at, own);
        }
    }
    ranges.push(start..index.order().len());
    ranges
}

/// What each part repeats of the others, by position.
fn repeated(index: &PathIndex, ranges: &[Range<usize>], borders: &[Box<[u8]>]) -> Option<Vec<Vec<usize>>> {
    let mut repeated: Vec<Vec<usize>> = vec![Vec::new(); ranges.len()];
    let mut room = index.table().len().saturating_mul(2).saturating_add(1 << 16);
    let mut repeat = |part: usize, at: usize| {
        room = room.checked_sub(1)?;
        repeated.get_mut(part)?.push(at);
        Some(())
    };
    for (part, border) in borders.iter().enumerate().skip(1) {
        let slashes = border.iter().enumerate().filter(|&(_, &b)| b == b'/').map(|(at, _)| at);
        for end in std::iter::once(0).chain(slashes) {
            if let Some(at) = border.get(..end).and_then(|dir| index.position(dir)) {
                repeat(part, at)?;
            }
        }
    }
    for (at, &e) in index.order().iter().enumerate() {
        let path = index.path(e as usize);
        let name = path.iter().rposition(|&b| b == b'/').map_or(0, |slash| slash + 1);
        let (dir, name) = path.split_at_checked(name)?;
        let Some(hidden) = name.strip_prefix(WHITEOUT) else { continue };
        let dir = dir.strip_suffix(b"/").unwrap_or(dir);
        let concerned = match (name, dir) {
            (OPAQUE, _) => dir.to_vec(),
            (_, b"") => hidden.to_vec(),
            _ => [dir, b"/", hidden].concat(),
        };
        let first = part_of(borders, &concerned);
        repeat(first, at)?;
        let below = |b: &[u8]| {
            concerned.is_empty() || b.strip_prefix(&concerned[..]).is_some_and(|rest| rest.starts_with(b"/"))
        };
        let further = borders.iter().enumerate().skip(first + 1).take_while(|(_, b)| below(b));
        for (part, _) in further {
            repeat(part, at)?;
        }
    }
    Some(repeated)
}

fn unshown(index: &PathIndex, len: usize) -> Vec<Vec<u32>> {
    if index.order().len() == index.table().len() {
        return Vec::new();
    }
    let mut shown = index.order().to_vec();
    sort_numbers(&mut shown);
    let mut shown = shown.into_iter().peekable();
    let mut out: Vec<Vec<u32>> = Vec::new();
    for e in (0u32..).take(index.table().len()) {
        if shown.next_if_eq(&e).is_some() {
            continue;
        }
        match out.last_mut().filter(|part| part.len() < len) {
            Some(part) => part.push(e),
            None => out.push(vec![e]),
        }
    }
    out
}
