//! Metadata of a layer, which its zTOC holds: out of a pack in the cache, piece by piece, or out of the zTOC itself, which is then packed
//! into the cache.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use super::{Context, Indexer, cached_index};
use crate::budget::Reservation;
use crate::error::{Code, Error, Remedy, Result};
use crate::fetch::context::ClockTurns;
use crate::fetch::single_flight::{Flights, SingleFlight};
use crate::format::oci::{Descriptor, Digest};
use crate::format::ztoc::{Spans, Ztoc};
use crate::limits::Limits;
use crate::net::transport::at_once;
use crate::pack::{self, FIRST_READ, Head, Page};
use crate::rootfs::{LayerIndex, Parts, PathIndex};
use crate::sort::heap_sort;
use crate::source::{Cache, cut};
use crate::turns::pause;

/// Reads of a pack that are under way at a time.
const PARALLEL: usize = 8;
/// Neighbouring parts are read together up to so many bytes.
const READ_TOGETHER: u64 = 1 << 20;

/// Loads it, all or pieces.
pub(super) struct Metadata {
    pub(super) context: Rc<Context>,
    pub(super) layer: Descriptor,
    ztoc: Descriptor,
    /// It is no SOCI index's, but was built here: at hand, or kept in the cache for its layer.
    own: bool,
    /// `None`: the cache has none.
    pack: SingleFlight<Option<Rc<Pack>>>,
    whole: SingleFlight<Rc<Whole>>,
    /// The put of a new pack, while the cache takes its time.
    keeping: RefCell<Option<LocalBoxFuture<'static, ()>>>,
}

/// The zTOC itself.
pub(super) struct Whole {
    pub(super) index: Rc<PathIndex>,
    pub(super) spans: Rc<Spans>,
    /// Of the spans; the zTOC's bytes and the entries have their own.
    _held: Reservation,
}

/// A pack in the cache, as far as it is read.
pub(super) struct Pack {
    cache: Rc<dyn Cache>,
    key: String,
    pub(super) head: Head,
    parts: Rc<Parts>,
    pages: Vec<OnceCell<Page>>,
    /// What was read first, head and all.
    first: Bytes,
    _held: Reservation,
    /// Something was not there, or not what it must be.
    broken: Cell<bool>,
    /// Ranges on their way, shared by all who want them.
    reads: Flights<(usize, Range<u64>), Bytes>,
}

/// Forms in which the metadata is here.
#[derive(Clone)]
pub(super) enum Opened {
    Whole(Rc<Whole>),
    Pack(Rc<Pack>),
}

impl Opened {
    pub(super) fn index(&self) -> LayerIndex {
        match self {
            Opened::Whole(whole) => whole.index.clone().into(),
            Opened::Pack(pack) => pack.parts.clone().into(),
        }
    }
}

impl Metadata {
    pub(super) fn new(context: Rc<Context>, layer: Descriptor, ztoc: Descriptor, own: bool) -> Self {
        let (pack, whole, keeping) = (SingleFlight::default(), SingleFlight::default(), RefCell::default());
        Metadata { context, layer, ztoc, own, pack, whole, keeping }
    }

    /// The same for another reader.
    pub(crate) fn for_reader(&self, context: &Rc<Context>) -> Self {
        let (layer, ztoc) = (self.layer.clone(), self.ztoc.clone());
        let (pack, whole) = (self.pack.clone(), self.whole.clone());
        Metadata {
            context: context.clone(),
            layer,
            ztoc,
            own: self.own,
            pack,
            whole,
            keeping: RefCell::default(),
        }
    }

    /// The zTOC's descriptor.
    pub(super) fn ztoc(&self) -> &Descriptor {
        &self.ztoc
    }

    /// The cache, if it is one for packs.
    fn cache(&self) -> Option<&Rc<dyn Cache>> {
        self.context.cache.as_ref().filter(|cache| cache.has_ranges())
    }

    /// The zTOC, if it is loaded.
    pub(super) fn loaded(&self) -> Option<Rc<Whole>> {
        self.whole.peek()
    }

