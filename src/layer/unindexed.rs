//! A layer without an index that the image vouches for: read by one that was built here, before or now, else by one that is
//! attached, if the caller agreed to that, else as it is.

use std::cell::{Cell, OnceCell};
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use super::{BuiltIndex, Checks, Context, Layer, ReadBy, Runs, ZtocInfo, ZtocLayer, cached_index};
use crate::error::{Code, Error, Remedy, Result};
use crate::fetch::single_flight::SingleFlight;
use crate::format::oci::{Descriptor, Digest};
use crate::format::ztoc::cached::Origin;
use crate::limits::Limits;
use crate::net::transport::{ByteStream, Later, deferred};
use crate::rootfs::LayerIndex;

/// Decides how it is read when something of it is wanted first.
pub(crate) struct UnindexedLayer(Rc<Inner>);

struct Inner {
    context: Rc<Context>,
    layer: Descriptor,
    id: usize,
    /// The way without an index of ours.
    plain: Rc<dyn Layer>,
    /// The way by an index that was built here, for this reader.
    own: OnceCell<Rc<dyn Layer>>,
    /// The zTOC of the attached index by which `plain` reads it: none is built then.
    attached: Option<Digest>,
    known: Rc<Known>,
}

/// State that all readers share.
#[derive(Default)]
struct Known {
    /// The way by an index that was built here.
    own: OnceCell<Rc<dyn Layer>>,
    /// Whether that is the way that entries were given out of. It stays: entries have other numbers on another.
    uses_own: OnceCell<bool>,
    looked: SingleFlight<()>,
    built: SingleFlight<()>,
    /// None is built of it: there can be none, or it has one that is attached.
    refused: Cell<bool>,
}

impl UnindexedLayer {
    /// Nothing is fetched before it is used. `id` is unique among the layers of `context`.
    pub(crate) fn new(
        context: Rc<Context>,
        layer: Descriptor,
        id: usize,
        plain: Rc<dyn Layer>,
        attached: Option<Digest>,
    ) -> Self {
        let known = Known { refused: Cell::new(attached.is_some()), ..Known::default() };
        let (own, known) = (OnceCell::new(), Rc::new(known));
        UnindexedLayer(Rc::new(Inner { context, layer, id, plain, own, attached, known }))
    }
}

impl Layer for UnindexedLayer {
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn Layer> {
        let Inner { ref layer, id, ref plain, attached, ref known, .. } = *self.0;
        let (context, plain) = (context.clone(), plain.for_reader(context));
        let (layer, own, known) = (layer.clone(), OnceCell::new(), known.clone());
        Rc::new(UnindexedLayer(Rc::new(Inner { context, layer, id, plain, own, attached, known })))
    }

    fn index(&self) -> Later<'_, LayerIndex> {
        Box::pin(async {
            loop {
                let layer = self.0.choose().await?;
                let index = layer.index().await?;
                // Another may have been first meanwhile.
                let is_own = !Rc::ptr_eq(&layer, &self.0.plain);
                if *self.0.known.uses_own.get_or_init(|| is_own) == is_own {
                    return Ok(index);
                }
            }
        })
    }

    fn parts(&self, parts: Vec<usize>) -> Later<'_, LayerIndex> {
        Box::pin(async { self.0.choose().await?.parts(parts).await })
    }

    fn all(&self) -> Later<'_, LayerIndex> {
        Box::pin(async {
            self.index().await?;
            self.0.choose().await?.all().await
        })
    }

    fn read(&self, entry: usize, range: Range<u64>, packed: bool) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move { Ok(inner.choose().await?.read(entry, range, packed)) }))
    }

    fn runs(&self, entry: usize) -> Later<'_, Option<Runs>> {
        Box::pin(async move { self.0.choose().await?.runs(entry).await })
    }

    fn read_by(&self) -> ReadBy {
        self.0.way().read_by()
    }

    fn checks(&self) -> Checks {
        self.0.way().checks()
    }

    fn span_size(&self) -> Option<u64> {
        self.0.way().span_size()
    }

    fn own_ztoc(&self) -> Option<ZtocInfo> {
        self.0.way().own_ztoc()
    }

    fn find_kept(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.0.look())
    }

    fn prefetch(&self, spans: Vec<(usize, usize)>, room: Rc<Cell<u64>>) -> Later<'_, ()> {
        Box::pin(async move {
            let way = self.0.choose().await?;
            // The numbers are those of the attached index's spans.
            match Rc::ptr_eq(&way, &self.0.plain) {
                true => way.prefetch(spans, room).await,
                false => Ok(()),
            }
        })
    }

    fn use_index(&self, built: BuiltIndex) -> Later<'_, ()> {
        Box::pin(self.0.take(built))
    }
}

