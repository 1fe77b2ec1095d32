//! Statistics: every request, byte and cache hit is counted, so that the cost of a read can be shown and asserted.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use crate::error::Result;
use crate::limits::Limits;
use crate::net::transport::Purpose;

/// One request, as [`Stats::requests`] lists it. Holds no query string and no host but the registry's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Why it was made.
    pub purpose: Purpose,
    /// `GET`, `HEAD`, `POST`, or `READ` for a local source.
    pub method: &'static str,
    /// What was asked for: the URL without user, query and fragment, or the file's name.
    pub target: String,
    /// The byte range asked for.
    pub range: Option<Range<u64>>,
    /// HTTP status; 0 where none came. Local reads have 200 or 206.
    pub status: u16,
    /// Bytes of the body that arrived.
    pub bytes: u64,
}

/// A snapshot of the counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Requests sent, retries and redirects included.
    pub requests: u64,
    /// Body bytes received.
    pub bytes: u64,
    /// Requests that were sent again after a failure.
    pub retries: u64,
    /// Inflated spans, metadata or blobs found in a cache.
    pub cache_hits: u64,
    /// Those looked for in a cache and not found.
    pub cache_misses: u64,
    /// Bytes inflated.
    pub inflated: u64,
}

/// Shared counters of one open image. Clones share.
#[derive(Debug, Clone, Default)]
pub struct Stats(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requests: Cell<u64>,
    bytes: Cell<u64>,
    retries: Cell<u64>,
    cache_hits: Cell<u64>,
    cache_misses: Cell<u64>,
    inflated: Cell<u64>,
    /// What the counter was when so many bytes more were allowed; no bound where that was never said.
    allowed: Cell<Option<(u64, u64)>>,
    log: RefCell<Vec<RequestRecord>>,
}

/// Requests kept in the log; the counters go on.
const LOG_LEN: usize = 4096;

/// Byte counter of one request, while its body arrives.
#[derive(Debug, Clone)]
pub struct RequestHandle {
    stats: Stats,
    index: Option<usize>,
}

impl RequestHandle {
    /// Adds received body bytes.
    pub fn add_bytes(&self, n: u64) {
        self.stats.0.bytes.set(self.stats.0.bytes.get().saturating_add(n));
        self.edit(|r| r.bytes = r.bytes.saturating_add(n));
    }
    /// Notes the status.
    pub fn set_status(&self, status: u16) {
        self.edit(|r| r.status = status);
    }
    fn edit(&self, f: impl FnOnce(&mut RequestRecord)) {
        if let Some(r) = self.index.and_then(|i| self.stats.0.log.borrow_mut().get_mut(i).map(f)) {
            r
        }
    }
}

impl Stats {
    /// Counts a request that is about to be sent.
    pub fn request(&self, record: RequestRecord) -> RequestHandle {
        self.0.requests.set(self.0.requests.get() + 1);
        let mut log = self.0.log.borrow_mut();
        let index = (log.len() < LOG_LEN).then_some(log.len());
        if index.is_some() {
            log.push(record);
        }
        RequestHandle { stats: self.clone(), index }
    }
    /// Counts a retry.
    pub fn retry(&self) {
        self.0.retries.set(self.0.retries.get() + 1);
    }
    /// Counts a cache look-up.
    pub fn cache(&self, hit: bool) {
        let c = if hit { &self.0.cache_hits } else { &self.0.cache_misses };
        c.set(c.get() + 1);
    }
    /// Counts inflated bytes.
    pub fn inflated(&self, n: u64) {
        self.0.inflated.set(self.0.inflated.get().saturating_add(n));
    }
    /// Counts bytes that are about to be inflated, or just were, piece by piece; `LIMIT_EXCEEDED`
    /// (`max_inflated_bytes`) where that is more than [allowed](Stats::allow_inflated).
    pub fn inflate(&self, n: u64) -> Result<()> {
        let total = self.0.inflated.get().saturating_add(n);
        if let Some((start, bytes)) = self.0.allowed.get() {
            Limits::check("max_inflated_bytes", total.saturating_sub(start), bytes)?;
        }
        self.0.inflated.set(total);
        Ok(())
    }
    /// How many bytes more may be inflated.
    #[cfg(feature = "zstd-stream")]
    pub(crate) fn inflatable(&self) -> u64 {
        self.0.allowed.get().map_or(u64::MAX, |(start, bytes)| {
            start.saturating_add(bytes).saturating_sub(self.0.inflated.get())
        })
    }
    /// From now on at most so many bytes are inflated.
    pub fn allow_inflated(&self, bytes: u64) {
        self.0.allowed.set(Some((self.0.inflated.get(), bytes)));
    }
    /// The counters now.
    pub fn counters(&self) -> Counters {
        Counters {
            requests: self.0.requests.get(),
            bytes: self.0.bytes.get(),
            retries: self.0.retries.get(),
            cache_hits: self.0.cache_hits.get(),
            cache_misses: self.0.cache_misses.get(),
            inflated: self.0.inflated.get(),
        }
    }
    /// The first 4,096 requests, in the order in which they were sent.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.0.log.borrow().clone()
    }
}
