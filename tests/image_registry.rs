//! Images over HTTP: what the registry client and the reader of layers do together, against a registry in memory that
//! misbehaves; and out of a layout.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::future::{LocalBoxFuture, pending};
use ocipeek::error::{Code, Result};
use ocipeek::image::{Image, OpenOptions, SociChoice};
use ocipeek::limits::Limits;
use ocipeek::net::stats::Stats;
use ocipeek::source::cache::{CachedSource, MemoryCache, TimelyCache};
use ocipeek::source::layout::{FolderFiles, Layout};
use ocipeek::source::{Cache, Target};
use test_support::memory;
use test_support::memory::Plain;
use test_support::mock::{Mock, What};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/demo");
const FILE: &[u8] = b"/usr/share/demo/lodash.min.js";

fn open_tag(mock: &Mock, tag: &str, options: OpenOptions) -> Result<Image> {
    block_on(Image::open(Rc::new(mock.registry()), mock.transport(), &Target::Tag(tag.to_owned()), options))
}

/// The file as the layout has it: of the uncompressed top layer, by offset.
fn content() -> Vec<u8> {
    let layer = "b9fc09164bcbab435e2f1b2b83b2cca45ee2508633ec5f4759d4a66953906751";
    let tar = std::fs::read(format!("{DEMO}/blobs/sha256/{layer}")).unwrap();
    tar[2_048..2_048 + 73_234].to_vec()
}

#[test]
fn a_cold_cat_by_tag_with_a_token() {
    let mock = Mock::of_layout(DEMO);
    mock.bearer("https://auth.registry.test/token");
    let image = open_tag(&mock, "latest-soci", OpenOptions::default()).unwrap();
    assert!(block_on(image.read_file(FILE, None)).unwrap().1 == content());
    let lines: Vec<String> = mock.lines().iter().map(|l| l.split(" (").next().unwrap().to_owned()).collect();
    assert_eq!(
        lines,
        [
            "GET registry.test/v2/app/manifests/latest-soci 401",
            "GET auth.registry.test/token?service=mock&scope=repository:app:pull 200",
            "GET registry.test/v2/app/manifests/latest-soci",
            "GET registry.test/v2/app/manifests/#92ab42f2",
            "GET registry.test/v2/app/manifests/#fd80bc91",
            "GET registry.test/v2/app/blobs/#5a1dc3e4",
            "GET registry.test/v2/app/blobs/#b9fc0916 [0-131071]",
        ]
    );
    // Manifests, a zTOC of 31 KB and a span, of an image of 3.6 MB.
    let bytes = image.stats().counters().bytes;
    assert!(bytes < 200_000, "{bytes}");
}

#[test]
fn a_registry_without_referrers_has_the_index_under_a_tag() {
    let mock = Mock::of_layout(DEMO);
    let image = open_tag(&mock, "latest", OpenOptions::default()).unwrap();
    assert!(image.soci().is_none());
    assert_eq!(mock.lines(), ["GET registry.test/v2/app/manifests/latest 200"]);
    let agreed = OpenOptions::default().attached_index(true);
    let image = open_tag(&mock, "latest", agreed).unwrap();
    assert!(image.soci().is_some());
    assert_eq!(
        mock.lines(),
        [
            "GET registry.test/v2/app/manifests/latest 200",
            "GET registry.test/v2/app/referrers/#42a11d5b?artifactType=application/vnd.amazon.soci.index.v1%2Bjson 404",
            "GET registry.test/v2/app/manifests/sha256-42a11d5b53c278c4ef8a9c3c5f7ec51db200191ebab32732a1cac5c94cc36a96 200",
            "GET registry.test/v2/app/manifests/#fd5e455f 200",
        ]
    );
}

/// Opened, with the zTOC of the top layer loaded and no more.
fn ready(mock: &Mock) -> Image {
    let image = open_tag(mock, "latest-soci", OpenOptions::default()).unwrap();
    block_on(image.readlink(FILE)).unwrap_err();
    mock.lines();
    image
}

