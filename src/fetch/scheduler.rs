//! Scheduler of ranged reads: pieces of blobs are fetched together, joined, shared, verified, fetched once more where they are
//! damaged, kept, and given out as soon as their last bytes are here.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Range;
use std::rc::{Rc, Weak};
use std::task::{Context as Task, Poll, ready};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream;

use super::body::Body;
use super::context::Context;
use super::owner::Owner;
use super::shared_stream::SharedStream;
use super::span_cache::{Key, SpanCell};
use crate::error::{Code, Error, Result};
use crate::format::oci::Digest;
use crate::limits::Limits;
use crate::net::retry_damaged::{is_damaged, twice};
use crate::net::transport::{Later, at_once};

/// Cache look-ups under way at a time.
const LOOK_UPS: usize = 16;

/// Bytes between two pieces that are rather fetched along than left out by a further request.
const GAP: u64 = 32 << 10;

/// How many bytes a request under way may have to go until a piece, for a reader of that piece to wait for it rather than to
/// request it on its own.
const JOIN_DISTANCE: u64 = 4 << 20;

/// Unit of fetching, verifying and keeping: a span, a chunk, a segment of a stream.
pub(crate) trait Piece {
    /// What it is kept by in memory.
    fn key(&self) -> Key;

    /// Where it lies in what [`body`](Piece::body) gives; an error where it cannot be there.
    fn range(&self) -> Result<Range<u64>>;

    /// A body that begins with `range`, or before it.
    fn body(&self, range: Range<u64>) -> Later<'_, Body>;

    /// Where a request begins that begins with this piece.
    fn start(&self, range: &Range<u64>) -> u64 {
        range.start
    }

    /// Takes bytes in front of it.
    fn lead(&self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Whether a request that comes to this piece, and is at an offset, is better waited for than another made.
    fn joins(&self, range: &Range<u64>, at: u64) -> bool {
        range.start.saturating_sub(at) <= JOIN_DISTANCE
    }

    /// Whether it can only be had on the way to later ones, so that these need no requests of their own.
    fn is_on_the_way(&self) -> bool {
        false
    }

    /// What its bytes must have.
    fn digest(&self) -> Option<Digest> {
        None
    }

    /// Whether the cache keeps its bytes by that.
    fn is_cached(&self) -> bool {
        false
    }

    /// What is wrong where its bytes do not have their digest, fetched twice.
    fn mismatch(&self) -> String {
        String::new()
    }

    /// Loads what is needed besides its bytes to open it.
    fn prepare(&self) -> Later<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// What is kept of it.
    fn open(&self, data: Bytes) -> Result<SpanCell>;

    /// An error with what it concerns.
    fn concerns(&self, error: Error) -> Error;
}

/// Requests of all readers that are under way.
pub(crate) type Requests = Rc<RefCell<Vec<Weak<Run>>>>;

/// Gives out the pieces of a layer to one reader.
pub(crate) struct Scheduler {
    pub(crate) context: Rc<Context>,
    requests: Requests,
}

/// A piece of a run.
#[derive(Clone)]
struct Planned {
    piece: Rc<dyn Piece>,
    key: Key,
    range: Range<u64>,
}

/// A piece that arrived: its number in its run, and it.
type Arrived = (usize, Result<Rc<SpanCell>>);

/// Where a piece is put for one who waits for it, so that it gets it whatever the cache keeps.
type Place = RefCell<Option<Result<Rc<SpanCell>>>>;

/// Neighbouring pieces on their way. Whoever waits for one drives it; without anyone who does, it is dropped, which cancels its
/// request.
pub(crate) struct Run {
    owner: Owner,
    pieces: Vec<(Key, u64)>,
    /// The one that it gives out next.
    next: Cell<usize>,
    driver: SharedStream<Result<Arrived>>,
    /// Who waits for which piece.
    waiting: RefCell<Vec<(Key, Weak<Place>)>>,
}

impl Scheduler {
    /// For the reader whose context this is; readers of a layer share its `requests`.
    pub(crate) fn new(context: Rc<Context>, requests: Requests) -> Self {
        Scheduler { context, requests }
    }

    /// A piece: from memory, from a request that is under way, or by a new one, which takes those `ahead` along that are
    /// wanted next, missing and near. `held` keeps that request alive between calls.
    pub(crate) async fn get(
        &self,
        piece: Rc<dyn Piece>,
        ahead: &mut dyn Iterator<Item = Rc<dyn Piece>>,
        held: &mut Option<Rc<Run>>,
    ) -> Result<Rc<SpanCell>> {
        let (context, key) = (&self.context, piece.key());
        if let Some(cell) = context.spans.get(key) {
            context.source.stats().cache(true);
            context.spans.used(key, &cell);
            return Ok(cell);
        }
        let range = self.range(&*piece)?;
        loop {
            let run = match self.joinable(&*piece, &range) {
                Some(run) => run,
                None => self.open(piece.clone(), range.clone(), ahead),
            };
            *held = Some(run.clone());
            let got = run.wait(key).await;
            // What another reader's request comes to decides nothing here.
            if got.is_ok() || run.owner == context.owner {
                return got;
            }
        }
    }

