//! A plain zstd layer that is not fetched whole: one pass lists it and keeps no contents; each read then streams it from the
//! nearest frame's start, mostly the layer's, up to the file's end.
//!
//! The pass hashes the layer, and each stretch of its tar. What later reads give out was compared with those digests, so
//! that it is what lies in the layer that the manifest names.

use std::ops::Range;
use std::rc::Rc;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use sha2::Digest as _;

use super::{Checks, ContentCheck, Context, IndexVoucher, Layer, MetadataCheck, ReadBy, Runs, cached_index};
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::fetch::buffer::Buffer;
use crate::fetch::single_flight::SingleFlight;
use crate::fetch::span_cache::SpanCell;
use crate::format::lazy::Format;
use crate::format::oci::{Descriptor, Digest};
use crate::format::tar::Kind;
use crate::format::tar::holes::{self, Piece};
use crate::format::zstd::ZstdDecoder;
use crate::format::zstd::seek::{self, Scan, Scanned, Stretches};
use crate::limits::Limits;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, deferred};
use crate::rootfs::{LayerIndex, PathIndex};
use crate::source::Cache;
use crate::source::sparse;

/// A zstd layer without an index.
pub struct StreamLayer(Rc<Inner>);

#[derive(Clone)]
struct Inner {
    context: Rc<Context>,
    layer: Descriptor,
    id: usize,
    loaded: SingleFlight<Rc<Loaded>>,
}

struct Loaded {
    index: Rc<PathIndex>,
    stretches: Stretches,
    /// They come from the cache.
    kept: bool,
    /// Of `stretches`.
    _held: Reservation,
}

impl StreamLayer {
    /// Nothing is fetched before it is used. `id` is unique among the layers of `context`.
    pub(crate) fn new(context: Rc<Context>, layer: Descriptor, id: usize) -> Self {
        StreamLayer(Rc::new(Inner { context, layer, id, loaded: SingleFlight::default() }))
    }
}

impl Layer for StreamLayer {
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn Layer> {
        Rc::new(StreamLayer(Rc::new(Inner { context: context.clone(), ..(*self.0).clone() })))
    }

    fn index(&self) -> LocalBoxFuture<'_, Result<LayerIndex>> {
        Box::pin(async { Ok(self.0.load().await?.index.clone().into()) })
    }

    fn read(&self, entry: usize, range: Range<u64>) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move {
            let loaded = inner.load().await?;
            Ok(inner.read(loaded, entry, range, false))
        }))
    }

    fn runs(&self, entry: usize) -> LocalBoxFuture<'_, Result<Option<Runs>>> {
        Box::pin(async move { Ok(self.0.load().await?.index.table().sparse(entry).map(Rc::from)) })
    }

    fn read_packed(&self, entry: usize, range: Range<u64>) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move {
            let loaded = inner.load().await?;
            Ok(inner.read(loaded, entry, range, true))
        }))
    }

    fn read_by(&self) -> ReadBy {
        ReadBy::Format(Format::Zstd)
    }

    fn checks(&self) -> Checks {
        let kept = self.0.loaded.peek().is_some_and(|loaded| loaded.kept);
        let (metadata, content) = match (kept, self.0.context.verify) {
            (true, true) => (MetadataCheck::OwnIndex, ContentCheck::SpanDigest),
            (true, false) => (MetadataCheck::OwnIndex, ContentCheck::None),
            (false, true) => (MetadataCheck::LayerDigest, ContentCheck::LayerDigest),
            (false, false) => (MetadataCheck::None, ContentCheck::None),
        };
        Checks { metadata, content, header: false, index: kept.then_some(IndexVoucher::Own) }
    }
}

impl Inner {
    async fn load(self: &Rc<Self>) -> Result<Rc<Loaded>> {
        let inner = self.clone();
        let load = async move {
            let loaded = match inner.kept().await {
                Some(loaded) => Ok(loaded),
                None => inner.pass().await,
            };
            loaded.map(Rc::new).map_err(|e| e.with_digest(&inner.layer.digest))
        };
        self.loaded.get(self.context.owner, move || Box::pin(load)).await
    }

    /// A cache that is trusted with such values.
    fn cache(&self) -> Option<&Rc<dyn Cache>> {
        self.context.cache.as_ref().filter(|cache| cache.has_ranges())
    }

    fn key(&self) -> String {
        cached_index::key(&self.layer.digest)
    }

    /// What the cache keeps of an earlier pass.
    async fn kept(&self) -> Option<Loaded> {
        let value = self.cache()?.get(&self.key()).await;
        let limits = &self.context.limits;
        let parsed = value.and_then(|value| seek::parse(&value, &self.layer, limits).ok());
        let loaded = parsed.and_then(|(stretches, table)| {
            let held = Reservation::of(stretches.heap_bytes()).ok()?;
            let index = Rc::new(PathIndex::new(table, limits).ok()?);
            Some(Loaded { index, stretches, kept: true, _held: held })
        });
        self.context.source.stats().cache(loaded.is_some());
        loaded
    }

