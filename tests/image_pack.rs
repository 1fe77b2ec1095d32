//! Packed zTOCs in a cache: what a read takes of them, and what comes of damage.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::rc::Rc;

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::future::join_all;
use ocipeek::image::{FileStat, Follow, Image, OpenOptions};
use ocipeek::source::Target;
use ocipeek::source::cache::CachedSource;
use test_support::memory;
use test_support::memory::ztoc::{File, Spec, file, gzip, noise, tar};
use test_support::memory::{GZIP, MadeLayer, Memory, Ranged};

const FILE: &[u8] = b"/usr/share/demo/tz/Anguilla";

fn options(cache: &Rc<Ranged>) -> OpenOptions {
    memory::agreed().cache(cache.clone())
}

/// With the cache in front of the source too.
async fn open_cached(memory: &Memory, cache: &Rc<Ranged>, tag: &str) -> Image {
    let source = Rc::new(CachedSource::new(Rc::new(memory.clone()), cache.clone()));
    let target = Target::Tag(tag.to_owned());
    Image::open(source, Rc::new(memory::Plain), &target, options(cache)).await.unwrap()
}

#[test]
fn a_warm_small_read_asks_the_source_for_the_tag_alone() {
    let (memory, cache) = (Memory::demo(), Rc::new(Ranged::default()));
    block_on(async {
        let read = async || {
            let image = open_cached(&memory, &cache, "latest-soci").await;
            assert_eq!(image.read_file(FILE, None).await.unwrap().1.len(), 148);
            (memory.log(), cache.log())
        };
        let (source, cached) = read().await;
        assert_eq!(source.len(), 5, "{source:?}");
        let layer = ["range pack-v1:5a1dc3e4 0-16384", "get 5a1dc3e4", "put pack-v1:5a1dc3e4"];
        assert_eq!(cached[5..8], layer, "{cached:?}");
        let (source, cached) = read().await;
        assert_eq!(source, ["manifest latest-soci"]);
        // The pack is so small that all of it comes at once.
        let manifests = ["put 8e897bbd", "get 92ab42f2", "get fd80bc91"];
        assert_eq!(cached, [&manifests[..], &["range pack-v1:5a1dc3e4 0-16384", "get b54d8630"]].concat());
    });
}

/// Names that do not compress as well as numbers do.
fn name(i: usize) -> String {
    let noise = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("opt/dir{:02}/{noise:016x}.txt", i / 100)
}

/// 6,000 small files in 60 folders, and one that takes many spans.
fn many_files() -> Vec<File> {
    let small = |i: usize| file(&name(i), format!("content of {i}"));
    let mut files: Vec<File> = (0..6000).map(small).collect();
    files.push(file("opt/big", noise(5_000_000, 1)));
    files.push(file(&format!("opt/hard->{}", name(700)), ""));
    files
}

fn image_of(files: &[File], span: usize) -> (Memory, usize) {
    let (tar, told) = tar(files);
    let (layer, points) = gzip(&tar, span, None);
    let ztoc = Spec::gzip(told, tar.len(), &layer, points, false).build();
    let size = ztoc.len();
    (Memory::made(vec![MadeLayer { media_type: GZIP, data: layer, ztoc: Some(ztoc) }]), size)
}

/// Bytes of the ranges of packs in a log.
fn ranged(log: &[String]) -> Vec<u64> {
    let range = |line: &String| {
        let (_, range) = line.strip_prefix("range pack")?.rsplit_once(' ')?;
        let (start, end) = range.split_once('-')?;
        Some(end.parse::<u64>().ok()? - start.parse::<u64>().ok()?)
    };
    log.iter().filter_map(range).collect()
}

/// Opened with a warm cache, the log empty.
fn warm(files: &[File], span: usize) -> (Memory, Rc<Ranged>, usize) {
    let (memory, ztoc) = image_of(files, span);
    let cache = Rc::new(Ranged::default());
    block_on(async {
        let image = memory.open("made", options(&cache)).await.unwrap();
        image.stat(b"/", Follow::All).await.unwrap();
    });
    assert_eq!(cache.packs().len(), 1);
    drop((memory.log(), cache.log()));
    (memory, cache, ztoc)
}

