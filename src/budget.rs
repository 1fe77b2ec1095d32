//! One budget of memory for all images and requests of a process, or of an instance of a wasm module.
//!
//! Whatever holds memory in proportion to its input has a `Reservation`, which it gets before it allocates. Over the
//! limit, what is idle is given up first, the longest unused before others; only where that is not enough is the error
//! `LIMIT_EXCEEDED`, naming `max_memory`. What is of a fixed size, or bounded by a smaller limit for one call, is not
//! counted: the limit is to leave some room for it.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;

use crate::error::{Error, Remedy, Result};

/// The limit by default. Memory of wasm ends at 4 GiB, allocators and growing buffers want some of it, and what it has
/// once had it never gives back.
const DEFAULT: u64 = if cfg!(target_arch = "wasm32") { 2 << 30 } else { 4 << 30 };

static LIMIT: AtomicU64 = AtomicU64::new(DEFAULT);
static HELD: AtomicU64 = AtomicU64::new(0);
static TICKS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static EVICTABLE: RefCell<Vec<Weak<dyn Evictable>>> = const { RefCell::new(Vec::new()) };
}

/// Sets how many bytes all images of the process (or of the instance of a wasm module) may hold together. What is held
/// already stays.
pub fn set_limit(bytes: u64) {
    LIMIT.store(bytes, Relaxed);
}

/// The limit.
pub fn limit() -> u64 {
    LIMIT.load(Relaxed)
}

/// Bytes that are reserved now.
pub fn held() -> u64 {
    HELD.load(Relaxed)
}

/// Something that keeps what it could get again.
pub(crate) trait Evictable {
    /// When ([`now`]) what it would give up was last used; `None` where there is nothing, or all of it is in use.
    fn last_used(&self) -> Option<u64>;
    /// Gives that up.
    fn evict(&self);
}

/// A number that grows from use to use.
pub(crate) fn now() -> u64 {
    TICKS.fetch_add(1, Relaxed)
}

/// Lets what is idle in there be given up, as long as it lives.
pub(crate) fn register(evictable: Weak<dyn Evictable>) {
    EVICTABLE.with_borrow_mut(|list| {
        if list.len() == list.capacity() {
            list.retain(|one| one.strong_count() > 0);
        }
        list.push(evictable);
    });
}

/// The right to hold so many bytes. Dropping it gives them back.
#[derive(Debug, Default)]
pub(crate) struct Reservation(u64);

impl Reservation {
    /// Reserves `bytes`; `LIMIT_EXCEEDED` (`max_memory`) where that is not possible.
    pub(crate) fn take(bytes: u64) -> Result<Self> {
        let mut held = Reservation::default();
        held.resize(bytes)?;
        Ok(held)
    }

    /// The same in `usize`.
    pub(crate) fn of(bytes: usize) -> Result<Self> {
        Reservation::take(bytes as u64)
    }

    /// Changes the number of bytes. Where more cannot be had, it stays as it is.
    pub(crate) fn resize(&mut self, bytes: u64) -> Result<()> {
        if let Some(more) = bytes.checked_sub(self.0).filter(|more| *more > 0) {
            reserve(more)?;
        } else {
            give_back(self.0.saturating_sub(bytes));
        }
        self.0 = bytes;
        Ok(())
    }

    /// The same `data`, for which this was taken: it is given back when the last part of them is dropped.
    pub(crate) fn hold(self, data: Bytes) -> Bytes {
        Bytes::from_owner(Held { data, _held: self })
    }

    /// At least so many bytes.
    pub(crate) fn grow(&mut self, bytes: u64) -> Result<()> {
        if bytes > self.0 { self.resize(bytes) } else { Ok(()) }
    }
}

/// Bytes and the right to hold them.
struct Held {
    data: Bytes,
    _held: Reservation,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

/// A buffer whose length is not known before: memory for it is reserved as it grows.
#[derive(Debug, Default)]
#[cfg(any(feature = "nydus", feature = "overlaybd"))]
pub(crate) struct Growing {
    data: Vec<u8>,
    held: Reservation,
}

#[cfg(any(feature = "nydus", feature = "overlaybd"))]
impl Growing {
    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    /// Appends a piece.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<()> {
        let (len, capacity) = (self.data.len(), self.data.capacity());
        let needed = len.saturating_add(piece.len());
        if needed > capacity {
            let doubled = needed.max(capacity.saturating_mul(2));
            // Both may be there for a moment.
            self.held.resize(capacity.saturating_add(doubled) as u64)?;
            self.data.reserve_exact(doubled.saturating_sub(len));
            self.held.resize(self.data.capacity() as u64)?;
        }
        self.data.extend_from_slice(piece);
        Ok(())
    }

    /// All of it.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.data
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        give_back(self.0);
    }
}

fn give_back(bytes: u64) {
    HELD.fetch_sub(bytes, Relaxed);
}

fn reserve(bytes: u64) -> Result<()> {
    if fits(bytes) {
        return Ok(());
    }
    // Upgraded at once: what is given up may register or drop others.
    let mut list: Vec<Rc<dyn Evictable>> =
        EVICTABLE.with_borrow(|list| list.iter().filter_map(Weak::upgrade).collect());
    loop {
        let used = list.iter().enumerate().filter_map(|(i, one)| Some((one.last_used()?, i)));
        let Some(longest) = used.min().and_then(|(_, i)| list.get(i).cloned()) else {
            let wanted = held().saturating_add(bytes);
            let text = format!("the memory of all images together, {wanted} bytes,");
            let e = Error::limit("max_memory", wanted, limit()).with_message(text);
            return Err(e.with_remedy(Remedy::CloseImages));
        };
        let before = held();
        longest.evict();
        if held() >= before {
            // Somebody else keeps it.
            list.retain(|one| !Rc::ptr_eq(one, &longest));
        }
        drop(longest);
        if fits(bytes) {
            return Ok(());
        }
    }
}

/// Counts the bytes, if they are within the limit.
fn fits(bytes: u64) -> bool {
    let add = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= limit());
    HELD.fetch_update(Relaxed, Relaxed, add).is_ok()
}
