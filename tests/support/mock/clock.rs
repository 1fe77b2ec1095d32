//! Virtual time: it moves, to the next thing that is waited for, once nothing else can happen.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// 2026-11-01T00:00:00Z
pub const START_MS: u64 = 1_793_491_200_000;
/// Polls without any event after which nothing else can happen.
const QUIET: u32 = 8;

pub struct Clock {
    now_ms: Cell<u64>,
    events: Cell<u64>,
    next: Cell<u64>,
    waits: RefCell<BTreeMap<u64, u64>>,
}

impl Clock {
    pub fn new() -> Rc<Clock> {
        Rc::new(Clock {
            now_ms: Cell::new(START_MS),
            events: Cell::default(),
            next: Cell::default(),
            waits: RefCell::default(),
        })
    }

    pub fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    pub fn advance(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
    }

    /// Something happened, so that others may go on now.
    pub fn event(&self) {
        self.events.set(self.events.get() + 1);
    }

    pub fn wait(self: &Rc<Self>, ms: u64) -> Wait {
        let id = self.next.replace(self.next.get() + 1);
        self.waits.borrow_mut().insert(id, self.now_ms.get() + ms);
        Wait { clock: self.clone(), id, quiet: 0, events: 0 }
    }
}

pub struct Wait {
    clock: Rc<Clock>,
    id: u64,
    quiet: u32,
    events: u64,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let waits = clock.waits.borrow();
        let until = waits[&self.id];
        let events = clock.events.get();
        self.quiet = if events == self.events { self.quiet + 1 } else { 0 };
        self.events = events;
        if self.quiet > QUIET && waits.values().all(|&other| other >= until) {
            clock.now_ms.set(clock.now_ms.get().max(until));
        }
        if clock.now_ms.get() >= until {
            clock.event();
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.clock.waits.borrow_mut().remove(&self.id);
    }
}
