//! Fetched ranges of blobs, and those that are still wanted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::corrupt;
use crate::format::ext4::{Asked, Disk, Stop};

/// Wanted ranges that are closer than this are fetched as one.
const GAP: u64 = 4 << 10;

/// Ranges of a blob: by their start, each with when it was last used.
type Parts = BTreeMap<u64, (Bytes, u64)>;

/// Ranges of blobs that are kept for later questions: the latest used, up to a number of bytes.
#[derive(Debug)]
pub struct Shared {
    blobs: Vec<Parts>,
    limit: u64,
    bytes: u64,
    tick: u64,
}

impl Shared {
    /// For so many blobs, at most `limit` bytes in all.
    pub fn new(blobs: usize, limit: u64) -> Self {
        Shared { blobs: vec![Parts::new(); blobs], limit, bytes: 0, tick: 0 }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The kept range that byte `at` of a blob is in, and where it starts.
    fn at(&mut self, blob: usize, at: u64) -> Option<(u64, Bytes)> {
        self.tick = self.tick.saturating_add(1);
        let (&start, (data, used)) = self.blobs.get_mut(blob)?.range_mut(..=at).next_back()?;
        *used = self.tick;
        (at - start < data.len() as u64).then(|| (start, data.clone()))
    }

    /// Where a kept range begins next after `at`.
    fn next(&self, blob: usize, at: u64) -> Option<u64> {
        self.blobs.get(blob)?.range(at..).next().map(|(&start, _)| start)
    }

    /// Keeps bytes of a blob from `start` on, if they fit; drops the longest unused.
    pub fn keep(&mut self, blob: usize, start: u64, data: Bytes) {
        let len = data.len() as u64;
        let tick = self.tick.saturating_add(1);
        self.tick = tick;
        let Some(parts) = self.blobs.get_mut(blob).filter(|_| len <= self.limit) else { return };
        let old = parts.insert(start, (data, tick));
        self.bytes =
            self.bytes.saturating_add(len).saturating_sub(old.map_or(0, |(old, _)| old.len() as u64));
        while self.bytes > self.limit && self.drop_oldest() {}
    }

    fn drop_oldest(&mut self) -> bool {
        let all = self.blobs.iter().enumerate();
        let all = all.flat_map(|(blob, parts)| parts.iter().map(move |(&start, part)| (part.1, blob, start)));
        let Some((_, blob, start)) = all.min() else { return false };
        let dropped = self.blobs.get_mut(blob).and_then(|parts| parts.remove(&start));
        self.bytes = self.bytes.saturating_sub(dropped.map_or(0, |(data, _)| data.len() as u64));
        true
    }
}

/// A blob for the time of one question: what it has used stays, whatever [`Shared`] drops meanwhile.
#[derive(Debug)]
pub struct Fetched<'a> {
    blob: usize,
    size: u64,
    shared: &'a RefCell<Shared>,
    own: RefCell<BTreeMap<u64, Bytes>>,
    wanted: RefCell<Vec<Range<u64>>>,
}

impl<'a> Fetched<'a> {
    /// Blob number `blob` of `shared`, of `size` bytes.
    pub fn new(shared: &'a RefCell<Shared>, blob: usize, size: u64) -> Self {
        Fetched { blob, size, shared, own: RefCell::default(), wanted: RefCell::default() }
    }

    /// The ranges that were missing since this was asked last.
    pub fn wanted(&self) -> Vec<Range<u64>> {
        self.wanted.take()
    }

    /// Adds bytes from `start` on, for this question alone.
    pub fn add(&self, start: u64, data: Bytes) {
        self.own.borrow_mut().insert(start, data);
    }

    /// Bytes `range`, if they are here; else nothing is noted.
    pub fn peek(&self, range: &Range<u64>) -> Option<Bytes> {
        let len = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        let wanted = self.wanted.take();
        let found = self.read(range.start, len).ok();
        self.wanted.replace(wanted);
        found
    }

    fn at(&self, at: u64) -> Option<(u64, Bytes)> {
        let own = |own: &BTreeMap<u64, Bytes>| {
            let (&start, data) = own.range(..=at).next_back()?;
            (at - start < data.len() as u64).then(|| (start, data.clone()))
        };
        if let Some(found) = own(&self.own.borrow()) {
            return Some(found);
        }
        let found = self.shared.borrow_mut().at(self.blob, at)?;
        self.own.borrow_mut().insert(found.0, found.1.clone());
        Some(found)
    }

    /// Where bytes that are here begin next after `at`.
    pub fn next(&self, at: u64) -> Option<u64> {
        let own = self.own.borrow().range(at..).next().map(|(&start, _)| start);
        let shared = self.shared.borrow().next(self.blob, at);
        own.into_iter().chain(shared).min()
    }
}

