//! A layer with a zTOC: entries from the zTOC, content by spans.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::{LocalBoxFuture, try_join};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::fetch::Plan;
use super::spans::{Reader, SpanStore};
use super::sparse;
use super::{Checks, ContentCheck, Context, Layer, MetadataCheck, Once, ReadBy};
use crate::error::{Code, Error, Result};
use crate::oci::Descriptor;
use crate::rootfs::PathIndex;
use crate::tar::{Kind, check_header, sparse_map};
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
    /// Entries whose tar header was looked at, and found to be as the zTOC says, one bit each.
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
        let at = |r: &Range<u64>| e.offset.saturating_add(r.start)..e.offset.saturating_add(r.end);
        let table = loaded.index.table();
        let wanted = (self.context.verify || table.may_be_sparse(entry)) && !loaded.is_checked(entry);
        let named = |err: Error| err.with_path(e.name);
        let mut reader = None;
        if table.sparse(entry).is_some() || table.map_in_header(entry) {
            // Where the bytes are is known only after the header, if that has the map.
            if wanted {
                self.check(&loaded, entry, None).await.map_err(named)?;
            }
        } else {
            let content = at(&range);
            reader = match wanted {
                true => self.check(&loaded, entry, Some(content)).await.map_err(named)?,
                false => Some(Reader::new(loaded.spans.clone(), content)?),
            };
        }
        let Some(map) = loaded.runs(entry) else {
            return Ok(reader.map_or_else(|| stream::empty().boxed_local(), bytes_of));
        };
        let pieces = sparse::pieces(&map, range);
        let packed = sparse::packed_range(&pieces);
        let packed = match packed.is_empty() {
            true => stream::empty().boxed_local(),
            false => bytes_of(Reader::new(loaded.spans.clone(), at(&packed))?),
        };
        Ok(sparse::expand(packed, pieces))
    }

    /// Compares the entry's tar header with the zTOC, or only looks for a sparse file's runs in it; gives a reader of `content`, if that is wanted next. Both are one
    /// request where their spans are neighbours, else two at the same time.
    async fn check(
        &self,
        loaded: &Loaded,
        entry: usize,
        content: Option<Range<u64>>,
    ) -> Result<Option<Reader>> {
        let (spans, table) = (&loaded.spans, loaded.index.table());
        let e = table.get(entry).ok_or_else(|| Error::new(Code::InvalidArgument, "no such entry"))?;
        if e.header_offset >= e.offset {
            return Err(Error::new(Code::CorruptZtoc, "the zTOC leaves no room for a file's tar header"));
        }
        let mut header = Reader::new(spans.clone(), e.header_offset..e.offset)?;
        let (bytes, reader) = match content {
            None => (header.read_all().await?, None),
            Some(content) if spans.find(content.start)? <= spans.find(e.offset - 1)?.saturating_add(1) => {
                header = header.reaching(&content)?;
                (header.read_all().await?, Some(header.then(content)?))
            }
            Some(content) => {
                let mut rest = Reader::new(spans.clone(), content)?;
                let (bytes, _) = try_join(header.read_all(), rest.ready()).await?;
                (bytes, Some(rest))
            }
        };
        // An index of a layer without extended attributes may have been built without looking for them.
        let xattrs = !self.no_xattrs || !e.xattrs.is_empty();
        let limits = &self.context.limits;
        let map = match self.context.verify {
            true => check_header(&bytes, &e, limits, xattrs),
            false => sparse_map(&bytes, limits),
        };
        let map = map.map_err(|e| e.with_digest(&self.layer.digest))?;
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
