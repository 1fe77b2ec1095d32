//! Makes a pack.

use super::deflate::Deflater;
use super::head::{Head, PageSection};
use super::page::{Page, Shape, windows};
use super::part;
use super::plan::Plan;
use super::section::{Section, sum};
use crate::format::oci::Digest;
use crate::format::ztoc::Spans;
use crate::rootfs::{PathIndex, Target};
use crate::sort::sort_numbers;

/// The pack of what the zTOC with the digest `ztoc` says. `None` for layers that no real tool makes: those whose parts
/// would be too long, or repeat too much of each other.
///
/// Needs memory for about twice what it gives, and 0.5 MiB.
pub fn write(index: &PathIndex, spans: &Spans, ztoc: &Digest) -> Option<Vec<u8>> {
    write_in_parts(index, spans, ztoc, index.table().len().isqrt().clamp(256, 2048))
}

/// [`write()`] with parts of at most `len` entries.
pub fn write_in_parts(index: &PathIndex, spans: &Spans, ztoc: &Digest, len: usize) -> Option<Vec<u8>> {
    let mut deflater = Deflater::new();
    // The longest section first: the others are put in front of it in the end.
    let mut out = Vec::new();
    let windows = windows(spans, &mut deflater, &mut out)?;
    let mut front = Vec::new();
    let shape = Shape::of(spans);
    let mut pages = Vec::new();
    for first in (0..spans.len()).step_by(shape.page_len()) {
        let end = first.saturating_add(shape.page_len()).min(spans.len());
        let page = Page::write(spans, first, end, &windows)?;
        let len = u32::try_from(page.len()).ok()?;
        let section = Section { start: 0, len, full: len, sum: sum(&page) };
        pages.push(PageSection { output: spans.output(first)?.start, section });
        front.extend_from_slice(&page);
    }
    drop(windows);
    let Plan { borders, shown, unshown } = Plan::new(index, len)?;
    let mut parts = Vec::new();
    let mut add = |shown: &[u32], further: &[u32]| {
        let part = part::write(index, shown, &with_targets(index, shown, further))?;
        let start = front.len();
        deflater.append(&part, &mut front);
        let written = front.get(start..)?;
        let (len, full) = (u32::try_from(written.len()).ok()?, u32::try_from(part.len()).ok()?);
        parts.push(Section { start: 0, len, full, sum: sum(written) });
        Some(())
    };
    for part in &shown {
        add(part, &[])?;
    }
    for part in &unshown {
        add(&[], part)?;
    }
    let head = Head { shape, entries: index.table().len(), borders, pages, parts, windows: 0 };
    let mut head = head.write(ztoc)?;
    head.append(&mut front);
    drop(front);
    out.splice(0..0, head);
    out.shrink_to_fit();
    Some(out)
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
