//! Plain zstd layers that are not fetched whole: what the first pass and each read cost, what is kept, and what comes of
//! damage.
#![cfg(all(not(target_arch = "wasm32"), feature = "zstd-stream"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use ocipeek::error::Code;
use ocipeek::format::lazy::{Format, Reader};
use ocipeek::format::oci::Digest;
use ocipeek::image::{ContentCheck, FileStat, Image, MetadataCheck, OpenOptions, ReadBy};
use ocipeek::source::Cache;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;
use test_support::memory;
use test_support::memory::ztoc::{File, file, noise};
use test_support::memory::{Kept, MadeLayer, Memory, Ranged, ZSTD};

const STREAMED: ReadBy = ReadBy::Format(Format::Zstd);
/// Bytes of the tar in one frame.
const FRAME: usize = 700_000;

fn forced() -> OpenOptions {
    OpenOptions::default().reader(Reader::Format(Format::Zstd))
}

fn with(cache: Rc<dyn Cache>) -> OpenOptions {
    forced().cache(cache)
}

fn files() -> Vec<File> {
    vec![
        file("first", "small"),
        file("large", noise(3_000_000, 7)),
        file("again->large", ""),
        file("small", noise(20_000, 8)),
        file("text", "a line of text\n".repeat(100_000)),
        file("last", "in the last frame"),
    ]
}

/// A tar in frames of `size` bytes, and where each starts, with the layer's end. Behind them a frame to be skipped.
fn frames(tar: &[u8], size: usize) -> (Vec<u8>, Vec<u64>) {
    let (mut out, mut starts) = (Vec::new(), Vec::new());
    for piece in tar.chunks(size) {
        starts.push(out.len() as u64);
        out.extend(compress_to_vec(piece, CompressionLevel::Fastest));
    }
    starts.push(out.len() as u64);
    out.extend_from_slice(&[0x5E, 0x2A, 0x4D, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]);
    (out, starts)
}

struct Made {
    memory: Memory,
    digest: Digest,
    size: u64,
    tar: Vec<u8>,
    starts: Vec<u64>,
}

fn made(frame: usize) -> Made {
    let tar = memory::ztoc::tar(&files()).0;
    let (data, starts) = frames(&tar, frame);
    let (digest, size) = (Digest::of(&data), data.len() as u64);
    let memory = Memory::made(vec![MadeLayer { media_type: ZSTD, data, ztoc: None }]);
    memory.chunks(&[10_000, 7, 60_000]);
    Made { memory, digest, size, tar, starts }
}

impl Made {
    fn open(&self, options: OpenOptions) -> Image {
        let image = block_on(self.memory.open("made", options)).unwrap();
        assert_eq!(image.layers()[0].read, STREAMED);
        image
    }

    /// Requests for the layer since the last call.
    fn log(&self) -> Vec<String> {
        let layer = |l: &String| l.starts_with("stream") || l.starts_with("range");
        self.memory.log().into_iter().filter(layer).collect()
    }

    fn pass(&self) -> String {
        format!("stream {}", &self.digest.hex()[..8])
    }

    /// The request for the frames that hold bytes `start..end` of the tar.
    fn range(&self, start: usize, end: usize) -> String {
        let (first, last) = (start / FRAME, (end - 1) / FRAME);
        format!("range {} {}-{}", &self.digest.hex()[..8], self.starts[first], self.starts[last + 1])
    }

    /// Where the content of a file lies in the tar.
    fn place(&self, data: &[u8]) -> (usize, usize) {
        let start = self.tar.windows(data.len().min(64)).position(|w| w == &data[..w.len()]).unwrap();
        (start, start + data.len())
    }
}

fn read(image: &Image, path: &str) -> Bytes {
    block_on(image.read_file(path.as_bytes(), None)).unwrap().1
}

fn right(image: &Image) {
    for f in files().iter().filter(|f| !f.name.contains("->")) {
        assert!(read(image, &f.name) == f.data, "{}", f.name);
    }
}

fn checks(image: &Image) -> (MetadataCheck, ContentCheck) {
    let stat = block_on(image.stat(b"/small", ocipeek::image::Follow::All)).unwrap();
    (stat.verified.metadata, stat.verified.content)
}

