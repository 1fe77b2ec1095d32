//! What a zTOC of a million entries costs to open: `cargo run --release --example ztoc_memory [entries]`.
//!
//! Prints time, bytes of heap for an entry, and the peak while parsing (beside the zTOC's own bytes).

// Counting allocations takes an allocator.
#![allow(unsafe_code)]
// The builder is for tests.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use bytes::Bytes;
use ocipeek::limits::Limits;
use ocipeek::ztoc::Ztoc;

#[path = "../tests/support/ztoc_builder.rs"]
mod builder;

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entries: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |n| n.parse())?;
    let names: usize = (0..entries).map(|i| file(i).name.len()).sum();
    let tar = entries as i64 * 2048 + 1024;
    let layer = tar / 4;
    // Spans of 4 MiB, as builders make them.
    let checkpoints: Vec<_> = (0..tar >> 22).map(|i| (10 + (i << 20), i << 22, 0)).collect();
    let ztoc = Bytes::from(builder::Ztoc::gzip(layer, tar, &checkpoints).build_from((0..entries).map(file)));
    println!("zTOC: {} entries, {} spans, {} bytes", entries, checkpoints.len(), ztoc.len());

    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let start = Instant::now();
    let parsed = Ztoc::parse(ztoc.clone(), &Limits::default())?;
    let time = start.elapsed();
    let peak = PEAK.load(Relaxed) - before;
    let (table, spans) = parsed.into_parts();
    let per_entry = |bytes: usize| bytes as f64 / entries as f64;
    println!("parse: {} ms, {:.0} ns an entry", time.as_millis(), per_entry(time.as_nanos() as usize));
    println!(
        "entries: {} bytes, {:.1} an entry, of it {:.1} name",
        table.heap_bytes(),
        per_entry(table.heap_bytes()),
        per_entry(names)
    );
    println!("spans: {} bytes", spans.heap_bytes());
    println!("heap after: {} bytes; peak while parsing: {peak} bytes", NOW.load(Relaxed) - before);
    Ok(())
}
