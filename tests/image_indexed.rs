//! Layers without an index, by one that is built when they are opened: what that takes, what is kept of it, and what
//! comes of damage.
#![cfg(all(feature = "build", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::future::{join, join_all};
use ocipeek::error::{Code, Error, Remedy};
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::format::ztoc::create::BuildOptions;
use ocipeek::image::{BuiltIndex, Follow, Image, Indexer, MetadataCheck, OnePass, OpenOptions, ReadBy};
use ocipeek::limits::Limits;
use ocipeek::source::{Cache, Source};
use test_support::memory;
use test_support::memory::ztoc::{File, file, noise};
use test_support::memory::{GZIP, Kept, MadeLayer, Memory, Ranged, TAR, ZSTD};

const SPAN: u64 = 64 << 10;

fn indexer() -> Rc<dyn Indexer> {
    Rc::new(OnePass::new(BuildOptions::default().span_size(SPAN), Limits::default()))
}

fn options(cache: Option<Rc<dyn Cache>>, indexer: Option<Rc<dyn Indexer>>) -> OpenOptions {
    let mut options = OpenOptions::default();
    (options.cache, options.indexer) = (cache, indexer);
    options
}

fn tar(files: &[File]) -> Vec<u8> {
    memory::ztoc::tar(files).0
}

fn gzip(data: &[u8]) -> Vec<u8> {
    memory::ztoc::gzip(data, data.len(), None).0
}

fn files() -> Vec<File> {
    vec![file("first", "small"), file("large", noise(1 << 20, 7)), file("last", "in the last span")]
}

/// One gzip layer and its digest.
fn made(media_type: &'static str, data: Vec<u8>) -> (Memory, Digest, u64) {
    let (digest, size) = (Digest::of(&data), data.len() as u64);
    (Memory::made(vec![MadeLayer { media_type, data, ztoc: None }]), digest, size)
}

fn made_gzip() -> (Memory, Digest, u64) {
    made(GZIP, gzip(&tar(&files())))
}

async fn read(image: &Image, path: &str) -> Bytes {
    image.read_file(path.as_bytes(), None).await.unwrap().1
}

/// Requests for layers, of what was asked for since the last call.
fn layers(memory: &Memory) -> Vec<String> {
    memory.log().into_iter().filter(|l| l.starts_with("stream") || l.starts_with("range")).collect()
}

#[test]
fn the_layer_streams_once_and_the_next_open_is_lazy() {
    let (memory, digest, size) = made_gzip();
    let cache = Rc::new(Ranged::default());
    let short = &digest.hex()[..8];
    block_on(async {
        let image = memory.open("made", options(Some(cache.clone()), Some(indexer()))).await.unwrap();
        assert_eq!(image.layers()[0].read, ReadBy::Whole);
        assert_eq!(&read(&image, "/last").await[..], b"in the last span");
        let info = image.layers().remove(0);
        assert_eq!((info.read, info.ztoc.unwrap().span_size), (ReadBy::Ztoc, Some(SPAN)));
        let log = layers(&memory);
        assert_eq!(log[0], format!("stream {short}"));
        assert!(log[1].starts_with(&format!("range {short} ")) && log.len() == 2, "{log:?}");
        let stat = image.stat(b"/last", Follow::All).await.unwrap();
        assert_eq!(stat.verified.metadata, MetadataCheck::OwnIndex);
        assert!(stat.verified.header);

        cache.log();
        // The first span by a request, then out of the cache.
        for (indexer, requests) in [(None, 1), (Some(indexer()), 0)] {
            let image = memory.open("made", options(Some(cache.clone()), indexer)).await.unwrap();
            let before = memory.polled();
            assert_eq!(&read(&image, "/first").await[..], b"small");
            assert!(memory.polled() - before < size / 8, "{} of {size}", memory.polled() - before);
            let log = layers(&memory);
            assert!(log.len() == requests && log.iter().all(|l| l.starts_with("range")), "{log:?}");
        }
    });
}

#[test]
fn a_look_tells_what_is_kept() {
    let (memory, ..) = made_gzip();
    let cache = Rc::new(Ranged::default());
    block_on(async {
        let image = memory.open("made", options(Some(cache.clone()), None)).await.unwrap();
        image.find_kept_indexes().await;
        assert_eq!((image.layers()[0].read, image.layers()[0].ztoc.clone()), (ReadBy::Whole, None));
        let first = memory.open("made", options(Some(cache.clone()), Some(indexer()))).await.unwrap();
        read(&first, "/first").await;
        let again = memory.open("made", options(Some(cache.clone()), None)).await.unwrap();
        layers(&memory);
        again.find_kept_indexes().await;
        assert_eq!(again.layers()[0].read, ReadBy::Ztoc);
        assert_eq!(
            again.layers()[0].ztoc.as_ref().unwrap().digest,
            first.layers()[0].ztoc.as_ref().unwrap().digest
        );
        assert_eq!(layers(&memory), [""; 0]);
    });
}

