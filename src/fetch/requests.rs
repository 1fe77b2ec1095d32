//! Fetches neighbouring spans of a layer in order: from the cache or by one Range request for each gap in it, each
//! span verified and given out as soon as its last byte is here, while the request goes on.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use bytes::{Buf, Bytes};
use futures_util::future::{LocalBoxFuture, join};
use futures_util::stream::{self, LocalBoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::context::Context;
use super::span_table::{SpanTable, Window, no_span};
use crate::error::{Code, Error, Result};
use crate::format::gzip::HeaderParser;
use crate::format::oci::{Descriptor, Digest};
use crate::format::ztoc::Compression;
use crate::limits::Limits;
use crate::net::http::Gather;
use crate::net::transport::{ByteStream, at_once};

/// Cache look-ups under way at a time.
const LOOK_UPS: usize = 16;

/// A layer's bytes and what its zTOC says of its spans.
pub(crate) struct Plan {
    pub(crate) context: Rc<Context>,
    pub(crate) layer: Descriptor,
    pub(crate) spans: Box<dyn SpanTable>,
}

impl Plan {
    /// Compressed bytes of span `k`, one early where it shares one with its neighbour.
    pub(crate) fn input(&self, k: usize) -> Result<Range<u64>> {
        self.spans.input(k).filter(|r| r.start <= r.end && r.end <= self.layer.size).ok_or_else(|| no_span(k))
    }

    /// Inflated bytes of span `k`.
    pub(crate) fn output(&self, k: usize) -> Result<Range<u64>> {
        self.spans.output(k).filter(|r| r.start <= r.end).ok_or_else(|| no_span(k))
    }

    /// Where a request that begins with span `k` begins. The first one takes the gzip header along, to see that the
    /// zTOC's first span begins right behind it.
    fn request_start(&self, k: usize) -> Result<u64> {
        let start = self.input(k)?.start;
        let header = k == 0 && self.spans.compression() == Compression::Gzip;
        let wanted = self.context.verify || self.spans.is_v1_first();
        Ok(if header && wanted { 0 } else { start })
    }

    /// `error` with what it concerns: this layer, at the start of span `k`.
    fn at(&self, k: usize, error: Error) -> Error {
        let error = error.with_digest(&self.layer.digest);
        match self.spans.input(k) {
            Some(range) => error.with_offset(range.start),
            None => error,
        }
    }
}

/// A span's number, and its verified compressed bytes and window, ready for the inflater.
pub(crate) type Fetched = (usize, Result<(Bytes, Window)>);

/// Fetches spans `first..=last` in order. An item's `Err` concerns that span alone; the stream's, all that are left.
/// Nothing is requested before it is polled; dropping it cancels the request.
pub(crate) fn fetch(plan: Rc<Plan>, first: usize, last: usize) -> LocalBoxStream<'static, Result<Fetched>> {
    let state = Fetch { plan, next: first, last, cached: None, body: None, shared: None, header: None };
    stream::try_unfold(state, |mut f| async move {
        let k = f.next;
        match f.step().await {
            Ok(item) => Ok(item.map(|i| (i, f))),
            Err(e) => Err(f.plan.at(k, e)),
        }
    })
    .boxed_local()
}

struct Fetch {
    plan: Rc<Plan>,
    next: usize,
    last: usize,
    /// What the cache has of `next..=last`; `None` before it was asked.
    cached: Option<VecDeque<Option<Bytes>>>,
    body: Option<Body>,
    /// The last byte of the span before, which the next one may begin with.
    shared: Option<u8>,
    /// The gzip header in front of span 0, as far as it is read.
    header: Option<HeaderParser>,
}

