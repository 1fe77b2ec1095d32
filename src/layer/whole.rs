//! A layer that is fetched whole: hashed, decompressed and listed while it arrives; nothing of it is given out before
//! its digest is right.

use std::cell::{Cell, OnceCell};
use std::ops::Range;
use std::rc::{Rc, Weak};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt};

use super::content::Content;
use super::{Checks, ContentCheck, Context, Layer, MetadataCheck, ReadBy, Runs};
use crate::budget::{self, Evictable};
use crate::error::{Code, Error, Remedy, Result};
use crate::fetch::hashed::hashed;
use crate::fetch::single_flight::SingleFlight;
use crate::format::oci::{Descriptor, LayerCompression, layer_compression};
use crate::format::tar::holes;
use crate::format::tar::{EntryTable, Kind, TarWalker};
use crate::format::unpack::Unpacker;
use crate::limits::Limits;
use crate::net::http::Gather;
use crate::net::retry_damaged::twice;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later, deferred};
use crate::rootfs::{LayerIndex, PathIndex};
use crate::source::sparse;

/// A layer without an index: gzip, zstd or plain tar, told by its first bytes as container runtimes do.
pub struct WholeLayer(Rc<Inner>);

#[derive(Clone)]
struct Inner {
    context: Rc<Context>,
    layer: Descriptor,
    known: Rc<Known>,
}

/// State that all readers share.
#[derive(Default)]
struct Known {
    /// The entries, once they are known: they stay when the contents are given up.
    index: OnceCell<Rc<PathIndex>>,
    loaded: SingleFlight<Rc<Loaded>>,
    /// When it was read last.
    used: Cell<u64>,
}

/// What later reads need: the entries and the files' contents.
struct Loaded {
    index: Rc<PathIndex>,
    content: Content,
}

impl WholeLayer {
    /// Nothing is fetched before it is used.
    pub(crate) fn new(context: Rc<Context>, layer: Descriptor) -> Self {
        let known = Rc::<Known>::default();
        let weak: Weak<Known> = Rc::downgrade(&known);
        budget::register(weak);
        WholeLayer(Rc::new(Inner { context, layer, known }))
    }
}

impl Layer for WholeLayer {
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn Layer> {
        Rc::new(WholeLayer(Rc::new(Inner { context: context.clone(), ..(*self.0).clone() })))
    }

    fn index(&self) -> Later<'_, LayerIndex> {
        Box::pin(async {
            match self.0.known.index.get() {
                Some(index) => Ok(index.clone().into()),
                None => Ok(self.0.load().await?.index.clone().into()),
            }
        })
    }

    fn read(&self, entry: usize, range: Range<u64>, packed: bool) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move {
            Ok(inner.load().await?.read(entry, range, packed, inner.context.source.stats()))
        }))
    }

    fn runs(&self, entry: usize) -> Later<'_, Option<Runs>> {
        Box::pin(async move { Ok(self.0.load().await?.index.table().sparse(entry).map(Rc::from)) })
    }

    fn read_by(&self) -> ReadBy {
        ReadBy::Whole
    }

    fn checks(&self) -> Checks {
        Checks {
            metadata: MetadataCheck::LayerDigest,
            content: ContentCheck::LayerDigest,
            header: false,
            index: None,
        }
    }
}

impl Loaded {
    /// Content, or what is stored of it.
    fn read(self: Rc<Self>, entry: usize, range: Range<u64>, packed: bool, stats: &Stats) -> ByteStream {
        let Some((_, pieces)) = holes::of_entry(self.index.table(), entry, range, packed) else {
            return stream::empty().boxed_local();
        };
        let stored = self.content.read(entry, holes::packed_range(&pieces));
        sparse::expand(stream::iter(stored.into_iter().map(Ok)).boxed_local(), pieces, stats)
    }
}

impl Evictable for Known {
    fn last_used(&self) -> Option<u64> {
        // A stream of a file holds it, too.
        self.loaded.is_idle().then(|| self.used.get())
    }

    fn evict(&self) {
        self.loaded.forget();
    }
}

