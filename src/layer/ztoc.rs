//! A layer with a zTOC: entries from the zTOC, content by spans.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::{LocalBoxFuture, try_join};
use futures_util::stream::{self, StreamExt};

use super::metadata::{Metadata, Opened};
use super::spans::{ENGINE, Plan, Reader, SpanStore};
use super::table::SpanTable;
use super::{Checks, ContentCheck, Context, IndexVoucher, Layer, MetadataCheck, ReadBy, Runs, ZtocInfo};
use crate::error::{Code, Error, Result};
use crate::fetch::scheduler::Requests;
use crate::format::oci::Descriptor;
use crate::format::tar::{Entry, Kind, check_header, holes, sparse_map};
use crate::net::transport::{ByteStream, Later, at_once, deferred};
use crate::rootfs::LayerIndex;
use crate::source::sparse;

/// Requests for spans that are prefetched at the same time.
const PARALLEL: usize = 4;

/// A gzip or uncompressed layer that is read span by span.
pub struct ZtocLayer(Rc<Inner>);

struct Inner {
    context: Rc<Context>,
    layer: Descriptor,
    metadata: Rc<Metadata>,
    /// The zTOC was built without extended attributes.
    no_xattrs: bool,
    /// Who vouches for the zTOC.
    voucher: IndexVoucher,
    id: usize,
    spans: OnceCell<Rc<SpanStore>>,
    known: Rc<Known>,
}

/// State that all readers share, and their requests under way.
#[derive(Default)]
struct Known {
    requests: Requests,
    /// Entries whose tar header was looked at, and found to be as the zTOC says, one bit each.
    checked: RefCell<Vec<u64>>,
    /// Data runs that only their tar headers tell, sorted by entry.
    sparse: RefCell<Vec<(usize, Runs)>>,
}

impl ZtocLayer {
    /// Nothing is fetched before it is used. `id` is unique among the layers of `context`.
    pub(crate) fn new(
        context: Rc<Context>,
        layer: Descriptor,
        ztoc: Descriptor,
        no_xattrs: bool,
        voucher: IndexVoucher,
        id: usize,
    ) -> Self {
        let metadata = Metadata::new(context.clone(), layer.clone(), ztoc, false);
        ZtocLayer(Rc::new(Inner::new(context, layer, metadata, no_xattrs, voucher, id)))
    }

    /// By a zTOC that was built here; `checked`: an attached index has the same.
    pub(crate) fn own(
        context: Rc<Context>,
        layer: Descriptor,
        ztoc: Descriptor,
        checked: bool,
        id: usize,
    ) -> Self {
        let voucher = if checked { IndexVoucher::Checked } else { IndexVoucher::Own };
        let metadata = Metadata::new(context.clone(), layer.clone(), ztoc, true);
        ZtocLayer(Rc::new(Inner::new(context, layer, metadata, false, voucher, id)))
    }
}

impl Layer for ZtocLayer {
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn Layer> {
        let Inner { ref layer, ref metadata, no_xattrs, voucher, id, ref known, .. } = *self.0;
        let metadata = metadata.for_reader(context);
        let inner = Inner::new(context.clone(), layer.clone(), metadata, no_xattrs, voucher, id);
        Rc::new(ZtocLayer(Rc::new(Inner { known: known.clone(), ..inner })))
    }