#[test]
fn a_connection_that_breaks_in_a_span_is_resumed() {
    for redirects in [false, true] {
        let mock = Mock::of_layout(DEMO);
        mock.0.redirects.set(redirects);
        let image = ready(&mock);
        mock.fault("b9fc0916", 1, What::Cut(0));
        mock.fault("b9fc0916", 2, What::Cut(50_000));
        assert!(block_on(image.read_file(FILE, None)).unwrap().1 == content());
        let lines = mock.lines();
        assert!(lines.iter().any(|l| l.contains("[50000-131071]")), "{lines:?}");
    }
}

#[test]
fn a_flipped_bit_in_a_span_over_http() {
    let mock = Mock::of_layout(DEMO);
    let image = ready(&mock);
    mock.fault("[0-131071]", 1, What::Flip(70_000));
    mock.fault("b9fc0916", 1, What::Flip(70_000));
    assert!(block_on(image.read_file(FILE, None)).unwrap().1 == content());

    let image = ready(&mock);
    mock.fault("b9fc0916", 9, What::Flip(70_000));
    let e = block_on(image.read_file(FILE, None)).unwrap_err();
    assert_eq!((e.code(), mock.lines().len()), (Code::DigestMismatch, 2));
}

#[test]
fn a_flipped_bit_in_a_ztoc_over_http() {
    const ZTOC: &str = "5a1dc3e4";
    let mock = Mock::of_layout(DEMO);
    mock.fault(ZTOC, 1, What::Flip(20_000));
    let image = open_tag(&mock, "latest-soci", OpenOptions::default()).unwrap();
    assert!(block_on(image.read_file(FILE, None)).unwrap().1 == content());
    let tries = |lines: Vec<String>| lines.iter().filter(|l| l.contains(ZTOC)).count();
    assert_eq!(tries(mock.lines()), 2);

    mock.fault(ZTOC, 9, What::Flip(20_000));
    let image = open_tag(&mock, "latest-soci", OpenOptions::default()).unwrap();
    let e = block_on(image.read_file(FILE, None)).unwrap_err();
    assert_eq!((e.code(), tries(mock.lines())), (Code::DigestMismatch, 2));
    assert!(e.digest().unwrap().contains(ZTOC), "{e}");
}

#[test]
fn a_redirect_that_expires_and_a_token_that_does() {
    let mock = Mock::of_layout(DEMO);
    mock.0.redirects.set(true);
    mock.bearer("https://auth.registry.test/token");
    let image = ready(&mock);
    block_on(image.read_file(FILE, Some(0..1))).unwrap();
    mock.lines();
    mock.expire_signatures();
    mock.revoke_tokens();
    // In another span of the same layer.
    let (_, data) = block_on(image.read_file(b"/usr/share/demo/tz/Denver", None)).unwrap();
    assert_eq!(data.len(), 2_460);
    let lines = mock.lines();
    assert!(lines.iter().any(|l| l.contains("auth.registry.test")), "{lines:?}");
}

#[test]
fn a_registry_without_ranges() {
    let mock = Mock::of_layout(DEMO);
    let image = ready(&mock);
    mock.fault("b9fc0916", 99, What::NoRange);
    // Within the first megabyte of the layer: what is before it is read through.
    assert_eq!(block_on(image.read_file(b"/usr/share/demo/tz/Denver", None)).unwrap().1.len(), 2_460);
    // Whole layers need none.
    let options = OpenOptions::default().soci(SociChoice::None);
    let image = open_tag(&mock, "latest-soci", options).unwrap();
    assert!(block_on(image.read_file(FILE, None)).unwrap().1 == content());
}