/// A plain two-method cache is not trusted with indexes unless one is to be built.
#[test]
fn any_cache_keeps_what_an_indexer_built() {
    let (memory, ..) = made_gzip();
    let cache = Rc::new(Kept::default());
    block_on(async {
        let cases = [
            (true, None, 1),
            (true, None, 0),
            (false, Some(true), 0),
            (false, None, 1),
            (true, Some(false), 1),
        ];
        for (with, kept_indexes, streams) in cases {
            let mut options = options(Some(cache.clone()), with.then(indexer));
            options.kept_indexes = kept_indexes;
            let image = memory.open("made", options).await.unwrap();
            assert_eq!(&read(&image, "/first").await[..], b"small");
            let streamed = layers(&memory).iter().filter(|l| l.starts_with("stream")).count();
            assert_eq!(streamed, streams, "{with} {kept_indexes:?}");
        }
    });
}

/// Each byte of what is kept damaged, its end cut off, another layer's in its place: as if there were none.
#[test]
fn damage_is_a_miss() {
    let data = gzip(&tar(&[file("a", "alpha"), file("b", noise(40_000, 3))]));
    let (memory, digest, _) = made(GZIP, data);
    let (other, other_digest, _) = made_gzip();
    let cache = Rc::new(Ranged::default());
    // Without packs, which a kept index is not needed for.
    cache.refuses.set(Some("pack-v1:"));
    block_on(async {
        for memory in [&memory, &other] {
            let image = memory.open("made", options(Some(cache.clone()), Some(indexer()))).await.unwrap();
            image.read_dir(b"/").await.unwrap();
        }
        let key = format!("index-v1:{digest}");
        let good = cache.map.borrow()[&key].clone();
        let foreign = cache.map.borrow()[&format!("index-v1:{other_digest}")].clone();
        let flipped =
            (0..good.len()).step_by(if good.len() > 4_000 { 37 } else { 1 }).chain(0..96).map(|i| {
                let mut bad = good.to_vec();
                bad[i] ^= 0x20;
                Bytes::from(bad)
            });
        let cut = [0, 1, 95, 96, 97, good.len() - 1].map(|len| good.slice(..len));
        let longer = Bytes::from([&good[..], b"\0"].concat());
        for bad in flipped.chain(cut).chain([longer, foreign]) {
            cache.map.borrow_mut().insert(key.clone(), bad.clone());
            let image = memory.open("made", options(Some(cache.clone()), None)).await.unwrap();
            memory.log();
            assert_eq!(&read(&image, "/a").await[..], b"alpha");
            assert_eq!(image.layers()[0].read, ReadBy::Whole);
        }
        cache.map.borrow_mut().insert(key, good);
        let image = memory.open("made", options(Some(cache.clone()), None)).await.unwrap();
        assert_eq!(&read(&image, "/a").await[..], b"alpha");
        assert_eq!(image.layers()[0].read, ReadBy::Ztoc);
    });
}

#[test]
fn another_layer_is_an_error_and_nothing_is_kept() {
    let (memory, digest, _) = made(TAR, tar(&files()));
    memory.fault(move |d, _, data| {
        let mut data = data.to_vec();
        if *d == digest {
            // Content, so that it still is a tar.
            data[2_000] ^= 1;
        }
        Ok(data.into())
    });
    let cache = Rc::new(Ranged::default());
    block_on(async {
        let image = memory.open("made", options(Some(cache.clone()), Some(indexer()))).await.unwrap();
        let e = image.read_dir(b"/").await.unwrap_err();
        assert_eq!((e.code(), e.digest()), (Code::DigestMismatch, Some(&*digest.to_string())));
        assert!(cache.map.borrow().keys().all(|k| !k.starts_with("index") && !k.starts_with("pack")));
        assert_eq!(image.layers()[0].read, ReadBy::Whole);
    });
}

#[test]
fn what_has_no_ztoc_is_read_whole() {
    let plain = tar(&files());
    // Stored in one raw block of a Zstandard frame, under gzip's media type.
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0xA0];
    frame.extend_from_slice(&u32::try_from(plain.len()).unwrap().to_le_bytes());
    let blocks = plain.chunks(100_000);
    let last = blocks.len() - 1;
    for (i, block) in blocks.enumerate() {
        let head = u32::try_from(block.len()).unwrap() << 3 | u32::from(i == last);
        frame.extend_from_slice(&head.to_le_bytes()[..3]);
        frame.extend_from_slice(block);
    }
    for (media_type, streams) in [(ZSTD, 1), (GZIP, 2)] {
        let (memory, ..) = made(media_type, frame.clone());
        block_on(async {
            let image = memory.open("made", options(None, Some(indexer()))).await.unwrap();
            assert_eq!(&read(&image, "/last").await[..], b"in the last span");
            assert_eq!(image.layers()[0].read, ReadBy::Whole);
            // Of the first, no more than what tells.
            assert_eq!(layers(&memory).len(), streams);
        });
    }
}

