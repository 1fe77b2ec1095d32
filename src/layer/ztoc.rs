//! A layer with a zTOC: entries from the zTOC, content by spans.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::{self, LocalBoxFuture, try_join};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::fetch::Plan;
use super::spans::{Reader, SpanStore};
use super::sparse::{self, Piece};
use super::{Checks, ContentCheck, Context, Layer, MetadataCheck, Once, ReadBy};
use crate::error::{Code, Error, Result};
use crate::oci::Descriptor;
use crate::rootfs::PathIndex;
use crate::tar::{Kind, check_header};
use crate::transport::ByteStream;
use crate::ztoc::Ztoc;

/// Requests for spans that are prefetched at the same time.
const PARALLEL: usize = 4;

/// A gzip or uncompressed layer that is read span by span.
pub struct ZtocLayer(Rc<Inner>);

struct Inner {
    context: Rc<Context>,
    layer: Descriptor,
    ztoc: Descriptor,
    /// The zTOC was built without extended attributes.
    no_xattrs: bool,
    id: usize,
    loaded: Once<Rc<Loaded>>,
}

/// `(offset, length)` of a sparse file's data runs.
type Runs = Rc<[(u64, u64)]>;

struct Loaded {
    index: Rc<PathIndex>,
    spans: Rc<SpanStore>,
    /// Entries whose tar header was found to be as the zTOC says, one bit each.
    checked: RefCell<Vec<u64>>,
    /// Data runs that only their tar headers tell.
    sparse: RefCell<HashMap<usize, Runs>>,
}

impl ZtocLayer {
    /// Nothing is fetched before it is used. `id` is unique among the layers of `context`.
    pub(crate) fn new(
        context: Rc<Context>,
        layer: Descriptor,
        ztoc: Descriptor,
        no_xattrs: bool,
        id: usize,
    ) -> Self {
        ZtocLayer(Rc::new(Inner { context, layer, ztoc, no_xattrs, id, loaded: Once::default() }))
    }
}

impl Layer for ZtocLayer {
    fn entries(&self) -> LocalBoxFuture<'_, Result<Rc<PathIndex>>> {
        Box::pin(async { Ok(self.0.load().await?.index.clone()) })
    }

    fn read(&self, entry: usize, range: Range<u64>) -> ByteStream {
        let inner = self.0.clone();
        stream::once(async move { inner.open(entry, range).await }).try_flatten().boxed_local()
    }

    fn read_by(&self) -> ReadBy {
        ReadBy::Ztoc
    }

    fn checks(&self) -> Checks {
        let verify = self.0.context.verify;
        let content = if verify { ContentCheck::SpanDigest } else { ContentCheck::None };
        Checks { metadata: MetadataCheck::ZtocDigest, content, header: verify }
    }

    fn prefetch(&self, spans: Vec<(usize, usize)>, room: Rc<Cell<u64>>) -> LocalBoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let loaded = self.0.load().await?;
            let store = &loaded.spans;
            let runs = spans.into_iter().map(|(first, last)| {
                // As much as the cache holds: more would only push out what came first.
                let mut end = first;
                while end <= last && end < store.len() && store.memory(end) <= room.get() {
                    room.set(room.get().saturating_sub(store.memory(end)));
                    end = end.saturating_add(1);
                }
                Ok::<_, Error>(first..end)
            });
            let runs: Vec<_> = runs.collect();
            stream::iter(runs).try_for_each_concurrent(PARALLEL, |run| store.prefetch(run)).await
        })
    }
}

impl Inner {
    async fn load(self: &Rc<Self>) -> Result<Rc<Loaded>> {
        let inner = self.clone();
        self.loaded.get(move || Box::pin(async move { inner.fetch().await.map(Rc::new) })).await
    }

    async fn fetch(&self) -> Result<Loaded> {
        let (context, limits) = (&self.context, &self.context.limits);
        let bytes = context.source.blob(&self.ztoc, "max_ztoc_size", limits.max_ztoc_size).await.map_err(|e| {
            if e.code() != Code::NotFound {
                return e;
            }
            e.with_message(format!(
                "the SOCI index lists a zTOC of layer {} that is not there; rebuild and push the index, or open the \
                 image without one",
                self.layer.digest
            ))
            .with_digest(&self.ztoc.digest)
        })?;
        self.parse(bytes).map_err(|e| e.with_digest(&self.ztoc.digest))
    }

    fn parse(&self, bytes: bytes::Bytes) -> Result<Loaded> {
        let limits = &self.context.limits;
        let ztoc = Ztoc::parse(bytes, limits)?;
        ztoc.check_layer(self.layer.size)?;
        let (table, spans) = ztoc.into_parts();
        let plan = Plan { context: self.context.clone(), layer: self.layer.clone(), spans };
        Ok(Loaded {
            index: Rc::new(PathIndex::new(table, limits)?),
            spans: Rc::new(SpanStore::new(plan, self.id)),
            checked: RefCell::default(),
            sparse: RefCell::default(),
        })
    }

