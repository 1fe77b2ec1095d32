//! An uncompressed tar without a zTOC, by Range requests. Nothing vouches for what single ranges give: it is used where
//! the caller gave up verification, and where all of the tar can be hashed first and does not change afterwards.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use super::{Checks, ContentCheck, Context, Layer, MetadataCheck, ReadBy, Runs};
use crate::error::{Code, Error, Result};
use crate::fetch::body::read_range;
use crate::fetch::hashed::hashed;
use crate::fetch::single_flight::SingleFlight;
use crate::format::oci::Descriptor;
use crate::format::tar::TarWalker;
use crate::format::tar::holes;
use crate::net::transport::{ByteStream, Later, deferred};
use crate::rootfs::{LayerIndex, PathIndex};
use crate::source::sparse;

/// Bytes that are read at once while looking for headers: less where files are large, more where they are small.
const READ_AHEAD: Range<u64> = 4 << 10..1 << 20;
const FIRST_READ: u64 = 16 << 10;

/// A tar that is walked header by header.
pub struct TarLayer(Rc<Inner>);

#[derive(Clone)]
struct Inner {
    context: Rc<Context>,
    layer: Descriptor,
    index: SingleFlight<Rc<PathIndex>>,
}

impl TarLayer {
    /// Nothing is fetched before it is used.
    pub(crate) fn new(context: Rc<Context>, layer: Descriptor) -> Self {
        TarLayer(Rc::new(Inner { context, layer, index: SingleFlight::default() }))
    }
}

impl Layer for TarLayer {
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn Layer> {
        Rc::new(TarLayer(Rc::new(Inner { context: context.clone(), ..(*self.0).clone() })))
    }

    fn index(&self) -> Later<'_, LayerIndex> {
        Box::pin(async { Ok(self.0.load().await?.into()) })
    }

    fn read(&self, entry: usize, range: Range<u64>, packed: bool) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move {
            let index = inner.load().await?;
            inner.read(&index, entry, range, packed)
        }))
    }

    fn runs(&self, entry: usize) -> Later<'_, Option<Runs>> {
        Box::pin(async move { Ok(self.0.load().await?.table().sparse(entry).map(Rc::from)) })
    }

    fn read_by(&self) -> ReadBy {
        ReadBy::Tar
    }

    fn checks(&self) -> Checks {
        let (metadata, content) = match self.0.context.verify {
            true => (MetadataCheck::LayerDigest, ContentCheck::LayerDigest),
            false => (MetadataCheck::None, ContentCheck::None),
        };
        Checks { metadata, content, header: false, index: None }
    }
}

impl Inner {
    async fn load(self: &Rc<Self>) -> Result<Rc<PathIndex>> {
        let inner = self.clone();
        let walk = async move {
            let index = if inner.context.verify { inner.hash().await } else { inner.walk().await };
            index.map_err(|e| e.with_digest(&inner.layer.digest))
        };
        self.index.get(self.context.owner, move || Box::pin(walk)).await
    }

    async fn walk(&self) -> Result<Rc<PathIndex>> {
        let (limits, size) = (&self.context.limits, self.layer.size);
        let mut walker = TarWalker::new(limits);
        let (mut start, mut data, mut ahead) = (0u64, Bytes::new(), FIRST_READ);
        while !walker.is_done() && walker.wants() < size {
            let at = walker.wants();
            let here = usize::try_from(at.saturating_sub(start)).ok().and_then(|n| data.get(n..));
            if let Some(here) = here.filter(|h| !h.is_empty()) {
                let used = walker.push(here)?;
                if used == 0 && walker.wants() <= at {
                    return Err(Error::new(Code::CorruptLayer, "the tar goes nowhere").with_offset(at));
                }
                continue;
            }
            let end = start.saturating_add(data.len() as u64);
            ahead = if at == end { ahead.saturating_mul(2) } else { ahead / 4 };
            ahead = ahead.clamp(READ_AHEAD.start, READ_AHEAD.end);
            start = at;
            let range = at..at.saturating_add(ahead).min(size);
            data = read_range(&*self.context.source, &self.layer, range).await?;
        }
        self.context.index_of(walker.finish(Some(size))?).await
    }

    /// Lists the tar while it is read from end to end and hashed; none of it is kept.
    async fn hash(&self) -> Result<Rc<PathIndex>> {
        let limits = &self.context.limits;
        let (mut walker, mut start) = (TarWalker::new(limits), 0u64);
        let body = self.context.source.blob_stream(&self.layer).await?;
        hashed(body, Some(&self.layer.digest), &mut |chunk| {
            walker.feed(start, chunk, &mut |_| Ok(()))?;
            start = start.saturating_add(chunk.len() as u64);
            Ok(())
        })
        .await?;
        self.context.index_of(walker.finish(Some(start))?).await
    }

    /// Content, or what is stored of it.
    fn read(
        self: Rc<Self>,
        index: &PathIndex,
        entry: usize,
        range: Range<u64>,
        packed: bool,
    ) -> Result<ByteStream> {
        let Some((e, pieces)) = holes::of_entry(index.table(), entry, range, packed) else {
            return Ok(stream::empty().boxed_local());
        };
        let stats = self.context.source.stats().clone();
        let packed = holes::packed_range(&pieces);
        let range = e.offset.saturating_add(packed.start)..e.offset.saturating_add(packed.end);
        if range.end > self.layer.size {
            return Err(Error::new(Code::CorruptLayer, "a file reaches past the end of the layer")
                .with_digest(&self.layer.digest)
                .with_offset(range.start));
        }
        if range.is_empty() {
            return Ok(sparse::expand(stream::empty().boxed_local(), pieces, &stats));
        }
        let body = async move { self.context.source.blob_range(&self.layer, range).await };
        Ok(sparse::expand(deferred(Box::pin(body)), pieces, &stats))
    }
}
