//! The head: what a layer is, and where everything else is.

use std::ops::Range;

use super::coding::{Cursor, put_number, put_path};
use super::page::{Page, Row, Shape};
use super::part;
use super::section::{MAX_HEAD, Section, Sum, sum};
use crate::format::oci::Digest;
use crate::format::ztoc::Compression;
use crate::limits::Limits;
use crate::rootfs::{Parts, PathIndex};

const MAGIC: [u8; 8] = *b"ocipeek\x02";

/// Bytes before the head: magic (8), the zTOC's SHA-256 (32), length of the head (`u32`, little-endian), checksum (8)
/// of all before and the head.
pub const PREFIX: usize = 52;

/// The length of the head, prefix included, of the pack of `ztoc` that begins with `data`. `None` if it is no such pack.
pub fn prefix(data: &[u8], ztoc: &Digest) -> Option<usize> {
    let mut cursor = Cursor(data);
    let fits = cursor.array::<8>()? == MAGIC && cursor.array::<32>()? == *ztoc.as_bytes();
    let len = usize::try_from(u32::from_le_bytes(cursor.array()?)).ok()?;
    (fits && len <= MAX_HEAD).then(|| len + PREFIX)
}

/// A pack's head.
#[derive(Debug)]
pub struct Head {
    pub(super) shape: Shape,
    pub(super) entries: usize,
    pub(super) borders: Vec<Box<[u8]>>,
    pub(super) pages: Vec<PageSection>,
    /// Those with a range, then the unshown ones.
    pub(super) parts: Vec<Section>,
    /// Where the windows begin in the pack.
    pub(super) windows: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PageSection {
    /// Where its first span begins in the tar.
    pub(super) output: u64,
    pub(super) section: Section,
}

impl Head {
    /// Prefix and head, of sections whose `start`s follow from each other.
    pub(super) fn write(&self, ztoc: &Digest) -> Option<Vec<u8>> {
        let mut head = Vec::new();
        self.shape.write(&mut head);
        put_number(&mut head, self.entries as u64);
        put_number(&mut head, self.borders.len() as u64);
        put_number(&mut head, self.parts.len().saturating_sub(self.borders.len()) as u64);
        let mut output = 0;
        for page in &self.pages {
            put_number(&mut head, page.output.saturating_sub(output));
            output = page.output;
            put_number(&mut head, u64::from(page.section.len));
            head.extend_from_slice(&page.section.sum);
        }
        let mut before = &b""[..];
        for border in &self.borders {
            put_path(&mut head, before, border);
            before = border;
        }
        for part in &self.parts {
            put_number(&mut head, u64::from(part.len));
            put_number(&mut head, u64::from(part.full));
            head.extend_from_slice(&part.sum);
        }
        with_prefix(head, ztoc)
    }

    /// Reads a head with the prefix before it, of the pack of `ztoc`. `None` for what it cannot be, and over
    /// `max_entries`, `max_spans` and `max_path_len`.
    pub fn read(data: &[u8], ztoc: &Digest, limits: &Limits) -> Option<Head> {
        if prefix(data, ztoc)? != data.len() {
            return None;
        }
        let (prefix, head) = data.split_at_checked(PREFIX)?;
        let (before, stated) = prefix.split_last_chunk::<8>()?;
        if head_sum(before, head) != *stated {
            return None;
        }
        let mut cursor = Cursor(head);
        let shape = Shape::read(&mut cursor, limits)?;
        let entries = cursor.number().filter(|&n| n <= limits.max_entries.min(u64::from(u32::MAX) - 1))?;
        let entries = usize::try_from(entries).ok()?;
        let (shown, unshown) = (cursor.len()?, cursor.len()?);
        let mut at = data.len() as u64;
        let section = |cursor: &mut Cursor<'_>, deflated: bool, at: &mut u64| {
            let len = cursor.small()?;
            let full = if deflated { cursor.small()? } else { len };
            let section = Section { start: *at, len, full, sum: cursor.array()? };
            *at = section.range().end;
            Some(section)
        };
        let mut pages = Vec::new();
        let mut output = 0u64;
        for _ in 0..shape.pages() {
            output = output.checked_add(cursor.number()?)?;
            pages.push(PageSection { output, section: section(&mut cursor, false, &mut at)? });
        }
        let mut borders: Vec<Box<[u8]>> = Vec::new();
        let mut border = Vec::new();
        let mut names = 0u64;
        for _ in 0..shown {
            cursor.path(&mut border)?;
            names = names.saturating_add(border.len() as u64);
            let fits = border.len() as u64 <= limits.max_path_len && names <= limits.max_name_bytes;
            borders.push(border.as_slice().into());
            fits.then_some(())?;
        }
        let mut parts = Vec::new();
        for _ in 0..shown.checked_add(unshown)? {
            parts.push(section(&mut cursor, true, &mut at)?);
        }
        cursor.0.is_empty().then_some(Head { shape, entries, borders, pages, parts, windows: at })
    }