    /// The pack where there is one, else the zTOC.
    pub(super) async fn open(self: &Rc<Self>) -> Result<Opened> {
        if self.loaded().is_none()
            && self.ztoc.data.is_none()
            && let Some(cache) = self.cache().cloned()
        {
            let metadata = self.clone();
            let load = async move { Ok(metadata.look_up(cache).await.map(Rc::new)) };
            if let Some(pack) =
                self.pack.get(self.context.owner, || Box::pin(load)).await?.filter(|pack| !pack.broken.get())
            {
                return Ok(Opened::Pack(pack));
            }
        }
        Ok(Opened::Whole(self.whole().await?))
    }

    /// The zTOC.
    pub(super) async fn whole(self: &Rc<Self>) -> Result<Rc<Whole>> {
        let metadata = self.clone();
        let load = move || -> LocalBoxFuture<'static, _> {
            Box::pin(async move {
                let whole = Rc::new(metadata.fetch().await?);
                metadata.keep(&whole).await;
                Ok(whole)
            })
        };
        self.whole.get(self.context.owner, load).await
    }

    /// The index after these parts were added; the whole one, where the pack turned out not to have them.
    pub(super) async fn parts(self: &Rc<Self>, parts: Vec<usize>) -> Result<LayerIndex> {
        let opened = self.open().await?;
        if let Opened::Pack(pack) = &opened
            && !pack.load_parts(&self.context, parts).await
        {
            return Ok(Opened::Whole(self.whole().await?).index());
        }
        Ok(opened.index())
    }

    /// The index with all entries.
    pub(super) async fn all(self: &Rc<Self>) -> Result<LayerIndex> {
        match self.open().await? {
            Opened::Pack(pack) => self.parts(pack.parts.missing()).await,
            opened => Ok(opened.index()),
        }
    }

    /// Waits until a pack that was made is kept.
    pub(super) async fn kept(&self) {
        let keeping = self.keeping.borrow_mut().take();
        if let Some(keeping) = keeping {
            keeping.await;
        }
    }

    async fn look_up(&self, cache: Rc<dyn Cache>) -> Option<Pack> {
        let pack = Pack::open(&self.context, cache, &self.ztoc).await;
        let pack = pack.filter(|pack| pack.head.layer_size() == self.layer.size);
        self.context.source.stats().cache(pack.is_some());
        pack
    }

    async fn fetch(&self) -> Result<Whole> {
        let (source, limits) = (&self.context.source, &self.context.limits);
        let fetched = match self.cache() {
            _ if self.own => self.own().await,
            // What is kept of it is its pack.
            Some(_) => source.blob_unkept(&self.ztoc, "max_ztoc_size", limits.max_ztoc_size).await,
            None => source.blob(&self.ztoc, "max_ztoc_size", limits.max_ztoc_size).await,
        };
        let bytes = fetched.map_err(|e| {
            if e.code() != Code::NotFound {
                return e;
            }
            e.with_message(format!(
                "the SOCI index lists a zTOC of layer {} that is not there",
                self.layer.digest
            ))
            .with_remedy(Remedy::MakeIndex)
            .with_remedy(Remedy::WithoutIndex)
            .with_digest(&self.ztoc.digest)
        })?;
        self.parse(bytes).await.map_err(|e| e.with_digest(&self.ztoc.digest))
    }

    /// A zTOC of no SOCI index.
    async fn own(&self) -> Result<Bytes> {
        if let Some(data) = &self.ztoc.data {
            return Ok(data.clone());
        }
        let limit = self.context.limits.max_ztoc_size;
        Limits::check("max_ztoc_size", self.ztoc.size, limit)
            .map_err(|e| e.with_digest(&self.layer.digest))?;
        let Some(cache) = &self.context.cache else { return self.anew().await };
        match cached_index::read(&**cache, &self.layer, &self.ztoc).await {
            Some(bytes) => Ok(bytes),
            None => self.anew().await,
        }
    }

    /// The zTOC that the cache kept is damaged or gone: it is built again, where that may be.
    async fn anew(&self) -> Result<Bytes> {
        let Context { source, cache, indexer, limits, .. } = &*self.context;
        let may = |_: &&Rc<dyn Indexer>| self.layer.size <= limits.max_build_layer_size;
        if let Some(indexer) = indexer.as_ref().filter(may) {
            let built = indexer.build(source.clone(), self.layer.clone()).await?;
            if built.layer_digest == self.layer.digest {
                if let Some(cache) = cache {
                    cached_index::keep(&**cache, &self.layer, &built.ztoc).await;
                }
                // Else it is one of another span size, which the next open finds.
                if Digest::of(&built.ztoc) == self.ztoc.digest {
                    return Ok(built.ztoc);
                }
            }
        }
        let text = "the index that the cache kept of this layer is damaged or gone; open the image again";
        Err(Error::new(Code::CorruptZtoc, text).with_digest(&self.layer.digest))
    }

    async fn parse(&self, bytes: Bytes) -> Result<Whole> {
        let ztoc = Ztoc::parse_in_turns(bytes, &self.context.limits, &mut self.context.turns()).await?;
        ztoc.check_layer(self.layer.size)?;
        let (table, spans) = ztoc.into_parts();
        let held = Reservation::of(spans.own_bytes())?;
        Ok(Whole { index: self.context.index_of(table).await?, spans: Rc::new(spans), _held: held })
    }

    /// Puts a pack into the cache, beside what is read. Where the platform cannot, the pack is made first, and the put is
    /// only started: whoever reads next goes on with it.
    async fn keep(&self, whole: &Rc<Whole>) {
        let Some(cache) = self.cache().cloned() else { return };
        let (turns, whole, ztoc) = (self.context.turns(), whole.clone(), self.ztoc.digest);
        let pack = async move { pack_of(turns, &whole, &ztoc).await };
        let put = async move |packed: Option<Bytes>| {
            if let Some(packed) = packed {
                cache.put(&pack::key(&ztoc), packed).await;
            }
        };
        // On an edge nothing goes on that no request waits for: what is begun there may never be gone on with.
        let mut put: LocalBoxFuture<'static, ()> = if self.context.owner.is_isolated() {
            let packed = pack.await;
            Box::pin(async move { put(packed).await })
        } else {
            let work = Box::pin(async move { put(pack.await).await });
            let Some(work) = self.context.transport.spawn(work) else { return };
            work
        };
        if futures_util::poll!(&mut put).is_pending() {
            *self.keeping.borrow_mut() = Some(put);
        }
    }
}

