//! Fetches and decodes the units of blobs: neighbouring ones by one Range request, each given out as soon as its last byte
//! is here; those on their way are shared by all who ask for them.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context as Task, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::stream::{self, LocalBoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::context::Context;
use super::immutable;
use super::owner::Owner;
use super::shared_stream::{SharedStream, Waiting};
use super::single_flight::SingleFlight;
use super::span_cache::{Key, SpanCell};
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::format::extent::{Unit, decode};
use crate::format::oci::Descriptor;
use crate::limits::Limits;
use crate::net::http::Gather;
use crate::net::transport::ByteStream;
use crate::source::cut;

/// Bytes between two units that are rather fetched along than left out by a further request.
const GAP: u64 = 32 << 10;

/// How many coded bytes a request under way may have to go until a unit, for a reader of that unit to wait for it rather
/// than to request it on its own.
const JOIN_DISTANCE: u64 = 4 << 20;

/// Decoded units of a layer, or of an image whose layers are one. Several readers share it.
pub(crate) struct UnitStore {
    pub(crate) context: Rc<Context>,
    known: Rc<Known>,
}

/// What all readers know.
struct Known {
    blobs: Vec<Descriptor>,
    /// Of each blob all bytes, where nothing but a blob's digest vouches for what is in it.
    whole: Option<Vec<Whole>>,
    /// Tells its units from others' in the image's cache.
    id: usize,
    near: Option<Near>,
    runs: RefCell<Vec<Weak<Run>>>,
}

/// A blob that is verified as a whole, once, and kept, unless it is at hand anyway.
type Whole = SingleFlight<Option<Bytes>>;

/// Bytes of the first blob that came along with the metadata: their offset, and they.
pub(crate) struct Near(pub(crate) u64, pub(crate) Bytes);

impl Near {
    fn get(&self, unit: &Unit) -> Option<Bytes> {
        let start = usize::try_from(unit.offset.checked_sub(self.0)?).ok()?;
        let end = start.checked_add(usize::try_from(unit.length).ok()?)?;
        (unit.blob.0 == 0 && end <= self.1.len()).then(|| self.1.slice(start..end))
    }
}

/// Neighbouring units on their way. Whoever waits for one drives it; without anyone who does, it is dropped, which
/// cancels its request.
pub(crate) struct Run {
    owner: Owner,
    /// Keys and offsets, in order.
    units: Vec<(Key, u64)>,
    /// The one that it gives out next.
    next: Cell<usize>,
    driver: SharedStream<Result<Arrived>>,
    waiting: Waiting<Key>,
}

/// What arrived: the number of a unit in its run, and its bytes decoded.
type Arrived = (usize, Result<Bytes>);

impl UnitStore {
    /// The units of `blobs`; `id` is unique among what shares the image's cache.
    ///
    /// `whole`: nothing but a blob's digest vouches for what is in it. Blobs are fetched whole then when something of them is
    /// wanted, verified, and kept as they are.
    pub(crate) fn new(
        context: Rc<Context>,
        blobs: Vec<Descriptor>,
        id: usize,
        near: Option<Near>,
        whole: bool,
    ) -> Self {
        let whole = whole.then(|| blobs.iter().map(|_| Whole::default()).collect());
        UnitStore { context, known: Rc::new(Known { blobs, whole, id, near, runs: RefCell::default() }) }
    }

    /// The same for another reader.
    pub(crate) fn for_reader(&self, context: &Rc<Context>) -> Self {
        UnitStore { context: context.clone(), known: self.known.clone() }
    }

    fn key(&self, unit: &Unit) -> Key {
        (self.known.id, u64::from(unit.blob.0) << 48 | unit.offset & ((1 << 48) - 1))
    }

    /// The blob that a unit lies in.
    pub(crate) fn blob(&self, unit: &Unit) -> Result<&Descriptor> {
        let blob = self.known.blobs.get(usize::from(unit.blob.0));
        blob.ok_or_else(|| Error::new(Code::CorruptLayer, "a piece lies in a blob that is not named"))
    }

    /// Whether a unit is here.
    pub(crate) fn has(&self, unit: &Unit) -> bool {
        self.context.spans.get(self.key(unit)).is_some()
    }

    /// Drops a unit that is not what it must be.
    pub(crate) fn forget(&self, unit: &Unit) {
        self.context.spans.remove(self.key(unit));
    }

