//! The spans of a layer with a zTOC: pieces of its compressed bytes, and readers of ranges of its tar.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;

use super::Context;
use super::table::{SpanTable, Window, no_span};
use crate::error::{Code, Error, Result};
use crate::fetch::body::Body;
use crate::fetch::buffer::CHUNK;
use crate::fetch::scheduler::{Piece, Requests, Run, Scheduler};
use crate::fetch::span_cache::{Key, SpanCell};
use crate::format::gzip::{HeaderParser, SpanEnd, SpanInflater};
use crate::format::oci::{Descriptor, Digest};
use crate::format::ztoc::Compression;
use crate::limits::Limits;
use crate::net::transport::Later;

/// Bytes of memory that an inflater takes beside its span.
pub(super) const ENGINE: u64 = 80 << 10;

/// A layer's bytes and what its zTOC says of its spans; `id` is unique among the layers that share its cache.
pub(super) struct Plan {
    pub(super) context: Rc<Context>,
    pub(super) layer: Descriptor,
    pub(super) spans: SpanTable,
    pub(super) id: usize,
}

impl Plan {
    /// Compressed bytes of span `k`, one early where it shares one with its neighbour.
    fn input(&self, k: usize) -> Result<Range<u64>> {
        self.spans.input(k).filter(|r| r.start <= r.end && r.end <= self.layer.size).ok_or_else(|| no_span(k))
    }

    /// Inflated bytes of span `k`.
    fn output(&self, k: usize) -> Result<Range<u64>> {
        self.spans.output(k).filter(|r| r.start <= r.end).ok_or_else(|| no_span(k))
    }

    fn key(&self, k: usize) -> Key {
        (self.id, k as u64)
    }
}

/// One span on its way.
struct Span {
    plan: Rc<Plan>,
    k: usize,
    /// With verification.
    digest: Option<Digest>,
    window: OnceCell<Window>,
    /// The gzip header in front of the first one, as far as it is read, and how far that is.
    header: RefCell<Option<HeaderParser>>,
    header_len: Cell<u64>,
}

impl Span {
    fn cell(&self, data: Bytes) -> Result<SpanCell> {
        let (plan, k) = (&self.plan, self.k);
        if plan.spans.compression() == Compression::Uncompressed {
            return SpanCell::whole(data);
        }
        let data = self.skip_header(data)?;
        let (output, limits) = (plan.output(k)?, &plan.context.limits);
        let len = output.end.saturating_sub(output.start);
        Limits::check("max_span_size", len, limits.max_span_size)?;
        let len =
            usize::try_from(len).map_err(|_| Error::limit("max_span_size", len, limits.max_span_size))?;
        let (bits, next) = plan.spans.bits(k).ok_or_else(|| no_span(k))?;
        let end = next.map_or(SpanEnd::Last, |bits| SpanEnd::Checkpoint { bits });
        let window = self.window.get().ok_or_else(|| no_span(k))?;
        let inflater = SpanInflater::new(bits, window.bytes(), data, len, end, limits)?;
        Ok(SpanCell::inflating(inflater, len))
    }

    /// Drops the rest of a gzip header that is longer than a version 1 zTOC assumes.
    fn skip_header(&self, data: Bytes) -> Result<Bytes> {
        let Some(mut parser) = self.header.take().filter(|p| !p.is_done()) else { return Ok(data) };
        let skip = parser.push(&data)?;
        if !parser.is_done() {
            let message = "the layer's gzip header does not end within its first span";
            return Err(Error::new(Code::CorruptLayer, message));
        }
        Ok(data.slice(skip.min(data.len())..))
    }
}

impl Piece for Span {
    fn key(&self) -> Key {
        self.plan.key(self.k)
    }

    fn range(&self) -> Result<Range<u64>> {
        match self.digest {
            None if self.plan.context.verify => Err(no_span(self.k)),
            _ => self.plan.input(self.k),
        }
    }

    fn body(&self, range: Range<u64>) -> Later<'_, Body> {
        Box::pin(Body::range(&*self.plan.context.source, &self.plan.layer, range))
    }

    /// The first one takes the gzip header along, to see that the zTOC's first span begins right behind it.
    fn start(&self, range: &Range<u64>) -> u64 {
        let spans = &self.plan.spans;
        let header = self.k == 0 && spans.compression() == Compression::Gzip;
        let wanted = self.plan.context.verify || spans.is_v1_first();
        if header && wanted { 0 } else { range.start }
    }

    /// What is in front of the first span must be a gzip header and nothing else.
    fn lead(&self, bytes: &[u8]) -> Result<()> {
        if self.k > 0 {
            return Ok(());
        }
        let mut header = self.header.borrow_mut();
        let parser = header.get_or_insert_with(HeaderParser::new);
        let used = parser.push(bytes)?;
        self.header_len.set(self.header_len.get().saturating_add(used as u64));
        let is_all = self.header_len.get() == self.plan.input(0)?.start;
        if used == bytes.len() && (!is_all || parser.is_done() || self.plan.spans.is_v1_first()) {
            return Ok(());
        }
        let message = "the zTOC's first span does not begin right behind the layer's gzip header; is it the zTOC of \
                       another layer?";
        Err(Error::new(Code::CorruptZtoc, message))
    }

    fn digest(&self) -> Option<Digest> {
        self.digest
    }

    fn is_cached(&self) -> bool {
        // The header that a version 1 zTOC leaves out is not in the cache.
        self.digest.is_some() && (self.k > 0 || !self.plan.spans.is_v1_first())
    }

    fn mismatch(&self) -> String {
        let digest = self.digest.map(|digest| digest.to_string()).unwrap_or_default();
        format!(
            "span {} of the layer does not have the digest that its zTOC states ({digest}), fetched twice; the registry's \
             copy is damaged or the zTOC is another layer's",
            self.k
        )
    }

    fn prepare(&self) -> Later<'_, ()> {
        Box::pin(async {
            let window = self.plan.spans.window(self.k).await?;
            self.window.get_or_init(|| window);
            Ok(())
        })
    }

    fn open(&self, data: Bytes) -> Result<SpanCell> {
        // Its digest is right: other bytes would be no better.
        self.cell(data).map_err(Error::given_up)
    }

    fn concerns(&self, error: Error) -> Error {
        let error = error.with_digest(&self.plan.layer.digest);
        match self.plan.spans.input(self.k) {
            Some(range) => error.with_offset(range.start),
            None => error,
        }
    }
}