    /// Streams the layer once. Nothing of it is used before its digest is right, where that is wanted.
    async fn pass(&self) -> Result<Loaded> {
        let (size, limit) = (self.layer.size, self.context.limits.max_streamed_layer_size);
        Limits::check("max_streamed_layer_size", size, limit).map_err(|e| {
            e.with_message(format!(
                "the zstd layer of {size} bytes has no index: it would be streamed whole to list it, and again up to \
                 the file for each read, which max_streamed_layer_size = {limit} forbids; raise that limit, or convert \
                 the image to a lazy format (skopeo copy --dest-compress-format zstd:chunked)"
            ))
        })?;
        // A damaged transfer is tried again once.
        for retry in [false, true] {
            if retry {
                self.context.source.stats().retry();
            }
            if let Some(scanned) = self.scan().await? {
                return self.keep(scanned).await;
            }
        }
        let message = "the layer does not have the digest that the image manifest states, fetched twice; the registry's \
                       copy is damaged";
        Err(Error::new(Code::DigestMismatch, message))
    }

    /// One pass; `None` if the layer's digest is wrong.
    async fn scan(&self) -> Result<Option<Scanned>> {
        let verify = self.context.verify;
        let mut hasher = sha2::Sha256::new();
        let mut scan = Ok(Scan::new(&self.context.limits, verify, verify && self.cache().is_some()));
        let mut body = self.context.source.blob_stream(&self.layer).await?;
        while let Some(chunk) = body.try_next().await? {
            if verify {
                hasher.update(&chunk);
            }
            scan = match scan {
                Ok(mut scan) => match self.push(&mut scan, &chunk) {
                    Ok(()) => Ok(scan),
                    Err(e) if !verify || e.code() == Code::LimitExceeded => return Err(e),
                    // Maybe the layer is broken, maybe only the transfer: the digest tells.
                    Err(e) => Err(e),
                },
                failed => failed,
            };
        }
        if verify && Digest::from_sha256(hasher.finalize().into()) != self.layer.digest {
            return Ok(None);
        }
        scan?.finish().map(Some)
    }

    /// Gives the pass the next bytes of the layer, and counts what comes of them.
    fn push(&self, scan: &mut Scan, chunk: &[u8]) -> Result<()> {
        let (stats, before) = (self.context.source.stats(), scan.total());
        scan.allow(stats.inflatable());
        let pushed = scan.push(chunk);
        stats.inflate(scan.total().saturating_sub(before))?;
        pushed
    }

    async fn keep(&self, scanned: Scanned) -> Result<Loaded> {
        let Scanned { table, stretches, headers } = scanned;
        if let (Some(cache), Some(headers)) = (self.cache(), headers) {
            let value = seek::to_bytes(&self.layer, &stretches, &headers);
            drop(headers);
            cache.put(&self.key(), value).await;
        }
        let held = Reservation::of(stretches.heap_bytes())?;
        let index = Rc::new(PathIndex::new(table, &self.context.limits)?);
        Ok(Loaded { index, stretches, kept: false, _held: held })
    }

    /// Content, or what is stored of it.
    fn read(self: Rc<Self>, loaded: Rc<Loaded>, entry: usize, range: Range<u64>, packed: bool) -> ByteStream {
        let table = loaded.index.table();
        let Some(e) = table.get(entry).filter(|e| e.kind == Kind::Regular) else {
            return stream::empty().boxed_local();
        };
        let range = range.start..range.end.min(e.size);
        if range.start >= range.end {
            return stream::empty().boxed_local();
        }
        let stats = self.context.source.stats().clone();
        let pieces = match table.sparse(entry).filter(|_| !packed) {
            Some(map) => holes::pieces(map, range),
            None => vec![Piece::Data(range)],
        };
        let packed = holes::packed_range(&pieces);
        let (at, end) = (e.offset.saturating_add(packed.start), e.offset.saturating_add(packed.end));
        let reader = Reader { inner: self, loaded: loaded.clone(), at, end, flow: None, current: None };
        let bytes = stream::try_unfold(reader, |mut reader| async move {
            Ok(reader.next().await?.map(|data| (data, reader)))
        });
        sparse::expand(bytes.boxed_local(), pieces, &stats)
    }
}

