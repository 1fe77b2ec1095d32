//! Several readers of one image at the same time: what is known is shared, what each has under way is its own.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use futures_executor::block_on;
use futures_util::future::{join, join_all};
use ocipeek::error::{Code, Error};
use ocipeek::image::{Image, OpenOptions, ReaderOptions, SociChoice};
use ocipeek::limits::Limits;
use test_support::memory::ztoc::{File, Spec, file, gzip, noise, tar};
use test_support::memory::{GZIP, MadeLayer, Memory, TAR, ZSTD, agreed};

const SPAN: usize = 100_000;

fn files() -> Vec<File> {
    vec![file("first", noise(250_000, 1)), file("second", "second"), file("third", noise(150_000, 2))]
}

/// One layer; with a zTOC, if `media_type` is GZIP.
fn made(media_type: &'static str) -> Memory {
    let (tar, told) = tar(&files());
    let (data, ztoc) = match media_type {
        GZIP => {
            let (layer, points) = gzip(&tar, SPAN, Some("layer.tar"));
            let ztoc = Spec::gzip(told, tar.len(), &layer, points, false).build();
            (layer, Some(ztoc))
        }
        ZSTD => (zstd(&tar), None),
        _ => (tar, None),
    };
    let memory = Memory::made(vec![MadeLayer { media_type, data, ztoc }]);
    memory.slow();
    memory.chunks(&[20_000]);
    memory
}