    /// A unit, decoded: from the cache, from a request that is under way, or by a new one, which takes those `ahead`
    /// along that are wanted next and lie near. `held` keeps that request alive between calls. `fresh` joins no other's
    /// request.
    pub(crate) async fn unit(
        self: &Rc<Self>,
        unit: &Unit,
        ahead: &mut dyn Iterator<Item = &Unit>,
        held: &mut Option<Rc<Run>>,
        fresh: bool,
    ) -> Result<Rc<SpanCell>> {
        let (context, key) = (&self.context, self.key(unit));
        if let Some(cell) = context.spans.get(key) {
            context.source.stats().cache(true);
            context.spans.used(key, &cell);
            return Ok(cell);
        }
        if let Some(data) = self.known.near.as_ref().and_then(|near| near.get(unit)).filter(|_| !fresh) {
            return self.keep(key, decoded(context, unit, data)?);
        }
        let run = match self.joinable(key).filter(|_| !fresh) {
            Some(run) => run,
            None => self.open(unit, ahead)?,
        };
        *held = Some(run.clone());
        let got = run.waiting.wait(key, |cx| self.advance(&run, cx)).await;
        if got.is_ok() || run.owner == context.owner {
            return got;
        }
        // What another reader's request comes to decides nothing here.
        let run = self.open(unit, ahead)?;
        *held = Some(run.clone());
        run.waiting.wait(key, |cx| self.advance(&run, cx)).await
    }

    /// A run under way that comes to a unit soon.
    fn joinable(&self, key: Key) -> Option<Rc<Run>> {
        self.known.runs.borrow().iter().filter_map(Weak::upgrade).find(|run| {
            if !self.context.owner.may_join(run.owner) {
                return false;
            }
            let left = run.units.get(run.next.get()..).unwrap_or_default();
            let start = left.first().map_or(0, |u| u.1);
            let found = left.iter().position(|u| u.0 == key);
            found.is_some_and(|at| {
                at <= 1 || left.get(at).is_some_and(|u| u.1.saturating_sub(start) <= JOIN_DISTANCE)
            })
        })
    }

    /// A new run from `unit` on: as far as what is `ahead` lies near and is missing, and one request may go.
    fn open(self: &Rc<Self>, unit: &Unit, ahead: &mut dyn Iterator<Item = &Unit>) -> Result<Rc<Run>> {
        let limits = &self.context.limits;
        let mut units = vec![unit.clone()];
        let mut end = unit.offset.saturating_add(unit.length);
        for next in ahead {
            if units.last().is_some_and(|last| last.blob == next.blob && last.offset == next.offset) {
                continue;
            }
            let until = next.offset.saturating_add(next.length);
            let near = next.blob == unit.blob && next.offset >= end && next.offset - end <= GAP;
            let fits = until.saturating_sub(unit.offset) <= limits.max_range_request;
            if !near || !fits || self.has(next) || self.joinable(self.key(next)).is_some() {
                break;
            }
            end = until;
            units.push(next.clone());
        }
        let blob = self.blob(unit)?.clone();
        if units.iter().any(|u| u.offset.saturating_add(u.length) > blob.size) {
            let message = "a file's content reaches past the end of its blob";
            return Err(Error::new(Code::CorruptLayer, message).with_digest(&blob.digest));
        }
        let whole = self.known.whole.as_ref().and_then(|whole| whole.get(usize::from(unit.blob.0))).cloned();
        for unit in &units {
            self.context.source.stats().cache(false);
            Limits::check("max_span_size", unit.length, limits.max_span_size)?;
        }
        let run = Rc::new(Run {
            owner: self.context.owner,
            units: units.iter().map(|u| (self.key(u), u.offset)).collect(),
            next: Cell::new(0),
            driver: SharedStream::new(fetch(self.context.clone(), blob, whole, units)),
            waiting: Waiting::default(),
        });
        let mut runs = self.known.runs.borrow_mut();
        runs.retain(|r| r.strong_count() > 0);
        runs.push(Rc::downgrade(&run));
        Ok(run)
    }

    /// Keeps a decoded unit.
    fn keep(&self, key: Key, data: Bytes) -> Result<Rc<SpanCell>> {
        let cell = Rc::new(SpanCell::whole(data)?);
        self.context.spans.used(key, &cell);
        Ok(cell)
    }

    /// Drives `run` by one unit and gives that to those who wait for it.
    fn advance(&self, run: &Run, cx: &mut Task<'_>) -> Poll<()> {
        match ready!(run.driver.poll_next(cx)) {
            Some(Ok((n, data))) => {
                run.next.set(n.saturating_add(1));
                let Some(&(key, _)) = run.units.get(n) else { return Poll::Ready(()) };
                let cell = data.and_then(|data| self.keep(key, data));
                run.waiting.arrived(&key, &cell);
            }
            Some(Err(e)) => run.fail(&e),
            None => run.fail(&Error::new(Code::Network, "a request for a file's content ended early")),
        }
        Poll::Ready(())
    }
}

impl Run {
    fn fail(&self, error: &Error) {
        // Nothing more comes: whoever wants one of these units asks anew.
        self.next.set(self.units.len());
        self.waiting.failed(error);
    }
}

/// A unit's bytes, decoded.
fn decoded(context: &Context, unit: &Unit, data: Bytes) -> Result<Bytes> {
    context.source.stats().inflate(unit.decoded)?;
    // Until it is kept, or not.
    let _held = Reservation::take(unit.decoded.min(context.limits.max_span_size))?;
    decode(&unit.codec, data, unit.decoded, &context.limits)
}

