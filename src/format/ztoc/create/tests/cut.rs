//! How the layer is cut into pieces changes nothing, and what is built reads back.

use proptest::prelude::*;

use super::*;
use crate::format::gzip::{SpanEnd, SpanInflater};
use crate::format::ztoc::Ztoc;

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/builder/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

const LAYERS: &[&str] = &[
    "level0.gz",
    "level6.gz",
    "fixed.gz",
    "small-blocks.gz",
    "sync.gz",
    "full.gz",
    "partial.gz",
    "fields.gz",
    "members.gz",
    "member-fields.gz",
    "empty-first.gz",
    "empty-last.gz",
    "empty-blocks-first.gz",
    "junk-in-tar.gz",
    "junk.gz",
    "layer.tar",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn cuts_change_nothing(
        name in proptest::sample::select(LAYERS),
        span_size in prop_oneof![Just(1_u64), Just(1000), Just(30_000), Just(1 << 40)],
        cuts in proptest::collection::vec(1_usize..5000, 1..20),
        taken in any::<bool>(),
    ) {
        let layer = read(name);
        let (whole, _) = build(&layer, compression(&layer), span_size, usize::MAX).unwrap().to_bytes().unwrap();
        let options = BuildOptions { span_size, ..BuildOptions::default() };
        let mut builder = ZtocBuilder::new(compression(&layer), options, &Limits::default()).unwrap();
        let mut checkpoints = Vec::new();
        for n in cuts.iter().cycle() {
            // As after a broken connection.
            let rest = &layer[builder.wants() as usize..];
            if rest.is_empty() {
                break;
            }
            builder.push(&rest[..rest.len().min(*n)]).unwrap();
            if taken {
                checkpoints.extend(builder.take_checkpoints());
            }
        }
        let built = builder.finish().unwrap();
        let mut bytes = Vec::new();
        for piece in built.pieces() {
            match piece {
                Piece::Bytes(piece) => bytes.extend_from_slice(piece),
                Piece::Taken(n) => {
                    prop_assert_eq!(n, checkpoints.len() as u64);
                    bytes.extend_from_slice(&checkpoints);
                }
            }
        }
        prop_assert_eq!(built.size(), bytes.len() as u64);
        prop_assert!(bytes == whole);
    }
}

#[test]
fn every_span_inflates_to_its_part_of_the_tar() {
    let limits = Limits::default();
    for name in LAYERS.iter().filter(|n| n.ends_with(".gz")) {
        let layer = read(name);
        let mut tar = Vec::new();
        let mut gunzip = crate::format::gzip::GzipDecoder::new(&limits);
        gunzip
            .push(&layer, &mut |part| {
                tar.extend_from_slice(part);
                Ok(())
            })
            .unwrap();
        let built = build(&layer, Compression::Gzip, 1000, 777).unwrap();
        assert_eq!(built.tar_size, tar.len() as u64);
        let (_, spans) = Ztoc::parse(built.to_bytes().unwrap().0.into(), &limits).unwrap().into_parts();
        for i in 0..spans.len() {
            let input = spans.input(i).unwrap();
            let compressed = &layer[input.start as usize..input.end as usize];
            assert_eq!(spans.digest(i), Some(&Digest::of(compressed)));
            let output = spans.output(i).unwrap();
            let start = spans.start(i).unwrap();
            let end =
                spans.start(i + 1).map_or(SpanEnd::Last, |next| SpanEnd::Checkpoint { bits: next.bits });
            let len = (output.end - output.start) as usize;
            if len == 0 {
                // Behind an empty block or member: nobody reads it.
                continue;
            }
            let compressed = bytes::Bytes::copy_from_slice(compressed);
            let inflater =
                SpanInflater::new(start.bits, start.window, compressed, len, end, &limits).unwrap();
            let got = inflater.finish().unwrap();
            assert!(got == tar[output.start as usize..output.end as usize], "{name} {i}");
        }
    }
}

#[test]
fn what_cannot_be_built_is_named() {
    let limits = Limits::default();
    let code = |layer: &[u8], span| build(layer, Compression::Gzip, span, 100).unwrap_err().code();
    assert_eq!(code(b"", 1), Code::Unsupported);
    assert_eq!(code(b"x", 0), Code::InvalidArgument);
    assert_eq!(code(b"not gzip", 1), Code::CorruptLayer);
    assert_eq!(code(&[0x28, 0xB5, 0x2F, 0xFD, 0, 0], 1), Code::Unsupported);
    let layer = read("level6.gz");
    assert_eq!(code(&layer[..layer.len() - 1], 1), Code::CorruptLayer);
    let mut broken = layer.clone();
    broken[layer.len() - 5] ^= 1;
    assert_eq!(code(&broken, 1), Code::CorruptLayer);

    let layer = read("small-blocks.gz");
    let limited = |limits: Limits| {
        let options = BuildOptions { span_size: 1, ..BuildOptions::default() };
        let mut builder = ZtocBuilder::new(Compression::Gzip, options, &limits).unwrap();
        let e = builder.push(&layer).and_then(|()| builder.finish().map(drop)).unwrap_err();
        assert_eq!(e.code(), Code::LimitExceeded);
        e.limit_name().unwrap()
    };
    assert_eq!(limited(Limits { max_build_inflated: 1000, ..limits.clone() }), "max_build_inflated");
    assert_eq!(limited(Limits { max_spans: 2, ..limits.clone() }), "max_spans");
    assert_eq!(limited(Limits { max_ztoc_size: 50_000, ..limits.clone() }), "max_ztoc_size");
    assert_eq!(limited(Limits { max_entries: 3, ..limits }), "max_entries");
}
