//! Spans of made zTOCs: ranges, versions, what cannot be.

use proptest::prelude::*;

use super::*;
use crate::format::tar::Mtime;

#[test]
fn spans_of_a_made_ztoc() {
    let (spec, files) = small();
    let (table, spans) = parse(spec.build(&files)).unwrap().into_parts();
    assert_eq!((spans.len(), spans.span_size(), spans.compression()), (3, 4096, Compression::Gzip));
    let ranges: Vec<_> = (0..3).map(|i| (spans.input(i).unwrap(), spans.output(i).unwrap())).collect();
    assert_eq!(ranges, [(18..3000, 0..5000), (2999..6000, 5000..10000), (6000..9000, 10000..20480)]);
    let found: Vec<_> = [0, 4999, 5000, 9999, 10000, 20479, 20480, u64::MAX].map(|o| spans.find(o)).into();
    assert_eq!(found, [Some(0), Some(0), Some(1), Some(1), Some(2), Some(2), None, None]);
    assert_eq!(spans.start(0), Some(SpanStart { bits: 0, window: b"" }));
    assert_eq!(spans.start(1), Some(SpanStart { bits: 3, window: &[1; 32768] }));
    assert_eq!(spans.start(3), None);
    assert_eq!(spans.digest(2).unwrap().to_string(), builder::digest(2));
    let e = table.get(1).unwrap();
    assert_eq!((e.name, e.header_offset, e.offset, e.size), (&b"b"[..], 6656, 7168, 12000));
    assert_eq!(
        (e.mode, e.uname, e.mtime),
        (0o644, &b"root"[..], Some(Mtime { secs: 1_735_787_045, nanos: 0 }))
    );
}

#[test]
fn version_1_takes_the_first_checkpoint_for_granted() {
    let (mut spec, files) = small();
    spec.checkpoints = builder::zinfo(3, 4096, &[(3000, 5000, 3), (6000, 10000, 0)]);
    let (_, spans) = parse(spec.build(&files)).unwrap().into_parts();
    assert!(spans.is_v1_first());
    assert_eq!((spans.input(0), spans.output(0)), (Some(10..3000), Some(0..5000)));
    assert_eq!(spans.start(0), Some(SpanStart { bits: 0, window: b"" }));
    assert_eq!((spans.input(1), spans.output(2)), (Some(2999..6000), Some(10000..20480)));
    assert_eq!(spans.start(1), Some(SpanStart { bits: 3, window: &[0; 32768] }));
    // One span, no record at all.
    let mut spec = Spec::gzip(2000, 20480, &[(0, 0, 0)]);
    spec.checkpoints = builder::zinfo(1, 4096, &[]);
    let (_, spans) = parse(spec.build(&files)).unwrap().into_parts();
    assert!(spans.is_v1_first());
    assert_eq!((spans.input(0), spans.output(0)), (Some(10..2000), Some(0..20480)));
}

#[test]
fn a_last_span_may_begin_past_the_end_of_the_tar() {
    let (mut spec, files) = small();
    spec.uncompressed = 9_000 + 10_496;
    spec.checkpoints = builder::zinfo(3, 4096, &[(18, 0, 0), (3000, 5000, 3), (6000, 20000, 0)]);
    let (_, spans) = parse(spec.build(&files)).unwrap().into_parts();
    assert_eq!(spans.output(1), Some(5000..20000));
    assert_eq!(spans.output(2), Some(20000..20000));
    assert_eq!((spans.find(19_495), spans.find(19_496)), (Some(1), None));
}

#[test]
fn tar_spans() {
    let files = [File::new("a", 512, 6000)];
    for (size, span_size, len, last) in
        [(10240, 4096, 3, 8192..10240), (8192, 4096, 2, 4096..8192), (7000, 7000, 1, 0..7000)]
    {
        let spec = Spec::tar(size, span_size);
        let (_, spans) = parse(spec.build(&files)).unwrap().into_parts();
        assert_eq!((spans.len(), spans.compression()), (len, Compression::Uncompressed));
        assert_eq!((spans.input(len - 1), spans.output(len - 1)), (Some(last.clone()), Some(last)));
        assert_eq!(spans.find(size as u64 - 1), Some(len - 1));
        assert_eq!((spans.find(size as u64), spans.start(0).unwrap().window), (None, &b""[..]));
    }
    let mut spec = Spec::tar(10240, 4096);
    spec.checkpoints = builder::tar_zinfo(2, 0, 10240);
    assert!(corrupt(&spec, &files).contains("span size"));
    spec.checkpoints = builder::tar_zinfo(2, 4096, 10241);
    assert!(corrupt(&spec, &files).contains("two sizes"));
    spec.checkpoints = builder::tar_zinfo(2, 2048, 10240);
    assert!(corrupt(&spec, &files).contains("3 spans of 2048"));
    spec.checkpoints = builder::tar_zinfo(3, 4096, 10240);
    assert_eq!(parse(spec.build(&files)).unwrap_err().code(), Code::Unsupported);
    spec.checkpoints = Vec::new();
    corrupt(&spec, &files);
}