#[test]
fn the_fixture_is_as_expected() {
    fn walk(image: &Image) -> Vec<FileStat> {
        block_on(async {
            let (mut all, mut walk) = (Vec::new(), image.walk(b"/", None));
            while let Some(stat) = walk.next().await.unwrap() {
                all.push(stat);
            }
            all
        })
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/formats/expected.json");
    let expected: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let memory = Memory::layout("formats/plain-zstd");
    memory.chunks(&[1000, 7, 40_000]);
    let open = |options| block_on(memory.open("t", options)).unwrap();
    let whole = walk(&open(OpenOptions::default()));
    let cache = Rc::new(Ranged::default());
    let unverified = OpenOptions::default().verify(false);
    for options in [forced(), with(cache.clone()), with(cache), unverified] {
        let image = open(options);
        assert!(image.layers().iter().all(|l| l.read == STREAMED));
        let mut stats = walk(&image);
        assert!(stats.len() > 266 && stats.len() == whole.len());
        for (stat, whole) in stats.iter_mut().zip(&whole) {
            stat.verified = whole.verified;
            assert_eq!(stat, whole);
        }
        let files = expected["merged"].as_array().unwrap().iter().filter(|v| v["type"] == "reg");
        for v in files {
            let data = read(&image, v["path"].as_str().unwrap());
            assert_eq!(Digest::of(&data).hex(), v["sha256"].as_str().unwrap(), "{}", v["path"]);
        }
    }
}

#[test]
fn the_first_read_is_one_pass_and_the_frames_of_the_file() {
    let made = made(FRAME);
    let image = made.open(forced());
    let (from, to) = made.place(&noise(20_000, 8));
    assert_eq!(read(&image, "small").len(), 20_000);
    assert_eq!(made.log(), [made.pass(), made.range(from, to)]);
    assert_eq!(checks(&image), (MetadataCheck::LayerDigest, ContentCheck::LayerDigest));
    // It is at hand for a while.
    read(&image, "small");
    assert_eq!(made.log(), [""; 0]);

    // A part of a large file: the frames of that part. Small ones are in one.
    let image = made.open(forced());
    let (from, _) = made.place(&noise(3_000_000, 7));
    let part = block_on(image.read_file(b"large", Some(1_500_000..1_500_001))).unwrap().1;
    assert_eq!(part[..], noise(3_000_000, 7)[1_500_000..1_500_001]);
    assert_eq!(made.log(), [made.pass(), made.range(from + 1_500_000, from + 1_500_001)]);
    right(&image);
    assert_eq!(read(&image, "again"), read(&image, "large"));
}

#[test]
fn in_one_frame_a_read_starts_at_the_first_byte_and_stops_behind_the_file() {
    let made = made(usize::MAX);
    let image = made.open(forced());
    made.log();
    let before = made.memory.polled();
    assert_eq!(&read(&image, "first")[..], b"small");
    let log = made.log();
    let end = log[1].rsplit('-').next().unwrap().parse::<u64>().unwrap();
    assert!(log.len() == 2 && log[1].ends_with(&format!(" 0-{end}")) && end <= made.starts[1], "{log:?}");
    assert_eq!(made.memory.polled() - before, made.size + end);
    right(&image);
}

#[test]
fn only_large_layers_are_streamed_and_the_limit_says_the_cost() {
    let made = made(FRAME);
    let open = |options| block_on(made.memory.open("made", options)).unwrap();
    assert_eq!(open(OpenOptions::default()).layers()[0].read, ReadBy::Whole);
    let mut small = OpenOptions::default();
    small.limits.max_whole_layer_size = made.size - 1;
    right(&made.open(small.clone()));
    let soci = open(small.clone().reader(Reader::Soci));
    assert_eq!(soci.layers()[0].read, ReadBy::Whole);

    small.limits.max_streamed_layer_size = made.size - 1;
    made.log();
    let e = block_on(made.open(small).read_file(b"first", None)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_streamed_layer_size")));
    assert!(e.message().contains("again up to the file for each read"), "{}", e.message());
    assert_eq!(made.log(), [""; 0]);

    let mut inflated = forced();
    inflated.limits.max_streamed_layer_inflated = made.tar.len() as u64 - 1;
    let e = block_on(made.open(inflated).read_file(b"first", None)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_streamed_layer_inflated")));

    let gzip = vec![MadeLayer { media_type: memory::TAR, data: made.tar.clone(), ztoc: None }];
    let e = block_on(Memory::made(gzip).open("made", forced())).err().unwrap();
    assert_eq!(e.code(), Code::Unsupported);
}

#[test]
fn the_next_open_makes_no_pass() {
    let made = made(FRAME);
    let cache = Rc::new(Ranged::default());
    read(&made.open(with(cache.clone())), "first");
    let key = format!("index-v1:{}", made.digest);
    let value = cache.map.borrow().get(&key).unwrap().clone();
    assert!(value.len() < 2_000, "{}", value.len());
    made.log();

    let image = made.open(with(cache.clone()));
    read(&image, "small");
    let (from, to) = made.place(&noise(20_000, 8));
    assert_eq!(made.log(), [made.range(from, to)]);
    assert_eq!(checks(&image), (MetadataCheck::OwnIndex, ContentCheck::SpanDigest));
    right(&image);

    // Whatever is damaged of it is a miss, and replaced.
    for at in 0..value.len() {
        let mut damaged = value.to_vec();
        damaged[at] ^= 1 << (at % 8);
        assert!(
            ocipeek::format::zstd::seek::parse(&damaged, &image.manifest().layers[0], &forced().limits)
                .is_err(),
            "{at}"
        );
    }
    cache.map.borrow_mut().insert(key.clone(), value.slice(..value.len() - 1));
    made.log();
    right(&made.open(with(cache.clone())));
    assert_eq!(made.log()[0], made.pass());
    assert_eq!(cache.map.borrow().get(&key), Some(&value));

    // A cache that is not trusted gets none, and none is kept of what was not verified.
    let plain = Rc::new(Kept::default());
    read(&made.open(with(plain.clone())), "first");
    assert!(block_on(plain.get(&key)).is_none());
    let cache = Rc::new(Ranged::default());
    let image = made.open(with(cache.clone()).verify(false));
    right(&image);
    assert_eq!(checks(&image), (MetadataCheck::None, ContentCheck::None));
    assert!(!cache.map.borrow().contains_key(&key));
}

#[test]
fn changed_bytes_are_an_error_or_heal() {
    for frame in [FRAME, usize::MAX] {
        let made = made(frame);
        let change = |at: u64, tries: u32, passes: bool| {
            let left = std::cell::Cell::new(tries);
            let (size, digest) = (made.size, made.digest);
            made.memory.fault(move |asked, range, data| {
                let wanted =
                    *asked == digest && range.contains(&at) && (range.end - range.start == size) == passes;
                if !wanted || left.get() == 0 {
                    return Ok(data);
                }
                left.set(left.get() - 1);
                let mut data = data.to_vec();
                data[(at - range.start) as usize] ^= 4;
                Ok(data.into())
            });
        };
        let (mut failed, places) = (0, 5);
        for place in 0..places {
            let at = 10 + (made.size - 30) / places * place;
            // In the pass.
            change(at, 1, true);
            right(&made.open(forced()));
            change(at, 9, true);
            let e = block_on(made.open(forced()).read_file(b"first", None)).unwrap_err();
            assert_eq!(e.code(), Code::DigestMismatch);
            // In reads behind it.
            change(at, 1, false);
            right(&made.open(forced()));
            change(at, u32::MAX, false);
            let image = made.open(forced());
            for f in files().iter().filter(|f| !f.name.contains("->")) {
                match block_on(image.read_file(f.name.as_bytes(), None)) {
                    Ok((_, data)) => assert!(data == f.data, "{} {at}", f.name),
                    Err(e) => {
                        assert!(matches!(e.code(), Code::DigestMismatch | Code::CorruptLayer), "{e:?}");
                        failed += 1;
                    }
                }
            }
        }
        assert!(failed >= places, "{failed}");
    }
}
