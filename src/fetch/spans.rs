//! The spans of one layer: what is cached, what is on its way, and readers of byte ranges over them.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::{Rc, Weak};
use std::task::{Context as Task, Poll, ready};

use bytes::Bytes;

use super::owner::Owner;
use super::requests::{Fetched, Plan, fetch};
use super::shared_stream::{SharedStream, Waiting};
use super::span_cache::{Key, SpanCell};
use super::span_table::{Window, no_span};
use crate::error::{Code, Error, Result};
use crate::format::gzip::{SpanEnd, SpanInflater};
use crate::format::ztoc::Compression;

/// Inflated bytes that a reader gives out at a time, at most.
const CHUNK: u64 = 256 << 10;

/// Bytes of memory that an inflater takes beside its span.
pub(crate) const ENGINE: u64 = 80 << 10;

/// How many compressed bytes a request under way may have to go until a span, for a reader of that span to wait for
/// it rather than to request it on its own.
const JOIN_DISTANCE: u64 = 4 << 20;

/// The spans of one layer. Several readers share it.
pub(crate) struct SpanStore {
    plan: Rc<Plan>,
    /// Tells the layer's spans from others' in the image's cache.
    id: usize,
    /// Of all readers.
    runs: Runs,
}

/// Requests for spans that are under way.
pub(crate) type Runs = Rc<RefCell<Vec<Weak<Run>>>>;

/// Neighbouring spans on their way. Whoever waits for one drives it; without anyone who does, it is dropped, which
/// cancels its request.
pub(crate) struct Run {
    owner: Owner,
    last: usize,
    /// The span that it gives out next.
    next: Cell<usize>,
    driver: SharedStream<Result<Fetched>>,
    waiting: Waiting<usize>,
}

impl SpanStore {
    /// The spans of `plan`'s layer; `id` is unique among the layers that share its cache.
    pub(crate) fn new(plan: Plan, id: usize, runs: Runs) -> Self {
        SpanStore { plan: Rc::new(plan), id, runs }
    }

    /// Loads what is to be known of the spans of these bytes of the tar.
    pub(crate) async fn ready(&self, range: &Range<u64>) -> Result<()> {
        self.plan.spans.ready(range).await
    }

    /// The same of spans `range`.
    pub(crate) async fn ready_spans(&self, range: &Range<usize>) -> Result<()> {
        self.plan.spans.ready_spans(range).await
    }

    /// The span that holds offset `at` of the tar.
    pub(crate) fn find(&self, at: u64) -> Result<usize> {
        self.plan.spans.find(at).ok_or_else(|| {
            Error::new(Code::CorruptZtoc, "a file lies outside of the zTOC's spans")
                .with_digest(&self.plan.layer.digest)
                .with_offset(at)
        })
    }

    /// Number of spans.
    pub(crate) fn len(&self) -> usize {
        self.plan.spans.len()
    }

    /// About what span `k` takes in the cache before anything of it is inflated.
    pub(crate) fn memory(&self, k: usize) -> u64 {
        self.plan.spans.input(k).map_or(0, |r| r.end.saturating_sub(r.start)).saturating_add(ENGINE)
    }

    fn key(&self, k: usize) -> Key {
        (self.id, k as u64)
    }

    /// Span `k`: from the cache, from a request that is under way, or by a new one, which takes the missing spans
    /// up to `reach` along. `held` keeps that request alive between calls.
    async fn span(
        self: &Rc<Self>,
        k: usize,
        reach: usize,
        held: &mut Option<Rc<Run>>,
    ) -> Result<Rc<SpanCell>> {
        let context = &self.plan.context;
        if let Some(cell) = context.spans.get(self.key(k)) {
            context.source.stats().cache(true);
            context.spans.used(self.key(k), &cell);
            return Ok(cell);
        }
        let run = match self.joinable(k) {
            Some(run) => run,
            None => self.open(k, reach)?,
        };
        *held = Some(run.clone());
        let got = run.waiting.wait(k, |cx| self.advance(&run, cx)).await;
        if got.is_ok() || run.owner == context.owner {
            return got;
        }
        // What another reader's request comes to decides nothing here.
        let run = self.open(k, reach)?;
        *held = Some(run.clone());
        run.waiting.wait(k, |cx| self.advance(&run, cx)).await
    }

