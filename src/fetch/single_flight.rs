//! Single flight: a value that is loaded at most once at a time, and shared by all who ask meanwhile.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared, WeakShared};

use crate::error::{Code, Error, Result};

type Load<T> = LocalBoxFuture<'static, Result<T>>;
/// A load that puts its value into `done`: of one type for all values, as each adds to the .wasm.
type Flight = Shared<LocalBoxFuture<'static, Result<()>>>;

/// A lazily loaded value. A failed load is given to all who waited for it and tried again by the next; a load
/// that nobody waits for any more is dropped, which cancels its requests.
pub(crate) struct SingleFlight<T: Clone> {
    done: Rc<RefCell<Option<T>>>,
    flight: RefCell<Option<WeakShared<LocalBoxFuture<'static, Result<()>>>>>,
}

impl<T: Clone> Default for SingleFlight<T> {
    fn default() -> Self {
        SingleFlight { done: Rc::default(), flight: RefCell::new(None) }
    }
}

impl<T: Clone + 'static> SingleFlight<T> {
    /// The value, if it is loaded.
    pub(crate) fn peek(&self) -> Option<T> {
        self.done.borrow().clone()
    }

    /// The value, loaded by `start` unless it is there or on its way.
    pub(crate) async fn get(&self, start: impl FnOnce() -> Load<T>) -> Result<T> {
        if let Some(value) = self.peek() {
            return Ok(value);
        }
        self.flight(start).await?;
        // A flight that succeeds has set it.
        self.peek().ok_or_else(|| Error::new(Code::Aborted, "a load ended without its value"))
    }

    fn flight(&self, start: impl FnOnce() -> Load<T>) -> Flight {
        let mut flight = self.flight.borrow_mut();
        if let Some(shared) = flight.as_ref().and_then(WeakShared::upgrade) {
            return shared;
        }
        let (load, done) = (start(), self.done.clone());
        let load: LocalBoxFuture<'static, Result<()>> = Box::pin(async move {
            let value = load.await?;
            done.borrow_mut().get_or_insert(value);
            Ok(())
        });
        let shared = load.shared();
        *flight = shared.downgrade();
        shared
    }
}

impl<T: 'static> SingleFlight<Rc<T>> {
    /// Whether it is loaded, and nobody uses it just now, nor is about to take it.
    pub(crate) fn is_idle(&self) -> bool {
        let taken = self.flight.borrow().as_ref().and_then(WeakShared::upgrade).is_some();
        !taken && self.done.borrow().as_ref().is_some_and(|value| Rc::strong_count(value) == 1)
    }

    /// Drops the value: whoever asks next loads it anew.
    pub(crate) fn forget(&self) {
        drop(self.done.take());
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use futures_executor::block_on;
    use futures_util::future::join;

    use super::*;

    #[test]
    fn concurrent_loads_are_one() {
        let (once, count) = (SingleFlight::<u32>::default(), Rc::new(Cell::new(0)));
        let load = || {
            let count = count.clone();
            async move {
                count.set(count.get() + 1);
                futures_util::pending!();
                Ok(7)
            }
            .boxed_local()
        };
        block_on(async {
            // `pending!` wakes nobody: poll by hand.
            let mut both = Box::pin(join(once.get(load), once.get(load)));
            assert!(futures_util::poll!(&mut both).is_pending());
            for _ in 0..3 {
                if let std::task::Poll::Ready((a, b)) = futures_util::poll!(&mut both) {
                    assert_eq!((a.unwrap(), b.unwrap()), (7, 7));
                    break;
                }
            }
            assert_eq!(once.get(|| unreachable!()).await.unwrap(), 7);
        });
        assert_eq!(count.get(), 1);
    }

    #[test]
    fn what_is_used_or_about_to_be_is_not_idle() {
        let once = SingleFlight::<Rc<u32>>::default();
        assert!(!once.is_idle());
        block_on(async {
            let load = || async { Ok(Rc::new(7)) }.boxed_local();
            let (mut first, mut second) = (Box::pin(once.get(load)), Box::pin(once.get(load)));
            // Both wait for the one load.
            let (a, b) = (futures_util::poll!(&mut first), once.is_idle());
            let value =
                if let std::task::Poll::Ready(value) = a { value.unwrap() } else { first.await.unwrap() };
            drop(value);
            assert!(!b);
            assert_eq!(*second.as_mut().await.unwrap(), 7);
        });
        assert!(once.is_idle());
        once.forget();
        assert!(once.peek().is_none() && !once.is_idle());
    }

    #[test]
    fn a_failure_is_tried_again() {
        let once = SingleFlight::<u32>::default();
        block_on(async {
            let e = once.get(|| async { Err(Error::new(Code::Network, "down")) }.boxed_local()).await;
            assert_eq!(e.unwrap_err().code(), Code::Network);
            assert_eq!(once.get(|| async { Ok(1) }.boxed_local()).await.unwrap(), 1);
        });
    }
}