    fn index(&self) -> Later<'_, LayerIndex> {
        Box::pin(async { Ok(self.0.metadata.open().await?.index()) })
    }

    fn parts(&self, parts: Vec<usize>) -> Later<'_, LayerIndex> {
        Box::pin(self.0.metadata.parts(parts))
    }

    fn all(&self) -> Later<'_, LayerIndex> {
        Box::pin(self.0.metadata.all())
    }

    fn read(&self, entry: usize, range: Range<u64>, packed: bool) -> ByteStream {
        let inner = self.0.clone();
        let content = {
            let inner = inner.clone();
            deferred(Box::pin(async move { inner.open(entry, range, packed).await }))
        };
        // Keeping a new pack goes on while spans are read.
        let kept = deferred(Box::pin(async move {
            inner.metadata.kept().await;
            Ok(stream::empty().boxed_local())
        }));
        content.chain(kept).boxed_local()
    }

    fn runs(&self, entry: usize) -> Later<'_, Option<Runs>> {
        Box::pin(self.0.find_runs(entry))
    }

    fn read_by(&self) -> ReadBy {
        ReadBy::Ztoc
    }

    fn checks(&self) -> Checks {
        let verify = self.0.context.verify;
        let content = if verify { ContentCheck::SpanDigest } else { ContentCheck::None };
        let metadata = if self.0.is_own() { MetadataCheck::OwnIndex } else { MetadataCheck::ZtocDigest };
        Checks { metadata, content, header: verify, index: Some(self.0.voucher) }
    }

    fn span_size(&self) -> Option<u64> {
        self.0.metadata.loaded().map(|whole| whole.spans.span_size())
    }

    fn own_ztoc(&self) -> Option<ZtocInfo> {
        let (ztoc, voucher) = (self.0.metadata.ztoc(), self.0.voucher);
        let info = ZtocInfo { digest: ztoc.digest, size: ztoc.size, span_size: self.span_size(), voucher };
        self.0.is_own().then_some(info)
    }

    fn prefetch(&self, spans: Vec<(usize, usize)>, room: Rc<Cell<u64>>) -> Later<'_, ()> {
        Box::pin(async move {
            let store = &self.0.spans(self.0.metadata.open().await?);
            let mut runs = Vec::new();
            for (first, last) in spans {
                // As much as the cache holds: more would only push out what came first.
                let most = usize::try_from(room.get() / ENGINE).unwrap_or(usize::MAX);
                let last = last.min(first.saturating_add(most));
                store.ready_spans(&(first..last.saturating_add(1))).await?;
                let mut end = first;
                while end <= last && end < store.len() && store.memory(end) <= room.get() {
                    room.set(room.get().saturating_sub(store.memory(end)));
                    end = end.saturating_add(1);
                }
                runs.push(first..end);
            }
            let one = |run| -> LocalBoxFuture<'_, _> { Box::pin(store.prefetch(run)) };
            at_once(runs.into_iter().map(one).collect(), PARALLEL).await
        })
    }
}

impl Inner {
    fn new(
        context: Rc<Context>,
        layer: Descriptor,
        metadata: Metadata,
        no_xattrs: bool,
        voucher: IndexVoucher,
        id: usize,
    ) -> Self {
        let metadata = Rc::new(metadata);
        let (spans, known) = (OnceCell::new(), Rc::default());
        Inner { context, layer, metadata, no_xattrs, voucher, id, spans, known }
    }

    /// Whether the zTOC was built here.
    fn is_own(&self) -> bool {
        matches!(self.voucher, IndexVoucher::Own | IndexVoucher::Checked)
    }

    /// The spans, of what was opened first.
    fn spans(&self, opened: Opened) -> Rc<SpanStore> {
        let store = self.spans.get_or_init(|| {
            let spans = SpanTable::new(self.metadata.clone(), opened);
            let plan = Plan { context: self.context.clone(), layer: self.layer.clone(), spans, id: self.id };
            Rc::new(SpanStore::new(plan, self.known.requests.clone()))
        });
        store.clone()
    }

    /// The index that holds an entry, and the spans.
    async fn index_of(&self, entry: usize) -> Result<(LayerIndex, Rc<SpanStore>)> {
        let opened = self.metadata.open().await?;
        let mut index = opened.index();
        let spans = self.spans(opened);
        if index.get(entry).is_none() {
            // Of a part that was not looked into.
            index = self.metadata.all().await?;
        }
        Ok((index, spans))
    }

    /// Data runs of a sparse file, of its header where only that tells them.
    async fn find_runs(&self, entry: usize) -> Result<Option<Runs>> {
        let (index, spans) = self.index_of(entry).await?;
        if let Some(e) = index.get(entry).filter(|e| e.kind == Kind::Regular)
            && (index.may_be_sparse(entry) || self.context.verify && index.sparse(entry).is_some())
            && !self.is_checked(entry)
        {
            self.check(&spans, &e, entry, None).await.map_err(|err| err.with_path(e.name))?;
        }
        Ok(self.runs(&index, entry))
    }

