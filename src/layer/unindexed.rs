//! A layer without an index that the image vouches for: read by one that was built here, before or now, else by one that is
//! attached, if the caller agreed to that, else as it is.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use super::{BuiltIndex, Checks, Context, Layer, ReadBy, Runs, ZtocInfo, ZtocLayer, cached_index};
use crate::error::{Code, Error, Result};
use crate::fetch::single_flight::SingleFlight;
use crate::format::oci::{Descriptor, Digest};
use crate::format::ztoc::cached::Origin;
use crate::limits::Limits;
use crate::net::transport::{ByteStream, deferred};
use crate::rootfs::LayerIndex;

/// Decides how it is read when something of it is wanted first.
pub(crate) struct UnindexedLayer(Rc<Inner>);

struct Inner {
    context: Rc<Context>,
    layer: Descriptor,
    id: usize,
    /// The way without an index of ours.
    plain: Rc<dyn Layer>,
    /// The zTOC of the attached index by which `plain` reads it: none is built then.
    attached: Option<Digest>,
    /// The way by an index that was built here.
    own: RefCell<Option<Rc<dyn Layer>>>,
    /// The way that entries were given out of. It stays: entries have other numbers on another.
    used: OnceCell<Rc<dyn Layer>>,
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
        let (own, looked, built) = (RefCell::default(), SingleFlight::default(), SingleFlight::default());
        let (used, refused) = (OnceCell::new(), Cell::new(attached.is_some()));
        UnindexedLayer(Rc::new(Inner {
            context,
            layer,
            id,
            plain,
            attached,
            own,
            used,
            looked,
            built,
            refused,
        }))
    }
}

impl Layer for UnindexedLayer {
    fn index(&self) -> LocalBoxFuture<'_, Result<LayerIndex>> {
        Box::pin(async {
            loop {
                let layer = self.0.choose().await?;
                let index = layer.index().await?;
                // Another may have been first meanwhile.
                if Rc::ptr_eq(self.0.used.get_or_init(|| layer.clone()), &layer) {
                    return Ok(index);
                }
            }
        })
    }

    fn parts(&self, parts: Vec<usize>) -> LocalBoxFuture<'_, Result<LayerIndex>> {
        Box::pin(async { self.0.choose().await?.parts(parts).await })
    }

    fn all(&self) -> LocalBoxFuture<'_, Result<LayerIndex>> {
        Box::pin(async {
            self.index().await?;
            self.0.choose().await?.all().await
        })
    }

    fn read(&self, entry: usize, range: Range<u64>) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move { Ok(inner.choose().await?.read(entry, range)) }))
    }

    fn runs(&self, entry: usize) -> LocalBoxFuture<'_, Result<Option<Runs>>> {
        Box::pin(async move { self.0.choose().await?.runs(entry).await })
    }

    fn read_packed(&self, entry: usize, range: Range<u64>) -> ByteStream {
        self.0.way().read_packed(entry, range)
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

    fn prefetch(&self, spans: Vec<(usize, usize)>, room: Rc<Cell<u64>>) -> LocalBoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let way = self.0.choose().await?;
            // The numbers are those of the attached index's spans.
            match Rc::ptr_eq(&way, &self.0.plain) {
                true => way.prefetch(spans, room).await,
                false => Ok(()),
            }
        })
    }

    fn use_index(&self, built: BuiltIndex) -> LocalBoxFuture<'_, Result<()>> {
        Box::pin(self.0.take(built))
    }
}

impl Inner {
    /// How it is read, as far as that is decided.
    fn way(&self) -> Rc<dyn Layer> {
        let own = || self.own.borrow().clone();
        self.used.get().cloned().or_else(own).unwrap_or_else(|| self.plain.clone())
    }

    async fn choose(self: &Rc<Self>) -> Result<Rc<dyn Layer>> {
        self.look().await;
        if self.used.get().is_none() && self.own.borrow().is_none() && !self.refused.get() {
            let inner = self.clone();
            self.built.get(move || Box::pin(async move { inner.build().await })).await?;
        }
        Ok(self.way())
    }

    /// Looks once whether the cache keeps an index of the layer.
    async fn look(self: &Rc<Self>) {
        let inner = self.clone();
        let look = async move {
            if inner.used.get().is_none() && inner.own.borrow().is_none() {
                let found = inner.find().await;
                let mut own = inner.own.borrow_mut();
                *own = own.take().or(found);
            }
            Ok(())
        };
        drop(self.looked.get(move || Box::pin(look)).await);
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
                "the layer of {} bytes has no index, and building one would stream all of it, which \
                 max_build_layer_size = {limit} forbids; raise that limit, or make an image that has a SOCI index with \
                 `npx ocipeek soci convert`",
                self.layer.size
            ))
            .with_digest(&self.layer.digest)
        })?;
        let built = indexer.build(self.context.source.clone(), self.layer.clone()).await;
        match built {
            Ok(built) => self.take(built).await,
            Err(e) if e.code() == Code::Unsupported => {
                self.refused.set(true);
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
        self.own.borrow_mut().get_or_insert_with(|| Rc::new(layer));
        if let Some(cache) = &self.context.cache {
            cached_index::keep(&**cache, &self.layer, &built.ztoc).await;
        }
        Ok(())
    }
}
