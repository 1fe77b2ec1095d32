//! One budget of memory for all images of a process, measured by an allocator that counts.
#![cfg(not(target_arch = "wasm32"))]
#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_executor::block_on;
use futures_util::future::join_all;
use ocipeek::budget;
use ocipeek::error::Code;
use ocipeek::image::{Follow, Image, OpenOptions, ReaderOptions};
use test_support::memory::ztoc::{Spec, file, gzip, noise, tar};
use test_support::memory::{GZIP, MadeLayer, Memory, TAR, ZSTD};

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

/// The budget and the counters are the process's: one test at a time.
fn alone(limit: usize) -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    let guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(budget::held(), 0, "left over by the test before");
    budget::set_limit(limit as u64);
    guard
}

/// Bytes at the highest above what there was before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let out = work();
    (out, PEAK.load(Relaxed) - before)
}

/// A layer that is fetched whole, with one file of so many zeros.
fn zeros(name: &str, len: usize) -> MadeLayer {
    let (tar, _) = tar(&[file(name, vec![0; len])]);
    MadeLayer { media_type: GZIP, data: gzip(&tar, 64 * MIB, None).0, ztoc: None }
}

fn open(memory: &Memory) -> Image {
    let options = OpenOptions::default().attached_index(true);
    block_on(memory.open("made", options)).unwrap()
}

/// Readers of one image share what it holds, and readers of several share the budget.
#[test]
fn readers_share_the_budget() {
    const LIMIT: usize = 16 * MIB;
    const LAYER: usize = 11 * MIB;
    let _alone = alone(LIMIT);
    let images: Vec<_> = (0..3).map(|_| Memory::made(vec![zeros("f", LAYER)])).map(|m| open(&m)).collect();
    let readers: Vec<_> = (0..9).map(|i| images[i % 3].reader(ReaderOptions::default())).collect();
    for image in images {
        block_on(image.stat(b"f", Follow::All)).unwrap();
    }
    let (_, most) = peak(|| {
        for reader in &readers {
            block_on(async {
                let mut stream = reader.read_stream(b"f", Some(0..100)).await.unwrap();
                assert_eq!(stream.next().await.unwrap().unwrap().len(), 100);
            });
            assert!(budget::held() <= LIMIT as u64, "{}", budget::held());
        }
    });
    assert!(most < LIMIT + MIB, "{most}");
    // At the same time, those of one image hold its layer once.
    let same = readers.iter().step_by(3).map(|reader| reader.read_stream(b"f", None));
    let streams = block_on(join_all(same));
    assert!(streams.iter().all(|stream| stream.is_ok()));
    assert!(budget::held() < 12 * MIB as u64, "{}", budget::held());
}

#[test]
fn layers_of_zeros_take_turns() {
    const LIMIT: usize = 16 * MIB;
    const LAYER: usize = 11 * MIB;
    let _alone = alone(LIMIT);
    let memory = Memory::made((0..8).map(|i| zeros(&format!("f{i}"), LAYER)).collect());
    memory.chunks(&[65_536]);
    let image = open(&memory);
    // All layers are looked into, and all of their contents would be 88 MiB.
    let (missing, most) = peak(|| block_on(image.stat(b"nowhere", Follow::All)).unwrap_err());
    assert_eq!(missing.code(), Code::Enoent);
    assert!(most < LIMIT + MIB, "{most}");
    assert!(budget::held() <= LIMIT as u64, "{}", budget::held());
    for i in [0, 7, 3] {
        let (_, most) = peak(|| {
            block_on(async {
                let mut stream = image.read_stream(format!("f{i}").as_bytes(), None).await.unwrap();
                let mut len = 0;
                while let Some(chunk) = stream.next().await.unwrap() {
                    assert!(chunk.iter().all(|&b| b == 0));
                    len += chunk.len();
                }
                assert_eq!(len, LAYER);
            });
        });
        assert!(most < LIMIT + MIB, "{most}");
    }
    // The same again and again needs no more.
    for _ in 0..3 {
        block_on(image.stat(b"nowhere", Follow::All)).unwrap_err();
    }
    assert!(budget::held() <= LIMIT as u64);
    drop(image);
    assert_eq!(budget::held(), 0);
}

#[test]
fn what_is_too_large_is_named_and_others_go_on() {
    let _alone = alone(8 * MIB);
    let small = Memory::made(vec![zeros("small", 1000)]);
    let large = Memory::made(vec![zeros("large", 20 * MIB)]);
    large.chunks(&[4096]);
    let (good, bad) = (open(&small), open(&large));
    for _ in 0..5 {
        let (e, most) = peak(|| block_on(bad.read_file(b"large", None)).unwrap_err());
        assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_memory")), "{e}");
        assert!(e.to_string().contains("max_memory = 8388608"), "{e}");
        assert!(most < 9 * MIB, "{most}");
        assert_eq!(block_on(good.read_file(b"small", None)).unwrap().1, vec![0; 1000]);
    }
}

