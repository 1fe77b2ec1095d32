//! Shared stream: several tasks poll it, and whoever wants its next item drives it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::StreamExt;
use futures_util::stream::{Fuse, FusedStream, LocalBoxStream};

/// A shared stream. It holds no lock between polls, so a task that stops polling, or is dropped, cannot block
/// the others; each poll's waker is kept until something happens, so that no task misses it.
pub(crate) struct SharedStream<T> {
    stream: RefCell<Fuse<LocalBoxStream<'static, T>>>,
    wakers: Arc<Wakers>,
}

#[derive(Default)]
struct Wakers(Mutex<Vec<Waker>>);

impl Wakers {
    fn add(&self, waker: &Waker) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !list.iter().any(|w| w.will_wake(waker)) {
            list.push(waker.clone());
        }
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        // Taken out first: a waker may run code that comes back here.
        let list = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for waker in list {
            waker.wake();
        }
    }
}

impl<T> SharedStream<T> {
    /// Shares `stream`.
    pub(crate) fn new(stream: LocalBoxStream<'static, T>) -> Self {
        SharedStream { stream: RefCell::new(stream.fuse()), wakers: Arc::default() }
    }

    /// The next item, for whoever asks first; everyone else who polled is woken by it.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Ok(mut stream) = self.stream.try_borrow_mut() else {
            // Polled from within its own poll: let the outer one finish.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        if stream.is_terminated() {
            return Poll::Ready(None);
        }
        self.wakers.add(cx.waker());
        let waker = Waker::from(self.wakers.clone());
        let item = stream.poll_next_unpin(&mut Context::from_waker(&waker));
        drop(stream);
        if item.is_ready() {
            self.wakers.wake_by_ref();
        }
        item
    }
}
