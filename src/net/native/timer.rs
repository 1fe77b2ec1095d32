//! Timers without an async runtime: one thread for all of the process.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// The longest wait; clocks cannot add any length.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// When, and which of those that are due then.
type Key = (Instant, u64);

#[derive(Default)]
struct Timers {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    next: u64,
    wakers: BTreeMap<Key, Waker>,
    /// The thread runs.
    running: bool,
}

fn timers() -> &'static Timers {
    static TIMERS: OnceLock<Timers> = OnceLock::new();
    TIMERS.get_or_init(Timers::default)
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut queue = self.lock();
        loop {
            let now = Instant::now();
            let left = queue.wakers.keys().next().map(|(at, _)| at.saturating_duration_since(now));
            queue = match left {
                Some(Duration::ZERO) => {
                    let due = queue.wakers.pop_first();
                    drop(queue);
                    // Without the lock: a waker may poll at once.
                    due.map(|(_, waker)| waker).into_iter().for_each(Waker::wake);
                    self.lock()
                }
                Some(left) => {
                    let waited = self.changed.wait_timeout(queue, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// Ends after a time, counted from its making.
pub(super) struct Sleep(Key);

impl Sleep {
    pub(super) fn new(duration: Duration) -> Self {
        let mut queue = timers().lock();
        queue.next = queue.next.wrapping_add(1);
        Sleep((Instant::now() + duration.min(LONGEST), queue.next))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (timers, key) = (timers(), self.0);
        if key.0 <= Instant::now() {
            return Poll::Ready(());
        }
        let mut queue = timers.lock();
        if !queue.running {
            let thread = thread::Builder::new().name("ocipeek-timer".into());
            queue.running = thread.spawn(|| timers.run()).is_ok();
        }
        if queue.running {
            queue.wakers.insert(key, cx.waker().clone());
            if queue.wakers.keys().next() == Some(&key) {
                timers.changed.notify_one();
            }
        } else {
            // No thread is to be had: the executor's own is asked again and again.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // The thread finds nothing due when it wakes.
        timers().lock().wakers.remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_executor::block_on;
    use futures_util::future::{join3, select};

    #[test]
    fn sleeps_end_in_order_and_dropped_ones_are_forgotten() {
        let start = Instant::now();
        let ms = |n| Sleep::new(Duration::from_millis(n));
        block_on(async {
            select(ms(60_000), ms(20)).await;
            join3(ms(40), ms(0), ms(30)).await;
            assert!(futures_util::poll!(&mut Sleep::new(Duration::MAX)).is_pending());
        });
        let took = start.elapsed();
        assert!((Duration::from_millis(60)..Duration::from_secs(20)).contains(&took), "{took:?}");
        assert!(timers().lock().wakers.is_empty());
    }
}