#[test]
fn spans_that_cannot_be() {
    let (spec, files) = small();
    let with = |records: &[(i64, i64, u8)]| {
        let mut spec = spec.clone();
        spec.checkpoints = builder::zinfo(3, 4096, records);
        corrupt(&spec, &files)
    };
    let (a, b, c) = ((18, 0, 0), (3000, 5000, 3), (6000, 10000, 0));
    assert!(with(&[a, c, b]).contains("does not come after"));
    assert!(with(&[a, b, (3000, 10000, 0)]).contains("does not come after"));
    assert!(with(&[a, b, (6000, 5000, 0)]).contains("does not come after"));
    assert!(with(&[a, b, (9000, 10000, 0)]).contains("past the end of the layer"));
    assert!(with(&[a, b, (i64::MAX, 10000, 0)]).contains("past the end of the layer"));
    assert!(with(&[a, b, (6000, i64::MAX, 0)]).contains("inflate"));
    assert!(with(&[a, b, (-1, 10000, 0)]).contains("negative"));
    assert!(with(&[a, b, (6000, i64::MIN, 0)]).contains("negative"));
    assert!(with(&[a, (3000, 5000, 8), c]).contains("7 bits"));
    assert!(with(&[(18, 1, 0), b, c]).contains("first checkpoint"));
    assert!(with(&[(18, 0, 1), b, c]).contains("first checkpoint"));
    assert!(with(&[(9, 0, 0), b, c]).contains("first checkpoint"));
    assert!(with(&[(-18, 0, 0), b, c]).contains("first checkpoint"));
    assert!(with(&[(9000, 0, 0), b, c]).contains("past the end of the layer"));
    assert!(with(&[a]).contains("cut off"));
    assert!(with(&[a, b, c, (7000, 15000, 0)]).contains("cut off"));

    let change = |f: &dyn Fn(&mut Spec)| {
        let mut spec = spec.clone();
        f(&mut spec);
        corrupt(&spec, &files)
    };
    assert!(change(&|s| s.checkpoints.truncate(40_000)).contains("cut off"));
    assert!(change(&|s| s.checkpoints.truncate(11)).contains("cut off"));
    assert!(change(&|s| s.checkpoints[4..12].fill(0)).contains("span size"));
    assert!(change(&|s| s.checkpoints[4..12].fill(0xff)).contains("span size"));
    assert!(change(&|s| s.checkpoints[0] = 4).contains("4 checkpoints"));
    assert!(change(&|s| s.max_span_id = 1).contains("digests of 3"));
    assert!(change(&|s| s.max_span_id = -1).contains("max_span_id"));
    assert!(change(&|s| s.max_span_id = i32::MIN).contains("max_span_id"));
    assert!(change(&|s| s.digests[1] = "sha256:beef".into()).contains("span digest"));
    assert!(change(&|s| s.digests[1] = format!("sha512:{}", "0".repeat(128))).contains("span digest"));
    assert!(change(&|s| s.uncompressed = 9_000_000_000).contains("inflate"));
    assert!(change(&|s| s.uncompressed = -1).contains("negative"));
    assert!(change(&|s| s.compressed = -1).contains("negative"));

    let mut other = spec.clone();
    other.algorithm = Some(3);
    assert_eq!(parse(other.build(&files)).unwrap_err().code(), Code::Unsupported);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn find_is_the_span_that_holds_it(
        steps in proptest::collection::vec((1_i64..2000, 1_i64..5000, 0_u8..8), 1..6),
        probe in 0_u64..40_000,
    ) {
        let mut at = (10, 0, 0);
        let mut records = vec![at];
        for (input, output, bits) in steps {
            at = (at.0 + input, at.1 + output.min(input * 1032), bits);
            records.push(at);
        }
        let spec = Spec::gzip(at.0 + 100, at.1 + 1000, &records);
        let (_, spans) = parse(spec.build(&[])).unwrap().into_parts();
        let holding = (0..spans.len()).find(|&i| spans.output(i).unwrap().contains(&probe));
        prop_assert_eq!(spans.find(probe), holding);
    }
}