#[test]
fn a_second_session_finds_everything_in_a_cache_but_the_tag() {
    let mock = Mock::of_layout(DEMO);
    let cache = Rc::new(MemoryCache::new(16 << 20));
    let read = || {
        let source = Rc::new(CachedSource::new(Rc::new(mock.registry()), cache.clone()));
        let options = OpenOptions::default().cache(cache.clone());
        block_on(async {
            let target = Target::Tag("latest-soci".to_owned());
            let image = Image::open(source, mock.transport(), &target, options).await.unwrap();
            assert!(image.read_file(FILE, None).await.unwrap().1 == content());
        });
        mock.lines().len()
    };
    assert_eq!((read(), read()), (5, 1));
}

/// A cache some of whose calls are never answered.
struct Hung {
    inner: MemoryCache,
    reads: bool,
    writes: bool,
}

impl Cache for Hung {
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Option<Bytes>> {
        if self.reads { Box::pin(pending()) } else { self.inner.get(key) }
    }
    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> LocalBoxFuture<'a, ()> {
        if self.writes { Box::pin(pending()) } else { self.inner.put(key, value) }
    }
    fn has_ranges(&self) -> bool {
        true
    }
    fn get_range<'a>(&'a self, key: &'a str, range: Range<u64>) -> LocalBoxFuture<'a, Option<Bytes>> {
        if self.reads { Box::pin(pending()) } else { self.inner.get_range(key, range) }
    }
}

#[test]
fn a_cache_that_never_answers_is_as_if_there_were_none() {
    let mock = Mock::of_layout(DEMO);
    let read = |cache: Rc<dyn Cache>| {
        mock.lines();
        let before = (mock.elapsed_ms(), mock.sleeps().len());
        let limit = Limits::default().max_cache_ms;
        let timely = Rc::new(TimelyCache::new(cache.clone(), mock.transport(), limit));
        let source = Rc::new(CachedSource::new(Rc::new(mock.registry()), timely));
        let options = OpenOptions::default().cache(cache);
        block_on(async {
            let target = Target::Tag("latest-soci".to_owned());
            let image = Image::open(source, mock.transport(), &target, options).await.unwrap();
            assert!(image.read_file(FILE, None).await.unwrap().1 == content());
        });
        let moments = mock.sleeps()[before.1..].iter().filter(|&&ms| ms == limit).count();
        (mock.lines().len(), moments, mock.elapsed_ms() - before.0)
    };
    let (requests, moments, waited) = read(Rc::new(MemoryCache::new(16 << 20)));
    // A healthy one costs no timer and no time.
    assert_eq!((moments, waited), (0, 0));
    for (reads, writes) in [(true, true), (true, false), (false, true)] {
        let cache = Rc::new(Hung { inner: MemoryCache::new(16 << 20), reads, writes });
        let (asked, moments, waited) = read(cache.clone());
        assert_eq!(asked, requests);
        // Twice in a row each for what the source and the reader ask and keep; then it is left alone.
        assert!((1..=12).contains(&moments) && waited <= 18_000, "{moments} moments, {waited} ms");
        // What could be kept is there for the next one.
        let next = read(Rc::new(Hung { inner: MemoryCache::new(1 << 20), reads: false, writes: false }));
        assert_eq!((next.1, next.2), (0, 0));
    }
}

#[test]
fn a_layout_in_a_folder() {
    block_on(async {
        let files = Rc::new(FolderFiles::open(DEMO).unwrap());
        for tag in ["latest", "latest-soci", "latest-soci-4m", "latest-soci-head"] {
            let layout = Layout::open(files.clone(), Limits::default(), Stats::default()).await.unwrap();
            let target = Target::Tag(tag.to_owned());
            let image =
                Image::open(Rc::new(layout), Rc::new(Plain), &target, memory::agreed()).await.unwrap();
            assert!(image.soci().is_some(), "{tag}");
            let (stat, data) = image.read_file(FILE, None).await.unwrap();
            assert!(data == content());
            assert_eq!(stat.verified.content.as_str(), "span-digest");
        }
    });
}