struct Fetch {
    context: Rc<Context>,
    blob: Descriptor,
    whole: Option<Whole>,
    units: Vec<Unit>,
    next: usize,
    body: Option<ByteStream>,
    /// Offset in the blob of the next byte.
    at: u64,
    /// What arrived already.
    rest: Bytes,
}

/// Fetches `units`, which lie in order in `blob`, by one request. An item's `Err` concerns that unit alone; the stream's,
/// all that are left. Nothing is requested before it is polled; dropping it cancels the request.
fn fetch(
    context: Rc<Context>,
    blob: Descriptor,
    whole: Option<Whole>,
    units: Vec<Unit>,
) -> LocalBoxStream<'static, Result<Arrived>> {
    let state = Fetch { context, blob, whole, units, next: 0, body: None, at: 0, rest: Bytes::new() };
    stream::try_unfold(state, |mut f| async move {
        match f.step().await {
            Ok(item) => Ok(item.map(|i| (i, f))),
            Err(e) => Err(e.with_digest(&f.blob.digest).with_offset(f.at)),
        }
    })
    .boxed_local()
}

impl Fetch {
    async fn step(&mut self) -> Result<Option<Arrived>> {
        let n = self.next;
        let Some(unit) = self.units.get(n).cloned() else { return Ok(None) };
        self.next = n.saturating_add(1);
        let data = match self.read(unit.offset, unit.length).await {
            Ok(data) => data,
            Err(e) => return Err(e),
        };
        if self.next >= self.units.len() {
            self.finish().await?;
        }
        let concerns = |e: Error| e.with_digest(&self.blob.digest).with_offset(unit.offset);
        Ok(Some((n, decoded(&self.context, &unit, data).map_err(concerns))))
    }

    async fn body(&mut self) -> Result<&mut ByteStream> {
        let body = match self.body.take() {
            Some(body) => body,
            None => {
                let first = self.units.first().map_or(0, |u| u.offset);
                let end = self.units.last().map_or(0, |u| u.offset.saturating_add(u.length));
                self.at = first;
                let kept = match self.whole.clone() {
                    Some(whole) => self.whole_blob(&whole).await?,
                    None => None,
                };
                match kept {
                    None => self.context.source.blob_range(&self.blob, first..end).await?,
                    Some(kept) => stream::iter([Ok(cut(&kept, &(first..end)))]).boxed_local(),
                }
            }
        };
        Ok(self.body.insert(body))
    }

    /// All of the blob, verified; `None` where ranges of it are as good now.
    async fn whole_blob(&self, whole: &Whole) -> Result<Option<Bytes>> {
        let (context, blob) = (self.context.clone(), self.blob.clone());
        let load = async move {
            if context.source.is_steady() {
                return immutable::verify(&context, &blob).await.map(|()| None);
            }
            let limit = context.limits.max_whole_layer_size;
            Limits::check("max_whole_layer_size", blob.size, limit).map_err(|e| {
                e.with_message(format!(
                    "nothing but the digest of the whole layer of {} bytes vouches for the file's content, so it would \
                     be fetched whole, which max_whole_layer_size = {limit} forbids; raise that limit, or open the image \
                     with verify: false to read it lazily",
                    blob.size
                ))
            })?;
            context.source.blob(&blob, "max_whole_layer_size", limit).await.map(Some)
        };
        whole.get(self.context.owner, move || Box::pin(load)).await
    }

    async fn more(&mut self) -> Result<bool> {
        match self.body().await?.try_next().await? {
            Some(more) => {
                self.rest = more;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The bytes `offset..offset + length`, after dropping what is in front of them.
    async fn read(&mut self, offset: u64, length: u64) -> Result<Bytes> {
        self.body().await?;
        let want = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let mut data = Gather::new(length);
        let end = offset.saturating_add(length);
        while self.at < end {
            if self.rest.is_empty() && !self.more().await? {
                return Err(Error::new(Code::Network, "the answer to a Range request ended early"));
            }
            let drop = want(offset.saturating_sub(self.at)).min(self.rest.len());
            self.rest.advance(drop);
            self.at = self.at.saturating_add(drop as u64);
            if self.at < offset {
                continue;
            }
            let take = want(end.saturating_sub(self.at)).min(self.rest.len());
            if data.len() == 0 && take as u64 == length {
                // All of it in one piece.
                let piece = self.rest.split_to(take);
                self.at = end;
                return Ok(piece);
            }
            data.append(self.rest.get(..take).unwrap_or_default())?;
            self.rest.advance(take);
            self.at = self.at.saturating_add(take as u64);
        }
        Ok(data.finish())
    }

    /// Sees the body's end, so that the connection can be used again.
    async fn finish(&mut self) -> Result<()> {
        while self.rest.is_empty() {
            if !self.more().await? {
                return Ok(());
            }
        }
        Err(Error::new(Code::RangeNotSupported, "the answer to a Range request is longer than the range"))
    }
}
