//! A plain zstd layer that is not fetched whole: one pass lists it and keeps no contents; each read then streams it from the
//! nearest frame's start, mostly the layer's, up to the file's end.
//!
//! The pass hashes the layer, and each segment of its tar. What later reads give out was compared with those digests, so
//! that it is what lies in the layer that the manifest names.

use std::ops::Range;
use std::rc::Rc;

use bytes::{Buf, Bytes};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{Checks, ContentCheck, Context, IndexVoucher, Layer, MetadataCheck, ReadBy, Runs, cached_index};
use crate::budget::Reservation;
use crate::error::{Code, Error, Remedy, Result};
use crate::fetch::body::Body;
use crate::fetch::buffer::Buffer;
use crate::fetch::hashed::hashed;
use crate::fetch::scheduler::{Piece, Requests, Run, Scheduler};
use crate::fetch::single_flight::SingleFlight;
use crate::fetch::span_cache::{Key, SpanCell};
use crate::format::lazy::Format;
use crate::format::oci::{Descriptor, Digest};
use crate::format::tar::{EntryTable, holes};
use crate::format::zstd::ZstdDecoder;
use crate::format::zstd::seek::{self, Scan, Scanned, SeekIndex};
use crate::limits::Limits;
use crate::net::retry_damaged::twice;
use crate::net::transport::{ByteStream, Later, deferred};
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
    requests: Requests,
}

struct Loaded {
    index: Rc<PathIndex>,
    seek_index: SeekIndex,
    /// They come from the cache.
    kept: bool,
    /// Of `seek_index`.
    _held: Reservation,
}

impl StreamLayer {
    /// Nothing is fetched before it is used. `id` is unique among the layers of `context`.
    pub(crate) fn new(context: Rc<Context>, layer: Descriptor, id: usize) -> Self {
        let (loaded, requests) = (SingleFlight::default(), Requests::default());
        StreamLayer(Rc::new(Inner { context, layer, id, loaded, requests }))
    }
}

impl Layer for StreamLayer {
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn Layer> {
        Rc::new(StreamLayer(Rc::new(Inner { context: context.clone(), ..(*self.0).clone() })))
    }

    fn index(&self) -> Later<'_, LayerIndex> {
        Box::pin(async { Ok(self.0.load().await?.index.clone().into()) })
    }

    fn read(&self, entry: usize, range: Range<u64>, packed: bool) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move {
            let loaded = inner.load().await?;
            Ok(inner.read(loaded, entry, range, packed))
        }))
    }

    fn runs(&self, entry: usize) -> Later<'_, Option<Runs>> {
        Box::pin(async move { Ok(self.0.load().await?.index.table().sparse(entry).map(Rc::from)) })
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
        let loaded = match parsed {
            Some((seek_index, table)) => self.loaded_of(seek_index, table, true).await.ok(),
            None => None,
        };
        self.context.source.stats().cache(loaded.is_some());
        loaded
    }

    /// Streams the layer once. Nothing of it is used before its digest is right, where that is wanted.
    async fn pass(&self) -> Result<Loaded> {
        let (size, limit) = (self.layer.size, self.context.limits.max_streamed_layer_size);
        Limits::check("max_streamed_layer_size", size, limit).map_err(|e| {
            e.with_message(format!(
                "the zstd layer has no index: it is streamed whole to list it, and again up to the file for each read; \
                 its size of {size} bytes"
            ))
            .with_remedy(Remedy::ConvertToChunked)
        })?;
        let scanned = twice(self.context.source.stats(), async || self.scan().await).await?;
        self.keep(scanned).await
    }

    /// One pass.
    async fn scan(&self) -> Result<Scanned> {
        let verify = self.context.verify;
        let mut scan = Scan::new(&self.context.limits, verify, verify && self.cache().is_some());
        let body = self.context.source.blob_stream(&self.layer).await?;
        let digest = Some(&self.layer.digest).filter(|_| verify);
        hashed(body, digest, &mut |chunk| self.push(&mut scan, chunk)).await?;
        scan.finish().map_err(Error::given_up)
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
        let Scanned { table, seek_index, headers } = scanned;
        if let (Some(cache), Some(headers)) = (self.cache(), headers) {
            let value = seek::to_bytes(&self.layer, &seek_index, &headers);
            drop(headers);
            cache.put(&self.key(), value).await;
        }
        self.loaded_of(seek_index, table, false).await
    }

    async fn loaded_of(&self, seek_index: SeekIndex, table: EntryTable, kept: bool) -> Result<Loaded> {
        let held = Reservation::of(seek_index.heap_bytes())?;
        let index = self.context.index_of(table).await?;
        Ok(Loaded { index, seek_index, kept, _held: held })
    }

    fn scheduler(&self) -> Scheduler {
        Scheduler::new(self.context.clone(), self.requests.clone())
    }

    /// Content, or what is stored of it.
    fn read(self: Rc<Self>, loaded: Rc<Loaded>, entry: usize, range: Range<u64>, packed: bool) -> ByteStream {
        let Some((e, pieces)) = holes::of_entry(loaded.index.table(), entry, range, packed) else {
            return stream::empty().boxed_local();
        };
        let stats = self.context.source.stats().clone();
        let packed = holes::packed_range(&pieces);
        let (at, end) = (e.offset.saturating_add(packed.start), e.offset.saturating_add(packed.end));
        let reader = Reader { inner: self, loaded: loaded.clone(), at, end, run: None, current: None };
        let bytes = stream::try_unfold(reader, |mut reader| async move {
            Ok(reader.next().await?.map(|data| (data, reader)))
        });
        sparse::expand(bytes.boxed_local(), pieces, &stats)
    }
}