#[test]
fn a_read_takes_a_few_kilobytes_of_a_large_pack() {
    let (memory, cache, ztoc) = warm(&many_files(), 100_000);
    let pack = cache.map.borrow()[&cache.packs()[0]].len();
    assert!(ztoc > 4_000_000 && pack < ztoc / 2, "{ztoc} {pack}");
    block_on(async {
        let image = memory.open("made", options(&cache)).await.unwrap();
        let data = image.read_file(name(4242).as_bytes(), None).await.unwrap().1;
        assert_eq!(data, "content of 4242");
        let log = cache.log();
        // The head (with the first page behind it), a part, and the window of a span.
        let taken = ranged(&log);
        assert_eq!(taken.len(), 3, "{log:?}");
        assert!(taken.iter().sum::<u64>() < 30_000, "{log:?}");
        // A neighbour costs nothing more.
        image.read_file(name(4243).as_bytes(), None).await.unwrap();
        assert_eq!(cache.log(), Vec::<String>::new());
        // A hard link knows its target; and what is not there is not there.
        image.read_file(b"/opt/hard", None).await.unwrap();
        assert_eq!(image.stat(b"/opt/hard", Follow::All).await.unwrap().nlink, 2);
        cache.log();
        assert!(image.stat(b"/opt/dir42/none", Follow::All).await.is_err());
        assert_eq!(ranged(&cache.log()).len(), 0);
        // Nothing of the layer but spans was asked for.
        assert_eq!(memory.log().iter().filter(|l| l.starts_with("blob")).count(), 0);
    });
}

#[test]
fn pages_are_loaded_as_far_as_a_read_goes() {
    let (memory, cache, _) = warm(&many_files(), 20_000);
    block_on(async {
        let image = memory.open("made", options(&cache)).await.unwrap();
        let big = noise(5_000_000, 1);
        for (start, end) in [(0, 5_000_000), (4_999_999, 5_000_000), (2_345_678, 2_400_000)] {
            let (_, data) = image.read_file(b"/opt/big", Some(start..end)).await.unwrap();
            assert!(data == big[start as usize..end as usize]);
        }
    });
    assert_eq!(memory.log().iter().filter(|l| l.starts_with("blob")).count(), 0);
}

#[test]
fn parts_on_their_way_are_shared() {
    let (memory, cache, _) = warm(&many_files(), 100_000);
    block_on(async {
        let image = memory.open("made", options(&cache)).await.unwrap();
        cache.log();
        let paths: Vec<String> = (100..140).map(name).collect();
        let read = join_all(paths.iter().map(|p| image.read_file(p.as_bytes(), None))).await;
        assert!(read.iter().all(|r| r.is_ok()));
        let log = cache.log();
        assert!(ranged(&log).len() <= 4, "{log:?}");
        // All parts: read in a few pieces.
        let mut walk = image.walk(b"/", None);
        let mut count = 0;
        while walk.next().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 6000 + 60 + 3);
    });
    assert_eq!(memory.log().iter().filter(|l| l.starts_with("blob")).count(), 0);
}

/// All that there is to see.
async fn everything(image: &Image) -> Vec<(FileStat, Option<Bytes>)> {
    let mut out = Vec::new();
    let mut walk = image.walk(b"/", None);
    while let Some(stat) = walk.next().await.unwrap() {
        let data = image.read_file(&stat.path, None).await.ok().map(|(_, data)| data);
        out.push((stat, data));
    }
    out
}

fn few_files() -> Vec<File> {
    let small = |i: usize| file(&format!("d{}/f{i:03}", i / 100), noise(2000, i as u64));
    (0..900).map(small).collect()
}

