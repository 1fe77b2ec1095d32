//! What reads cost: the exact requests, who shares them, and how much memory is held.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::rc::Rc;

use futures_executor::block_on;
use futures_util::future::{join, join_all};
use ocipeek::error::Code;
use ocipeek::image::{Image, OpenOptions, SociChoice};
use ocipeek::limits::Limits;
use test_support::memory;
use test_support::memory::ztoc::{File, Spec, file, gzip, noise, tar};
use test_support::memory::{GZIP, Kept, MadeLayer, Memory, TAR};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

const SPAN: usize = 100_000;

/// An image of one gzip layer with a span every `SPAN` bytes.
fn gzip_image(files: &[File]) -> Memory {
    let (tar, told) = tar(files);
    let (layer, points) = gzip(&tar, SPAN, Some("layer.tar"));
    let ztoc = Spec::gzip(told, tar.len(), &layer, points, false).build();
    Memory::made(vec![MadeLayer { media_type: GZIP, data: layer, ztoc: Some(ztoc) }])
}

fn tar_image(files: &[File]) -> Memory {
    let (layer, told) = tar(files);
    let ztoc = Spec::tar(told, &layer, SPAN).build();
    Memory::made(vec![MadeLayer { media_type: TAR, data: layer, ztoc: Some(ztoc) }])
}

fn open(memory: &Memory) -> Image {
    open_with(memory, memory::agreed())
}

/// Opened, the zTOCs loaded, and the log empty.
fn open_with(memory: &Memory, options: OpenOptions) -> Image {
    let image = block_on(memory.open("made", options)).unwrap();
    block_on(image.read_dir(b"/")).unwrap();
    memory.log();
    image
}

/// The ranges asked for, without the blob's name.
fn ranges(memory: &Memory) -> Vec<String> {
    let range =
        |line: String| line.rsplit_once(' ').filter(|_| line.starts_with("range")).map(|(_, r)| r.to_owned());
    memory.log().into_iter().map(|line| range(line.clone()).unwrap_or(line)).collect()
}

#[test]
fn a_cold_cat_by_tag() {
    let memory = Memory::demo();
    block_on(async {
        let image = memory.open("latest-soci", memory::agreed()).await.unwrap();
        // The OCI index, then the image manifest and the SOCI index at the same time.
        assert_eq!(memory.log(), ["manifest latest-soci", "manifest 92ab42f2", "manifest fd80bc91"]);
        let (stat, data) = image.read_file(b"/usr/share/demo/tz/Anguilla", None).await.unwrap();
        assert_eq!((data.len(), stat.layer), (148, Some(5)));
        // The top layer decides the path: its zTOC, and one span of 128 KiB.
        assert_eq!(memory.log(), ["blob 5a1dc3e4", "range b9fc0916 0-131072"]);
        // Another file of that span.
        image.read_file(b"/usr/share/demo/tz/Antigua", None).await.unwrap();
        assert_eq!(memory.log(), Vec::<String>::new());
    });
}

#[test]
fn a_cold_cat_by_a_v1_index() {
    let memory = Memory::demo();
    block_on(async {
        let image = memory.open("latest", memory::agreed()).await.unwrap();
        assert_eq!(memory.log(), ["manifest latest", "referrers 42a11d5b", "manifest fd5e455f"]);
        image.read_file(b"/usr/share/demo/tz/Anguilla", None).await.unwrap();
        assert_eq!(memory.log().len(), 2);
        image.config().await.unwrap();
        assert_eq!(memory.log(), ["blob 0e9e5d8f"]);
        image.config().await.unwrap();
        assert_eq!(memory.log(), Vec::<String>::new());
    });
}

#[test]
fn a_path_asks_only_the_layers_that_it_must() {
    let memory = Memory::demo();
    block_on(async {
        let image = memory.open("latest", memory::agreed()).await.unwrap();
        memory.log();
        let e = image.read_file(b"/usr/share/demo/tz/no-such-file", None).await.unwrap_err();
        assert_eq!(e.code(), Code::Enoent);
        // Each of the six layers might have had it.
        assert_eq!(memory.log().len(), 6);
    });
}

