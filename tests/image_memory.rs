//! How much memory reads take, measured by an allocator that counts.
#![cfg(not(target_arch = "wasm32"))]
#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_executor::block_on;
#[cfg(feature = "archive")]
use futures_util::StreamExt as _;
use ocipeek::image::Image;
use test_support::memory;
use test_support::memory::ztoc::{Spec, file, gzip, noise, tar};
use test_support::memory::{GZIP, MadeLayer, Memory};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grow(n: usize) {
    PEAK.fetch_max(NOW.fetch_add(n, Relaxed) + n, Relaxed);
}

// SAFETY: passes everything on to the system's allocator and only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        // Both may exist for a moment.
        grow(new);
        let out = unsafe { System.realloc(ptr, layout, new) };
        NOW.fetch_sub(layout.size(), Relaxed);
        out
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MIB: usize = 1 << 20;

/// Bytes at the highest above what there was before.
fn peak(work: impl FnOnce()) -> usize {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    work();
    PEAK.load(Relaxed) - before
}

fn stream(image: &Image, size: usize) {
    block_on(async {
        let mut stream = image.read_stream(b"big", None).await.unwrap();
        let mut len = 0;
        while let Some(chunk) = stream.next().await.unwrap() {
            len += chunk.len();
        }
        assert_eq!(len, size);
    });
}

/// One test, as the counters are the process's.
#[test]
fn a_40_mib_file_streams_in_a_few_mib() {
    const SIZE: usize = 40 * MIB;
    let mut data = noise(SIZE / 2, 1);
    data.resize(SIZE, 7);
    let (tar, told) = tar(&[file("big", data)]);
    let (layer, points) = gzip(&tar, 4 * MIB, None);
    let ztoc = Spec::gzip(told, tar.len(), &layer, points, false).build();
    drop(tar);
    let open = |ztoc: Option<Vec<u8>>, cache: usize| {
        let memory = Memory::made(vec![MadeLayer { media_type: GZIP, data: layer.clone(), ztoc }]);
        memory.chunks(&[65_536]);
        let mut options = memory::agreed();
        options.limits.span_cache_size = cache as u64;
        let image = block_on(memory.open("made", options)).unwrap();
        (memory, image)
    };

    // A span compressed, as it arrives and doubles; inflated; a chunk.
    let (_memory, image) = open(Some(ztoc.clone()), 0);
    let without_cache = peak(|| stream(&image, SIZE));
    assert!(without_cache < 18 * MIB, "{without_cache}");
    let (_memory, image) = open(Some(ztoc), 8 * MIB);
    let with_cache = peak(|| stream(&image, SIZE));
    assert!(with_cache < 20 * MIB, "{with_cache}");
    // Its content, once.
    let (_memory, image) = open(None, 0);
    let whole = peak(|| stream(&image, SIZE));
    assert!(whole < 44 * MIB, "{whole}");
    println!(
        "peak: {without_cache} without a span cache, {with_cache} with 8 MiB of it, {whole} fetched whole"
    );
    #[cfg(feature = "archive")]
    compressed_archive(SIZE);
}

/// A compressed archive is listed and read by pieces, whatever its size.
#[cfg(feature = "archive")]
fn compressed_archive(size: usize) {
    use ocipeek::source::layout::{FileAccess, Files as _, TarFiles};

    let (tar, _) = tar(&[file("big", noise(size, 2)), file("zeros", vec![0; 4 * size])]);
    let (packed, _) = gzip(&tar, 64 * MIB, None);
    let path = std::env::temp_dir().join(format!("ocipeek-memory-{}.tar.gz", std::process::id()));
    std::fs::write(&path, packed).unwrap();
    drop(tar);
    let access = std::rc::Rc::new(FileAccess::open(&path).unwrap());
    let (limits, stats) = (ocipeek::limits::Limits::default(), ocipeek::net::stats::Stats::default());
    let mut files = None;
    let pass = peak(|| files = Some(block_on(TarFiles::open(access, &limits, &stats)).unwrap()));
    let files = files.unwrap();
    let read = peak(|| {
        block_on(async {
            let mut body = files.read("zeros", None).await.unwrap();
            let mut len = 0;
            while let Some(chunk) = body.next().await {
                len += chunk.unwrap().len();
            }
            assert_eq!(len, 4 * size);
        });
    });
    std::fs::remove_file(&path).unwrap();
    println!("peak: {pass} for the pass over {} bytes of a compressed tar, {read} for a read", 5 * size);
    assert!(pass < 11 * MIB, "{pass}");
    assert!(read < 6 * MIB, "{read}");
}
