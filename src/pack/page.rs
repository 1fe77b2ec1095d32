//! Pages of spans.

use super::coding::{Cursor, put_number};
use super::section::{Section, sum};
use crate::format::oci::Digest;
use crate::format::ztoc::{Compression, Spans};
use crate::limits::Limits;

/// Bytes of a window.
pub(super) const WINDOW: u32 = 32 << 10;

/// What all pages have in common.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) compression: Compression,
    /// Size of the layer.
    pub(super) compressed: u64,
    /// Size of the tar, as the zTOC states.
    pub(super) uncompressed: u64,
    pub(super) is_v1_first: bool,
    pub(super) spans: usize,
}

impl Shape {
    pub(super) fn of(spans: &Spans) -> Shape {
        Shape {
            compression: spans.compression(),
            compressed: spans.compressed(),
            uncompressed: spans.uncompressed(),
            is_v1_first: spans.is_v1_first(),
            spans: spans.len(),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let tar = self.compression == Compression::Uncompressed;
        out.push(u8::from(tar) | u8::from(self.is_v1_first) << 1);
        put_number(out, self.compressed);
        put_number(out, self.uncompressed);
        put_number(out, self.spans as u64);
    }

    pub(super) fn read(cursor: &mut Cursor<'_>, limits: &Limits) -> Option<Shape> {
        let flags = cursor.byte().filter(|f| *f < 4)?;
        let (compressed, uncompressed) = (cursor.number()?, cursor.number()?);
        let spans = cursor.number().filter(|n| *n > 0 && *n <= limits.max_spans)?;
        Some(Shape {
            compression: if flags & 1 == 0 { Compression::Gzip } else { Compression::Uncompressed },
            compressed,
            uncompressed,
            is_v1_first: flags & 2 != 0,
            spans: usize::try_from(spans).ok()?,
        })
    }

    /// Spans of one page.
    pub(super) fn page_len(&self) -> usize {
        self.spans.isqrt().clamp(64, 1024)
    }

    pub(super) fn pages(&self) -> usize {
        self.spans.div_ceil(self.page_len())
    }

    /// Where the spans end in the tar.
    pub(super) fn end(&self) -> u64 {
        match self.compression {
            Compression::Gzip => self.uncompressed,
            Compression::Uncompressed => self.compressed,
        }
    }

    fn has_window(&self, span: usize) -> bool {
        span > 0 && self.compression == Compression::Gzip
    }
}

/// A page: see [`Spans`] for what it says of each span.
#[derive(Debug)]
pub struct Page {
    rows: Vec<Row>,
    /// Where the next page begins.
    next: Edge,
}

/// Where a span begins: the first whole byte in the layer, and in the tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    input: u64,
    output: u64,
    bits: u8,
}

/// A span.
#[derive(Debug)]
pub struct Row {
    edge: Edge,
    digest: Digest,
    pub(super) window: Option<Section>,
}

impl Row {
    /// So many high bits of the span's first compressed byte come before the next whole byte.
    pub fn bits(&self) -> u8 {
        self.edge.bits
    }
    /// The digest of the span's bytes in the layer.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Where span `i` begins, and behind the last one, where that ends.
fn edge(spans: &Spans, i: usize) -> Option<Edge> {
    let bits = |i| spans.start(i).map_or(0, |s| s.bits);
    if let (Some(input), Some(output)) = (spans.input(i), spans.output(i)) {
        let bits = bits(i);
        let input = input.start.checked_add(u64::from(bits != 0))?;
        return Some(Edge { input, output: output.start, bits });
    }
    let last = i.checked_sub(1)?;
    Some(Edge { input: spans.input(last)?.end, output: spans.output(last)?.end, bits: 0 })
}

impl Page {
    /// The page of spans `first..end`. `windows` are those of all spans from the second on.
    pub(super) fn write(spans: &Spans, first: usize, end: usize, windows: &[Section]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut before = edge(spans, first)?;
        out.extend_from_slice(&before.input.to_le_bytes());
        out.extend_from_slice(&before.output.to_le_bytes());
        out.push(before.bits);
        for i in first..end {
            let next = edge(spans, i.checked_add(1)?)?;
            put_number(&mut out, next.input.checked_sub(before.input)?);
            put_number(&mut out, next.output.checked_sub(before.output)?);
            out.push(next.bits);
            before = next;
        }
        for i in first..end {
            out.extend_from_slice(spans.digest(i)?.as_bytes());
        }
        let windows = windows.get(first.saturating_sub(1)..end.saturating_sub(1)).unwrap_or_default();
        put_number(&mut out, windows.first().map_or(0, |w| w.start));
        for window in windows {
            put_number(&mut out, u64::from(window.len));
            if window.len > 0 {
                out.extend_from_slice(&window.sum);
            }
        }
        Some(out)
    }

