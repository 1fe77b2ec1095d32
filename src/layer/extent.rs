//! A layer, or a whole image, whose format tells all of its metadata at once: entries by path, content by extents.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt};

use super::chunks::{ChunkStore, Near};
use super::{Checks, ContentCheck, Context, Layer, ReadBy, Runs, ZtocInfo};
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::fetch::buffer::{Buffer, CHUNK};
use crate::fetch::scheduler::Run;
use crate::fetch::single_flight::SingleFlight;
use crate::fetch::span_cache::SpanCell;
use crate::format::extent::{Check, Codec, Extent, Extents, Listing, decode};
use crate::format::tar::Kind;
use crate::net::retry_damaged::twice;
use crate::net::transport::{ByteStream, Later, at_once, deferred};
use crate::rootfs::{LayerIndex, PathIndex};

/// Bytes of a file whose extents are looked up at a time.
const AHEAD: u64 = 32 << 20;

/// Cache look-ups under way at a time.
const LOOK_UPS: usize = 16;

/// Result of loading.
pub(crate) enum Loaded {
    /// The metadata, what vouches for it and for contents, and what was fetched of the first blob along with it.
    Listing(Box<Listing>, Checks, Option<Near>),
    /// Another way to read it, where the format's own does not work out, and why that is, where its annotations say
    /// otherwise.
    #[cfg_attr(not(feature = "estargz"), allow(dead_code))]
    Other(Rc<dyn Layer>, Option<String>),
}

/// Starts to load the metadata, by a reader's requests.
pub(crate) type Load = Rc<dyn Fn(Rc<Context>) -> Later<'static, Loaded>>;

/// A layer, or a whole image, that is read by extents.
pub struct ExtentLayer(Rc<Inner>);

struct Inner {
    context: Rc<Context>,
    id: usize,
    read_by: ReadBy,
    checks: Checks,
    load: Load,
    loaded: SingleFlight<Way>,
    /// `loaded`'s other way, for this reader.
    other: OnceCell<Rc<dyn Layer>>,
}

#[derive(Clone)]
enum Way {
    Extents(Rc<Open>),
    Other(Rc<dyn Layer>, Option<Rc<str>>),
}

struct Open {
    index: Rc<PathIndex>,
    extents: Box<dyn Extents>,
    store: ChunkStore,
    checks: Checks,
    /// Of `extents`.
    _held: Reservation,
}

impl ExtentLayer {
    /// Nothing is fetched before it is used. `id` is unique among the layers of `context`; `checks` are those that
    /// the format promises.
    pub(crate) fn new(context: Rc<Context>, id: usize, read_by: ReadBy, checks: Checks, load: Load) -> Self {
        let (loaded, other) = (SingleFlight::default(), OnceCell::new());
        ExtentLayer(Rc::new(Inner { context, id, read_by, checks, load, loaded, other }))
    }
}

impl Layer for ExtentLayer {
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn Layer> {
        let Inner { id, read_by, checks, ref load, ref loaded, .. } = *self.0;
        let (context, load, loaded) = (context.clone(), load.clone(), loaded.clone());
        Rc::new(ExtentLayer(Rc::new(Inner {
            context,
            id,
            read_by,
            checks,
            load,
            loaded,
            other: OnceCell::new(),
        })))
    }

    fn index(&self) -> Later<'_, LayerIndex> {
        Box::pin(async {
            match self.0.load().await? {
                Way::Extents(open) => Ok(open.index.clone().into()),
                Way::Other(other, _) => other.index().await,
            }
        })
    }

    fn parts(&self, parts: Vec<usize>) -> Later<'_, LayerIndex> {
        match self.0.peek() {
            Some(Way::Other(other, _)) => Box::pin(async move { other.parts(parts).await }),
            _ => self.index(),
        }
    }

    fn all(&self) -> Later<'_, LayerIndex> {
        match self.0.peek() {
            Some(Way::Other(other, _)) => Box::pin(async move { other.all().await }),
            _ => self.index(),
        }
    }

    fn read(&self, entry: usize, range: Range<u64>, packed: bool) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move {
            match inner.load().await? {
                Way::Extents(open) => Ok(open.read(&inner.context, entry, range)),
                Way::Other(other, _) => Ok(other.read(entry, range, packed)),
            }
        }))
    }

    fn runs(&self, entry: usize) -> Later<'_, Option<Runs>> {
        match self.0.peek() {
            Some(Way::Other(other, _)) => Box::pin(async move { other.runs(entry).await }),
            _ => Box::pin(async { Ok(None) }),
        }
    }

    fn is_eager(&self) -> bool {
        true
    }

    fn read_by(&self) -> ReadBy {
        match self.0.peek() {
            Some(Way::Other(other, _)) => other.read_by(),
            _ => self.0.read_by,
        }
    }

    fn checks(&self) -> Checks {
        match self.0.peek() {
            Some(Way::Extents(open)) => open.checks,
            Some(Way::Other(other, _)) => other.checks(),
            None => self.0.checks,
        }
    }

    fn own_ztoc(&self) -> Option<ZtocInfo> {
        match self.0.peek() {
            Some(Way::Other(other, _)) => other.own_ztoc(),
            _ => None,
        }
    }

    fn set_aside(&self) -> Option<Rc<str>> {
        match self.0.peek() {
            Some(Way::Other(_, why)) => why,
            _ => None,
        }
    }
}