/// Reads bytes `at..end` of the tar, segment by segment.
struct Reader {
    inner: Rc<Inner>,
    loaded: Rc<Loaded>,
    at: u64,
    end: u64,
    run: Option<Rc<Run>>,
    /// The segment that is being given out, checked, and where it begins.
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
            let segment = self.segment(self.at).ok_or_else(|| {
                Error::new(Code::CorruptLayer, "a file reaches past the end of the layer")
                    .with_digest(&self.inner.layer.digest)
            })?;
            let range = segment.start..segment.end;
            let (mut behind, mut run) = (range.end, self.run.take());
            let mut ahead = std::iter::from_fn(|| {
                let next = self.segment(behind).filter(|next| next.start < self.end)?;
                behind = next.end;
                Some(Rc::new(next) as Rc<dyn Piece>)
            });
            let cell = self.inner.scheduler().get(Rc::new(segment), &mut ahead, &mut run).await?;
            self.run = run.filter(|_| self.end > range.end);
            let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            self.current = Some(Buffer(range.start, cell.read(0..len)?.0));
        }
        Ok(None)
    }

    /// The segment that holds an offset of the tar.
    fn segment(&self, at: u64) -> Option<Segment> {
        let (start, found) = self.loaded.seek_index.holding(at)?;
        let (inner, loaded) = (self.inner.clone(), self.loaded.clone());
        let (end, frame_start, digest) = (found.end, found.frame_start, found.digest);
        Some(Segment { inner, loaded, start, end, frame_start, digest })
    }
}

/// A segment of the tar on its way: it is decoded from a frame's start on.
struct Segment {
    inner: Rc<Inner>,
    loaded: Rc<Loaded>,
    start: u64,
    end: u64,
    frame_start: u64,
    digest: [u8; 32],
}

impl Piece for Segment {
    fn key(&self) -> Key {
        (self.inner.id, self.start)
    }

    fn range(&self) -> Result<Range<u64>> {
        Ok(self.start..self.end)
    }

    fn body(&self, range: Range<u64>) -> Later<'_, Body> {
        Box::pin(async move {
            let (context, layer) = (&self.inner.context, &self.inner.layer);
            let outside = || Error::new(Code::CorruptLayer, "a file reaches past the end of the layer");
            let needed = self.loaded.seek_index.needed(&range).ok_or_else(outside)?;
            let body = context.source.blob_range(layer, needed).await?;
            Ok(Body::new(decoded(body, context), self.frame_start, None))
        })
    }

    /// Unless a frame that is near is the better start.
    fn joins(&self, _: &Range<u64>, at: u64) -> bool {
        at >= self.frame_start
    }

    fn is_on_the_way(&self) -> bool {
        true
    }

    fn digest(&self) -> Option<Digest> {
        self.inner.context.verify.then(|| Digest::from_sha256(self.digest))
    }

    fn mismatch(&self) -> String {
        "a part of the layer is not what it was when the layer was listed, fetched twice; the registry's copy, or the \
         transfer, is damaged"
            .to_owned()
    }

    fn open(&self, data: Bytes) -> Result<SpanCell> {
        SpanCell::whole(data)
    }

    fn concerns(&self, error: Error) -> Error {
        error.with_digest(&self.inner.layer.digest)
    }
}

/// Decoded bytes of a body, as it arrives.
fn decoded(body: ByteStream, context: &Context) -> ByteStream {
    let decoder = ZstdDecoder::unbounded(&context.limits);
    let state = (body, decoder, Bytes::new(), context.source.stats().clone());
    stream::try_unfold(state, |(mut body, mut decoder, mut rest, stats)| async move {
        loop {
            if rest.is_empty() {
                let ended = || Error::new(Code::CorruptLayer, "the layer ends before the file does");
                rest = body.try_next().await?.ok_or_else(ended)?;
                continue;
            }
            let used = decoder.fill(&rest)?;
            rest.advance(used);
            let mut out = Vec::new();
            decoder.advance(&mut |data| {
                stats.inflate(data.len() as u64)?;
                out.extend_from_slice(data);
                Ok(())
            })?;
            if !out.is_empty() {
                return Ok(Some((Bytes::from(out), (body, decoder, rest, stats))));
            }
        }
    })
    .boxed_local()
}
