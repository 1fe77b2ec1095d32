//! A list that grows without moving what it holds.

/// A growing list in segments of `LEN` items, a power of two. A vector that doubles needs room for its old and its new
/// place at once, and leaves a hole as large as the old one; where memory never shrinks, as in wasm, it keeps growing by
/// large holes.
///
/// A run of items lies within one segment. A run of more than `LEN` items has a longer one, and empty ones behind it, so
/// that the place of an item tells its segment.
#[derive(Debug)]
pub(super) struct Segments<T, const LEN: usize> {
    segments: Vec<Vec<T>>,
    len: usize,
}

impl<T, const LEN: usize> Default for Segments<T, LEN> {
    fn default() -> Self {
        Segments { segments: Vec::new(), len: 0 }
    }
}

impl<T, const LEN: usize> Segments<T, LEN> {
    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of heap held.
    pub(super) fn heap_bytes(&self) -> usize {
        let items: usize = self.segments.iter().map(Vec::capacity).sum();
        items * size_of::<T>() + self.segments.capacity() * size_of::<Vec<T>>()
    }

    /// Bytes of heap that a run of `len` items takes beside those, for a moment at least.
    pub(super) fn more_for(&self, len: usize) -> usize {
        let begun = if self.fits(len) { 0 } else { self.behind_last() + 1 };
        let room = self.segments.capacity() - self.segments.len();
        let list = if begun > room {
            (2 * self.segments.capacity()).max(self.segments.len() + begun) + 4
        } else {
            0
        };
        self.growth(len).unwrap_or(0) * size_of::<T>() + list * size_of::<Vec<T>>()
    }

    /// Whether a run of `len` items goes into the last segment.
    fn fits(&self, len: usize) -> bool {
        self.segments.last().is_some_and(|last| last.len().saturating_add(len) <= LEN)
    }

    /// Segments that stay empty behind the last, a long one.
    fn behind_last(&self) -> usize {
        self.segments.last().map_or(0, |last| last.len().saturating_sub(1) / LEN)
    }

    /// The capacity that a segment gets for a run of `len` items, unless the last has the room. The first one doubles, as
    /// most lists are short.
    fn growth(&self, len: usize) -> Option<usize> {
        match self.segments.last() {
            Some(last) if self.fits(len) => {
                let needed = last.len() + len;
                (needed > last.capacity()).then(|| needed.max(2 * last.capacity()).min(LEN))
            }
            Some(_) => Some(len.max(LEN)),
            None => Some(len.max(LEN / 64)),
        }
    }

    /// Begins a run of `len` items, whose place is told: so many are to be [added](Self::add) then. `None`: there is no such
    /// place in 32 bits.
    pub(super) fn begin(&mut self, len: usize) -> Option<u32> {
        let grown = self.growth(len);
        if !self.fits(len) {
            self.segments.extend((0..self.behind_last()).map(|_| Vec::new()));
            self.segments.push(Vec::new());
        }
        let at = (self.segments.len() - 1).checked_mul(LEN)?;
        let last = self.segments.last_mut()?;
        if let Some(capacity) = grown {
            last.reserve_exact(capacity - last.len());
        }
        u32::try_from(at.checked_add(last.len())?).ok()
    }

    /// Adds an item to the run that was begun.
    pub(super) fn add(&mut self, item: T) {
        if let Some(last) = self.segments.last_mut() {
            last.push(item);
            self.len += 1;
        }
    }

    /// The items from that place on to the end of their segment.
    pub(super) fn from(&self, place: u32) -> Option<&[T]> {
        let place = place as usize;
        self.segments.get(place / LEN)?.get(place % LEN..)
    }

    /// The item at that place.
    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.segments.get(place / LEN)?.get(place % LEN)
    }

    /// The item that was added last.
    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        self.segments.last_mut()?.last_mut()
    }

    /// Gives back what growing left over.
    pub(super) fn shrink(&mut self) {
        if let Some(last) = self.segments.last_mut() {
            last.shrink_to_fit();
        }
        self.segments.shrink_to_fit();
    }
}

impl<T: Copy, const LEN: usize> Segments<T, LEN> {
    /// Adds items to the run that was begun.
    pub(super) fn extend(&mut self, items: &[T]) {
        if let Some(last) = self.segments.last_mut() {
            last.extend_from_slice(items);
            self.len += items.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_found_at_its_place() {
        // Runs of all lengths around that of a segment, and none.
        let runs: Vec<Vec<u8>> = (0..400_usize)
            .map(|i| vec![i as u8; [0, 1, 63, 64, 65, 127, 128, 129, 3, 7, 300][i % 11]])
            .collect();
        let mut all = Segments::<u8, 64>::default();
        let mut places = Vec::new();
        for run in &runs {
            let before = all.heap_bytes();
            let more = all.more_for(run.len());
            places.push(all.begin(run.len()).unwrap());
            all.extend(run);
            assert!(all.heap_bytes() <= before + more, "{} {before} {more}", all.heap_bytes());
        }
        all.shrink();
        places.push(all.begin(1).unwrap());
        all.add(9);
        assert_eq!(all.last_mut(), Some(&mut 9));
        for (run, place) in runs.iter().zip(&places) {
            assert_eq!(all.from(*place).and_then(|from| from.get(..run.len())), Some(&run[..]));
        }
        assert!(places.is_sorted(), "a run begins behind the one before");
        assert_eq!(all.from(u32::MAX), None);
    }

    #[test]
    fn what_is_there_is_never_moved_but_in_the_first_segment() {
        let mut all = Segments::<u64, 1024>::default();
        let mut first = None;
        for i in 0..10_000 {
            assert_eq!(all.begin(1), Some(i as u32));
            all.add(i);
            if i == 1024 {
                first = Some(all.segments[0].as_ptr());
            }
            assert!(all.more_for(1) <= (1024 + 64) * size_of::<u64>(), "at {i}");
        }
        assert_eq!(first, Some(all.segments[0].as_ptr()));
        assert!(all.segments.iter().all(|one| one.len() <= 1024 && one.capacity() <= 1024));
    }
}
