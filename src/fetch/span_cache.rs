//! One verified span, inflated as far as somebody wanted, and the bounded cache of them.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::rc::{Rc, Weak};

use bytes::Bytes;

use crate::budget::{self, Evictable, Reservation};
use crate::error::{Code, Error, Result};
use crate::format::gzip::SpanInflater;

/// A span whose compressed bytes are here and verified.
pub(crate) struct SpanCell {
    state: RefCell<State>,
    /// Parts that have the digests that vouch for them, as `(start, length)`, sorted.
    #[cfg(feature = "extent")]
    checked: RefCell<Vec<(u64, u64)>>,
}

enum State {
    Inflating {
        inflater: Box<SpanInflater>,
        len: usize,
    },
    /// All of it, and how many bytes of memory that takes.
    Whole {
        data: Bytes,
        memory: usize,
        _held: Reservation,
    },
}

/// The window that stays allocated in front of inflated bytes.
const WINDOW: usize = 32 << 10;

impl SpanCell {
    /// A gzip span of `len` inflated bytes.
    pub(crate) fn inflating(inflater: SpanInflater, len: usize) -> Self {
        SpanCell::new(State::Inflating { inflater: Box::new(inflater), len })
    }

    fn new(state: State) -> Self {
        SpanCell {
            state: RefCell::new(state),
            #[cfg(feature = "extent")]
            checked: RefCell::default(),
        }
    }

    /// A span of an uncompressed layer.
    pub(crate) fn whole(data: Bytes) -> Result<Self> {
        let held = Reservation::of(data.len())?;
        Ok(SpanCell::new(State::Whole { memory: data.len(), data, _held: held }))
    }

    /// Bytes `range` of the span, inflated only as far as that. Also tells how many bytes were inflated for it.
    pub(crate) fn read(&self, range: Range<usize>) -> Result<(Bytes, u64)> {
        read(&mut self.state.borrow_mut(), range)
    }

    /// Bytes that are to be inflated for the first `upto` of the span.
    pub(crate) fn missing(&self, upto: usize) -> u64 {
        match &*self.state.borrow() {
            State::Inflating { inflater, .. } => upto.saturating_sub(inflater.output().len()) as u64,
            State::Whole { .. } => 0,
        }
    }

    /// Whether this part was checked.
    #[cfg(feature = "extent")]
    pub(crate) fn is_checked(&self, start: u64, len: u64) -> bool {
        self.checked.borrow().binary_search(&(start, len)).is_ok()
    }

    /// Notes that this part was checked.
    #[cfg(feature = "extent")]
    pub(crate) fn set_checked(&self, start: u64, len: u64) {
        let mut checked = self.checked.borrow_mut();
        if let Err(at) = checked.binary_search(&(start, len)) {
            checked.insert(at, (start, len));
        }
    }

    /// Bytes of memory held.
    pub(crate) fn memory(&self) -> u64 {
        match &*self.state.borrow() {
            State::Inflating { inflater, .. } => inflater.memory() as u64,
            State::Whole { memory, .. } => *memory as u64,
        }
    }
}

fn read(state: &mut State, range: Range<usize>) -> Result<(Bytes, u64)> {
    let outside = || Error::new(Code::CorruptZtoc, "a file reaches past the end of its span");
    match state {
        State::Whole { data, .. } => {
            let part = data.get(range.clone()).ok_or_else(outside)?;
            // A small part is copied, so that whoever keeps it does not keep the span.
            let part =
                if part.len() * 2 < data.len() { Bytes::copy_from_slice(part) } else { data.slice(range) };
            Ok((part, 0))
        }
        State::Inflating { inflater, len } => {
            let (before, len) = (inflater.output().len(), *len);
            inflater.inflate_to(range.end)?;
            let inflated = inflater.output().len().saturating_sub(before) as u64;
            if range.end < len {
                let part = inflater.output().get(range).ok_or_else(outside)?;
                return Ok((Bytes::copy_from_slice(part), inflated));
            }
            // All of it is here and its end checked: free what only inflating needed.
            let empty = State::Whole { data: Bytes::new(), memory: 0, _held: Reservation::default() };
            if let State::Inflating { inflater, .. } = std::mem::replace(state, empty) {
                let (data, held) = inflater.finish_held()?;
                *state = State::Whole { memory: data.len().saturating_add(WINDOW), data, _held: held };
            }
            Ok((read(state, range)?.0, inflated))
        }
    }
}

/// Which span: `(layer, span)`.
pub(crate) type Key = (usize, u64);

/// Spans kept for later reads, over all layers of an image: the most recently used, up to a number of bytes.
/// A span that is dropped here but still held by a reader is found as long as that reader holds it.
pub(crate) struct SpanCache {
    limit: u64,
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    slots: HashMap<Key, Slot>,
    /// Uses by time; the last of a kept span counts.
    order: VecDeque<(u64, Key)>,
    kept: usize,
    bytes: u64,
}

struct Slot {
    cell: Weak<SpanCell>,
    kept: Option<Kept>,
}

struct Kept {
    /// What keeps it alive.
    cell: Rc<SpanCell>,
    tick: u64,
    bytes: u64,
}

