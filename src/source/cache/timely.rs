//! A cache that is waited for only so long.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::ops::Range;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::net::transport::Transport;
use crate::source::Cache;

/// Times that a cache is too late, one after the other, before it is not asked any more.
const MAX_LATE: u32 = 2;

/// A cache as the reader of one image asks it: whatever has no answer in time is as if it were absent, and a cache for
/// which that is so again and again is not asked any more. What is at hand costs no timer.
pub struct TimelyCache {
    cache: Rc<dyn Cache>,
    transport: Rc<dyn Transport>,
    limit: u64,
    reads: Patience,
    writes: Patience,
}

impl fmt::Debug for TimelyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimelyCache").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl TimelyCache {
    /// Waits `limit` milliseconds for each answer of `cache`, see
    /// [`max_cache_ms`](crate::limits::Limits::max_cache_ms); 0 waits for ever. `transport` has the timers.
    pub fn new(cache: Rc<dyn Cache>, transport: Rc<dyn Transport>, limit: u64) -> Self {
        TimelyCache { cache, transport, limit, reads: Patience::default(), writes: Patience::default() }
    }

    async fn wait<T>(&self, patience: &Patience, mut answer: LocalBoxFuture<'_, T>) -> Option<T> {
        if self.limit == 0 {
            return Some(answer.await);
        }
        let before = patience.0.get();
        let mut timer = None;
        poll_fn(|cx| {
            if let Poll::Ready(value) = answer.poll_unpin(cx) {
                patience.0.set(0);
                return Poll::Ready(Some(value));
            }
            let timer = timer.get_or_insert_with(|| self.transport.sleep(Duration::from_millis(self.limit)));
            timer.poll_unpin(cx).map(|()| {
                // Calls of the same time count once.
                patience.0.set(patience.0.get().max(before + 1));
                None
            })
        })
        .await
    }
}

/// How often in a row there was no answer.
#[derive(Default)]
struct Patience(Cell<u32>);

impl Patience {
    fn is_over(&self) -> bool {
        self.0.get() >= MAX_LATE
    }
}

impl Cache for TimelyCache {
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            if self.reads.is_over() {
                return None;
            }
            self.wait(&self.reads, self.cache.get(key)).await.flatten()
        })
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            // Nobody will read it where reading has been given up.
            if !self.reads.is_over() && !self.writes.is_over() {
                self.wait(&self.writes, self.cache.put(key, value)).await;
            }
        })
    }

    fn has_ranges(&self) -> bool {
        self.cache.has_ranges()
    }

    fn get_range<'a>(&'a self, key: &'a str, range: Range<u64>) -> LocalBoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            if self.reads.is_over() {
                return None;
            }
            self.wait(&self.reads, self.cache.get_range(key, range)).await.flatten()
        })
    }
}
