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
use crate::fetch::retry_damaged::twice;
use crate::fetch::single_flight::SingleFlight;
use crate::format::gzip::GzipDecoder;
use crate::format::oci::{Descriptor, LayerCompression, layer_compression};
use crate::format::tar::holes;
use crate::format::tar::{EntryTable, Kind, TarWalker};
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;
use crate::net::http::Gather;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, deferred};
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

/// What all readers know of it.
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

    fn index(&self) -> LocalBoxFuture<'_, Result<LayerIndex>> {
        Box::pin(async {
            match self.0.known.index.get() {
                Some(index) => Ok(index.clone().into()),
                None => Ok(self.0.load().await?.index.clone().into()),
            }
        })
    }

    fn read(&self, entry: usize, range: Range<u64>) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move {
            Ok(inner.load().await?.read(entry, range, false, inner.context.source.stats()))
        }))
    }

    fn runs(&self, entry: usize) -> LocalBoxFuture<'_, Result<Option<Runs>>> {
        Box::pin(async move { Ok(self.0.load().await?.index.table().sparse(entry).map(Rc::from)) })
    }

    fn read_packed(&self, entry: usize, range: Range<u64>) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move {
            Ok(inner.load().await?.read(entry, range, true, inner.context.source.stats()))
        }))
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
        let table = self.index.table();
        let Some(e) = table.get(entry).filter(|e| e.kind == Kind::Regular) else {
            return stream::empty().boxed_local();
        };
        let range = range.start..range.end.min(e.size);
        if range.start >= range.end {
            return stream::empty().boxed_local();
        }
        match table.sparse(entry).filter(|_| !packed) {
            None => stream::iter(self.content.read(entry, range).into_iter().map(Ok)).boxed_local(),
            Some(map) => {
                let pieces = holes::pieces(map, range);
                let packed = self.content.read(entry, holes::packed_range(&pieces));
                sparse::expand(stream::iter(packed.into_iter().map(Ok)).boxed_local(), pieces, stats)
            }
        }
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
                let index = Rc::new(PathIndex::new(table, &self.context.limits)?);
                known.get_or_init(|| index).clone()
            }
        };
        Ok(Loaded { index, content })
    }
}

enum Decoder {
    /// Before the first four bytes are here.
    Undecided(Vec<u8>),
    Tar,
    Gzip(Box<GzipDecoder>),
    Zstd(Box<ZstdDecoder>),
}

/// Compressed bytes in, entries and contents out.
struct Unpack {
    decoder: Decoder,
    tar: Untar,
    limits: Limits,
}

struct Untar {
    walker: TarWalker,
    content: Content,
    /// Offset in the tar of the next byte.
    at: u64,
    max: u64,
    stats: Stats,
}

const GZIP: [u8; 2] = [0x1F, 0x8B];
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Zstandard's skippable frames begin with `5x 2A 4D 18`.
const ZSTD_SKIP: [u8; 3] = [0x2A, 0x4D, 0x18];

impl Unpack {
    fn new(limits: &Limits, stats: &Stats) -> Self {
        let (walker, max) = (TarWalker::new(limits), limits.max_whole_layer_inflated);
        let tar = Untar { walker, content: Content::default(), at: 0, max, stats: stats.clone() };
        Unpack { decoder: Decoder::Undecided(Vec::new()), tar, limits: limits.clone() }
    }

    fn push(&mut self, data: &[u8]) -> Result<()> {
        if let Decoder::Undecided(start) = &mut self.decoder {
            start.extend_from_slice(data);
            return if start.len() < 4 { Ok(()) } else { self.decide() };
        }
        self.decode(data)
    }

    /// Chooses the decoder by the first bytes.
    fn decide(&mut self) -> Result<()> {
        let Decoder::Undecided(start) = &mut self.decoder else { return Ok(()) };
        let start = std::mem::take(start);
        self.decoder = if start.starts_with(&GZIP) {
            Decoder::Gzip(Box::new(GzipDecoder::new(&self.limits)))
        } else if start.starts_with(&ZSTD)
            || (start.get(1..4) == Some(&ZSTD_SKIP) && start.first().is_some_and(|b| b >> 4 == 5))
        {
            Decoder::Zstd(Box::new(ZstdDecoder::new(&self.limits)))
        } else {
            Decoder::Tar
        };
        self.decode(&start)
    }

    fn decode(&mut self, data: &[u8]) -> Result<()> {
        let tar = &mut self.tar;
        match &mut self.decoder {
            Decoder::Gzip(gzip) => gzip.push(data, &mut |out| tar.push(out)),
            Decoder::Zstd(zstd) => zstd.push(data, &mut |out| tar.push(out)),
            Decoder::Tar | Decoder::Undecided(_) => tar.push(data),
        }
    }

    fn finish(mut self) -> Result<(EntryTable, Content)> {
        if matches!(self.decoder, Decoder::Undecided(_)) {
            self.decide()?;
        }
        match self.decoder {
            Decoder::Gzip(gzip) => gzip.finish()?,
            Decoder::Zstd(zstd) => zstd.finish()?,
            Decoder::Tar | Decoder::Undecided(_) => {}
        }
        let Untar { walker, mut content, at, .. } = self.tar;
        content.seal()?;
        Ok((walker.finish(Some(at))?, content))
    }
}

impl Untar {
    /// Takes the next bytes of the tar: headers to the walker, contents to the store, the rest to nobody.
    fn push(&mut self, mut data: &[u8]) -> Result<()> {
        let total = self.at.saturating_add(data.len() as u64);
        Limits::check("max_whole_layer_inflated", total, self.max)?;
        self.stats.inflate(data.len() as u64)?;
        while !data.is_empty() && !self.walker.is_done() {
            let skip = self.walker.wants().saturating_sub(self.at);
            let used = if skip > 0 {
                let n = usize::try_from(skip).unwrap_or(usize::MAX).min(data.len());
                self.keep(data.get(..n).unwrap_or_default())?;
                n
            } else {
                // To the end of the block: contents, which the walker would pass over, begin with one.
                let block = 512 - (self.at % 512) as usize;
                self.walker.push(data.get(..block.min(data.len())).unwrap_or_default())?
            };
            if used == 0 && self.walker.wants() <= self.at {
                return Err(Error::new(Code::CorruptLayer, "the tar goes nowhere").with_offset(self.at));
            }
            self.at = self.at.saturating_add(used as u64);
            data = data.get(used..).unwrap_or_default();
        }
        self.at = total;
        Ok(())
    }

    /// Keeps what of `data`, which lies at `at`, is content of the last entry.
    fn keep(&mut self, data: &[u8]) -> Result<()> {
        let table = self.walker.table();
        let Some((i, e)) = table.len().checked_sub(1).and_then(|i| Some((i, table.get(i)?))) else {
            return Ok(());
        };
        if e.kind != Kind::Regular {
            return Ok(());
        }
        let stored = table.sparse(i).map_or(e.size, holes::packed_len);
        let start = usize::try_from(e.offset.saturating_sub(self.at)).unwrap_or(usize::MAX).min(data.len());
        let end = e.offset.saturating_add(stored).saturating_sub(self.at);
        let end = usize::try_from(end).unwrap_or(usize::MAX).min(data.len());
        match data.get(start..end).filter(|c| !c.is_empty()) {
            Some(content) => self.content.push(i, content),
            None => Ok(()),
        }
    }
}