    async fn open(self: Rc<Self>, entry: usize, range: Range<u64>) -> Result<ByteStream> {
        let loaded = self.load().await?;
        let Some(e) = loaded.index.table().get(entry).filter(|e| e.kind == Kind::Regular) else {
            return Ok(stream::empty().boxed_local());
        };
        let range = range.start..range.end.min(e.size);
        if range.start >= range.end {
            return Ok(stream::empty().boxed_local());
        }
        let content = e.offset.saturating_add(range.start)..e.offset.saturating_add(range.end);
        // Without its header, nothing tells where the data of such a sparse file is.
        let wanted = self.context.verify || loaded.index.table().map_in_header(entry);
        let reader = if wanted && !loaded.is_checked(entry) {
            let header = e.header_offset..e.offset;
            let checked = self.checked_reader(&loaded, entry, header, content).await;
            checked.map_err(|err| err.with_path(e.name))?
        } else {
            Reader::new(loaded.spans.clone(), content)?
        };
        let Some(map) = loaded.runs(entry) else { return Ok(bytes_of(reader)) };
        let (spans, offset) = (loaded.spans.clone(), e.offset);
        let pieces = sparse::pieces(&map, range).into_iter().map(Ok);
        let piece = move |piece| {
            future::ready(match piece {
                Piece::Hole(len) => Ok(stream::iter(sparse::zeros(len).map(Ok)).boxed_local()),
                Piece::Data(packed) => {
                    let range = offset.saturating_add(packed.start)..offset.saturating_add(packed.end);
                    Reader::new(spans.clone(), range).map(bytes_of)
                }
            })
        };
        Ok(stream::iter(pieces).and_then(piece).try_flatten().boxed_local())
    }

    /// A reader of `content`, after the entry's tar header in front of it was compared with the zTOC. Both are one
    /// request where their spans are neighbours, else two at the same time.
    async fn checked_reader(
        &self,
        loaded: &Loaded,
        entry: usize,
        header: Range<u64>,
        content: Range<u64>,
    ) -> Result<Reader> {
        let spans = &loaded.spans;
        // A PAX, a global and two GNU headers, and their own blocks.
        let most = self.context.limits.max_tar_header_size.saturating_add(4 << 10).saturating_mul(4);
        let length = header.end.saturating_sub(header.start);
        if header.start >= header.end || length > most {
            return Err(Error::new(
                Code::CorruptZtoc,
                format!("the zTOC leaves {length} bytes for a file's tar header, which cannot be"),
            ));
        }
        let neighbours =
            spans.find(content.start)? <= spans.find(header.end.saturating_sub(1))?.saturating_add(1);
        let mut reader = Reader::new(spans.clone(), header)?;
        let (bytes, reader) = if neighbours {
            reader = reader.reaching(&content)?;
            (reader.read_all().await?, reader.then(content)?)
        } else {
            let mut rest = Reader::new(spans.clone(), content)?;
            let (bytes, _) = try_join(reader.read_all(), rest.ready()).await?;
            (bytes, rest)
        };
        let limits = &self.context.limits;
        let e = loaded
            .index
            .table()
            .get(entry)
            .ok_or_else(|| Error::new(Code::InvalidArgument, "no such entry"))?;
        // An index of a layer without extended attributes may have been built without looking for them.
        let xattrs = !self.no_xattrs || !e.xattrs.is_empty();
        let map = check_header(&bytes, &e, limits, xattrs).map_err(|e| e.with_digest(&self.layer.digest))?;
        if let Some(map) = map {
            loaded.sparse.borrow_mut().insert(entry, map.into());
        }
        loaded.set_checked(entry);
        Ok(reader)
    }
}

fn bytes_of(reader: Reader) -> ByteStream {
    stream::try_unfold(
        reader,
        |mut reader| async move { Ok(reader.next().await?.map(|data| (data, reader))) },
    )
    .boxed_local()
}

impl Loaded {
    /// Data runs of a sparse file.
    fn runs(&self, entry: usize) -> Option<Runs> {
        let found = self.sparse.borrow().get(&entry).cloned();
        found.or_else(|| self.index.table().sparse(entry).map(Rc::from))
    }

    fn is_checked(&self, entry: usize) -> bool {
        self.checked.borrow().get(entry / 64).is_some_and(|word| word >> (entry % 64) & 1 == 1)
    }

    fn set_checked(&self, entry: usize) {
        let mut checked = self.checked.borrow_mut();
        if checked.len() <= entry / 64 {
            checked.resize(entry / 64 + 1, 0);
        }
        if let Some(word) = checked.get_mut(entry / 64) {
            *word |= 1 << (entry % 64);
        }
    }
}
