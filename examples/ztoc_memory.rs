//! What a zTOC of a million entries costs to open and to pack: `cargo run --release --example ztoc_memory [entries]`.
//!
//! Prints times, bytes of heap for an entry, the peaks (beside the zTOC's own bytes), and what a look-up takes of the
//! pack. With the path of a zTOC as second argument, the same of that.

// Counting allocations takes an allocator.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use bytes::Bytes;
use ocipeek::format::oci::Digest;
use ocipeek::format::ztoc::Ztoc;
use ocipeek::limits::Limits;
use ocipeek::pack::{self, Head};
use ocipeek::rootfs::PathIndex;
use test_support::ztoc_builder as builder;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls go to the system's allocator as they are; the counters touch no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // What moves is there twice for a moment; large blocks do not move when they shrink.
        let moved = if size > layout.size() { layout.size() } else { 0 };
        let now = NOW.fetch_add(size, Relaxed) + size;
        PEAK.fetch_max(now - layout.size() + moved, Relaxed);
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Like a package tree: a directory for 20 files, a link for 50, an attribute for 1000.
fn file(i: usize) -> builder::File {
    let at = i as i64 * 2048 + 512;
    let name = format!("usr/lib/node_modules/package-{:05}/dist/esm/module-{i:07}.js", i / 20);
    let mut file = builder::File::new(&name, at, 1000);
    file.uid = (i / 10_000) as u32 % 3;
    file.mtime = format!("2025-{:02}-{:02}T03:04:05Z", i % 12 + 1, i % 28 + 1);
    if i.is_multiple_of(20) {
        file.kind = "dir";
    } else if i % 50 == 1 {
        file.kind = "symlink";
        file.link_name = b"../module.js".into();
    } else if i % 1000 == 2 {
        file.xattrs = vec![(b"SCHILY.xattr.user.comment".into(), vec![b'x'; 40])];
    }
    file
}

fn made(entries: usize) -> Vec<u8> {
    let tar = entries as i64 * 2048 + 1024;
    let layer = tar / 4;
    // Spans of 4 MiB, as builders make them.
    let checkpoints: Vec<_> = (0..tar >> 22).map(|i| (10 + (i << 20), i << 22, 0)).collect();
    builder::Ztoc::gzip(layer, tar, &checkpoints).build_from((0..entries).map(file))
}

/// Runs a step, and says how long it took and how much more memory than before was in use at its peak and is now.
fn measured<T>(name: &str, step: impl FnOnce() -> T) -> T {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let start = Instant::now();
    let made = step();
    let (time, peak) = (start.elapsed(), PEAK.load(Relaxed) - before);
    let kept = NOW.load(Relaxed).saturating_sub(before);
    println!("{name}: {} ms, {peak} bytes at the peak, {kept} bytes kept", time.as_millis());
    made
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let entries: usize = args.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let ztoc = Bytes::from(match args.next() {
        Some(path) => std::fs::read(path)?,
        None => made(entries),
    });
    let limits = Limits::default();
    let parsed = measured("parse", || Ztoc::parse(ztoc.clone(), &limits))?;
    let (table, spans) = parsed.into_parts();
    let (entries, heap) = (table.len(), table.heap_bytes());
    println!("zTOC: {entries} entries, {} spans, {} bytes", spans.len(), ztoc.len());
    let names: usize = table.iter().map(|e| e.name.len()).sum();
    let per_entry = |bytes: usize| bytes as f64 / entries as f64;
    println!("table: {heap} bytes, {:.1} an entry, of it {:.1} name", per_entry(heap), per_entry(names));
    println!("spans: {} bytes", spans.heap_bytes());
    let index = measured("index", || PathIndex::new(table, &limits))?;
    let digest = Digest::of(&ztoc);
    let pack = measured("pack", || pack::write(&index, &spans, &digest)).ok_or("not packed")?;
    println!("pack: {} bytes, {:.1}% of the zTOC", pack.len(), 100.0 * pack.len() as f64 / ztoc.len() as f64);

    let len = pack::prefix(&pack, &digest).ok_or("no prefix")?;
    let head = measured("head", || Head::read(&pack[..len], &digest, &limits)).ok_or("no head")?;
    let parts = head.parts().ok_or("no parts")?.missing().len();
    let part = head.part(parts / 2).ok_or("no part")?;
    let (start, end) = (usize::try_from(part.start)?, usize::try_from(part.end)?);
    measured("part", || head.read_part(parts / 2, &pack[start..end], &limits)).ok_or("no part")?;
    println!("{parts} parts, head {len} bytes, one part {} bytes", end - start);
    Ok(())
}