    /// Where a piece is, if it may be fetched.
    fn range(&self, piece: &dyn Piece) -> Result<Range<u64>> {
        let range = piece.range()?;
        let length = range.end.saturating_sub(range.start);
        Limits::check("max_span_size", length, self.context.limits.max_span_size)
            .map_err(|e| piece.concerns(e))?;
        Ok(range)
    }

    /// A run under way that comes to a piece soon.
    fn joinable(&self, piece: &dyn Piece, range: &Range<u64>) -> Option<Rc<Run>> {
        let key = piece.key();
        self.requests.borrow().iter().filter_map(Weak::upgrade).find(|run| {
            let left = run.pieces.get(run.next.get()..).unwrap_or_default();
            let found = left.iter().position(|p| p.0 == key);
            let is_near = |at| at <= 1 || left.first().is_some_and(|next| piece.joins(range, next.1));
            self.context.owner.may_join(run.owner) && found.is_some_and(is_near)
        })
    }

    /// A new run from a piece on: as far as those ahead lie near and are missing, and one request may go.
    fn open(
        &self,
        piece: Rc<dyn Piece>,
        range: Range<u64>,
        ahead: &mut dyn Iterator<Item = Rc<dyn Piece>>,
    ) -> Rc<Run> {
        let context = &self.context;
        let (start, mut end, mut last) = (range.start, range.end, piece.key());
        let mut pieces = vec![Planned { key: last, range, piece }];
        for piece in ahead {
            let key = piece.key();
            if key == last {
                continue;
            }
            let Ok(range) = self.range(&*piece) else { break };
            let fits = range.end.saturating_sub(start) <= context.limits.max_range_request;
            let is_missing = || context.spans.get(key).is_none() && self.joinable(&*piece, &range).is_none();
            // It may share a byte with its neighbour.
            let is_near = range.start >= end.saturating_sub(1) && range.start.saturating_sub(end) <= GAP;
            if !is_near || !(piece.is_on_the_way() || fits && is_missing()) {
                break;
            }
            (end, last) = (range.end, key);
            pieces.push(Planned { key, range, piece });
        }
        let is_looked_up = |p: &Planned| context.cache.is_some() && p.piece.is_cached();
        let is_missed = |p: &&Planned| !is_looked_up(p) && context.spans.get(p.key).is_none();
        for _ in pieces.iter().filter(is_missed) {
            context.source.stats().cache(false);
        }
        let run = Rc::new(Run {
            owner: context.owner,
            pieces: pieces.iter().map(|p| (p.key, p.range.start)).collect(),
            next: Cell::new(0),
            driver: SharedStream::new(fetch(context.clone(), pieces)),
            waiting: RefCell::default(),
        });
        let mut runs = self.requests.borrow_mut();
        runs.retain(|r| r.strong_count() > 0);
        runs.push(Rc::downgrade(&run));
        run
    }
}

impl Run {
    /// Waits for a piece, and drives the request meanwhile.
    async fn wait(&self, key: Key) -> Result<Rc<SpanCell>> {
        let place = Rc::new(Place::default());
        self.waiting.borrow_mut().push((key, Rc::downgrade(&place)));
        poll_fn(|cx| {
            loop {
                if let Some(piece) = place.borrow_mut().take() {
                    return Poll::Ready(piece);
                }
                ready!(self.advance(cx));
            }
        })
        .await
    }

    /// Goes on by one piece and gives that to those who wait for it.
    fn advance(&self, cx: &mut Task<'_>) -> Poll<()> {
        let failed = match ready!(self.driver.poll_next(cx)) {
            Some(Ok((n, cell))) => {
                self.next.set(n.saturating_add(1));
                let key = self.pieces.get(n).map(|p| p.0);
                self.deliver(|waits_for| Some(*waits_for) == key, &cell);
                return Poll::Ready(());
            }
            Some(Err(e)) => e,
            None => Error::new(Code::Network, "a request ended early"),
        };
        // Nothing more comes: whoever wants one of these pieces asks anew.
        self.next.set(self.pieces.len());
        self.deliver(|_| true, &Err(failed));
        Poll::Ready(())
    }

    fn deliver(&self, is_for: impl Fn(&Key) -> bool, result: &Result<Rc<SpanCell>>) {
        self.waiting.borrow_mut().retain(|(key, place)| match place.upgrade() {
            Some(place) if is_for(key) => {
                *place.borrow_mut() = Some(result.clone());
                false
            }
            place => place.is_some(),
        });
    }
}

/// Fetches pieces in order: from the cache, or by one request for each gap in it. An item's `Err` concerns that piece alone; the
/// stream's, all that are left. Nothing is requested before it is polled; dropping it cancels the request.
fn fetch(context: Rc<Context>, pieces: Vec<Planned>) -> stream::LocalBoxStream<'static, Result<Arrived>> {
    let state = Fetch { context, pieces, next: 0, cached: None, body: None };
    stream::try_unfold(state, |mut f| async move { Ok(f.step().await?.map(|arrived| (arrived, f))) })
        .boxed_local()
}