/// A pack, made in small steps: others have their turns in between. `None` where there is no memory for it: the next open reads
/// the zTOC again.
async fn pack_of(mut turns: ClockTurns, whole: &Whole, ztoc: &Digest) -> Option<Bytes> {
    // At most as large as what it is made of.
    let most = whole.index.heap_bytes().saturating_add(whole.spans.heap_bytes());
    let mut held = Reservation::of(most).ok()?;
    let mut writer = pack::Writer::of(&whole.index, &whole.spans);
    while writer.step()? {
        pause(&mut turns).await;
    }
    let packed = writer.finish(ztoc)?;
    let _ = held.resize(packed.len() as u64);
    Some(held.hold(packed.into()))
}

impl Pack {
    async fn open(context: &Context, cache: Rc<dyn Cache>, ztoc: &Descriptor) -> Option<Pack> {
        let key = pack::key(&ztoc.digest);
        let first = cache.get_range(&key, 0..FIRST_READ).await?;
        let len = pack::prefix(&first, &ztoc.digest)?;
        let read = first.len();
        let head = if let Some(head) = first.get(..len) {
            Head::read(head, &ztoc.digest, &context.limits)?
        } else {
            let rest = exactly(&*cache, &key, read as u64..len as u64).await?;
            Head::read(&[&first[..], &rest].concat(), &ztoc.digest, &context.limits)?
        };
        let parts = Rc::new(head.parts()?);
        let pages = (0..head.pages()).map(|_| OnceCell::new()).collect();
        let (broken, reads) = (Cell::new(false), Flights::default());
        let held = Reservation::of(len).ok()?;
        Some(Pack { cache, key, head, parts, pages, first, _held: held, broken, reads })
    }