/// Raw blocks in one frame.
fn zstd(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58];
    let blocks = data.len().div_ceil(100_000);
    for (i, block) in data.chunks(100_000).enumerate() {
        let head = (block.len() as u32) << 3 | u32::from(i + 1 == blocks);
        out.extend_from_slice(&head.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    out
}

fn open(memory: &Memory, options: OpenOptions) -> Image {
    block_on(memory.open("made", options)).unwrap()
}

/// Opened, its zTOC loaded, and the log empty.
fn opened(memory: &Memory) -> Image {
    let image = open(memory, agreed());
    block_on(image.read_dir(b"/")).unwrap();
    memory.log();
    image
}

fn reader(image: &Image, isolated: bool) -> Image {
    let mut options = ReaderOptions::default();
    options.isolated = isolated;
    image.reader(options)
}

fn requests(image: &Image) -> u64 {
    image.stats().counters().requests
}

async fn read(image: &Image, i: usize) {
    let file = &files()[i];
    let read = image.read_file(file.name.as_bytes(), None).await.unwrap().1;
    assert!(read == file.data, "{}", file.name);
}

#[test]
fn each_counts_its_own_requests_and_bytes() {
    let memory = made(GZIP);
    let image = opened(&memory);
    let before = image.stats().counters();
    let (a, b) = (reader(&image, false), reader(&image, false));
    block_on(join(read(&a, 0), read(&b, 2)));
    let (one, other) = (a.stats().counters(), b.stats().counters());
    assert!(one.requests > 0 && other.requests > 0, "{one:?} {other:?}");
    assert_eq!((one.requests + other.requests) as usize, memory.log().len());
    assert_eq!(one.bytes + other.bytes, memory.polled());
    assert_eq!(image.stats().counters(), before);
    // What one has read is there for all.
    block_on(join_all([read(&a, 2), read(&b, 0), read(&image, 1)]));
    assert_eq!(memory.log(), Vec::<String>::new());
}

#[test]
fn a_span_that_two_want_is_fetched_once() {
    let memory = made(GZIP);
    let image = opened(&memory);
    let (a, b) = (reader(&image, false), reader(&image, false));
    block_on(join(read(&a, 0), read(&b, 0)));
    assert_eq!((requests(&a), requests(&b), memory.log().len()), (1, 0, 1));
}

#[test]
fn where_they_are_isolated_it_is_fetched_twice_at_most() {
    for (one, other) in [(true, true), (true, false), (false, true)] {
        let memory = made(GZIP);
        let image = opened(&memory);
        let (a, b) = (reader(&image, one), reader(&image, other));
        block_on(join(read(&a, 0), read(&b, 0)));
        assert_eq!((requests(&a), requests(&b)), (1, 1));
        // Later ones find it.
        let c = reader(&image, true);
        block_on(read(&c, 0));
        assert_eq!(requests(&c), 0);
    }
}

/// Polls a read until it has made some requests, and then leaves it where it is, or drops it.
fn begin(read: &mut (impl Future + Unpin), memory: &Memory, requests: usize, bytes: u64) {
    let mut context = Context::from_waker(Waker::noop());
    let (mut seen, before) = (0, memory.polled());
    for _ in 0..1000 {
        seen += memory.log().len();
        if seen >= requests && memory.polled() - before >= bytes {
            return;
        }
        assert!(std::pin::Pin::new(&mut *read).poll(&mut context).is_pending(), "it is over");
    }
    panic!("it did not come so far");
}

#[test]
fn one_that_is_cancelled_in_the_middle_of_a_span_disturbs_no_other() {
    let memory = made(GZIP);
    let image = opened(&memory);
    let (a, b) = (reader(&image, false), reader(&image, false));
    let mut first = Box::pin(read(&a, 0));
    begin(&mut first, &memory, 1, 50_000);
    let mut second = Box::pin(read(&b, 0));
    // It waits for the same request.
    assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(first);
    drop(a);
    block_on(second);
    assert_eq!((requests(&b), memory.log().len(), memory.cancelled()), (0, 0, 0));
}

#[test]
fn with_the_last_who_waits_the_request_ends() {
    let memory = made(GZIP);
    let image = opened(&memory);
    let (a, b) = (reader(&image, false), reader(&image, false));
    let mut first = Box::pin(read(&a, 0));
    begin(&mut first, &memory, 1, 50_000);
    let mut second = Box::pin(read(&b, 0));
    assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(first);
    assert_eq!(memory.cancelled(), 0);
    drop(second);
    assert_eq!(memory.cancelled(), 1);
}

#[test]
fn an_isolated_reader_waits_for_nothing_that_another_began() {
    // A layer of each kind; the first reader is left in the middle of the table, or of the content.
    for media_type in [GZIP, TAR, ZSTD] {
        for bytes in [0, 50_000] {
            let memory = made(media_type);
            let image = open(&memory, agreed());
            memory.log();
            let (a, b) = (reader(&image, true), reader(&image, true));
            let mut first = Box::pin(read(&a, 0));
            begin(&mut first, &memory, 1, bytes);
            // Nobody polls the first one: it must not hang.
            let mut second = pin!(read(&b, 0));
            let mut context = Context::from_waker(Waker::noop());
            assert!(
                (0..1000).any(|_| second.as_mut().poll(&mut context).is_ready()),
                "{media_type} after {bytes} bytes"
            );
            block_on(first);
        }
    }
}

#[test]
fn what_fails_for_one_is_asked_again_by_the_other() {
    for media_type in [GZIP, TAR] {
        let memory = made(media_type);
        let image = open(&memory, agreed());
        let done = Cell::new(false);
        let is_content = |range: &std::ops::Range<u64>| range.end - range.start > 100_000;
        memory.fault(move |_, range, data| match is_content(range) && !done.replace(true) {
            true => Err(Error::new(Code::Network, "the first one's connection broke")),
            false => Ok(data),
        });
        let (a, b) = (reader(&image, false), reader(&image, false));
        let (first, ()) = block_on(join(a.read_file(b"first", None), read(&b, 0)));
        assert_eq!(first.unwrap_err().code(), Code::Network);
    }
}

#[test]
fn all_ways_to_read_a_layer_have_readers() {
    let none = || agreed().soci(SociChoice::None);
    #[cfg(feature = "zstd-stream")]
    let streamed = || {
        let mut options = agreed();
        options.limits.max_whole_layer_size = 1000;
        options
    };
    let unverified = || agreed().verify(false);
    let cases = [
        (GZIP, agreed(), "ztoc"),
        (GZIP, none(), "whole"),
        (TAR, agreed(), "whole"),
        (TAR, unverified(), "tar"),
        (ZSTD, agreed(), "whole"),
        #[cfg(feature = "zstd-stream")]
        (ZSTD, streamed(), "zstd"),
    ];
    for (media_type, options, way) in cases {
        let memory = made(media_type);
        let image = open(&memory, options);
        let readers: Vec<_> = (0..4).map(|i| reader(&image, i == 3)).collect();
        let reads = readers.iter().flat_map(|reader| (0..3).map(move |i| read(reader, i)));
        block_on(join_all(reads));
        assert_eq!(image.layers()[0].read.as_str(), way);
        assert_eq!(readers[0].layers(), image.layers());
        let sum: u64 = readers.iter().map(requests).sum();
        assert!(sum > 0, "{way}");
        // A stream is not kept; all else of it is.
        let last = reader(&image, false);
        let entries = block_on(last.read_dir(b"/")).unwrap();
        assert_eq!((entries.len(), requests(&last)), (3, 0), "{way}");
        // A reader outlives the image that it was made of.
        drop((image, readers));
        block_on(read(&last, 0));
    }
}

#[cfg(feature = "zstd-stream")]
#[test]
fn a_segment_of_a_stream_that_two_want_is_fetched_once() {
    let memory = made(ZSTD);
    let mut options = agreed();
    options.limits.max_whole_layer_size = 1000;
    let image = open(&memory, options);
    block_on(image.read_dir(b"/")).unwrap();
    memory.log();
    let (a, b) = (reader(&image, false), reader(&image, false));
    block_on(join(read(&a, 0), read(&b, 0)));
    assert_eq!((requests(&a), requests(&b), memory.log().len()), (1, 0, 1));
}

#[test]
fn limits_are_each_readers_own() {
    let memory = made(GZIP);
    let image = opened(&memory);
    let mut options = ReaderOptions::default();
    let mut limits = Limits::default();
    limits.max_file_size = 10;
    options.limits = Some(limits);
    let small = image.reader(options);
    let e = block_on(small.read_file(b"first", None)).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_file_size"));
    block_on(read(&image, 0));
    // What one may inflate is not what another may.
    let (a, b) = (reader(&image, false), reader(&image, false));
    a.stats().allow_inflated(10);
    let e = block_on(a.read_file(b"third", None)).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_inflated_bytes"));
    block_on(read(&b, 2));
}