impl SpanCache {
    /// Keeps at most `limit` bytes.
    pub(crate) fn new(limit: u64) -> Rc<Self> {
        let cache = Rc::new(SpanCache { limit, inner: RefCell::default() });
        let weak: Weak<Self> = Rc::downgrade(&cache);
        budget::register(weak);
        cache
    }

    /// Bytes kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.inner.borrow().bytes
    }

    /// The span, if it is here.
    pub(crate) fn get(&self, key: Key) -> Option<Rc<SpanCell>> {
        self.inner.borrow().slots.get(&key)?.cell.upgrade()
    }

    /// Drops a span that is not what it must be.
    #[cfg(feature = "extent")]
    pub(crate) fn remove(&self, key: Key) {
        let inner = &mut *self.inner.borrow_mut();
        inner.forget(key);
        inner.slots.remove(&key);
    }

    /// Notes that `cell` was just used and counts it anew (inflating grows it); drops the longest unused.
    pub(crate) fn used(&self, key: Key, cell: &Rc<SpanCell>) {
        let inner = &mut *self.inner.borrow_mut();
        inner.forget(key);
        let bytes = cell.memory();
        let tick = budget::now();
        let kept = Kept { cell: cell.clone(), tick, bytes };
        inner.order.push_back((tick, key));
        inner.bytes += bytes;
        inner.kept += 1;
        inner.slots.insert(key, Slot { cell: Rc::downgrade(cell), kept: Some(kept) });
        while inner.bytes > self.limit
            && let Some((tick, oldest)) = inner.order.pop_front()
        {
            if is_last(&inner.slots, tick, oldest) {
                inner.forget(oldest);
            }
        }
        let most = 64 + 2 * inner.kept;
        if inner.order.len() > most {
            let slots = &inner.slots;
            inner.order.retain(|&(tick, key)| is_last(slots, tick, key));
        }
        if inner.slots.len() > most {
            inner.slots.retain(|_, slot| slot.cell.strong_count() > 0);
        }
    }
}

impl Evictable for SpanCache {
    fn last_used(&self) -> Option<u64> {
        // Being changed just now: whoever does that holds little.
        let inner = self.inner.try_borrow().ok()?;
        inner.idle().map(|(tick, _)| tick)
    }

    fn evict(&self) {
        let Ok(mut inner) = self.inner.try_borrow_mut() else { return };
        if let Some((_, key)) = inner.idle() {
            inner.forget(key);
        }
    }
}

/// Whether a kept span was last used at `tick`.
fn is_last(slots: &HashMap<Key, Slot>, tick: u64, key: Key) -> bool {
    slots.get(&key).and_then(|slot| slot.kept.as_ref()).is_some_and(|kept| kept.tick == tick)
}

impl Inner {
    /// The longest unused one that nobody reads.
    fn idle(&self) -> Option<(u64, Key)> {
        let idle = |&&(tick, key): &&(u64, Key)| {
            let kept = self.slots.get(&key).and_then(|slot| slot.kept.as_ref());
            kept.is_some_and(|kept| kept.tick == tick && Rc::strong_count(&kept.cell) == 1)
        };
        self.order.iter().find(idle).copied()
    }

    /// Stops keeping `key`.
    fn forget(&mut self, key: Key) {
        if let Some(kept) = self.slots.get_mut(&key).and_then(|slot| slot.kept.take()) {
            self.kept -= 1;
            self.bytes -= kept.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(len: usize) -> Rc<SpanCell> {
        Rc::new(SpanCell::whole(Bytes::from(vec![7; len])).unwrap())
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let cache = SpanCache::new(100);
        cache.used((0, 0), &cell(40));
        cache.used((0, 1), &cell(40));
        let first = cache.get((0, 0)).unwrap();
        cache.used((0, 0), &first);
        drop(first);
        cache.used((1, 0), &cell(40));
        assert!(cache.get((0, 0)).is_some());
        assert!(cache.get((0, 1)).is_none());
        assert_eq!(cache.bytes(), 80);
    }

    #[test]
    fn one_bigger_than_the_cache_lives_as_long_as_its_reader() {
        let cache = SpanCache::new(100);
        let big = cell(101);
        cache.used((0, 0), &big);
        assert_eq!(cache.bytes(), 0);
        assert!(Rc::ptr_eq(&cache.get((0, 0)).unwrap(), &big));
        drop(big);
        assert!(cache.get((0, 0)).is_none());
    }

    #[test]
    fn dead_slots_are_swept() {
        let cache = SpanCache::new(0);
        for i in 0..10_000 {
            cache.used((0, i), &cell(1));
        }
        assert!(cache.inner.borrow().slots.len() <= 65);
    }

    #[test]
    fn a_small_part_does_not_pin_its_span() {
        let data = Bytes::from(vec![1; 1000]);
        let part = SpanCell::whole(data.clone()).unwrap().read(10..20).unwrap().0;
        assert!(!data.as_ptr_range().contains(&part.as_ptr()));
        let part = SpanCell::whole(data.clone()).unwrap().read(0..600).unwrap().0;
        assert_eq!(part.as_ptr(), data.as_ptr());
    }

    #[test]
    fn outside_is_an_error() {
        assert_eq!(cell(3).read(1..4).unwrap_err().code(), Code::CorruptZtoc);
    }
}
