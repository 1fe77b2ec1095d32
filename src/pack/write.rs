//! Makes a pack.

use super::deflate::Deflater;
use super::head::{Head, PageSection};
use super::page::{Page, Shape, window};
use super::part;
use super::plan::Plan;
use super::section::{Section, sum};
use crate::format::oci::Digest;
use crate::format::ztoc::{Compression, Spans};
use crate::rootfs::{PathIndex, Target};
use crate::sort::sort_numbers;

/// The pack of what the zTOC with the digest `ztoc` says. `None` for layers that no real tool makes: those whose parts
/// would be too long, or repeat too much of each other.
///
/// Needs memory for about twice what it gives, and 0.5 MiB.
pub fn write(index: &PathIndex, spans: &Spans, ztoc: &Digest) -> Option<Vec<u8>> {
    write_in_parts(index, spans, ztoc, part_len(index))
}

/// [`write()`] with parts of at most `len` entries.
pub fn write_in_parts(index: &PathIndex, spans: &Spans, ztoc: &Digest, len: usize) -> Option<Vec<u8>> {
    let mut writer = Writer::new(index, spans, len);
    while writer.step()? {}
    writer.finish(ztoc)
}

fn part_len(index: &PathIndex) -> usize {
    index.table().len().isqrt().clamp(256, 2048)
}

/// [`write()`] in small steps.
pub(crate) struct Writer<'a> {
    index: &'a PathIndex,
    spans: &'a Spans,
    /// Entries of a part, at most.
    len: usize,
    deflater: Deflater,
    /// The longest section, the windows: the others are put in front of it in the end.
    out: Vec<u8>,
    windows: Vec<Section>,
    front: Vec<u8>,
    pages: Vec<PageSection>,
    plan: Option<Plan>,
    parts: Vec<Section>,
}

impl<'a> Writer<'a> {
    /// Parts of as many entries as are best.
    pub(crate) fn of(index: &'a PathIndex, spans: &'a Spans) -> Self {
        Writer::new(index, spans, part_len(index))
    }

    fn new(index: &'a PathIndex, spans: &'a Spans, len: usize) -> Self {
        Writer {
            index,
            spans,
            len,
            deflater: Deflater::new(),
            out: Vec::new(),
            windows: Vec::new(),
            front: Vec::new(),
            pages: Vec::new(),
            plan: None,
            parts: Vec::new(),
        }
    }

    /// Goes on by one section; whether there are more.
    pub(crate) fn step(&mut self) -> Option<bool> {
        let has_windows = self.spans.compression() != Compression::Uncompressed;
        let next = self.windows.len().checked_add(1)?;
        if has_windows && next < self.spans.len() {
            self.windows.push(window(self.spans, next, &mut self.deflater, &mut self.out)?);
            return Some(true);
        }
        let Some(plan) = &self.plan else {
            self.write_pages()?;
            self.plan = Some(Plan::new(self.index, self.len)?);
            return Some(true);
        };
        let at = self.parts.len();
        let part = match at.checked_sub(plan.shown.len()) {
            None => plan.shown.get(at).map(|shown| (&shown[..], &[][..])),
            Some(at) => plan.unshown.get(at).map(|unshown| (&[][..], &unshown[..])),
        };
        let Some((shown, further)) = part else { return Some(false) };
        let part = part::write(self.index, shown, &with_targets(self.index, shown, further))?;
        let start = self.front.len();
        self.deflater.append(&part, &mut self.front);
        let written = self.front.get(start..)?;
        let (len, full) = (u32::try_from(written.len()).ok()?, u32::try_from(part.len()).ok()?);
        self.parts.push(Section { start: 0, len, full, sum: sum(written) });
        Some(true)
    }

    fn write_pages(&mut self) -> Option<()> {
        let (spans, shape) = (self.spans, Shape::of(self.spans));
        for first in (0..spans.len()).step_by(shape.page_len()) {
            let end = first.saturating_add(shape.page_len()).min(spans.len());
            let page = Page::write(spans, first, end, &self.windows)?;
            let len = u32::try_from(page.len()).ok()?;
            let section = Section { start: 0, len, full: len, sum: sum(&page) };
            self.pages.push(PageSection { output: spans.output(first)?.start, section });
            self.front.extend_from_slice(&page);
        }
        Some(())
    }

    /// The pack, once there are no more steps.
    pub(crate) fn finish(self, ztoc: &Digest) -> Option<Vec<u8>> {
        let Writer { index, spans, mut out, mut front, pages, plan, parts, .. } = self;
        let (shape, borders) = (Shape::of(spans), plan?.borders);
        let head = Head { shape, entries: index.table().len(), borders, pages, parts, windows: 0 };
        let mut head = head.write(ztoc)?;
        head.append(&mut front);
        drop(front);
        out.splice(0..0, head);
        out.shrink_to_fit();
        Some(out)
    }
}

/// `further`, and the targets of all hard links that are not among the entries.
fn with_targets(index: &PathIndex, shown: &[u32], further: &[u32]) -> Vec<u32> {
    let mut here: Vec<u32> = shown.iter().chain(further).copied().collect();
    sort_numbers(&mut here);
    let target = |&e: &u32| match index.link_target(e) {
        Some(Target::Entry(t)) if here.binary_search(&t).is_err() => Some(t),
        _ => None,
    };
    let mut targets: Vec<u32> = here.iter().filter_map(target).collect();
    sort_numbers(&mut targets);
    targets.dedup();
    [further, &targets].concat()
}