    /// A run under way that comes to span `k` soon.
    fn joinable(&self, k: usize) -> Option<Rc<Run>> {
        self.runs.borrow().iter().filter_map(Weak::upgrade).find(|run| {
            let next = run.next.get();
            let start = |k| self.plan.spans.input(k).map_or(0, |r| r.start);
            self.plan.context.owner.may_join(run.owner)
                && (next..=run.last).contains(&k)
                && (k <= next.saturating_add(1) || start(k).saturating_sub(start(next)) <= JOIN_DISTANCE)
        })
    }

    /// A new run from span `k` to at most `reach`: as far as spans are missing and one request may go.
    fn open(self: &Rc<Self>, k: usize, reach: usize) -> Result<Rc<Run>> {
        let context = &self.plan.context;
        let start = self.plan.input(k)?.start;
        let mut last = k;
        while let Some(next) = last.checked_add(1).filter(|&n| n <= reach && n < self.len()) {
            let length = self.plan.input(next)?.end.saturating_sub(start);
            let missing = context.spans.get(self.key(next)).is_none() && self.joinable(next).is_none();
            if length > context.limits.max_range_request || !missing {
                break;
            }
            last = next;
        }
        if context.cache.is_none() || !context.verify {
            (k..=last).for_each(|_| context.source.stats().cache(false));
        }
        let run = Rc::new(Run {
            owner: context.owner,
            last,
            next: Cell::new(k),
            driver: SharedStream::new(fetch(self.plan.clone(), k, last)),
            waiting: Waiting::default(),
        });
        let mut runs = self.runs.borrow_mut();
        runs.retain(|r| r.strong_count() > 0);
        runs.push(Rc::downgrade(&run));
        Ok(run)
    }

    /// Drives `run` by one span and gives that to those who wait for it.
    fn advance(&self, run: &Run, cx: &mut Task<'_>) -> Poll<()> {
        let ended = || Error::new(Code::Network, "a request for spans ended early");
        match ready!(run.driver.poll_next(cx)) {
            Some(Ok((k, fetched))) => {
                run.next.set(k.saturating_add(1));
                let cell = fetched.and_then(|(data, window)| self.arrived(k, data, &window));
                run.waiting.arrived(&k, &cell);
            }
            Some(Err(e)) => run.fail(&e),
            None => run.fail(&ended()),
        }
        Poll::Ready(())
    }

    /// Keeps a verified span, unless it is here already.
    fn arrived(&self, k: usize, data: Bytes, window: &Window) -> Result<Rc<SpanCell>> {
        let cache = &self.plan.context.spans;
        let cell = match cache.get(self.key(k)) {
            Some(cell) => cell,
            None => Rc::new(self.cell(k, data, window).map_err(|e| e.with_digest(&self.plan.layer.digest))?),
        };
        cache.used(self.key(k), &cell);
        Ok(cell)
    }

    fn cell(&self, k: usize, data: Bytes, window: &Window) -> Result<SpanCell> {
        let plan = &self.plan;
        if plan.spans.compression() == Compression::Uncompressed {
            return SpanCell::whole(data);
        }
        let output = plan.output(k)?;
        let limits = &plan.context.limits;
        let len = output.end.saturating_sub(output.start);
        crate::limits::Limits::check("max_span_size", len, limits.max_span_size)?;
        let len =
            usize::try_from(len).map_err(|_| Error::limit("max_span_size", len, limits.max_span_size))?;
        let (bits, next) = plan.spans.bits(k).ok_or_else(|| no_span(k))?;
        let end = next.map_or(SpanEnd::Last, |bits| SpanEnd::Checkpoint { bits });
        let inflater = SpanInflater::new(bits, window.bytes(), data, len, end, limits)?;
        Ok(SpanCell::inflating(inflater, len))
    }

