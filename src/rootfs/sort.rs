//! Sorts entries by path.

use crate::format::tar::path::{compare, shared_len};
use crate::sort::{heap_sort, sort_keys};
use crate::turns::{Turns, pause};

/// Groups up to this size are sorted by comparing.
const SMALL: usize = 16;
/// Paths, each as often as it is looked at, after which a pause is asked for.
const STEP: usize = 256;
/// Path bytes in one key.
const KEY: usize = 7;

/// The numbers `0..count` in the order of their paths ([`compare`]), equal paths in the order of their numbers.
///
/// Costs one pass where they are sorted already, as most builders write them. Else groups of equal beginnings are
/// split by the seven bytes that follow, so that a path's bytes are read in few places instead of once per
/// comparison; time is linear in the bytes of all paths, beside the sorting of the keys.
pub(super) async fn sorted<'a>(
    count: u32,
    path: &dyn Fn(u32) -> &'a [u8],
    turns: &mut dyn Turns,
) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    if order.is_sorted_by(|&a, &b| compare(path(a), path(b)).is_le()) {
        return order;
    }
    let mut keys: Vec<(u64, u32)> = Vec::with_capacity(order.len());
    let mut groups = vec![(0..order.len(), 0usize)];
    let mut done = 0;
    while let Some((range, depth)) = groups.pop() {
        done += range.len();
        if done >= STEP {
            done = 0;
            pause(turns).await;
        }
        let start = range.start;
        let Some(group) = order.get_mut(range) else { continue };
        let Some(&first) = group.first() else { continue };
        let rest = |i: u32, depth: usize| path(i).get(depth..).unwrap_or_default();
        if group.len() <= SMALL {
            let less = |&a: &u32, &b: &u32| compare(rest(a, depth), rest(b, depth)).then(a.cmp(&b)).is_lt();
            heap_sort(group, less);
            continue;
        }
        let first = rest(first, depth);
        let shared = group
            .iter()
            .fold(first.len(), |n, &i| shared_len(first.get(..n).unwrap_or(first), rest(i, depth)));
        let depth = depth + shared;
        keys.clear();
        keys.extend(group.iter().map(|&i| (key(rest(i, depth)), i)));
        sort_keys(&mut keys);
        for (slot, k) in group.iter_mut().zip(&keys) {
            *slot = k.1;
        }
        let mut at = start;
        for same in keys.chunk_by(|a, b| a.0 == b.0) {
            // Shorter ones ended: they are equal, and sorted by number.
            let goes_on = same.first().is_some_and(|k| k.0 & 0xff == KEY as u64);
            if goes_on && same.len() > 1 {
                groups.push((at..at + same.len(), depth + KEY));
            }
            at += same.len();
        }
    }
    order
}

/// Seven bytes as a number in the order of [`compare`]: `/` becomes the lowest, and how many there were comes last.
fn key(rest: &[u8]) -> u64 {
    let mut bytes = [0u8; 8];
    for (out, &b) in bytes.iter_mut().zip(rest.iter().take(KEY)) {
        *out = match b {
            b'/' => 0,
            b if b < b'/' => b + 1,
            b => b,
        };
    }
    if let Some(last) = bytes.last_mut() {
        *last = rest.len().min(KEY) as u8;
    }
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turns::{AtOnce, at_once};

    fn check(paths: &[Vec<u8>]) {
        let mut want: Vec<u32> = (0..paths.len() as u32).collect();
        want.sort_by(|&a, &b| compare(&paths[a as usize], &paths[b as usize]));
        assert_eq!(at_once(sorted(paths.len() as u32, &|i| &paths[i as usize], &mut AtOnce)), want);
    }

    #[test]
    fn many_equal_and_long_names() {
        check(&vec![b"same".to_vec(); 100]);
        let long: Vec<Vec<u8>> =
            (0..100u8).map(|i| [vec![b'x'; 4096], vec![i ^ 0x2f; usize::from(i % 9)]].concat()).collect();
        check(&long);
    }

    proptest::proptest! {
        #[test]
        fn equals_a_stable_sort(paths in proptest::collection::vec("[a/!\u{0}\u{30}]{0,24}", 0..80)) {
            check(&paths.into_iter().map(String::into_bytes).collect::<Vec<_>>());
        }

        #[test]
        fn few_paths_many_times(paths in proptest::collection::vec("(usr/)?(lib/)?[ab]{0,2}(/c)?", 0..80)) {
            check(&paths.into_iter().map(String::into_bytes).collect::<Vec<_>>());
        }
    }
}