impl Disk for Fetched<'_> {
    fn read(&self, offset: u64, len: usize) -> Asked<Bytes> {
        let end = offset.checked_add(len as u64).filter(|&end| end <= self.size);
        let end = end.ok_or_else(|| corrupt("something is behind the end of a layer's blob"))?;
        let (mut at, mut out, mut missing) = (offset, Vec::new(), false);
        while at < end {
            if let Some((start, data)) = self.at(at) {
                let from = (at - start) as usize;
                let to = usize::try_from(end - start).map_or(data.len(), |n| n.min(data.len()));
                if at == offset && to - from == len {
                    return Ok(data.slice(from..to));
                }
                if !missing {
                    out.extend_from_slice(data.get(from..to).unwrap_or_default());
                }
                at = start.saturating_add(to as u64);
            } else {
                let next = self.next(at).map_or(end, |next| next.min(end));
                self.wanted.borrow_mut().push(at..next);
                (at, missing) = (next, true);
            }
        }
        if missing { Err(Stop::Missing) } else { Ok(out.into()) }
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Wanted ranges as they are requested: in order, those that are close as one, none of more than `most` bytes.
pub fn together(wanted: Vec<Range<u64>>, most: u64) -> Vec<Range<u64>> {
    let most = most.max(1);
    let mut parts = Vec::new();
    for mut range in wanted {
        while range.end.saturating_sub(range.start) > most {
            let middle = range.start.saturating_add(most);
            parts.push(range.start..middle);
            range.start = middle;
        }
        parts.push(range);
    }
    parts.sort_unstable_by_key(|r| (r.start, r.end));
    let mut all: Vec<Range<u64>> = Vec::new();
    for range in parts {
        match all.last_mut() {
            Some(last)
                if range.start <= last.end.saturating_add(GAP)
                    && range.end.saturating_sub(last.start) <= most =>
            {
                last.end = last.end.max(range.end);
            }
            _ => all.push(range),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(byte: u8, len: usize) -> Bytes {
        vec![byte; len].into()
    }

    #[test]
    fn gaps_are_wanted_and_parts_joined() {
        let shared = RefCell::new(Shared::new(2, 1000));
        shared.borrow_mut().keep(1, 10, part(1, 10));
        let blob = Fetched::new(&shared, 1, 100);
        assert!(matches!(blob.read(0, 50), Err(Stop::Missing)));
        assert_eq!(blob.wanted(), [0..10, 20..50]);
        blob.add(0, part(0, 10));
        blob.add(20, part(2, 30));
        let data = blob.read(5, 20).unwrap();
        assert_eq!(data, [part(0, 5), part(1, 10), part(2, 5)].concat());
        assert_eq!((blob.wanted(), blob.next(1), blob.next(21)), (vec![], Some(10), None));
        assert!(blob.peek(&(40..60)).is_none() && blob.wanted().is_empty());
        assert!(matches!(blob.read(90, 11), Err(Stop::Failed(_))));
    }

    #[test]
    fn the_longest_unused_goes_first_but_not_from_who_uses_it() {
        let shared = RefCell::new(Shared::new(1, 30));
        let keep = |start, len| shared.borrow_mut().keep(0, start, part(9, len));
        keep(0, 10);
        keep(10, 10);
        keep(20, 10);
        let blob = Fetched::new(&shared, 0, 100);
        blob.read(0, 1).unwrap();
        keep(30, 20);
        assert_eq!(shared.borrow().bytes(), 30);
        let fresh = Fetched::new(&shared, 0, 100);
        assert!(fresh.read(0, 10).is_ok() && fresh.read(30, 20).is_ok() && fresh.read(10, 1).is_err());
        keep(60, 30);
        assert!(blob.read(0, 10).is_ok() && Fetched::new(&shared, 0, 100).read(0, 1).is_err());
        // What does not fit at all is not kept.
        keep(0, 31);
        assert_eq!(shared.borrow().bytes(), 30);
    }

    #[test]
    fn near_ranges_are_requested_as_one() {
        let wanted = vec![9000..9100, 0..10, 5..20, 4000..4100, 50_000..50_001];
        assert_eq!(together(wanted.clone(), 1 << 20), [0..4100, 9000..9100, 50_000..50_001]);
        assert_eq!(together(wanted, 100), [0..20, 4000..4100, 9000..9100, 50_000..50_001]);
        assert_eq!(together(vec![0..250, 300..310], 100), [0..100, 100..200, 200..250, 300..310]);
    }
}