impl Inner {
    async fn load(self: &Rc<Self>) -> Result<Rc<Loaded>> {
        self.known.used.set(budget::now());
        let inner = self.clone();
        let load = move || -> LocalBoxFuture<'static, _> {
            Box::pin(async move { inner.fetch().await.map(Rc::new) })
        };
        self.known.loaded.get(self.context.owner, load).await
    }

    async fn fetch(&self) -> Result<Loaded> {
        let (layer, limits) = (&self.layer, &self.context.limits);
        if layer_compression(&layer.media_type).is_none() {
            let media_type: String = layer.media_type.chars().take(120).collect();
            let message = format!("a layer of the media type {media_type:?} cannot be read: it is no tar");
            return Err(Error::new(Code::Unsupported, message).with_digest(&layer.digest));
        }
        Limits::check("max_whole_layer_size", layer.size, limits.max_whole_layer_size).map_err(|e| {
            let text =
                format!("the layer has no index and is fetched whole; its size of {} bytes", layer.size);
            self.cured(e.with_message(text)).with_digest(&layer.digest)
        })?;
        let concerns = |e| self.advise(e).with_digest(&layer.digest);
        if let Some(loaded) = self.cached().await.map_err(concerns)? {
            return Ok(loaded);
        }
        let fetched = twice(self.context.source.stats(), async || {
            let body = self.context.source.blob_stream(layer).await?;
            self.unpack(body, true).await
        });
        fetched.await.map_err(concerns)
    }

    /// Adds what makes such a layer lazy.
    fn cured(&self, e: Error) -> Error {
        match layer_compression(&self.layer.media_type) {
            Some(LayerCompression::Zstd) => e.with_remedy(Remedy::ConvertToChunked),
            Some(LayerCompression::Gzip | LayerCompression::None) if self.context.indexer.is_none() => {
                e.with_remedy(Remedy::BuildIndex).with_remedy(Remedy::MakeIndex)
            }
            _ => e.with_remedy(Remedy::MakeIndex),
        }
    }

    /// Says how to go on.
    fn advise(&self, error: Error) -> Error {
        if error.code() == Code::NotFound && !self.layer.urls.is_empty() {
            return error.with_message(
                "the registry does not hold this layer, which its owner distributes elsewhere (a foreign layer)",
            );
        }
        if error.limit_name() != Some("max_whole_layer_inflated") {
            return error;
        }
        self.cured(error.with_message("the layer has no index, and what it inflates to"))
    }

    /// Unpacks what the cache has of the layer; `None` if that is nothing, or not the layer.
    async fn cached(&self) -> Result<Option<Loaded>> {
        let Some(cache) = &self.context.cache else { return Ok(None) };
        let found = cache.get(&self.layer.digest.to_string()).await;
        let found = found.filter(|data| data.len() as u64 == self.layer.size);
        let loaded = match found {
            Some(data) => match self.unpack(stream::iter([Ok(data)]).boxed_local(), false).await {
                Err(e) if e.code() == Code::DigestMismatch => None,
                unpacked => Some(unpacked?),
            },
            None => None,
        };
        self.context.source.stats().cache(loaded.is_some());
        Ok(loaded)
    }

    /// Unpacks a body as it arrives. With `keep`, the cache gets it.
    async fn unpack(&self, body: ByteStream, keep: bool) -> Result<Loaded> {
        let mut unpack = Unpack::new(&self.context.limits, self.context.source.stats());
        let cache = self.context.cache.as_ref().filter(|_| keep);
        let mut kept = Gather::new(self.layer.size);
        hashed(body, Some(&self.layer.digest), &mut |chunk| {
            if cache.is_some() {
                kept.append(chunk)?;
            }
            unpack.push(chunk)
        })
        .await?;
        if let Some(cache) = cache {
            cache.put(&self.layer.digest.to_string(), kept.finish()).await;
        }
        let (table, content) = unpack.finish().map_err(Error::given_up)?;
        let known = &self.known.index;
        let index = match known.get() {
            // The same, as the bytes are.
            Some(index) => index.clone(),
            None => {
                let index = self.context.index_of(table).await?;
                known.get_or_init(|| index).clone()
            }
        };
        Ok(Loaded { index, content })
    }
}

/// Compressed bytes in, entries and contents out.
struct Unpack {
    unpacker: Unpacker,
    tar: Untar,
}

struct Untar {
    walker: TarWalker,
    content: Content,
    /// Bytes of the tar that came.
    at: u64,
    max: u64,
    stats: Stats,
}

impl Unpack {
    fn new(limits: &Limits, stats: &Stats) -> Self {
        let (walker, max) = (TarWalker::new(limits), limits.max_whole_layer_inflated);
        let tar = Untar { walker, content: Content::default(), at: 0, max, stats: stats.clone() };
        Unpack { unpacker: Unpacker::new(limits), tar }
    }

    fn push(&mut self, data: &[u8]) -> Result<()> {
        self.unpacker.push(data, &mut |out| self.tar.push(out))
    }

    fn finish(mut self) -> Result<(EntryTable, Content)> {
        self.unpacker.finish(&mut |out| self.tar.push(out))?;
        let Untar { walker, mut content, at, .. } = self.tar;
        content.seal()?;
        Ok((walker.finish(Some(at))?, content))
    }
}

impl Untar {
    /// Takes the next bytes of the tar: headers to the walker, contents to the store, the rest to nobody.
    fn push(&mut self, data: &[u8]) -> Result<()> {
        let at = self.at;
        self.at = at.saturating_add(data.len() as u64);
        Limits::check("max_whole_layer_inflated", self.at, self.max)?;
        self.stats.inflate(data.len() as u64)?;
        self.walker.feed(at, data, &mut |part| match part.entry.kind {
            Kind::Regular => self.content.push(part.index, part.bytes),
            _ => Ok(()),
        })
    }
}
