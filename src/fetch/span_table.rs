//! Span table: what is known of a layer's spans, by their numbers.

use std::ops::Range;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use crate::error::{Code, Error, Result};
use crate::format::oci::Digest;
use crate::format::ztoc::{Compression, Spans};

/// What was inflated before a span.
pub(crate) enum Window {
    Of(Rc<Spans>, usize),
    Read(Vec<u8>),
}

impl Window {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Window::Of(spans, k) => spans.start(*k).map_or(&[][..], |s| s.window),
            Window::Read(bytes) => bytes,
        }
    }
}

/// As [`Spans`], of which not all may be loaded: only spans that [`ready`](SpanTable::ready) loaded are known.
pub(crate) trait SpanTable {
    /// Loads what is to be known of the spans that hold bytes `range` of the tar, as far as there are any.
    fn ready<'a>(&'a self, range: &'a Range<u64>) -> LocalBoxFuture<'a, Result<()>>;

    /// Loads what is to be known of these spans, as far as there are any.
    fn ready_spans<'a>(&'a self, spans: &'a Range<usize>) -> LocalBoxFuture<'a, Result<()>>;

    /// How the layer is compressed.
    fn compression(&self) -> Compression;

    /// Whether the first span is as version 1 of the format has it: with the rest of a long gzip header.
    fn is_v1_first(&self) -> bool;

    /// How many spans there are.
    fn len(&self) -> usize;

    /// The span that holds a byte of the tar.
    fn find(&self, offset: u64) -> Option<usize>;

    /// Compressed bytes of span `k`.
    fn input(&self, k: usize) -> Option<Range<u64>>;

    /// Inflated bytes of span `k`.
    fn output(&self, k: usize) -> Option<Range<u64>>;

    /// The digest of span `k`.
    fn digest(&self, k: usize) -> Option<Digest>;

    /// Bits of span `k`'s first byte, and of the span's behind it, if there is one.
    fn bits(&self, k: usize) -> Option<(u8, Option<u8>)>;

    /// The window of span `k`.
    fn window(&self, k: usize) -> LocalBoxFuture<'_, Result<Window>>;
}

/// The error for what a page that was loaded does not have.
pub(crate) fn no_span(k: usize) -> Error {
    Error::new(Code::CorruptZtoc, format!("the zTOC has no usable span {k}"))
}
