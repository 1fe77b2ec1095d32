//! What a read gives depends on nothing but the image: not on how bodies are cut, on what is cached, on how requests
//! are split, on who else reads, nor on the way a layer is read.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ops::Range;
use std::rc::Rc;

use futures_executor::block_on;
use futures_util::future::join_all;
use ocipeek::image::Image;
use proptest::prelude::*;
use test_support::memory;
use test_support::memory::ztoc::{File, Spec, file, gzip, noise, tar};
use test_support::memory::{GZIP, Kept, MadeLayer, Memory, Ranged, TAR};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    GzipSpans,
    TarSpans,
    Whole,
    TarWalk,
}

#[derive(Debug, Clone)]
struct Case {
    way: Way,
    span: usize,
    sizes: Vec<usize>,
    chunks: Vec<usize>,
    slow: bool,
    /// Without a cache, with one, with one for packs.
    cached: u8,
    span_cache: u64,
    request: u64,
    /// Rounds of reads at the same time: a file, and a range in thousandths of its size; and whether it is dropped
    /// after its first chunk.
    rounds: Vec<Vec<(usize, u64, u64, bool)>>,
}

fn case() -> impl Strategy<Value = Case> {
    let way = prop_oneof![Just(Way::GzipSpans), Just(Way::TarSpans), Just(Way::Whole), Just(Way::TarWalk)];
    let read = (0..6_usize, 0..1_100_u64, 0..1_100_u64, prop::bool::weighted(0.2));
    (
        way,
        prop_oneof![700..3_000_usize, Just(512), Just(1024), 5_000..40_000_usize],
        prop::collection::vec(prop_oneof![Just(0_usize), 1..2_000_usize, 1_000..30_000_usize], 1..6),
        prop::collection::vec(prop_oneof![1..50_usize, 1..5_000_usize, Just(usize::MAX)], 1..4),
        any::<bool>(),
        0..3u8,
        prop_oneof![Just(0_u64), 1_000..200_000_u64, Just(64 << 20)],
        prop_oneof![1..2_000_u64, 1_000..50_000_u64, Just(16 << 20)],
        prop::collection::vec(prop::collection::vec(read, 1..5), 1..4),
    )
        .prop_map(|(way, span, sizes, chunks, slow, cached, span_cache, request, rounds)| Case {
            way,
            span,
            sizes,
            chunks,
            slow,
            cached,
            span_cache,
            request,
            rounds,
        })
}

fn build(case: &Case, files: &[File]) -> Memory {
    let (tar, told) = tar(files);
    let layer = match case.way {
        Way::GzipSpans => {
            let (data, points) = gzip(&tar, case.span, None);
            let ztoc = Spec::gzip(told, tar.len(), &data, points, false).build();
            MadeLayer { media_type: GZIP, data, ztoc: Some(ztoc) }
        }
        Way::TarSpans => {
            let ztoc = Spec::tar(told, &tar, case.span).build();
            MadeLayer { media_type: TAR, data: tar, ztoc: Some(ztoc) }
        }
        Way::Whole => MadeLayer { media_type: GZIP, data: gzip(&tar, case.span, None).0, ztoc: None },
        Way::TarWalk => MadeLayer { media_type: TAR, data: tar, ztoc: None },
    };
    Memory::made(vec![layer])
}

async fn read(image: &Image, name: &str, range: Range<u64>, dropped: bool) -> Option<Vec<u8>> {
    let mut stream = image.read_stream(name.as_bytes(), Some(range)).await.unwrap();
    let mut out = Vec::new();
    while let Some(chunk) = stream.next().await.unwrap() {
        out.extend_from_slice(&chunk);
        if dropped {
            return None;
        }
    }
    Some(out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn reads_are_always_the_same(case in case()) {
        let files: Vec<File> = case
            .sizes
            .iter()
            .enumerate()
            .map(|(i, &size)| {
                let mut data = noise(size / 2, i as u64);
                data.resize(size, i as u8);
                file(&format!("f{i}"), data)
            })
            .collect();
        let memory = build(&case, &files);
        memory.chunks(&case.chunks);
        if case.slow {
            memory.slow();
        }
        let mut options = memory::agreed().verify(case.way != Way::TarWalk);
        options.cache = match case.cached {
            1 => Some(Rc::new(Kept::default())),
            2 => Some(Rc::new(Ranged::default())),
            _ => None,
        };
        options.limits.span_cache_size = case.span_cache;
        options.limits.max_range_request = case.request;
        // The second session finds what the first one cached.
        for _ in 0..2 {
            let image = block_on(memory.open("made", options.clone())).unwrap();
            for round in &case.rounds {
                let wanted: Vec<_> = round
                    .iter()
                    .map(|&(f, a, b, dropped)| {
                        let f = &files[f % files.len()];
                        let at = |n: u64| n * f.data.len() as u64 / 1000;
                        (f, at(a.min(b))..at(a.max(b)), dropped)
                    })
                    .collect();
                let reads = wanted.iter().map(|(f, range, dropped)| read(&image, &f.name, range.clone(), *dropped));
                for (got, (f, range, _)) in block_on(join_all(reads)).into_iter().zip(&wanted) {
                    if let Some(got) = got {
                        let len = f.data.len();
                        let want = &f.data[(range.start as usize).min(len)..(range.end as usize).min(len)];
                        prop_assert!(got == want, "{} {:?}", f.name, range);
                    }
                }
                prop_assert!(image.cached_bytes() <= case.span_cache);
            }
        }
    }
}