#[test]
fn a_reader_goes_on_where_another_image_took_its_memory() {
    // Room for the contents of one.
    let _alone = alone(7 * MIB);
    let first = Memory::made(vec![zeros("first", 6 * MIB)]);
    let second = Memory::made(vec![zeros("second", 6 * MIB)]);
    let (first, second) = (open(&first), open(&second));
    block_on(async {
        let mut reading = first.read_stream(b"first", None).await.unwrap();
        let mut len = reading.next().await.unwrap().unwrap().len();
        let (_, data) = second.read_file(b"second", None).await.unwrap();
        assert_eq!(data.len(), 6 * MIB);
        drop(data);
        assert!(budget::held() < 7 * MIB as u64, "the first one's contents went");
        while let Some(chunk) = reading.next().await.unwrap() {
            len += chunk.len();
        }
        assert_eq!(len, 6 * MIB);
        drop(reading);
        // Now the first one's contents go.
        let mut reading = second.read_stream(b"second", None).await.unwrap();
        let mut len = 0;
        while let Some(chunk) = reading.next().await.unwrap() {
            len += chunk.len();
        }
        assert_eq!(len, 6 * MIB);
    });
}

#[test]
fn spans_of_other_images_make_room() {
    const LIMIT: usize = 12 * MIB;
    let _alone = alone(LIMIT);
    let data = noise(6 * MIB, 3);
    let (tar, told) = tar(&[file("big", data.clone())]);
    let (layer, points) = gzip(&tar, MIB, None);
    let ztoc = Spec::gzip(told, tar.len(), &layer, points, false).build();
    let made =
        || Memory::made(vec![MadeLayer { media_type: GZIP, data: layer.clone(), ztoc: Some(ztoc.clone()) }]);
    let memories: Vec<Memory> = (0..4).map(|_| made()).collect();
    let images: Vec<Image> = memories.iter().map(open).collect();
    for image in &images {
        let (_, most) = peak(|| {
            block_on(async {
                let mut stream = image.read_stream(b"big", None).await.unwrap();
                let mut at = 0;
                while let Some(chunk) = stream.next().await.unwrap() {
                    assert_eq!(chunk, data[at..at + chunk.len()]);
                    at += chunk.len();
                }
                assert_eq!(at, data.len());
            });
        });
        assert!(most < LIMIT + 2 * MIB, "{most}");
        assert!(budget::held() <= LIMIT as u64);
    }
    // The last one's are the ones that are still here.
    let kept: Vec<u64> = images.iter().map(Image::cached_bytes).collect();
    assert!(kept[0] == 0 && kept[3] > 4 << 20, "{kept:?}");
    drop(images);
    assert_eq!(budget::held(), 0);
}

#[test]
fn no_step_inflates_more_than_is_allowed() {
    const FILE: usize = 8 * MIB;
    const ALLOWED: u64 = 3 << 20;
    let _alone = alone(1 << 30);
    let (bytes, told) = tar(&[file("big", vec![7; FILE])]);
    let (layer, points) = gzip(&bytes, 8 * MIB, None);
    let ztoc = Spec::gzip(told, bytes.len(), &layer, points, false).build();
    let zstd = MadeLayer { media_type: ZSTD, data: zstd_of(&bytes), ztoc: None };
    let ways = [
        MadeLayer { media_type: GZIP, data: layer.clone(), ztoc: Some(ztoc) },
        MadeLayer { media_type: GZIP, data: layer, ztoc: None },
        zstd,
        MadeLayer { media_type: TAR, data: bytes.clone(), ztoc: None },
    ];
    for (way, layer) in ways.into_iter().enumerate() {
        let image = open(&Memory::made(vec![layer]));
        let read = || block_on(image.read_file(b"big", Some((6 << 20)..(6 << 20) + 10)));
        image.stats().allow_inflated(ALLOWED);
        let e = read().unwrap_err();
        assert_eq!(
            (e.code(), e.limit_name()),
            (Code::LimitExceeded, Some("max_inflated_bytes")),
            "{way}: {e}"
        );
        assert!(image.stats().counters().inflated <= ALLOWED, "{way}: {}", image.stats().counters().inflated);
        // What was not allowed once may be later.
        image.stats().allow_inflated(1 << 30);
        assert_eq!(read().unwrap().1, vec![7; 10], "{way}");
    }
}

/// Raw blocks and runs, which need no encoder.
fn zstd_of(data: &[u8]) -> Vec<u8> {
    // A window of 8 MiB.
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3];
    let mut blocks = data.chunks(128 << 10).peekable();
    while let Some(block) = blocks.next() {
        let last = u32::from(blocks.peek().is_none());
        let run = block.iter().all(|&b| b == block[0]);
        let header = last | u32::from(run) << 1 | (block.len() as u32) << 3;
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(if run { &block[..1] } else { block });
    }
    out
}