#[test]
fn neighbouring_spans_are_one_request_up_to_its_limit() {
    let big = noise(1_000_000, 1);
    let memory = tar_image(&[file("big", big.clone())]);
    let image = open(&memory);
    assert_eq!(block_on(image.read_file(b"big", None)).unwrap().1, big);
    // Up to the end of the file's last span, which the tar's end cuts.
    assert_eq!(ranges(&memory), ["0-1001984"]);

    let memory = tar_image(&[file("big", big.clone())]);
    let limits = limits(|l| l.max_range_request = 300_000);
    let image = open_with(&memory, memory::agreed().limits(limits));
    assert_eq!(block_on(image.read_file(b"big", None)).unwrap().1, big);
    assert_eq!(ranges(&memory), ["0-300000", "300000-600000", "600000-900000", "900000-1001984"]);
}

#[test]
fn reads_at_span_borders_fetch_what_they_must() {
    // Content begins at 512.
    let data = noise(500_000 - 512, 2);
    let memory = tar_image(&[file("f", data.clone()), file("empty", "")]);
    let options = || memory::agreed().limits(limits(|l| l.span_cache_size = 0));
    for (range, want) in [
        (0..10, vec!["0-100000"]),
        // The header's span and the wanted one are neighbours, or not.
        (99_488..99_489, vec!["0-200000"]),
        (199_488..199_489, vec!["0-100000", "200000-300000"]),
        (99_487..99_488, vec!["0-100000"]),
        (99_487..99_489, vec!["0-200000"]),
        // To the file's end, which is a span's.
        (399_488..499_488, vec!["0-100000", "400000-500000"]),
        (0..499_488, vec!["0-500000"]),
        // Past the end, and nothing.
        (499_488..600_000, vec![]),
        (499_487..600_000, vec!["0-100000", "400000-500000"]),
        (7..7, vec![]),
    ] {
        let image = open_with(&memory, options());
        let (_, got) = block_on(image.read_file(b"f", Some(range.start..range.end))).unwrap();
        assert_eq!(
            got,
            data[range.start.min(499_488) as usize..range.end.min(499_488) as usize],
            "{range:?}"
        );
        assert_eq!(ranges(&memory), want, "{range:?}");
    }
    let image = open(&memory);
    assert_eq!(block_on(image.read_file(b"empty", None)).unwrap().1.len(), 0);
    assert_eq!(ranges(&memory), Vec::<String>::new());
}

#[test]
fn a_header_in_the_span_before_comes_with_the_same_request() {
    // The second file's header begins at 99,840 and ends at 100,352.
    let memory = tar_image(&[file("a", noise(99_328, 3)), file("b", "content of b"), file("c", "last")]);
    let image = open(&memory);
    assert_eq!(block_on(image.read_file(b"b", None)).unwrap().1, "content of b");
    assert_eq!(ranges(&memory), ["0-102912"]);
    // Nothing is compared, and by what follows it the file cannot be a sparse one.
    let options = memory::agreed().verify(false);
    let image = open_with(&memory, options);
    assert_eq!(block_on(image.read_file(b"b", None)).unwrap().1, "content of b");
    assert_eq!(ranges(&memory), ["100000-102912"]);
    // The last one's header is looked at for a sparse map, which costs nothing here.
    assert_eq!(block_on(image.read_file(b"c", None)).unwrap().1, "last");
    assert_eq!(ranges(&memory), Vec::<String>::new());
}

#[test]
fn a_span_on_its_way_is_shared() {
    let files: Vec<File> = (0..20).map(|i| file(&format!("f{i}"), noise(4_000, i))).collect();
    for memory in [tar_image(&files), gzip_image(&files)] {
        memory.slow();
        memory.chunks(&[1_000]);
        let image = open(&memory);
        let names: Vec<String> = (0..20).map(|i| format!("f{i}")).collect();
        let all = block_on(join_all(names.iter().map(|n| image.read_file(n.as_bytes(), None))));
        for (got, want) in all.into_iter().zip(&files) {
            assert_eq!(got.unwrap().1, want.data);
        }
        assert_eq!(ranges(&memory).len(), 1);
    }
}