    /// The layer's parts, none of them loaded. `None` where the borders are out of order.
    pub fn parts(&self) -> Option<Parts> {
        Parts::new(self.borders.clone(), self.parts.len().saturating_sub(self.borders.len()), self.entries)
    }

    /// Where a part is in the pack.
    pub fn part(&self, part: usize) -> Option<Range<u64>> {
        self.parts.get(part).map(Section::range)
    }

    /// Reads a part. `None` for what it cannot be, and over the limits that an entry table has.
    pub fn read_part(&self, part: usize, data: &[u8], limits: &Limits) -> Option<PathIndex> {
        let section = self.parts.get(part)?;
        part::read(&section.read(data)?, self.entries, part < self.borders.len(), limits)
    }

    /// The compression of the layer.
    pub fn compression(&self) -> Compression {
        self.shape.compression
    }

    /// Number of spans.
    pub fn spans(&self) -> usize {
        self.shape.spans
    }

    /// As [`Spans::is_v1_first`](crate::format::ztoc::Spans::is_v1_first).
    pub fn is_v1_first(&self) -> bool {
        self.shape.is_v1_first
    }

    /// Size of the layer in bytes.
    pub fn layer_size(&self) -> u64 {
        self.shape.compressed
    }

    /// The page that a span is on, and its number there.
    pub fn page_of(&self, span: usize) -> (usize, usize) {
        let len = self.shape.page_len();
        (span / len, span % len)
    }

    /// The page with the span that holds an offset of the tar. `None` past its end.
    pub fn find(&self, offset: u64) -> Option<usize> {
        if offset >= self.shape.end() {
            return None;
        }
        self.pages.partition_point(|page| page.output <= offset).checked_sub(1)
    }

    /// Number of pages.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The first span of a page.
    pub fn first_span(&self, page: usize) -> Option<usize> {
        page.checked_mul(self.shape.page_len())
    }

    /// Where a page is in the pack.
    pub fn page(&self, page: usize) -> Option<Range<u64>> {
        self.pages.get(page).map(|p| p.section.range())
    }

    /// Reads a page. `None` for what it cannot be.
    pub fn read_page(&self, page: usize, data: &[u8]) -> Option<Page> {
        let PageSection { section, .. } = self.pages.get(page)?;
        let first = self.first_span(page)?;
        Page::read(&section.read(data)?, first, self.windows, &self.shape)
    }
}

/// A head with its prefix before it.
pub(super) fn with_prefix(mut head: Vec<u8>, ztoc: &Digest) -> Option<Vec<u8>> {
    let len = u32::try_from(head.len()).ok().filter(|_| head.len() <= MAX_HEAD)?;
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(ztoc.as_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&head_sum(&out, &head));
    out.append(&mut head);
    Some(out)
}

fn head_sum(prefix: &[u8], head: &[u8]) -> Sum {
    sum(&[prefix, head].concat())
}

impl Row {
    /// Where the span's window is in the pack; `None` where it has none, or one of zeros.
    pub fn window(&self) -> Option<Range<u64>> {
        self.window.filter(|w| w.len > 0).map(|w| w.range())
    }

    /// The 32 KiB before the span, of the bytes at [`Row::window`]; empty where there are none.
    pub fn read_window(&self, data: &[u8]) -> Option<Vec<u8>> {
        match self.window {
            None => Some(Vec::new()),
            Some(w) if w.len == 0 => Some(vec![0; usize::try_from(w.full).ok()?]),
            Some(w) => w.read(data),
        }
    }
}
