//! Single flight: what several ask for at the same time is loaded once, and shared.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};

use super::owner::Owner;
use crate::error::{Code, Error, Result};
use crate::net::transport::Later;

type Load<T> = Later<'static, T>;

/// Loads under way by key. One that nobody waits for any more is dropped, which cancels its requests.
pub(crate) struct Flights<K, T: Clone>(RefCell<Vec<Flight<K, T>>>);

struct Flight<K, T: Clone> {
    owner: Owner,
    key: K,
    load: WeakShared<Load<T>>,
}

impl<K, T: Clone> Default for Flights<K, T> {
    fn default() -> Self {
        Flights(RefCell::default())
    }
}

impl<K: Clone, T: Clone + 'static> Flights<K, T> {
    /// What a load under way whose key `fits` gives, with its key; else what `load` does, of which nothing is done before. One
    /// that another reader began, and that fails, decides nothing: a load of the caller's own follows.
    pub(crate) async fn get(
        &self,
        owner: Owner,
        fits: &dyn Fn(&K) -> bool,
        (key, load): (K, Load<T>),
    ) -> Result<(K, T)> {
        while let Some((by, key, load)) = self.find(owner, fits) {
            match load.await {
                Err(_) if by != owner => {}
                loaded => return Ok((key, loaded?)),
            }
        }
        let load = load.shared();
        if let Some(weak) = load.downgrade() {
            self.0.borrow_mut().push(Flight { owner, key: key.clone(), load: weak });
        }
        Ok((key, load.await?))
    }

    /// Whether somebody waits for a load, or is about to take what it gave.
    fn is_taken(&self) -> bool {
        self.0.borrow().iter().any(|flight| flight.load.upgrade().is_some())
    }

    /// A load under way that `owner` may wait for.
    fn find(&self, owner: Owner, fits: &dyn Fn(&K) -> bool) -> Option<(Owner, K, Shared<Load<T>>)> {
        let mut flights = self.0.borrow_mut();
        // Few: only what is on its way.
        flights.retain(|flight| flight.load.upgrade().is_some());
        let mut joinable = flights.iter().filter(|f| owner.may_join(f.owner) && fits(&f.key));
        joinable.find_map(|flight| {
            let load = flight.load.upgrade().filter(|load| load.peek().is_none())?;
            Some((flight.owner, flight.key.clone(), load))
        })
    }
}

/// A lazily loaded value; clones are the same. A failed load is given to all who waited for it and tried again by the next.
pub(crate) struct SingleFlight<T: Clone> {
    done: Rc<RefCell<Option<T>>>,
    /// Loads that put their value into `done`: of one type for all values, as each adds to the .wasm.
    flights: Rc<Flights<(), ()>>,
}

impl<T: Clone> Clone for SingleFlight<T> {
    fn clone(&self) -> Self {
        SingleFlight { done: self.done.clone(), flights: self.flights.clone() }
    }
}

impl<T: Clone> Default for SingleFlight<T> {
    fn default() -> Self {
        SingleFlight { done: Rc::default(), flights: Rc::default() }
    }
}

impl<T: Clone + 'static> SingleFlight<T> {
    /// One that is loaded.
    pub(crate) fn of(value: T) -> Self {
        SingleFlight { done: Rc::new(RefCell::new(Some(value))), flights: Rc::default() }
    }

    /// The value, if it is loaded.
    pub(crate) fn peek(&self) -> Option<T> {
        self.done.borrow().clone()
    }

    /// The value, loaded by `start` unless it is there or on its way.
    pub(crate) async fn get(&self, owner: Owner, start: impl FnOnce() -> Load<T>) -> Result<T> {
        if let Some(value) = self.peek() {
            return Ok(value);
        }
        // Compiled once, and not for each caller.
        self.load(owner, start()).await
    }

    async fn load(&self, owner: Owner, load: Load<T>) -> Result<T> {
        let done = self.done.clone();
        let keep: Load<()> = Box::pin(async move {
            let value = load.await?;
            done.borrow_mut().get_or_insert(value);
            Ok(())
        });
        self.flights.get(owner, &|()| true, ((), keep)).await?;
        // A load that succeeded has set it.
        self.peek().ok_or_else(|| Error::new(Code::Aborted, "a load ended without its value"))
    }
}

impl<T: 'static> SingleFlight<Rc<T>> {
    /// Whether it is loaded, and nobody uses it just now, nor is about to take it.
    pub(crate) fn is_idle(&self) -> bool {
        !self.flights.is_taken()
            && self.done.borrow().as_ref().is_some_and(|value| Rc::strong_count(value) == 1)
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
    use std::task::Poll;

    use futures_executor::block_on;
    use futures_util::future::join;

    use super::*;

    thread_local!(static ME: Owner = Owner::new(false));

    fn me() -> Owner {
        ME.with(|me| *me)
    }

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
            let mut both = Box::pin(join(once.get(me(), load), once.get(me(), load)));
            assert!(futures_util::poll!(&mut both).is_pending());
            for _ in 0..3 {
                if let std::task::Poll::Ready((a, b)) = futures_util::poll!(&mut both) {
                    assert_eq!((a.unwrap(), b.unwrap()), (7, 7));
                    break;
                }
            }
            assert_eq!(once.get(me(), || unreachable!()).await.unwrap(), 7);
        });
        assert_eq!(count.get(), 1);
    }

    #[test]
    fn what_is_used_or_about_to_be_is_not_idle() {
        let once = SingleFlight::<Rc<u32>>::default();
        assert!(!once.is_idle());
        block_on(async {
            let load = || async { Ok(Rc::new(7)) }.boxed_local();
            let (mut first, mut second) = (Box::pin(once.get(me(), load)), Box::pin(once.get(me(), load)));
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
            let e = once.get(me(), || async { Err(Error::new(Code::Network, "down")) }.boxed_local()).await;
            assert_eq!(e.unwrap_err().code(), Code::Network);
            assert_eq!(once.get(me(), || async { Ok(1) }.boxed_local()).await.unwrap(), 1);
        });
    }

    /// Two loads that the readers `a` and `b` ask for at the same time, each pending once; how often it was loaded.
    fn two(a: Owner, b: Owner, fails: bool) -> (Result<u32>, Result<u32>, u32) {
        let (once, count) = (SingleFlight::<u32>::default(), Rc::new(Cell::new(0)));
        let load = || {
            let count = count.clone();
            async move {
                let n = count.replace(count.get() + 1);
                let mut waited = false;
                std::future::poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                if n == 0 && fails { Err(Error::new(Code::Network, "down")) } else { Ok(7) }
            }
            .boxed_local()
        };
        let (first, second) = block_on(join(once.get(a, load), once.get(b, load)));
        (first, second, count.get())
    }

    #[test]
    fn readers_share_a_load_unless_one_is_isolated() {
        let (a, b) = (Owner::new(false), Owner::new(false));
        assert_eq!(two(a, b, false).2, 1);
        assert_eq!(two(a, Owner::new(true), false).2, 2);
        assert_eq!(two(Owner::new(true), b, false).2, 2);
        let alone = Owner::new(true);
        assert_eq!(two(alone, alone, false).2, 1);
    }

    #[test]
    fn another_readers_failure_is_not_ones_own() {
        let (a, b) = (Owner::new(false), Owner::new(false));
        let (first, second, count) = two(a, b, true);
        assert_eq!((first.unwrap_err().code(), second.unwrap(), count), (Code::Network, 7, 2));
        let (first, second, count) = two(a, a, true);
        assert_eq!((first.is_err(), second.is_err(), count), (true, true, 1));
    }
}