#[test]
fn a_layer_over_the_limit_is_not_streamed() {
    let (memory, digest, size) = made_gzip();
    let mut options = options(None, Some(indexer()));
    options.limits.max_build_layer_size = size - 1;
    block_on(async {
        let image = memory.open("made", options).await.unwrap();
        memory.log();
        let e = image.read_dir(b"/").await.unwrap_err();
        assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_build_layer_size")));
        assert_eq!(e.remedies(), [Remedy::RaiseLimit(size), Remedy::ConvertToSoci]);
        assert_eq!(e.digest(), Some(&*digest.to_string()));
        assert_eq!(memory.log(), [""; 0]);
    });
}

#[test]
fn two_images_share_a_pass() {
    let (memory, ..) = made_gzip();
    memory.chunks(&[10_000]);
    memory.slow();
    let shared = indexer();
    block_on(async {
        let image = async || memory.open("made", options(None, Some(shared.clone()))).await.unwrap();
        let (a, b) = (image().await, image().await);
        memory.log();
        let (first, last) = join(read(&a, "/first"), read(&b, "/last")).await;
        assert_eq!((&first[..], &last[..]), (&b"small"[..], &b"in the last span"[..]));
        assert_eq!(layers(&memory).iter().filter(|l| l.starts_with("stream")).count(), 1);
        // Dropped by the one, it goes on for the other.
        let (a, b) = (image().await, image().await);
        memory.log();
        let mut dropped = Box::pin(read(&a, "/first"));
        let mut kept = Box::pin(read(&b, "/first"));
        for _ in 0..8 {
            assert!(futures_util::poll!(&mut dropped).is_pending());
            assert!(futures_util::poll!(&mut kept).is_pending());
        }
        drop(dropped);
        assert_eq!(&kept.await[..], b"small");
        assert_eq!(layers(&memory).iter().filter(|l| l.starts_with("stream")).count(), 1);
        // Dropped by all, it ends; the next begins anew.
        let c = image().await;
        let mut dropped = Box::pin(read(&c, "/first"));
        for _ in 0..8 {
            assert!(futures_util::poll!(&mut dropped).is_pending());
        }
        let before = memory.cancelled();
        drop(dropped);
        assert_eq!(memory.cancelled(), before + 1);
        assert_eq!(&read(&c, "/first").await[..], b"small");
    });
}

/// An indexer whose passes fail so often before they work.
struct Failing(std::cell::Cell<u32>, Rc<dyn Indexer>);

impl Indexer for Failing {
    fn build(
        &self,
        source: Rc<dyn Source>,
        layer: Descriptor,
    ) -> futures_util::future::LocalBoxFuture<'static, ocipeek::error::Result<BuiltIndex>> {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        if left > 0 {
            return Box::pin(async { Err(Error::new(Code::Network, "the connection broke")) });
        }
        self.1.build(source, layer)
    }
}

#[test]
fn a_failure_is_tried_again_by_the_next_read() {
    let (memory, ..) = made_gzip();
    let failing = Rc::new(Failing(2.into(), indexer()));
    block_on(async {
        let image = memory.open("made", options(None, Some(failing))).await.unwrap();
        // Listing the root asks for all layers at once, then for each that it still lacks.
        assert_eq!(image.read_dir(b"/").await.unwrap_err().code(), Code::Network);
        assert_eq!(&read(&image, "/first").await[..], b"small");
    });
}

