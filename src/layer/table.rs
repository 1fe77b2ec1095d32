//! The spans of a layer, of its zTOC or of a pack.

use std::ops::Range;
use std::rc::Rc;

use super::metadata::{Metadata, Opened, Pack, Whole};
use crate::error::{Code, Error, Result};
use crate::format::oci::Digest;
use crate::format::ztoc::Compression;

/// As [`Spans`](crate::format::ztoc::Spans). Of a pack, only spans that [`SpanTable::ready`] loaded are known.
pub(super) struct SpanTable {
    metadata: Rc<Metadata>,
    opened: Opened,
}

/// Window of a span: the output before it.
pub(super) enum Window {
    Of(Rc<Whole>, usize),
    Read(Vec<u8>),
}

impl Window {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Window::Of(whole, k) => whole.spans.start(*k).map_or(&[][..], |s| s.window),
            Window::Read(bytes) => bytes,
        }
    }
}

/// Source of the span table: a zTOC or a pack.
enum Known<'a> {
    Whole(Rc<Whole>),
    Pack(&'a Pack),
}

impl SpanTable {
    pub(super) fn new(metadata: Rc<Metadata>, opened: Opened) -> Self {
        SpanTable { metadata, opened }
    }

    fn known(&self) -> Known<'_> {
        match (&self.opened, self.metadata.loaded()) {
            (Opened::Whole(whole), _) => Known::Whole(whole.clone()),
            // A pack that was found broken since.
            (_, Some(whole)) => Known::Whole(whole),
            (Opened::Pack(pack), None) => Known::Pack(pack),
        }
    }

    /// Loads what is to be known of the spans that hold bytes `range` of the tar, as far as there are any.
    pub(super) async fn ready(&self, range: &Range<u64>) -> Result<()> {
        let Known::Pack(pack) = self.known() else { return Ok(()) };
        let Some(first) = pack.head.find(range.start) else { return Ok(()) };
        let last = range.end.checked_sub(1).and_then(|at| pack.head.find(at));
        self.load(pack, first..last.map_or(pack.head.pages(), |last| last.saturating_add(1))).await
    }

    /// Loads what is to be known of these spans, as far as there are any.
    pub(super) async fn ready_spans(&self, spans: &Range<usize>) -> Result<()> {
        let Known::Pack(pack) = self.known() else { return Ok(()) };
        let Some(last) = spans.end.min(self.len()).checked_sub(1).filter(|last| *last >= spans.start) else {
            return Ok(());
        };
        let page = |span| pack.head.page_of(span).0;
        self.load(pack, page(spans.start)..page(last).saturating_add(1)).await
    }

    async fn load(&self, pack: &Pack, pages: Range<usize>) -> Result<()> {
        if !pack.load_pages(&self.metadata.context, pages).await {
            self.metadata.whole().await?;
        }
        Ok(())
    }

    pub(super) fn compression(&self) -> Compression {
        match &self.opened {
            Opened::Whole(whole) => whole.spans.compression(),
            Opened::Pack(pack) => pack.head.compression(),
        }
    }

    pub(super) fn is_v1_first(&self) -> bool {
        match &self.opened {
            Opened::Whole(whole) => whole.spans.is_v1_first(),
            Opened::Pack(pack) => pack.head.is_v1_first(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.opened {
            Opened::Whole(whole) => whole.spans.len(),
            Opened::Pack(pack) => pack.head.spans(),
        }
    }

    pub(super) fn find(&self, offset: u64) -> Option<usize> {
        match self.known() {
            Known::Whole(whole) => whole.spans.find(offset),
            Known::Pack(pack) => {
                let page = pack.head.find(offset)?;
                pack.head.first_span(page)?.checked_add(pack.page(page)?.find(offset)?)
            }
        }
    }

    pub(super) fn input(&self, k: usize) -> Option<Range<u64>> {
        match self.known() {
            Known::Whole(whole) => whole.spans.input(k),
            Known::Pack(pack) => {
                let (page, row) = pack.head.page_of(k);
                pack.page(page)?.input(row)
            }
        }
    }

    pub(super) fn output(&self, k: usize) -> Option<Range<u64>> {
        match self.known() {
            Known::Whole(whole) => whole.spans.output(k),
            Known::Pack(pack) => {
                let (page, row) = pack.head.page_of(k);
                pack.page(page)?.output(row)
            }
        }
    }

    pub(super) fn digest(&self, k: usize) -> Option<Digest> {
        match self.known() {
            Known::Whole(whole) => whole.spans.digest(k).copied(),
            Known::Pack(pack) => {
                let (page, row) = pack.head.page_of(k);
                Some(*pack.page(page)?.row(row)?.digest())
            }
        }
    }

    /// Bits of span `k`'s first byte, and of the span's behind it, if there is one.
    pub(super) fn bits(&self, k: usize) -> Option<(u8, Option<u8>)> {
        match self.known() {
            Known::Whole(whole) => {
                let bits = |k| whole.spans.start(k).map(|s| s.bits);
                Some((bits(k)?, k.checked_add(1).and_then(bits)))
            }
            Known::Pack(pack) => {
                let (at, row) = pack.head.page_of(k);
                let page = pack.page(at)?;
                let next = page.next_bits(row).filter(|_| k.checked_add(1).is_some_and(|n| n < self.len()));
                Some((page.row(row)?.bits(), next))
            }
        }
    }

    /// The window of span `k`.
    pub(super) async fn window(&self, k: usize) -> Result<Window> {
        if let Known::Pack(pack) = self.known()
            && let Some(window) = pack.window(&self.metadata.context, k).await
        {
            return Ok(Window::Read(window));
        }
        let whole = self.metadata.whole().await?;
        whole.spans.start(k).ok_or_else(|| no_span(k))?;
        Ok(Window::Of(whole, k))
    }
}

/// The error for what a page that was loaded does not have.
pub(super) fn no_span(k: usize) -> Error {
    Error::new(Code::CorruptZtoc, format!("the zTOC has no usable span {k}"))
}