#[test]
fn damage_is_found_and_mended() {
    let (memory, cache, _) = warm(&few_files(), 50_000);
    let key = cache.packs()[0].clone();
    let good = cache.map.borrow()[&key].clone();
    let want = block_on(async { everything(&memory.open("made", options(&cache)).await.unwrap()).await });
    assert_eq!(want.len(), 909);
    assert_eq!(memory.log().iter().filter(|l| l.starts_with("blob")).count(), 0);
    let steps = (0..good.len()).step_by(good.len() / 23);
    let cuts = [0, 10, 51, 52, 300, good.len() / 2, good.len() - 1];
    let bad = steps.map(|at| (at, None)).chain(cuts.map(|len| (0, Some(len))));
    for (at, cut) in bad {
        let mut pack = good.to_vec();
        pack[at] ^= 0x40;
        if let Some(len) = cut {
            pack = good[..len].to_vec();
        }
        cache.map.borrow_mut().insert(key.clone(), pack.into());
        block_on(async {
            let image = memory.open("made", options(&cache)).await.unwrap();
            // Parts, then all.
            image.stat(b"/d8/f850", Follow::All).await.unwrap();
            assert!(everything(&image).await == want, "{at} {cut:?}");
        });
        // The zTOC, once; and the pack is a good one again.
        assert_eq!(memory.log().iter().filter(|l| l.starts_with("blob")).count(), 1, "{at} {cut:?}");
        assert!(cache.map.borrow()[&key] == good);
    }
}

#[test]
fn a_pack_that_vanishes_is_done_without() {
    let (memory, cache, _) = warm(&few_files(), 50_000);
    let key = cache.packs()[0].clone();
    block_on(async {
        let image = memory.open("made", options(&cache)).await.unwrap();
        let mut walk = image.walk(b"/", None);
        let mut seen = Vec::new();
        for _ in 0..50 {
            seen.push(walk.next().await.unwrap().unwrap());
        }
        cache.map.borrow_mut().remove(&key);
        cache.refuses.set(Some("pack"));
        // The walk goes on with what it knows and what the zTOC says.
        while let Some(stat) = walk.next().await.unwrap() {
            seen.push(stat);
        }
        assert_eq!(seen.len(), 909);
        for stat in &seen {
            assert_eq!(&image.stat(&stat.path, Follow::All).await.unwrap(), stat);
        }
        let data = image.read_file(b"/d8/f850", None).await.unwrap().1;
        assert_eq!(data, noise(2000, 850));
        assert!(cache.packs().is_empty());
    });
    assert_eq!(memory.log().iter().filter(|l| l.starts_with("blob")).count(), 1);
}

#[test]
fn nobody_waits_for_a_slow_put_before_bytes_come() {
    let (memory, _) = image_of(&few_files(), 50_000);
    let cache = Rc::new(Ranged::default());
    cache.slow_puts.set(5);
    block_on(async {
        let image = memory.open("made", options(&cache)).await.unwrap();
        image.stat(b"/d8", Follow::All).await.unwrap();
        assert!(cache.log().iter().any(|l| l.starts_with("put pack-v1:")));
        assert!(cache.packs().is_empty());
        let mut stream = image.read_stream(b"/d8/f850", None).await.unwrap();
        cache.slow_puts.set(0);
        while stream.next().await.unwrap().is_some() {}
        assert_eq!(cache.packs().len(), 1);
    });
}

#[test]
fn another_layers_pack_is_a_miss() {
    let (memory, cache, _) = warm(&few_files(), 50_000);
    let (key, (_, other, _)) = (cache.packs()[0].clone(), warm(&many_files(), 100_000));
    let pack = other.map.borrow()[&other.packs()[0]].clone();
    cache.map.borrow_mut().insert(key, pack);
    block_on(async {
        let image = memory.open("made", options(&cache)).await.unwrap();
        assert_eq!(image.read_file(b"/d8/f850", None).await.unwrap().1, noise(2000, 850));
    });
    assert_eq!(memory.log().iter().filter(|l| l.starts_with("blob")).count(), 1);
}