/// What is given later by the caller.
#[test]
fn an_index_is_handed_in() {
    let (memory, digest, size) = made_gzip();
    let layer = Descriptor::new(GZIP, digest, size);
    let cache = Rc::new(Ranged::default());
    block_on(async {
        let built = indexer().build(Rc::new(memory.clone()), layer).await.unwrap();
        let image = memory.open("made", options(Some(cache.clone()), None)).await.unwrap();
        let wrong = BuiltIndex { layer_digest: Digest::of(b""), ..built.clone() };
        assert_eq!(image.use_index(0, wrong).await.unwrap_err().code(), Code::DigestMismatch);
        let wrong = BuiltIndex { ztoc: Bytes::from_static(b"no zTOC at all"), ..built.clone() };
        assert_eq!(image.use_index(0, wrong).await.unwrap_err().code(), Code::CorruptZtoc);
        assert_eq!(image.use_index(1, built.clone()).await.unwrap_err().code(), Code::InvalidArgument);
        assert!(cache.map.borrow().is_empty());
        image.use_index(0, built.clone()).await.unwrap();
        assert_eq!(image.layers()[0].read, ReadBy::Ztoc);
        memory.log();
        assert_eq!(&read(&image, "/last").await[..], b"in the last span");
        assert!(memory.log().iter().all(|l| l.starts_with("range")));

        // One that was read whole stays as it is: its entries have numbers already. The next has it.
        cache.map.borrow_mut().clear();
        let whole = memory.open("made", options(Some(cache.clone()), None)).await.unwrap();
        let read_all = async || join_all([read(&whole, "/first"), read(&whole, "/last")]).await;
        let before = read_all().await;
        whole.use_index(0, built).await.unwrap();
        assert_eq!(whole.layers()[0].read, ReadBy::Whole);
        assert_eq!(read_all().await, before);
        assert!(cache.map.borrow().contains_key(&format!("index-v1:{digest}")));
    });
}

/// Damages what a cache keeps of a layer, packs and all, behind the heads that are looked at first.
fn damage_kept(cache: &Ranged) {
    for (key, value) in cache.map.borrow_mut().iter_mut() {
        if key.starts_with("index-v1:") || key.starts_with("pack-v1:") {
            let mut bad = value.to_vec();
            for byte in bad.iter_mut().skip(20_000).step_by(1_000) {
                *byte ^= 0x10;
            }
            *value = bad.into();
        }
    }
}

/// What is damaged is dropped and made anew: by the read that finds it where an indexer is at hand, else by the next open.
#[test]
fn a_damaged_pack_over_a_damaged_ztoc_is_no_dead_end() {
    let (memory, digest, _) = made_gzip();
    let key = format!("index-v1:{digest}");
    block_on(async {
        let cache = Rc::new(Ranged::default());
        let first = memory.open("made", options(Some(cache.clone()), Some(indexer()))).await.unwrap();
        read(&first, "/last").await;
        let good = cache.map.borrow()[&key].clone();
        let packs = cache.packs();
        let pack = cache.map.borrow()[&packs[0]].clone();

        damage_kept(&cache);
        let image = memory.open("made", options(Some(cache.clone()), Some(indexer()))).await.unwrap();
        memory.log();
        assert_eq!(&read(&image, "/last").await[..], b"in the last span");
        assert_eq!(&read(&image, "/first").await[..], b"small");
        assert_eq!(layers(&memory).iter().filter(|l| l.starts_with("stream")).count(), 1);
        assert_eq!((&cache.map.borrow()[&key], &cache.map.borrow()[&packs[0]]), (&good, &pack));
        // Mended: the next one has nothing to make.
        let image = memory.open("made", options(Some(cache.clone()), None)).await.unwrap();
        memory.log();
        assert_eq!(&read(&image, "/last").await[..], b"in the last span");
        assert!(layers(&memory).iter().all(|l| l.starts_with("range")));

        damage_kept(&cache);
        let image = memory.open("made", options(Some(cache.clone()), None)).await.unwrap();
        let e = image.read_file(b"/last", None).await.unwrap_err();
        assert_eq!(e.code(), Code::CorruptZtoc);
        assert!(e.message().ends_with("open the image again"), "{e}");
        for read_by in [ReadBy::Whole, ReadBy::Ztoc] {
            let indexer = (read_by == ReadBy::Ztoc).then(indexer);
            let image = memory.open("made", options(Some(cache.clone()), indexer)).await.unwrap();
            assert_eq!(&read(&image, "/last").await[..], b"in the last span");
            assert_eq!(image.layers()[0].read, read_by);
        }
        assert_eq!((&cache.map.borrow()[&key], &cache.map.borrow()[&packs[0]]), (&good, &pack));
    });
}

#[test]
fn six_who_wait_share_a_failure() {
    let mut data = gzip(&tar(&files()));
    let middle = data.len() / 2;
    data[middle..middle + 600].fill(0xFF);
    let (memory, ..) = made(GZIP, data);
    memory.chunks(&[10_000]);
    memory.slow();
    block_on(async {
        let shared = indexer();
        let mut images = Vec::new();
        for _ in 0..6 {
            images.push(memory.open("made", options(None, Some(shared.clone()))).await.unwrap());
        }
        memory.log();
        let reads = images.iter().map(|image| image.read_file(b"/first", None));
        for result in join_all(reads).await {
            assert_eq!(result.unwrap_err().code(), Code::CorruptLayer);
        }
        assert_eq!(layers(&memory).iter().filter(|l| l.starts_with("stream")).count(), 1);
    });
}
