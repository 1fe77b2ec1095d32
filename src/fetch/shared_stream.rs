//! Shared stream: one request that several tasks poll, whoever wants its next item driving it, and those who wait for its
//! pieces.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use futures_util::StreamExt;
use futures_util::stream::{Fuse, FusedStream, LocalBoxStream};

use super::span_cache::SpanCell;
use crate::error::{Error, Result};

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

/// A piece, for all who want it.
type Piece = Result<Rc<SpanCell>>;

/// Where a piece is put for one who waits for it, so that it gets it whatever the cache keeps.
type Place = RefCell<Option<Piece>>;

/// Who waits for which piece; `K` names pieces.
pub(crate) struct Waiting<K>(RefCell<Vec<(K, Weak<Place>)>>);

impl<K> Default for Waiting<K> {
    fn default() -> Self {
        Waiting(RefCell::default())
    }
}

impl<K: PartialEq> Waiting<K> {
    /// Waits for a piece, and drives the request meanwhile: each call of `advance` gives one piece to those who wait.
    pub(crate) async fn wait(
        &self,
        piece: K,
        mut advance: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Piece {
        let place = Rc::new(Place::default());
        self.0.borrow_mut().push((piece, Rc::downgrade(&place)));
        poll_fn(|cx| {
            loop {
                if let Some(piece) = place.borrow_mut().take() {
                    return Poll::Ready(piece);
                }
                ready!(advance(cx));
            }
        })
        .await
    }

    /// Gives a piece to those who wait for it.
    pub(crate) fn arrived(&self, piece: &K, result: &Piece) {
        self.deliver(|waits_for| waits_for == piece, result);
    }

    /// Gives an error to all.
    pub(crate) fn failed(&self, error: &Error) {
        self.deliver(|_| true, &Err(error.clone()));
    }

    fn deliver(&self, is_for: impl Fn(&K) -> bool, result: &Piece) {
        self.0.borrow_mut().retain(|(piece, place)| match place.upgrade() {
            Some(place) if is_for(piece) => {
                *place.borrow_mut() = Some(result.clone());
                false
            }
            place => place.is_some(),
        });
    }
}