    /// Bytes `range` of the pack.
    async fn read(&self, context: &Context, range: Range<u64>) -> Option<Bytes> {
        if range.end <= self.first.len() as u64 {
            return Some(cut(&self.first, &range));
        }
        let (cache, key, stats) = (self.cache.clone(), self.key.clone(), context.source.stats().clone());
        let wanted = range.clone();
        let read = async move {
            let read = exactly(&*cache, &key, wanted).await;
            stats.cache(read.is_some());
            read.ok_or_else(broken)
        };
        let start = ((0, range.clone()), Box::pin(read) as LocalBoxFuture<'static, _>);
        self.reads.get(context.owner, &|other| other.1 == range, start).await.ok().map(|(_, read)| read)
    }

    /// True once these parts are here. Neighbours are read together.
    async fn load_parts(&self, context: &Context, mut parts: Vec<usize>) -> bool {
        parts.retain(|&part| !self.parts.has(part));
        heap_sort(&mut parts, |a, b| a < b);
        let range = |part: usize| self.head.part(part);
        let together = parts.chunk_by(|&a, &b| {
            let neighbours = range(a).zip(range(b)).is_some_and(|(a, b)| a.end == b.start);
            // In blocks of about that size, so that one read is not too long.
            let block = |part| range(part).map_or(0, |r| r.start / READ_TOGETHER);
            neighbours && block(a) == block(b)
        });
        let read = |parts| -> LocalBoxFuture<'_, _> { Box::pin(self.load_neighbours(context, parts)) };
        self.worked(at_once(together.map(read).collect(), PARALLEL).await.is_ok())
    }

    async fn load_neighbours(&self, context: &Context, parts: &[usize]) -> Result<()> {
        self.try_neighbours(context, parts).await.ok_or_else(broken)
    }

    async fn try_neighbours(&self, context: &Context, parts: &[usize]) -> Option<()> {
        let range = |part: &usize| self.head.part(*part);
        let (start, end) = (range(parts.first()?)?.start, range(parts.last()?)?.end);
        let data = self.read(context, start..end).await?;
        for part in parts.iter().filter(|&&part| !self.parts.has(part)) {
            let range = range(part)?;
            let own = cut(&data, &(range.start.checked_sub(start)?..range.end.checked_sub(start)?));
            self.parts.add(*part, self.head.read_part(*part, &own, &context.limits)?).ok()?;
        }
        Some(())
    }

    fn worked(&self, worked: bool) -> bool {
        if !worked {
            self.broken.set(true);
        }
        worked
    }

    /// A page that is here.
    pub(super) fn page(&self, page: usize) -> Option<&Page> {
        self.pages.get(page)?.get()
    }

    /// True once these pages are here.
    pub(super) async fn load_pages(&self, context: &Context, pages: Range<usize>) -> bool {
        let read = |page| -> LocalBoxFuture<'_, _> {
            Box::pin(async move { self.load_page(context, page).await.ok_or_else(broken) })
        };
        let pages = pages.filter(|&page| self.page(page).is_none());
        self.worked(at_once(pages.map(read).collect(), PARALLEL).await.is_ok())
    }

    async fn load_page(&self, context: &Context, page: usize) -> Option<()> {
        let data = self.read(context, self.head.page(page)?).await?;
        if self.page(page).is_some() {
            return Some(());
        }
        let read = self.head.read_page(page, &data)?;
        self.pages.get(page)?.get_or_init(|| read);
        Some(())
    }

    /// The window of a span, whose page is here.
    pub(super) async fn window(&self, context: &Context, span: usize) -> Option<Vec<u8>> {
        let (page, row) = self.head.page_of(span);
        let row = self.page(page)?.row(row)?;
        let data = match row.window() {
            Some(range) => self.read(context, range).await,
            None => Some(Bytes::new()),
        };
        let window = data.and_then(|data| row.read_window(&data));
        self.worked(window.is_some());
        window
    }
}

/// Error that ends the reading of a pack; nobody sees it.
fn broken() -> Error {
    Error::new(Code::CorruptZtoc, "a pack is damaged")
}

/// Bytes `range` of a value, if it has them all.
async fn exactly(cache: &dyn Cache, key: &str, range: Range<u64>) -> Option<Bytes> {
    let len = range.end.checked_sub(range.start)?;
    cache.get_range(key, range).await.filter(|data| data.len() as u64 == len)
}
