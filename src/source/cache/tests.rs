use std::cell::Cell;

use futures_executor::block_on;

use super::*;
use crate::error::{Code, Error};

/// A source that counts what it is asked for.
struct Counting {
    stats: Stats,
    manifests: Cell<u32>,
    blobs: Cell<u32>,
    data: Bytes,
}

impl Source for Counting {
    fn name(&self) -> String {
        "counting".into()
    }
    fn manifest<'a>(&'a self, _: &'a Target) -> LocalBoxFuture<'a, Result<RawManifest>> {
        self.manifests.set(self.manifests.get() + 1);
        let digest = Digest::of(&self.data);
        let raw = RawManifest { bytes: self.data.clone(), media_type: "a/b".into(), digest };
        Box::pin(async move { Ok(raw) })
    }
    fn blob<'a>(&'a self, _: &'a Descriptor, _: &'static str, _: u64) -> LocalBoxFuture<'a, Result<Bytes>> {
        self.blobs.set(self.blobs.get() + 1);
        let data = self.data.clone();
        Box::pin(async move { Ok(data) })
    }
    fn blob_range<'a>(&'a self, _: &'a Descriptor, _: Range<u64>) -> LocalBoxFuture<'a, Result<ByteStream>> {
        Box::pin(async { Err(Error::new(Code::NotFound, "range")) })
    }
    fn blob_stream<'a>(&'a self, _: &'a Descriptor) -> LocalBoxFuture<'a, Result<ByteStream>> {
        Box::pin(async { Err(Error::new(Code::NotFound, "stream")) })
    }
    fn referrers<'a>(&'a self, _: &'a Digest, _: &'a str) -> LocalBoxFuture<'a, Result<Vec<Descriptor>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn stats(&self) -> &Stats {
        &self.stats
    }
}

const MANIFEST: &str = r#"{"schemaVersion":2,"layers":[],"config":{}}"#;

fn cached() -> (Rc<Counting>, Rc<MemoryCache>, CachedSource) {
    let data = Bytes::from_static(MANIFEST.as_bytes());
    let (stats, manifests, blobs) = (Stats::default(), Cell::new(0), Cell::new(0));
    let source = Rc::new(Counting { stats, manifests, blobs, data });
    let cache = Rc::new(MemoryCache::new(1 << 20));
    let wrapped = CachedSource::new(source.clone(), cache.clone());
    (source, cache, wrapped)
}

#[test]
fn manifests_by_digest_come_from_the_cache_and_tags_do_not() {
    let (source, _, wrapped) = cached();
    let digest = Digest::of(MANIFEST.as_bytes());
    let get = |target| block_on(Source::manifest(&wrapped, &target)).unwrap();
    assert_eq!(get(Target::Tag("v1".into())).media_type, "a/b");
    let again = get(Target::Digest(digest));
    assert_eq!((again.bytes, again.digest), (source.data.clone(), digest));
    assert_eq!(again.media_type, "application/vnd.oci.image.manifest.v1+json");
    get(Target::Tag("v1".into()));
    assert_eq!(source.manifests.get(), 2);
    let counters = wrapped.stats().counters();
    assert_eq!((counters.cache_hits, counters.cache_misses), (1, 0));
}

#[test]
fn blobs_are_verified_when_they_come_out() {
    let (source, cache, wrapped) = cached();
    let d = Descriptor::new("a/b", Digest::of(MANIFEST.as_bytes()), MANIFEST.len() as u64);
    let get = || block_on(Source::blob(&wrapped, &d, "l", 1000)).unwrap();
    assert_eq!(get(), source.data);
    assert_eq!(get(), source.data);
    assert_eq!(source.blobs.get(), 1);
    for bad in [Bytes::from_static(b"bad"), Bytes::from(MANIFEST.replace("2", "3"))] {
        block_on(cache.put(&d.digest.to_string(), bad));
        let before = source.blobs.get();
        assert_eq!(get(), source.data);
        assert_eq!(source.blobs.get(), before + 1);
        // And the bad copy has been replaced.
        get();
        assert_eq!(source.blobs.get(), before + 1);
    }
    let e = block_on(Source::blob(&wrapped, &d, "l", 3)).unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("l")));
    // Inline data costs neither a look-up nor a place.
    let counters = wrapped.stats().counters();
    let mut inline = d.clone();
    inline.data = Some(source.data.clone());
    block_on(Source::blob(&wrapped, &inline, "l", 1000)).unwrap();
    assert_eq!(wrapped.stats().counters(), counters);
}

#[test]
fn the_least_recently_used_goes_first() {
    let cache = MemoryCache::new(4 * (OVERHEAD + 100));
    let put = |key: &str, len: usize| block_on(cache.put(key, Bytes::from(vec![7; len])));
    let has = |key: &str| block_on(cache.get(key)).is_some();
    for key in ["a", "b", "c", "d"] {
        put(key, 100);
    }
    assert_eq!(cache.used(), 4 * (OVERHEAD + 100));
    assert!(has("a"));
    put("e", 100);
    assert!(has("a") && !has("b") && has("c") && has("d") && has("e"));
    // The same key again: replaced, not counted twice.
    put("e", 50);
    assert_eq!(cache.used(), 4 * (OVERHEAD + 100) - 50);
    // Too large to keep; what was there under its key is gone.
    put("a", 4 * 100 + 2 * OVERHEAD);
    assert!(!has("a"));
    assert_eq!(cache.used(), 3 * (OVERHEAD + 100) - 50);
    let none = MemoryCache::new(0);
    block_on(none.put("a", Bytes::new()));
    assert!(block_on(none.get("a")).is_none());
    assert!(format!("{cache:?}").contains("entries: 3"));
}

#[test]
fn a_slice_does_not_keep_its_buffer_alive() {
    let cache = MemoryCache::new(1 << 20);
    let large = Bytes::from(vec![1; 1 << 16]);
    block_on(cache.put("a", large.slice(5..10)));
    assert!(large.is_unique());
}

#[test]
fn ranges_are_cut_where_the_value_ends() {
    /// With what the trait itself gives.
    struct Whole(MemoryCache);
    impl Cache for Whole {
        fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Option<Bytes>> {
            self.0.get(key)
        }
        fn put<'a>(&'a self, key: &'a str, value: Bytes) -> LocalBoxFuture<'a, ()> {
            self.0.put(key, value)
        }
    }
    let cache = Whole(MemoryCache::new(1 << 20));
    block_on(cache.put("a", Bytes::from_static(b"0123456789")));
    assert!(!cache.has_ranges() && cache.0.has_ranges());
    for (range, want) in [
        (0..10, &b"0123456789"[..]),
        (3..5, b"34"),
        (8..u64::MAX, b"89"),
        (10..12, b""),
        (11..12, b""),
        (4..4, b""),
        (Range { start: 5, end: 4 }, b""),
    ] {
        assert_eq!(block_on(cache.get_range("a", range.clone())).unwrap(), want, "{range:?}");
        assert_eq!(block_on(cache.0.get_range("a", range)).unwrap(), want);
    }
    assert!(block_on(cache.get_range("b", 0..1)).is_none());
}