#[test]
fn without_a_cache_waiters_still_share() {
    let data = noise(350_000, 5);
    let memory = tar_image(&[file("f", data.clone())]);
    memory.slow();
    memory.chunks(&[10_000]);
    let limits = limits(|l| l.span_cache_size = 0);
    let image = open_with(&memory, memory::agreed().limits(limits));
    let (a, b) = block_on(join(image.read_file(b"f", None), image.read_file(b"f", None)));
    assert_eq!((a.unwrap().1, b.unwrap().1), (data.clone().into(), data.into()));
    assert_eq!(ranges(&memory).len(), 1);
    assert_eq!(image.cached_bytes(), 0);
}

#[test]
fn a_stalled_reader_stops_nobody_and_a_dropped_one_cancels() {
    let data = noise(1_000_000, 6);
    let memory = tar_image(&[file("f", data.clone())]);
    memory.chunks(&[10_000]);
    memory.slow();
    let image = open(&memory);
    block_on(async {
        let mut stalled = image.read_stream(b"f", None).await.unwrap();
        let first = stalled.next().await.unwrap().unwrap();
        assert_eq!(first, data[..first.len()]);
        // Stalled in the middle of a body: polled once, then left alone.
        {
            let mut next = Box::pin(stalled.next());
            while futures_util::poll!(&mut next).is_ready() {
                drop(next);
                next = Box::pin(stalled.next());
            }
        }
        let before = memory.polled();
        let (_, whole) = image.read_file(b"f", None).await.unwrap();
        assert_eq!(whole, data);
        // The other one drove the same request on.
        assert_eq!(ranges(&memory), ["0-1001984"]);
        assert_eq!(memory.polled(), 1_001_984);
        assert!(before < 300_000, "{before}");
        assert_eq!(memory.cancelled(), 0);
    });

    let image = open(&memory);
    let before = memory.polled();
    block_on(async {
        let mut stream = image.read_stream(b"f", None).await.unwrap();
        stream.next().await.unwrap();
        drop(stream);
    });
    assert_eq!(memory.cancelled(), 1);
    assert_eq!(memory.polled() - before, 100_000);
}

#[test]
fn a_big_file_streams() {
    const SIZE: usize = 40 << 20;
    let data = noise(SIZE, 7);
    let (tar, told) = tar(&[file("big", data.clone())]);
    let (layer, points) = gzip(&tar, 1 << 20, None);
    let (size, spans) = (layer.len() as u64, points.len());
    let ztoc = Spec::gzip(told, tar.len(), &layer, points, false).build();
    drop(tar);
    let memory = Memory::made(vec![MadeLayer { media_type: GZIP, data: layer, ztoc: Some(ztoc) }]);
    memory.chunks(&[65_536]);
    let limits = limits(|l| l.span_cache_size = 4 << 20);
    let image = open_with(&memory, memory::agreed().limits(limits));
    block_on(async {
        let mut stream = image.read_stream(b"big", None).await.unwrap();
        let (mut at, mut most) = (0usize, 0);
        while let Some(chunk) = stream.next().await.unwrap() {
            if at == 0 {
                // One span of the 41 and a chunk: nothing is read ahead of who reads.
                assert!(memory.polled() < 1_200_000, "{}", memory.polled());
            }
            assert!(chunk.len() <= 256 << 10);
            assert!(chunk == data[at..at + chunk.len()]);
            at += chunk.len();
            most = most.max(image.cached_bytes());
            // What is here is never more than a span ahead.
            assert!(memory.polled() < at as u64 + at as u64 / 50 + (3 << 20));
        }
        assert_eq!(at, SIZE);
        assert!(most <= 4 << 20, "{most}");
        assert!(spans > 40);
    });
    assert_eq!(memory.polled(), size);
    // 16 MiB a request.
    assert_eq!(ranges(&memory).len(), 3);
}