impl Fetch {
    async fn step(&mut self) -> Result<Option<Fetched>> {
        let k = self.next;
        if k > self.last {
            return Ok(None);
        }
        let mut cached = match self.cached.take() {
            Some(cached) => cached,
            None => self.look_up().await,
        };
        let hit = cached.pop_front().flatten();
        let gap = cached.iter().take_while(|c| c.is_none()).count();
        self.cached = Some(cached);
        self.next = k.saturating_add(1);
        let plan = self.plan.clone();
        let data = async {
            match hit {
                Some(data) => Ok(Ok(data)),
                None => self.data(k, gap).await,
            }
        };
        let (data, window) = join(data, plan.spans.window(k)).await;
        let both = data?.and_then(|data| Ok((data, window?)));
        Ok(Some((k, both.map_err(|e| self.plan.at(k, e)))))
    }

    /// Span `k`, of the request under way or of a new one, which takes the `gap` spans behind it along.
    async fn data(&mut self, k: usize, gap: usize) -> Result<Result<Bytes>> {
        let input = self.plan.input(k)?;
        let length = input.end.saturating_sub(input.start);
        Limits::check("max_span_size", length, self.plan.context.limits.max_span_size)?;
        let mut body = match self.body.take() {
            Some(body) => body,
            None => self.request(k, k.saturating_add(gap)).await?,
        };
        if body.at < input.start {
            self.read_header(&mut body, input.start).await?;
        }
        let mut data = Gather::new(length);
        if body.at > input.start {
            data.append(self.shared.as_slice())?;
        }
        body.gather(input.end, &mut data).await?;
        let data = data.finish();
        self.shared = data.last().copied();
        if body.at >= body.end {
            body.finish().await?;
        } else {
            self.body = Some(body);
        }
        Ok(match self.verify(k, data).await {
            Ok(data) => self.skip_header(k, data),
            Err(e) => Err(e),
        })
    }

    /// Asks the cache for all spans of this run, so that one request is made for each gap.
    async fn look_up(&self) -> VecDeque<Option<Bytes>> {
        let plan = &self.plan;
        let spans = self.next..self.last.saturating_add(1);
        let Some(cache) = plan.context.cache.clone().filter(|_| plan.context.verify) else {
            return spans.map(|_| None).collect();
        };
        let found: Vec<_> = spans.clone().map(|_| OnceCell::new()).collect();
        let look_ups = spans.zip(&found).map(|(k, found)| -> LocalBoxFuture<'_, Result<()>> {
            let (plan, cache) = (plan.clone(), cache.clone());
            Box::pin(async move {
                // The header that a version 1 zTOC leaves out is not in the cache.
                let Some(digest) = plan.spans.digest(k).filter(|_| k > 0 || !plan.spans.is_v1_first()) else {
                    return Ok(());
                };
                let data = match cache.get(&digest.to_string()).await {
                    Some(data)
                        if Digest::from_sha256(plan.context.transport.sha256(data.clone()).await)
                            == digest =>
                    {
                        Some(data)
                    }
                    _ => None,
                };
                plan.context.source.stats().cache(data.is_some());
                found.set(data).unwrap_or_default();
                Ok(())
            })
        });
        // None fails.
        at_once(look_ups.collect(), LOOK_UPS).await.unwrap_or_default();
        found.into_iter().map(|found| found.into_inner().flatten()).collect()
    }

    /// Requests spans `first..=last`.
    async fn request(&mut self, first: usize, last: usize) -> Result<Body> {
        self.shared = None;
        let range = self.plan.request_start(first)?..self.plan.input(last)?.end;
        self.plan.body(range).await
    }

    /// Reads the bytes in front of the first span, which must be a gzip header and nothing else.
    async fn read_header(&mut self, body: &mut Body, until: u64) -> Result<()> {
        let parser = self.header.insert(HeaderParser::new());
        let (mut used, mut failed) = (0u64, None);
        while body.at < until && failed.is_none() && !parser.is_done() {
            body.read_some(until, |piece| match parser.push(piece) {
                Ok(n) => used = used.saturating_add(n as u64),
                Err(e) => failed = Some(e),
            })
            .await?;
        }
        match failed {
            Some(e) => Err(e),
            None if used == until && (parser.is_done() || self.plan.spans.is_v1_first()) => Ok(()),
            None => Err(Error::new(
                Code::CorruptZtoc,
                "the zTOC's first span does not begin right behind the layer's gzip header; is it the zTOC of \
                 another layer?",
            )),
        }
    }

    /// Drops the rest of a gzip header that is longer than a version 1 zTOC assumes.
    fn skip_header(&mut self, k: usize, data: Bytes) -> Result<Bytes> {
        let Some(mut parser) = self.header.take().filter(|p| k == 0 && !p.is_done()) else { return Ok(data) };
        let skip = parser.push(&data)?;
        if !parser.is_done() {
            return Err(Error::new(
                Code::CorruptLayer,
                "the layer's gzip header does not end within its first span",
            ));
        }
        Ok(data.slice(skip.min(data.len())..))
    }

    /// `data` if it has the span's digest; else fetches the span once more, alone.
    async fn verify(&self, k: usize, data: Bytes) -> Result<Bytes> {
        let context = &self.plan.context;
        if !context.verify {
            return Ok(data);
        }
        let digest = self.plan.spans.digest(k).ok_or_else(|| no_span(k))?;
        let matches =
            async |data: &Bytes| Digest::from_sha256(context.transport.sha256(data.clone()).await) == digest;
        let data = if matches(&data).await {
            data
        } else {
            drop(data);
            context.source.stats().retry();
            let input = self.plan.input(k)?;
            let mut body = self.plan.body(input.clone()).await?;
            let mut again = Gather::new(input.end.saturating_sub(input.start));
            body.gather(input.end, &mut again).await?;
            body.finish().await?;
            let again = again.finish();
            if !matches(&again).await {
                return Err(Error::new(
                    Code::DigestMismatch,
                    format!(
                        "span {k} of the layer does not have the digest that its zTOC states ({digest}), fetched \
                         twice; the registry's copy is damaged or the zTOC is another layer's"
                    ),
                ));
            }
            again
        };
        if let Some(cache) = &context.cache {
            cache.put(&digest.to_string(), data.clone()).await;
        }
        Ok(data)
    }
}