    /// Reads the page whose first span is `first`, of a pack whose windows begin at `windows`.
    pub(super) fn read(data: &[u8], first: usize, windows: u64, shape: &Shape) -> Option<Page> {
        let mut cursor = Cursor(data);
        let count = shape.spans.checked_sub(first)?.min(shape.page_len());
        let mut edges = vec![Edge {
            input: u64::from_le_bytes(cursor.array()?),
            output: u64::from_le_bytes(cursor.array()?),
            bits: cursor.byte()?,
        }];
        for _ in 0..count {
            let before = edges.last()?;
            edges.push(Edge {
                input: before.input.checked_add(cursor.number()?)?,
                output: before.output.checked_add(cursor.number()?)?,
                bits: cursor.byte()?,
            });
        }
        let fits = |e: &Edge| e.bits < 8 && e.input <= shape.compressed && e.input >= u64::from(e.bits != 0);
        if !edges.iter().all(fits) {
            return None;
        }
        let mut digests = Vec::new();
        for _ in 0..count {
            digests.push(Digest::from_sha256(cursor.array()?));
        }
        let mut start = windows.checked_add(cursor.number()?)?;
        let next = edges.pop()?;
        let mut rows = Vec::new();
        for (i, (edge, digest)) in (first..).zip(edges.into_iter().zip(digests)) {
            let mut window = None;
            if shape.has_window(i) {
                let len = cursor.small().filter(|n| *n <= WINDOW)?;
                let sum = if len > 0 { cursor.array()? } else { Default::default() };
                let section = Section { start, len, full: WINDOW, sum };
                start = section.range().end;
                window = Some(section);
            }
            rows.push(Row { edge, digest, window });
        }
        cursor.0.is_empty().then_some(Page { rows, next })
    }

    /// Span `i` of the page.
    pub fn row(&self, i: usize) -> Option<&Row> {
        self.rows.get(i)
    }

    fn next(&self, i: usize) -> Option<Edge> {
        let next = i.checked_add(1)?;
        if next == self.rows.len() { Some(self.next) } else { self.rows.get(next).map(|r| r.edge) }
    }

    /// Bits of the span behind span `i` of the page.
    pub fn next_bits(&self, i: usize) -> Option<u8> {
        self.next(i).map(|e| e.bits)
    }

    /// As [`Spans::input`], of span `i` of the page.
    pub fn input(&self, i: usize) -> Option<std::ops::Range<u64>> {
        let Edge { input, bits, .. } = self.rows.get(i)?.edge;
        Some(input.checked_sub(u64::from(bits != 0))?..self.next(i)?.input)
    }

    /// As [`Spans::output`], of span `i` of the page.
    pub fn output(&self, i: usize) -> Option<std::ops::Range<u64>> {
        Some(self.rows.get(i)?.edge.output..self.next(i)?.output)
    }

    /// The span of the page that holds an offset of the tar.
    pub fn find(&self, offset: u64) -> Option<usize> {
        self.rows.partition_point(|r| r.edge.output <= offset).checked_sub(1)
    }
}

/// The window of span `i`, from the second on, appended to `out`: where it is, counted from where `out` begins.
pub(super) fn window(
    spans: &Spans,
    i: usize,
    deflater: &mut super::deflate::Deflater,
    out: &mut Vec<u8>,
) -> Option<Section> {
    let window = spans.start(i)?.window;
    let start = out.len();
    if window.iter().any(|&b| b != 0) {
        deflater.append(window, out);
    }
    let written = out.get(start..)?;
    let len = u32::try_from(written.len()).ok()?;
    let full = u32::try_from(window.len()).ok().filter(|n| *n == WINDOW)?;
    Some(Section { start: start as u64, len, full, sum: sum(written) })
}
