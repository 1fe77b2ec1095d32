//! Sorting, for which `slice::sort` would add five kilobytes of .wasm per type and comparison. One instance of it stays,
//! for keys; what is rarely sorted or short shares one heap sort.

/// Sorts numbers by keys, those of equal keys ascending.
#[inline(never)]
pub(crate) fn sort_keys(keys: &mut [(u64, u32)]) {
    keys.sort_unstable();
}

/// Sorts numbers.
pub(crate) fn sort_numbers(numbers: &mut [u32]) {
    let mut keys: Vec<(u64, u32)> = numbers.iter().map(|&n| (0, n)).collect();
    sort_keys(&mut keys);
    for (slot, key) in numbers.iter_mut().zip(&keys) {
        *slot = key.1;
    }
}

/// Sorts `items`, which are best made distinct by `less`, as equal ones end in any order. Takes `n log n` steps
/// on any input, hostile order included.
pub(crate) fn heap_sort<T>(items: &mut [T], less: impl Fn(&T, &T) -> bool) {
    fn sift<T>(items: &mut [T], mut at: usize, less: &impl Fn(&T, &T) -> bool) {
        loop {
            let mut child = 2 * at + 1;
            if items.get(child + 1).is_some_and(|right| less(&items[child], right)) {
                child += 1;
            }
            if !items.get(child).is_some_and(|c| less(&items[at], c)) {
                return;
            }
            items.swap(at, child);
            at = child;
        }
    }
    for at in (0..items.len() / 2).rev() {
        sift(items, at, &less);
    }
    for end in (1..items.len()).rev() {
        items.swap(0, end);
        sift(items.get_mut(..end).unwrap_or_default(), 0, &less);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts(mut items in proptest::collection::vec(0u8..40, 0..80)) {
            let mut want = items.clone();
            want.sort();
            heap_sort(&mut items, |a, b| a < b);
            prop_assert_eq!(items, want);
        }
    }
}