/// Reads bytes `at..end` of the tar, stretch by stretch.
struct Reader {
    inner: Rc<Inner>,
    loaded: Rc<Loaded>,
    at: u64,
    end: u64,
    flow: Option<Flow>,
    /// The stretch that is being given out, checked, and where it begins.
    current: Option<Buffer>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.at < self.end {
            if let Some(piece) = self.current.as_ref().and_then(|buffer| buffer.piece(self.at..self.end)) {
                self.at = self.at.saturating_add(piece.len() as u64);
                return Ok(Some(piece));
            }
            self.current = None;
            let found = self.loaded.stretches.holding(self.at);
            let (start, stretch) = found.ok_or_else(|| {
                Error::new(Code::CorruptLayer, "a file reaches past the end of the layer")
                    .with_digest(&self.inner.layer.digest)
            })?;
            let (end, digest, frame_start) = (stretch.end, stretch.digest, stretch.frame_start);
            self.current = Some(Buffer(start, self.stretch(start..end, frame_start, &digest).await?));
        }
        Ok(None)
    }

    /// A stretch, checked: from memory, or fetched, once more if it is not what it must be.
    async fn stretch(&mut self, range: Range<u64>, frame_start: u64, digest: &[u8; 32]) -> Result<Bytes> {
        let inner = self.inner.clone();
        let (context, key) = (&inner.context, (inner.id, range.start));
        if let Some(cell) = context.spans.get(key) {
            context.source.stats().cache(true);
            context.spans.used(key, &cell);
            let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            return Ok(cell.read(0..len)?.0);
        }
        context.source.stats().cache(false);
        let mut again = false;
        loop {
            let error = match self.fetch(&range, frame_start).await {
                Ok(data) if !context.verify || context.transport.sha256(data.clone()).await == *digest => {
                    context.spans.used(key, &Rc::new(SpanCell::whole(data.clone())?));
                    return Ok(data);
                }
                Ok(_) => {
                    let message = "a part of the layer is not what it was when the layer was listed, fetched twice; the \
                                   registry's copy, or the transfer, is damaged";
                    Error::new(Code::DigestMismatch, message)
                }
                Err(e) => e,
            };
            let error = error.with_digest(&inner.layer.digest);
            if again || !matches!(error.code(), Code::CorruptLayer | Code::DigestMismatch) {
                return Err(error);
            }
            again = true;
            self.flow = None;
            context.source.stats().retry();
        }
    }

    /// A stretch as it comes: by the request under way, unless a frame that is near is the better start.
    async fn fetch(&mut self, range: &Range<u64>, frame_start: u64) -> Result<Bytes> {
        let useful = |flow: &Flow| flow.at <= range.start && flow.decoded() >= frame_start;
        let context = &self.inner.context;
        let flow = match &mut self.flow {
            Some(flow) if useful(flow) => flow,
            other => {
                let needed = self.loaded.stretches.needed(&(range.start..self.end));
                let outside = || Error::new(Code::CorruptLayer, "a file reaches past the end of the layer");
                let needed = needed.ok_or_else(outside)?;
                let body = context.source.blob_range(&self.inner.layer, needed).await?;
                other.insert(Flow::new(body, frame_start, context))
            }
        };
        let data = flow.read(range).await;
        if self.end <= range.end {
            self.flow = None;
        }
        data
    }
}

/// A request from a frame's start on, and its decoder.
struct Flow {
    body: ByteStream,
    decoder: ZstdDecoder,
    /// What arrived and is not decoded.
    rest: Bytes,
    /// Offset in the tar of the first byte of `out`.
    at: u64,
    /// Decoded bytes that nobody took yet.
    out: BytesMut,
    stats: Stats,
}

impl Flow {
    fn new(body: ByteStream, at: u64, context: &Context) -> Flow {
        let (decoder, stats) = (ZstdDecoder::unbounded(&context.limits), context.source.stats().clone());
        Flow { body, decoder, rest: Bytes::new(), at, out: BytesMut::new(), stats }
    }

    /// Offset in the tar of the next byte that is decoded.
    fn decoded(&self) -> u64 {
        self.at.saturating_add(self.out.len() as u64)
    }

    /// Bytes `range` of the tar, from `at` or later on. What lies before them is dropped.
    async fn read(&mut self, range: &Range<u64>) -> Result<Bytes> {
        loop {
            let skip = range.start.saturating_sub(self.at).min(self.out.len() as u64);
            self.out.advance(usize::try_from(skip).unwrap_or(self.out.len()));
            self.at = self.at.saturating_add(skip);
            let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            if self.at == range.start
                && let Some(data) = self.out.get(..len)
            {
                // A copy: the buffer is as large as a window.
                let data = Bytes::copy_from_slice(data);
                self.out.advance(len);
                self.at = range.end;
                return Ok(data);
            }
            if self.rest.is_empty() {
                let ended = || Error::new(Code::CorruptLayer, "the layer ends before the file does");
                self.rest = self.body.try_next().await?.ok_or_else(ended)?;
                continue;
            }
            let used = self.decoder.fill(&self.rest)?;
            self.rest.advance(used);
            let (out, stats) = (&mut self.out, &self.stats);
            self.decoder.advance(&mut |data| {
                stats.inflate(data.len() as u64)?;
                out.extend_from_slice(data);
                Ok(())
            })?;
        }
    }
}