impl Inner {
    /// The way, if it is loaded.
    fn peek(&self) -> Option<Way> {
        Some(self.own(self.loaded.peek()?))
    }

    /// The way, with this reader's requests.
    fn own(&self, way: Way) -> Way {
        match way {
            Way::Other(other, why) => {
                Way::Other(self.other.get_or_init(|| other.for_reader(&self.context)).clone(), why)
            }
            way => way,
        }
    }

    async fn load(self: &Rc<Self>) -> Result<Way> {
        let inner = self.clone();
        let load = async move {
            let (listing, checks, near) = match (inner.load)(inner.context.clone()).await? {
                Loaded::Other(other, why) => return Ok(Way::Other(other, why.map(Rc::from))),
                Loaded::Listing(listing, checks, near) => (listing, checks, near),
            };
            let context = inner.context.clone();
            let held = Reservation::of(listing.extents.heap_bytes())?;
            let index = context.index_of(listing.table).await?;
            // Where a part of a layer has no digest of its own, only the layer as a whole can be verified.
            let whole = context.verify && checks.content == ContentCheck::LayerDigest;
            let store = ChunkStore::new(context, listing.blobs, inner.id, near, whole);
            Ok(Way::Extents(Rc::new(Open { index, extents: listing.extents, store, checks, _held: held })))
        };
        let way = self.loaded.get(self.context.owner, move || Box::pin(load)).await?;
        Ok(self.own(way))
    }
}

impl Open {
    fn read(self: Rc<Self>, context: &Rc<Context>, entry: usize, range: Range<u64>) -> ByteStream {
        let table = self.index.table();
        let Some(e) = table.get(entry).filter(|e| e.kind == Kind::Regular) else {
            return stream::empty().boxed_local();
        };
        let range = range.start..range.end.min(e.size);
        let open = self.clone();
        let more = move |range| {
            let found = open.extents.extents(entry, range);
            Box::pin(async move { found }) as LocalBoxFuture<'static, _>
        };
        read_extents(Rc::new(self.store.for_reader(context)), range, more)
    }
}

/// The bytes `range` of a file whose extents `more` gives.
pub(crate) fn read_extents<F>(store: Rc<ChunkStore>, range: Range<u64>, more: F) -> ByteStream
where
    F: Fn(Range<u64>) -> Later<'static, Vec<Extent>> + 'static,
{
    let more = Box::new(more);
    let reader = Reader {
        store,
        more,
        at: range.start,
        end: range.end,
        queue: VecDeque::new(),
        run: None,
        current: None,
    };
    stream::try_unfold(
        reader,
        |mut reader| async move { Ok(reader.next().await?.map(|data| (data, reader))) },
    )
    .boxed_local()
}

type More = Box<dyn Fn(Range<u64>) -> Later<'static, Vec<Extent>>>;