struct Fetch {
    context: Rc<Context>,
    pieces: Vec<Planned>,
    next: usize,
    /// What the cache has of those that are left; `None` before it was asked.
    cached: Option<VecDeque<Option<Bytes>>>,
    body: Option<Body>,
}

impl Fetch {
    async fn step(&mut self) -> Result<Option<Arrived>> {
        let n = self.next;
        let Some(planned) = self.pieces.get(n).cloned() else { return Ok(None) };
        let mut cached = match self.cached.take() {
            Some(cached) => cached,
            None => self.look_up().await,
        };
        let hit = cached.pop_front().flatten();
        let gap = cached.iter().take_while(|c| c.is_none()).count();
        self.cached = Some(cached);
        self.next = n.saturating_add(1);
        let (piece, spans) = (&planned.piece, self.context.spans.clone());
        if let Some(cell) = spans.get(planned.key) {
            // By another request.
            return Ok(Some((n, Ok(cell))));
        }
        let is_verified = hit.is_some();
        let data = async {
            match hit {
                Some(data) => Ok(data),
                None => self.read(n, n.saturating_add(gap)).await,
            }
        };
        let (data, prepared) = join(data, piece.prepare()).await;
        let mut came = match data {
            Err(e) if !is_damaged(&e) => return Err(piece.concerns(e)),
            data => Some(data),
        };
        let opened = async {
            prepared?;
            let again = async || {
                let data = match came.take() {
                    Some(data) => data?,
                    None => self.alone(&planned).await?,
                };
                if !is_verified {
                    self.verify(&**piece, &data).await?;
                }
                piece.open(data)
            };
            let cell = Rc::new(twice(self.context.source.stats(), again).await?);
            spans.used(planned.key, &cell);
            Ok(cell)
        };
        Ok(Some((n, opened.await.map_err(|e| piece.concerns(e)))))
    }

    /// Piece `n`, of the request under way or of a new one, which takes those up to `last` along.
    async fn read(&mut self, n: usize, last: usize) -> Result<Bytes> {
        let Some((planned, last)) = self.pieces.get(n).zip(self.pieces.get(last)) else {
            return Ok(Bytes::new());
        };
        let (piece, range) = (&planned.piece, &planned.range);
        let mut body = match self.body.take() {
            Some(body) => body,
            None => piece.body(piece.start(range)..last.range.end).await?,
        };
        let data = body.piece(range, &|bytes| piece.lead(bytes)).await?;
        self.body = body.unless_over().await?;
        Ok(data)
    }

    /// A piece by a request of its own.
    async fn alone(&self, Planned { piece, range, .. }: &Planned) -> Result<Bytes> {
        let mut body = piece.body(range.clone()).await?;
        let data = body.piece(range, &|_| Ok(())).await?;
        body.unless_over().await?;
        Ok(data)
    }

    /// Asks the cache for all pieces of the run, so that one request is made for each gap.
    async fn look_up(&self) -> VecDeque<Option<Bytes>> {
        let pieces = || self.pieces.iter();
        let Some(cache) = self.context.cache.as_ref().filter(|_| pieces().any(|p| p.piece.is_cached()))
        else {
            return pieces().map(|_| None).collect();
        };
        let found: Vec<_> = pieces().map(|_| OnceCell::new()).collect();
        let digests = pieces().map(|p| p.piece.digest().filter(|_| p.piece.is_cached()));
        let look_ups = digests.zip(&found).map(|(digest, found)| -> Later<'_, ()> {
            Box::pin(async move {
                let Some(digest) = digest else { return Ok(()) };
                let data = match cache.get(&digest.to_string()).await {
                    Some(data) if self.has(&data, &digest).await => Some(data),
                    _ => None,
                };
                self.context.source.stats().cache(data.is_some());
                found.set(data).unwrap_or_default();
                Ok(())
            })
        });
        // None fails.
        at_once(look_ups.collect(), LOOK_UPS).await.unwrap_or_default();
        found.into_iter().map(|found| found.into_inner().flatten()).collect()
    }

    async fn has(&self, data: &Bytes, digest: &Digest) -> bool {
        Digest::from_sha256(self.context.transport.sha256(data.clone()).await) == *digest
    }

    /// `DIGEST_MISMATCH` unless a piece's bytes have their digest; the cache keeps them then.
    async fn verify(&self, piece: &dyn Piece, data: &Bytes) -> Result<()> {
        let Some(digest) = piece.digest() else { return Ok(()) };
        if !self.has(data, &digest).await {
            return Err(Error::new(Code::DigestMismatch, piece.mismatch()));
        }
        if let Some(cache) = self.context.cache.as_ref().filter(|_| piece.is_cached()) {
            cache.put(&digest.to_string(), data.clone()).await;
        }
        Ok(())
    }
}