/// The spans of one layer. Several streams share it.
pub(super) struct SpanStore {
    plan: Rc<Plan>,
    scheduler: Scheduler,
}

impl SpanStore {
    /// The spans of `plan`'s layer, whose readers share `requests`.
    pub(super) fn new(plan: Plan, requests: Requests) -> Self {
        let scheduler = Scheduler::new(plan.context.clone(), requests);
        SpanStore { plan: Rc::new(plan), scheduler }
    }

    /// Loads what is to be known of the spans of these bytes of the tar.
    pub(super) async fn ready(&self, range: &Range<u64>) -> Result<()> {
        self.plan.spans.ready(range).await
    }

    /// The same of spans `range`.
    pub(super) async fn ready_spans(&self, range: &Range<usize>) -> Result<()> {
        self.plan.spans.ready_spans(range).await
    }

    /// The span that holds offset `at` of the tar.
    pub(super) fn find(&self, at: u64) -> Result<usize> {
        self.plan.spans.find(at).ok_or_else(|| {
            Error::new(Code::CorruptZtoc, "a file lies outside of the zTOC's spans")
                .with_digest(&self.plan.layer.digest)
                .with_offset(at)
        })
    }

    /// Number of spans.
    pub(super) fn len(&self) -> usize {
        self.plan.spans.len()
    }

    /// About what span `k` takes in the cache before anything of it is inflated.
    pub(super) fn memory(&self, k: usize) -> u64 {
        self.plan.spans.input(k).map_or(0, |r| r.end.saturating_sub(r.start)).saturating_add(ENGINE)
    }

    /// Span `k`; a request for it takes missing ones up to `reach` along.
    async fn span(&self, k: usize, reach: usize, held: &mut Option<Rc<Run>>) -> Result<Rc<SpanCell>> {
        let span = |k| -> Rc<dyn Piece> {
            let plan = self.plan.clone();
            let digest = plan.spans.digest(k).filter(|_| plan.context.verify);
            let (window, header, header_len) = (OnceCell::new(), RefCell::default(), Cell::default());
            Rc::new(Span { plan, k, digest, window, header, header_len })
        };
        let mut ahead = (k.saturating_add(1)..reach.saturating_add(1).min(self.len())).map(span);
        self.scheduler.get(span(k), &mut ahead, held).await
    }

    /// Fetches spans `range` into the cache. Spans that are there, or on their way, are not fetched again.
    pub(super) async fn prefetch(&self, range: Range<usize>) -> Result<()> {
        let Some(reach) = range.end.min(self.len()).checked_sub(1) else { return Ok(()) };
        self.plan.spans.ready_spans(&range).await?;
        let mut held = None;
        for k in range.start..=reach {
            self.span(k, reach, &mut held).await?;
        }
        Ok(())
    }
}

/// Reads bytes `at..end` of the tar, chunk by chunk. Nothing is fetched before it is asked, and then only what is
/// wanted next.
pub(super) struct Reader {
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
    pub(super) async fn new(store: Rc<SpanStore>, range: Range<u64>) -> Result<Self> {
        store.plan.spans.ready(&range).await?;
        store.find(range.start)?;
        let reach = store.find(range.end.saturating_sub(1))?;
        Ok(Reader { store, at: range.start, end: range.end, reach, run: None, current: None })
    }

    /// Lets requests go on to the end of `range`, which is to be read next.
    pub(super) async fn reaching(mut self, range: &Range<u64>) -> Result<Self> {
        self.store.plan.spans.ready(range).await?;
        self.reach = self.reach.max(self.store.find(range.end.saturating_sub(1))?);
        Ok(self)
    }

    /// Reads `range` from here on, with the request that is under way.
    pub(super) async fn then(self, range: Range<u64>) -> Result<Self> {
        Ok(Reader { run: self.run, current: self.current, ..Reader::new(self.store, range).await? })
    }

    /// Waits until the span of the next byte is here.
    pub(super) async fn ready(&mut self) -> Result<Rc<SpanCell>> {
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
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
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
            store.plan.context.spans.used(store.plan.key(k), &cell);
        }
        self.at = until;
        if self.at >= self.end {
            // Nothing more is wanted: let go of the request and the span at once.
            (self.run, self.current) = (self.run.take().filter(|_| self.reach > k), self.current.take());
        }
        Ok(Some(data))
    }

    /// All bytes up to the end.
    pub(super) async fn read_all(&mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(data) = self.next().await? {
            all.extend_from_slice(&data);
        }
        Ok(all)
    }
}