#[test]
fn small_reads_inflate_only_what_they_want() {
    let memory = gzip_image(&[file("a", "first"), file("b", noise(90_000, 8))]);
    let image = open(&memory);
    block_on(image.read_file(b"a", None)).unwrap();
    assert!(image.stats().counters().inflated <= 1024, "{:?}", image.stats().counters());
    assert_eq!(image.stats().counters().cache_misses, 1);
    block_on(image.read_file(b"b", None)).unwrap();
    assert!(image.stats().counters().cache_hits >= 1);
    assert_eq!(ranges(&memory).len(), 1);
}

#[test]
fn spans_come_out_of_a_cache() {
    let data = noise(450_000, 9);
    let memory = gzip_image(&[file("f", data.clone())]);
    let cache = Rc::new(Kept::default());
    let options = || memory::agreed().cache(cache.clone());
    let image = open_with(&memory, options());
    // Spans 0 and 1.
    block_on(image.read_file(b"f", Some(100_000..150_000))).unwrap();
    assert_eq!((ranges(&memory).len(), cache.map.borrow().len()), (1, 2));

    // Another session: one request for what is missing.
    let image = open_with(&memory, options());
    assert_eq!(block_on(image.read_file(b"f", None)).unwrap().1, data);
    let asked = ranges(&memory);
    assert_eq!((asked.len(), cache.hits.get()), (1, 2), "{asked:?}");
    assert!(!asked[0].starts_with("0-"));

    // All of it, and a cache that lies is no worse than none.
    for value in cache.map.borrow_mut().values_mut() {
        *value = value.slice(1..);
    }
    let image = open_with(&memory, options());
    assert_eq!(block_on(image.read_file(b"f", None)).unwrap().1, data);
    assert_eq!(ranges(&memory).len(), 1);
    let image = open_with(&memory, options());
    assert_eq!(block_on(image.read_file(b"f", None)).unwrap().1, data);
    assert_eq!(ranges(&memory), Vec::<String>::new());
}

#[test]
fn a_whole_layer_is_fetched_once() {
    let data = noise(50_000, 10);
    let (tar, _) = tar(&[file("a", data.clone()), file("b", "b")]);
    let (layer, _) = gzip(&tar, SPAN, None);
    let memory = Memory::made(vec![MadeLayer { media_type: GZIP, data: layer, ztoc: None }]);
    memory.slow();
    let image = block_on(memory.open("made", memory::agreed())).unwrap();
    memory.log();
    let (a, b) = block_on(join(image.read_file(b"a", None), image.read_file(b"b", Some(0..9))));
    assert_eq!((a.unwrap().1, b.unwrap().1), (data.into(), "b".into()));
    assert_eq!(memory.log().len(), 1);
}

#[test]
fn a_tar_is_walked_by_its_headers_where_verification_is_off() {
    let files: Vec<File> = (0..10).map(|i| file(&format!("f{i}"), noise(500_000, 20 + i))).collect();
    let (layer, _) = tar(&files);
    let size = layer.len() as u64;
    let memory = Memory::made(vec![MadeLayer { media_type: TAR, data: layer, ztoc: None }]);
    let options = || memory::agreed().verify(false).soci(SociChoice::None);
    let image = open_with(&memory, options());
    let listed = memory.polled();
    assert!(listed < size / 20, "{listed} of {size}");
    assert_eq!(block_on(image.read_file(b"f7", Some(10..20))).unwrap().1, files[7].data[10..20]);
    assert_eq!(memory.polled(), listed + 10);
    let image = open(&memory);
    block_on(image.read_dir(b"/")).unwrap();
    assert_eq!(memory.polled(), listed + 10 + size);
    drop(image);
}

#[test]
fn prefetch_fills_the_cache() {
    let memory = Memory::demo();
    block_on(async {
        let image = memory.open("latest-soci-head", memory::agreed()).await.unwrap();
        assert!(!image.soci().unwrap().prefetch.is_empty());
        image.prefetch().await.unwrap();
        assert!(image.cached_bytes() > 0);
        memory.log();
        image.prefetch().await.unwrap();
        assert!(memory.log().iter().all(|l| l.starts_with("blob")));
    });
}