    /// Fetches spans `range` into the cache. Spans that are there, or on their way, are not fetched again.
    pub(crate) async fn prefetch(self: &Rc<Self>, range: Range<usize>) -> Result<()> {
        let Some(reach) = range.end.min(self.len()).checked_sub(1) else { return Ok(()) };
        self.plan.spans.ready_spans(&range).await?;
        let mut held = None;
        for k in range.start..=reach {
            self.span(k, reach, &mut held).await?;
        }
        Ok(())
    }
}

impl Run {
    fn fail(&self, error: &Error) {
        // Nothing more comes: whoever wants one of these spans asks anew.
        self.next.set(self.last.saturating_add(1));
        self.waiting.failed(error);
    }
}

/// Reads bytes `at..end` of the tar, chunk by chunk. Nothing is fetched before it is asked, and then only what is
/// wanted next.
pub(crate) struct Reader {
    store: Rc<SpanStore>,
    at: u64,
    end: u64,
    /// The last span that a request may take along.
    reach: usize,
    run: Option<Rc<Run>>,
    current: Option<(usize, Rc<SpanCell>)>,
}

impl Reader {
    /// Reads `range`, which must not be empty; `CORRUPT_ZTOC` if it is not in the layer.
    pub(crate) async fn new(store: Rc<SpanStore>, range: Range<u64>) -> Result<Self> {
        store.plan.spans.ready(&range).await?;
        store.find(range.start)?;
        let reach = store.find(range.end.saturating_sub(1))?;
        Ok(Reader { store, at: range.start, end: range.end, reach, run: None, current: None })
    }

    /// Lets requests go on to the end of `range`, which is to be read next.
    pub(crate) async fn reaching(mut self, range: &Range<u64>) -> Result<Self> {
        self.store.plan.spans.ready(range).await?;
        self.reach = self.reach.max(self.store.find(range.end.saturating_sub(1))?);
        Ok(self)
    }

    /// Reads `range` from here on, with the request that is under way.
    pub(crate) async fn then(self, range: Range<u64>) -> Result<Self> {
        Ok(Reader { run: self.run, current: self.current, ..Reader::new(self.store, range).await? })
    }

    /// Waits until the span of the next byte is here.
    pub(crate) async fn ready(&mut self) -> Result<Rc<SpanCell>> {
        let k = self.store.find(self.at)?;
        if let Some((_, cell)) = self.current.as_ref().filter(|(have, _)| *have == k) {
            return Ok(cell.clone());
        }
        self.current = None;
        let cell = self.store.span(k, self.reach, &mut self.run).await?;
        self.current = Some((k, cell.clone()));
        Ok(cell)
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let cell = self.ready().await?;
        let (store, k) = (&self.store, self.store.find(self.at)?);
        let output = store.plan.output(k)?;
        let until = self.end.min(output.end).min(self.at.saturating_add(CHUNK));
        let inside = |at: u64| usize::try_from(at.saturating_sub(output.start)).unwrap_or(usize::MAX);
        let concerns = |e: Error| e.with_digest(&store.plan.layer.digest).with_offset(self.at);
        store.plan.context.source.stats().inflate(cell.missing(inside(until))).map_err(concerns)?;
        let (data, inflated) = cell.read(inside(self.at)..inside(until)).map_err(concerns)?;
        if inflated > 0 {
            store.plan.context.spans.used(store.key(k), &cell);
        }
        self.at = until;
        if self.at >= self.end {
            // Nothing more is wanted: let go of the request and the span at once.
            (self.run, self.current) = (self.run.take().filter(|_| self.reach > k), self.current.take());
        }
        Ok(Some(data))
    }

    /// All bytes up to the end.
    pub(crate) async fn read_all(&mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(data) = self.next().await? {
            all.extend_from_slice(&data);
        }
        Ok(all)
    }
}
