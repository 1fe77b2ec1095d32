//! Those who wait for pieces of one request that is under way.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context as Task, Poll, ready};

use super::span_cache::SpanCell;
use crate::error::{Error, Result};

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
    pub(crate) async fn wait(&self, piece: K, mut advance: impl FnMut(&mut Task<'_>) -> Poll<()>) -> Piece {
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