impl Inner {
    /// How it is read, as far as that is decided.
    fn way(&self) -> Rc<dyn Layer> {
        match (self.known.uses_own.get(), self.known.own.get()) {
            (None | Some(true), Some(own)) => self.own.get_or_init(|| own.for_reader(&self.context)).clone(),
            _ => self.plain.clone(),
        }
    }

    /// Whether it is to be found out how it is read.
    fn is_open(&self) -> bool {
        self.known.uses_own.get().is_none() && self.known.own.get().is_none()
    }

    async fn choose(self: &Rc<Self>) -> Result<Rc<dyn Layer>> {
        self.look().await;
        if self.is_open() && !self.known.refused.get() {
            let inner = self.clone();
            let build =
                move || -> LocalBoxFuture<'static, _> { Box::pin(async move { inner.build().await }) };
            self.known.built.get(self.context.owner, build).await?;
        }
        Ok(self.way())
    }

    /// Looks once whether the cache keeps an index of the layer.
    async fn look(self: &Rc<Self>) {
        let inner = self.clone();
        let look = async move {
            if inner.is_open()
                && let Some(found) = inner.find().await
            {
                inner.known.own.get_or_init(|| found);
            }
            Ok(())
        };
        drop(self.known.looked.get(self.context.owner, move || Box::pin(look)).await);
    }

    async fn find(&self) -> Option<Rc<dyn Layer>> {
        let cache = self.context.cache.as_ref().filter(|_| self.context.kept_indexes)?;
        let (ztoc, origin) = cached_index::find(&**cache, &self.layer).await?;
        let layer = self.by(ztoc, origin);
        // What is damaged is no index.
        let works = layer.index().await.is_ok();
        self.context.source.stats().cache(works);
        works.then(|| -> Rc<dyn Layer> { Rc::new(layer) })
    }

    /// The way by a zTOC that was built here, or compared with one that was.
    fn by(&self, ztoc: Descriptor, origin: Origin) -> ZtocLayer {
        let checked = origin != Origin::Built || self.attached == Some(ztoc.digest);
        ZtocLayer::own(self.context.clone(), self.layer.clone(), ztoc, checked, self.id)
    }

    async fn build(self: &Rc<Self>) -> Result<()> {
        // Who takes what nothing vouches for reads a plain tar where it lies.
        let by_range = !self.context.verify && self.plain.read_by() == ReadBy::Tar;
        let wanted = self.layer.size > self.context.index_above && !by_range;
        let Some(indexer) = self.context.indexer.as_ref().filter(|_| wanted) else { return Ok(()) };
        let limit = self.context.limits.max_build_layer_size;
        Limits::check("max_build_layer_size", self.layer.size, limit).map_err(|e| {
            e.with_message(format!(
                "the layer has no index, and building one streams all of it; its size of {} bytes",
                self.layer.size
            ))
            .with_remedy(Remedy::ConvertToSoci)
            .with_digest(&self.layer.digest)
        })?;
        let built = indexer.build(self.context.source.clone(), self.layer.clone()).await;
        match built {
            Ok(built) => self.take(built).await,
            Err(e) if e.code() == Code::Unsupported => {
                self.known.refused.set(true);
                Ok(())
            }
            Err(e) => Err(e.with_digest(&self.layer.digest)),
        }
    }

    /// Uses an index from now on, if it is the layer's, and keeps it.
    async fn take(self: &Rc<Self>, built: BuiltIndex) -> Result<()> {
        if built.layer_digest != self.layer.digest {
            let text = "the layer does not have the digest that the image manifest states; the registry's copy, or \
                        the transfer, is damaged";
            return Err(Error::new(Code::DigestMismatch, text).with_digest(&self.layer.digest));
        }
        let ztoc = cached_index::at_hand(built.ztoc.clone());
        let layer = self.by(ztoc, Origin::Built);
        layer.index().await?;
        self.known.own.get_or_init(|| Rc::new(layer));
        if let Some(cache) = &self.context.cache {
            cached_index::keep(&**cache, &self.layer, &built.ztoc).await;
        }
        Ok(())
    }
}