/// Reads bytes `at..end` of a file, chunk by chunk. Nothing is fetched before it is asked, and then only what is wanted
/// next.
struct Reader {
    store: Rc<ChunkStore>,
    more: More,
    at: u64,
    end: u64,
    /// What comes next, with the bytes that a cache had of it.
    queue: VecDeque<(Extent, Option<Bytes>)>,
    run: Option<Rc<Run>>,
    /// The extent that is being given out: where it begins in the file, and its bytes, checked.
    current: Option<Buffer>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.at >= self.end {
                return Ok(None);
            }
            if let Some(piece) = self.current.as_ref().and_then(|buffer| buffer.piece(self.at..self.end)) {
                self.at = self.at.saturating_add(piece.len() as u64);
                return Ok(Some(piece));
            }
            self.current = None;
            if self.queue.is_empty() {
                self.refill().await?;
            }
            let Some((extent, cached)) = self.queue.pop_front() else { return Err(gap(self.at)) };
            let end = extent.file_offset.saturating_add(extent.len);
            if extent.file_offset > self.at || end <= self.at {
                return Err(gap(self.at));
            }
            let (data, start) = match (cached, &extent.unit.codec) {
                (Some(data), _) => (data, extent.file_offset),
                (None, Codec::Zeros) => {
                    let len = end.min(self.end).saturating_sub(self.at).min(CHUNK);
                    if self.at.saturating_add(len) < end {
                        // The rest of it is next.
                        self.queue.push_front((extent, None));
                    }
                    // A few bytes may say that there are as many as one likes.
                    self.store.context.source.stats().inflated(len);
                    (Bytes::from(vec![0; len as usize]), self.at)
                }
                _ => (self.fetch(&extent).await?, extent.file_offset),
            };
            self.current = Some(Buffer(start, data));
        }
    }

    /// Looks up the next extents, and what the cache has of them.
    async fn refill(&mut self) -> Result<()> {
        let until = self.end.min(self.at.saturating_add(AHEAD));
        let found = (self.more)(self.at..until).await?;
        let context = &self.store.context;
        self.queue = found.into_iter().map(|extent| (extent, None)).collect();
        let Some(cache) = context.cache.as_ref().filter(|_| context.verify) else { return Ok(()) };
        let store = &self.store;
        let look_ups =
            self.queue.iter_mut().filter(|(e, _)| !store.has(&e.unit)).filter_map(|(extent, slot)| {
                let key = extent.check.key()?;
                Some(Box::pin(async move {
                    let data = cache.get(&key).await.filter(|d| d.len() as u64 == extent.len);
                    if let Some(data) = data
                        && holds(context, &extent.check, &data).await
                    {
                        *slot = Some(data);
                    }
                    context.source.stats().cache(slot.is_some());
                    Ok(())
                }) as Later<'_, ()>)
            });
        at_once(look_ups.collect(), LOOK_UPS).await
    }

    /// The bytes of an extent, checked. Fetched once more if they are not what they must be.
    async fn fetch(&mut self, extent: &Extent) -> Result<Bytes> {
        let stats = self.store.context.source.stats().clone();
        let mut again = false;
        twice(&stats, async || {
            let was = std::mem::replace(&mut again, true);
            if was {
                self.store.forget(&extent.unit);
            }
            self.try_fetch(extent, was).await
        })
        .await
    }

    async fn try_fetch(&mut self, extent: &Extent, again: bool) -> Result<Bytes> {
        let cell = if extent.unit.length == 0 {
            let unit = &extent.unit;
            let data = decode(&unit.codec, Bytes::new(), unit.decoded, &self.store.context.limits)?;
            Rc::new(SpanCell::whole(data)?)
        } else {
            let ahead = self.queue.iter().take_while(|(_, had)| had.is_none()).map(|(e, _)| &e.unit);
            let mut ahead = ahead.filter(|unit| unit.length > 0);
            // What is under way goes on meanwhile.
            let held = if again { &mut None } else { &mut self.run };
            self.store.get(&extent.unit, &mut ahead, held, again).await?
        };
        if self.queue.is_empty() && extent.file_offset.saturating_add(extent.len) >= self.end {
            self.run = None;
        }
        let start = usize::try_from(extent.skip).ok();
        let range = start.and_then(|s| Some(s..s.checked_add(usize::try_from(extent.len).ok()?)?));
        let outside = || Error::new(Code::CorruptLayer, "a file reaches past the end of what holds it");
        let (data, _) = cell.read(range.ok_or_else(outside)?).map_err(|_| outside())?;
        self.check(extent, &cell, &data).await.map_err(|e| self.store.concerns(&extent.unit, e))?;
        Ok(data)
    }

    /// Checks an extent, unless it was and is still the same.
    async fn check(&self, extent: &Extent, cell: &SpanCell, data: &Bytes) -> Result<()> {
        let context = &self.store.context;
        if !context.verify || extent.check == Check::None || cell.is_checked(extent.skip, extent.len) {
            return Ok(());
        }
        if !holds(context, &extent.check, data).await {
            return Err(Error::new(
                Code::DigestMismatch,
                "a piece of a file does not have the digest that the image's metadata states, fetched twice; the \
                 registry's copy is damaged",
            ));
        }
        cell.set_checked(extent.skip, extent.len);
        if let (Some(cache), Some(key)) = (&context.cache, extent.check.key()) {
            cache.put(&key, data.clone()).await;
        }
        Ok(())
    }
}

/// Whether `data` has the digest that it must have; SHA-256 by the platform's own function where it has one.
async fn holds(context: &Context, check: &Check, data: &Bytes) -> bool {
    match check {
        Check::Sha256(hash) => context.transport.sha256(data.clone()).await == *hash,
        _ => check.holds(data),
    }
}

fn gap(at: u64) -> Error {
    let message = format!("the image's metadata does not tell where byte {at} of the file is");
    Error::new(Code::CorruptLayer, message)
}

/// A [`Load`] of an asynchronous function.
pub(crate) fn loader<F>(load: impl Fn(Rc<Context>) -> F + 'static) -> Load
where
    F: Future<Output = Result<Loaded>> + 'static,
{
    Rc::new(move |context| Box::pin(load(context)))
}