impl Plan {
    async fn body(&self, range: Range<u64>) -> Result<Body> {
        let stream = self.context.source.blob_range(&self.layer, range.clone()).await?;
        Ok(Body { stream, at: range.start, end: range.end, rest: Bytes::new() })
    }
}

/// The body of a Range request, read in pieces that end where spans do.
struct Body {
    stream: ByteStream,
    /// Offset in the layer of the next byte.
    at: u64,
    end: u64,
    /// What arrived already.
    rest: Bytes,
}

impl Body {
    /// Reads up to offset `until`, as it arrives.
    async fn gather(&mut self, until: u64, into: &mut Gather) -> Result<()> {
        let mut gathered = Ok(());
        while self.at < until && gathered.is_ok() {
            self.read_some(until, |piece| gathered = into.append(piece)).await?;
        }
        gathered
    }

    /// Reads what arrived, or arrives next, at most up to `until`.
    async fn read_some(&mut self, until: u64, mut sink: impl FnMut(&[u8])) -> Result<()> {
        if self.rest.is_empty() {
            self.rest = self.stream.try_next().await?.ok_or_else(|| {
                Error::new(Code::Network, "the answer to a Range request ended early").with_offset(self.at)
            })?;
        }
        let want = usize::try_from(until.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let n = want.min(self.rest.len());
        sink(self.rest.get(..n).unwrap_or_default());
        self.rest.advance(n);
        self.at = self.at.saturating_add(n as u64);
        Ok(())
    }

    /// Sees the body's end, so that the connection can be used again.
    async fn finish(mut self) -> Result<()> {
        while self.rest.is_empty() {
            match self.stream.try_next().await? {
                Some(more) => self.rest = more,
                None => return Ok(()),
            }
        }
        Err(Error::new(Code::RangeNotSupported, "the answer to a Range request is longer than the range"))
    }
}