    /// Content, or what is stored of it.
    async fn open(self: Rc<Self>, entry: usize, range: Range<u64>, packed: bool) -> Result<ByteStream> {
        let (index, spans) = self.index_of(entry).await?;
        let Some(e) = index.get(entry).filter(|e| e.kind == Kind::Regular) else {
            return Ok(stream::empty().boxed_local());
        };
        let range = range.start..range.end.min(e.size);
        if range.start >= range.end {
            return Ok(stream::empty().boxed_local());
        }
        let at = |r: &Range<u64>| e.offset.saturating_add(r.start)..e.offset.saturating_add(r.end);
        let wanted = (self.context.verify || index.may_be_sparse(entry)) && !self.is_checked(entry);
        let named = |err: Error| err.with_path(e.name);
        let mut reader = None;
        if index.sparse(entry).is_some() || index.map_in_header(entry) {
            // Where the bytes are is known only after the header, if that has the map.
            if wanted {
                self.check(&spans, &e, entry, None).await.map_err(named)?;
            }
        } else {
            let content = at(&range);
            reader = match wanted {
                true => self.check(&spans, &e, entry, Some(content)).await.map_err(named)?,
                false => Some(Reader::new(spans.clone(), content).await?),
            };
        }
        let Some(map) = self.runs(&index, entry) else {
            return Ok(reader.map_or_else(|| stream::empty().boxed_local(), bytes_of));
        };
        if packed {
            return Ok(bytes_of(Reader::new(spans, at(&range)).await?));
        }
        let pieces = holes::pieces(&map, range);
        let packed = holes::packed_range(&pieces);
        let packed = match packed.is_empty() {
            true => stream::empty().boxed_local(),
            false => bytes_of(Reader::new(spans, at(&packed)).await?),
        };
        Ok(sparse::expand(packed, pieces, self.context.source.stats()))
    }

    /// Compares the entry's tar header with the zTOC, or only looks for a sparse file's runs in it; gives a reader of
    /// `content`, if that is wanted next. Both are one request where their spans are neighbours, else two at the same
    /// time.
    async fn check(
        &self,
        spans: &Rc<SpanStore>,
        e: &Entry<'_>,
        entry: usize,
        content: Option<Range<u64>>,
    ) -> Result<Option<Reader>> {
        if e.header_offset >= e.offset {
            return Err(Error::new(Code::CorruptZtoc, "the zTOC leaves no room for a file's tar header"));
        }
        let mut header = Reader::new(spans.clone(), e.header_offset..e.offset).await?;
        if let Some(content) = &content {
            spans.ready(content).await?;
        }
        let (bytes, reader) = match content {
            None => (header.read_all().await?, None),
            Some(content) if spans.find(content.start)? <= spans.find(e.offset - 1)?.saturating_add(1) => {
                header = header.reaching(&content).await?;
                (header.read_all().await?, Some(header.then(content).await?))
            }
            Some(content) => {
                let mut rest = Reader::new(spans.clone(), content).await?;
                let (bytes, _) = try_join(header.read_all(), rest.ready()).await?;
                (bytes, Some(rest))
            }
        };
        // An index of a layer without extended attributes may have been built without looking for them.
        let xattrs = !self.no_xattrs || !e.xattrs.is_empty();
        let limits = &self.context.limits;
        let map = match self.context.verify {
            true => check_header(&bytes, e, limits, xattrs),
            false => sparse_map(&bytes, limits),
        };
        let map = map.map_err(|e| e.with_digest(&self.layer.digest))?;
        if let Some(map) = map {
            self.set_runs(entry, map.into());
        }
        self.set_checked(entry);
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

impl Inner {
    /// Data runs of a sparse file.
    fn runs(&self, index: &LayerIndex, entry: usize) -> Option<Runs> {
        let sparse = self.known.sparse.borrow();
        let at = sparse.binary_search_by_key(&entry, |s| s.0).ok();
        let found = at.and_then(|at| sparse.get(at)).map(|s| s.1.clone());
        found.or_else(|| index.sparse(entry).map(Rc::from))
    }

    fn set_runs(&self, entry: usize, runs: Runs) {
        let mut sparse = self.known.sparse.borrow_mut();
        let at = sparse.partition_point(|s| s.0 < entry);
        match sparse.get_mut(at).filter(|s| s.0 == entry) {
            Some(slot) => slot.1 = runs,
            None => sparse.insert(at, (entry, runs)),
        }
    }

    fn is_checked(&self, entry: usize) -> bool {
        self.known.checked.borrow().get(entry / 64).is_some_and(|word| word >> (entry % 64) & 1 == 1)
    }

    fn set_checked(&self, entry: usize) {
        let mut checked = self.known.checked.borrow_mut();
        if checked.len() <= entry / 64 {
            checked.resize(entry / 64 + 1, 0);
        }
        if let Some(word) = checked.get_mut(entry / 64) {
            *word |= 1 << (entry % 64);
        }
    }
}
