//! Fixture zTOCs against the tars, and made ones with faults.

use proptest::prelude::*;

use super::*;
use crate::tar::tests::{assert_entry, demo};
use crate::tar::{Kind, Mtime, compare_header};

#[path = "../../tests/support/ztoc_builder.rs"]
mod builder;
#[path = "../../fuzz/bodies/promises.rs"]
mod promises;
use builder::{File, Ztoc as Spec};

fn parse(bytes: Vec<u8>) -> Result<Ztoc> {
    Ztoc::parse(Bytes::from(bytes), &Limits::default())
}

/// The message of the `CORRUPT_ZTOC` that must come of it.
fn corrupt(spec: &Spec, files: &[File]) -> String {
    let e = parse(spec.build(files)).unwrap_err();
    assert_eq!(e.code(), Code::CorruptZtoc, "{e}");
    e.to_string()
}

#[test]
fn fixture_ztocs_tell_what_the_tars_hold() {
    for z in demo::ztocs() {
        let ztoc = parse(z.bytes).unwrap();
        let layer = demo::blob(&z.layer);
        ztoc.check_layer(layer.len() as u64).unwrap();
        assert_eq!(ztoc.check_layer(layer.len() as u64 + 1).unwrap_err().code(), Code::CorruptZtoc);
        assert_eq!((ztoc.version(), ztoc.build_tool()), (&b"0.9"[..], &b"AWS SOCI CLI v0.2"[..]));
        let uncompressed = ztoc.uncompressed_size();
        let tar = demo::tar(&z.layer);
        let (table, spans) = ztoc.into_parts();
        let want = demo::expected(&z.layer);
        assert_eq!(table.len(), want.len());
        for (e, want) in table.iter().zip(&want) {
            assert_entry(&e, want);
            let header = &tar[e.header_offset as usize..e.offset as usize];
            compare_header(header, &e, &Limits::default(), !z.xattrs_disabled).unwrap();
        }
        let mut at = 0;
        assert_eq!(spans.input(0).unwrap().start > 0, spans.compression() == Compression::Gzip);
        for i in 0..spans.len() {
            let input = spans.input(i).unwrap();
            let bytes = &layer[input.start as usize..input.end as usize];
            assert_eq!(spans.digest(i), Some(&crate::oci::Digest::of(bytes)));
            let output = spans.output(i).unwrap();
            assert_eq!(output.start, at);
            at = output.end;
            for probe in [output.start, (output.start + output.end) / 2, output.end - 1] {
                assert_eq!(spans.find(probe), Some(i));
            }
            // The window is the output before the span.
            let start = spans.start(i).unwrap();
            let before = &tar[..output.start as usize];
            let tail = &before[before.len().saturating_sub(start.window.len())..];
            assert!(start.window.ends_with(tail));
            assert!(i == 0 || spans.compression() == Compression::Uncompressed || !tail.is_empty());
        }
        let is_tar = spans.compression() == Compression::Uncompressed;
        assert_eq!(at, if is_tar { layer.len() as u64 } else { uncompressed });
        assert_eq!(spans.find(at), None);
        assert!(spans.output(spans.len()).is_none() && spans.input(usize::MAX).is_none());
        assert!(!spans.is_v1_first());
    }
}

/// Three spans, two files.
fn small() -> (Spec, Vec<File>) {
    let spec = Spec::gzip(9000, 20480, &[(18, 0, 0), (3000, 5000, 3), (6000, 10000, 0)]);
    (spec, vec![File::new("a", 512, 6000), File::new("b", 7168, 12000)])
}

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
fn entries_are_put_in_tar_order() {
    let (spec, mut files) = small();
    files.push(File { kind: "dir", ..File::new("c/", 19968, 4096) });
    let want: Vec<_> = files.iter().map(|f| f.name.clone()).collect();
    files.reverse();
    let (table, _) = parse(spec.build(&files)).unwrap().into_parts();
    assert_eq!(table.iter().map(|e| e.name.to_vec()).collect::<Vec<_>>(), want);
    assert_eq!(table.iter().map(|e| e.header_offset).collect::<Vec<_>>(), [0, 6656, 19456]);
    // A directory has no content whatever it states.
    assert_eq!(table.get(2).map(|e| (e.kind, e.size)), Some((Kind::Directory, 0)));
}

#[test]
fn every_field_of_an_entry() {
    let (spec, _) = small();
    let file = File {
        kind: "char",
        link_name: b"l\xff".into(),
        mode: 0o647_777,
        uid: u32::MAX,
        gid: 7,
        uname: "u",
        gname: "",
        mtime: "1969-12-31T23:59:59.5-01:00".into(),
        dev: (1, 3),
        xattrs: vec![
            (b"path".into(), b"elsewhere".into()),
            (b"SCHILY.xattr.user.z".into(), b"\0\xff".into()),
            (b"SCHILY.xattr.user.a".into(), b"".into()),
        ],
        ..File::new("", 1536, 0)
    };
    let file = File { name: b"n\n\xff".into(), ..file };
    let (table, _) = parse(spec.build(&[file])).unwrap().into_parts();
    let e = table.get(0).unwrap();
    assert_eq!(
        (e.name, e.link_name, e.kind, e.mode),
        (&b"n\n\xff"[..], &b"l\xff"[..], Kind::CharDevice, 0o7777)
    );
    assert_eq!((e.uid, e.gid, e.uname, e.gname), (u64::from(u32::MAX), 7, &b"u"[..], &b""[..]));
    assert_eq!(e.mtime, Some(Mtime { secs: 3599, nanos: 500_000_000 }));
    assert_eq!((e.dev_major, e.dev_minor, e.header_offset), (1, 3, 0));
    let xattrs: Vec<_> = e.xattrs.collect();
    assert_eq!(xattrs, [(&b"user.a"[..], &b""[..]), (b"user.z", b"\0\xff")]);
}

#[test]
fn an_empty_time_is_unknown_and_a_wrong_one_is_refused() {
    let (spec, _) = small();
    let file = |mtime: &str| [File { mtime: mtime.into(), ..File::new("a", 512, 1) }];
    let (table, _) = parse(spec.build(&file(""))).unwrap().into_parts();
    assert_eq!(table.get(0).unwrap().mtime, None);
    assert!(corrupt(&spec, &file("yesterday")).contains("RFC 3339"));
}

#[test]
fn sparse_files_store_less_than_their_size() {
    let (spec, _) = small();
    let records = |all: &[(&str, &str)]| all.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let v01 = [
        ("GNU.sparse.major", "0"),
        ("GNU.sparse.minor", "1"),
        ("GNU.sparse.numblocks", "2"),
        ("GNU.sparse.map", "0,512,1048576,100"),
    ];
    let mut sparse = File { xattrs: records(&v01), ..File::new("sparse", 1536, 2_000_000) };
    let next = File::new("next", 1536 + 1024 + 512, 5);
    let (table, _) = parse(spec.build(&[sparse.clone(), next.clone()])).unwrap().into_parts();
    assert_eq!(table.sparse(0), Some(&[(0, 512), (1_048_576, 100)][..]));
    assert_eq!((table.get(0).unwrap().size, table.sparse(1)), (2_000_000, None));
    assert_eq!(table.get(1).unwrap().header_offset, 1536 + 1024);

    // Of 1.0 the map is in the tar, and how much is stored too.
    sparse.xattrs = records(&[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")]);
    let pax = File { xattrs: records(&[("mtime", "1.5")]), ..File::new("pax", 8192, 0) };
    let (table, _) = parse(spec.build(&[sparse.clone(), next, pax])).unwrap().into_parts();
    assert_eq!((table.map_in_header(0), table.map_in_header(1), table.sparse(0)), (true, false, None));
    assert_eq!(table.get(1).unwrap().header_offset, 1536 + 1024);
    let header_offset = |i| table.get(i).unwrap().header_offset;
    assert_eq!((header_offset(1), header_offset(2)), (2560, 3584));

    sparse.xattrs = records(&[("GNU.sparse.map", "5,5,0,5"), ("GNU.sparse.numblocks", "2")]);
    assert!(corrupt(&spec, &[sparse]).contains("map is broken"));
}

#[test]
fn entries_that_cannot_be() {
    let (spec, files) = small();
    let with = |change: &dyn Fn(&mut Vec<File>)| {
        let mut files = files.clone();
        change(&mut files);
        corrupt(&spec, &files)
    };
    assert!(with(&|f| f[1].offset = 6656).contains("overlap"));
    assert!(with(&|f| f[1].offset = 512).contains("overlap"));
    assert!(with(&|f| f[1].offset = 7169).contains("overlap"));
    assert!(with(&|f| f[0].offset = 0).contains("overlap"));
    assert!(with(&|f| f[0].offset = -512).contains("negative"));
    assert!(with(&|f| f[1].size = -1).contains("negative"));
    assert!(with(&|f| f[1].size = 20480 - 7168 + 1).contains("past the tar"));
    assert!(with(&|f| f[1].size = i64::MAX).contains("past the tar"));
    assert!(with(&|f| f[0].size = i64::MAX - 600).contains("past the tar"));
    assert!(with(&|f| f[0].kind = "socket").contains("unknown file type"));
    let mut far = files.clone();
    far[1].offset = (i64::MAX >> 9) << 9;
    let e = parse(spec.build(&far)).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_tar_header_size"));
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

#[test]
fn claims_of_two_thousand_million_fail_at_once() {
    let limits = Limits { max_spans: u64::MAX, max_entries: u64::MAX, ..Limits::default() };
    let mut spec = Spec::gzip(2000, 1024, &[(10, 0, 0)]);
    spec.checkpoints = builder::zinfo(1, 4096, &[]);
    let good = spec.build(&[File::new("a", 512, 1)]);
    assert!(good.len() < 1024);
    Ztoc::parse(good.clone().into(), &limits).unwrap();
    // Wherever the two vectors' lengths stand: claim 2^31 elements.
    let mut refused = 0;
    for at in 0..good.len() - 3 {
        if good[at..at + 4] == 1_u32.to_le_bytes() {
            let mut bad = good.clone();
            bad[at..at + 4].copy_from_slice(&(1_u32 << 31).to_le_bytes());
            refused += usize::from(Ztoc::parse(bad.into(), &limits).is_err());
        }
    }
    assert!(refused >= 3, "entries, digests, checkpoints");
    spec.max_span_id = i32::MAX;
    spec.checkpoints[0..4].copy_from_slice(&i32::MIN.to_le_bytes());
    let e = Ztoc::parse(spec.build(&[]).into(), &limits).unwrap_err();
    assert_eq!(e.code(), Code::CorruptZtoc);
    let e = parse(spec.build(&[])).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_spans"));
}

/// A zTOC whose entries all point at one table, or whose entries all point at one long vector of records.
#[test]
fn overlapping_offsets_do_not_multiply() {
    use builder::Slot::*;
    let mut b = builder::Buffer::new();
    let (at, root) = b.table(&[Absent, Absent, I64(1 << 30), I64(1 << 30), Offset, Offset]);
    b.point(0, at);
    let (at, info) = b.table(&[I8(2), I32(0), Offset, Offset]);
    b.point(root[5], at);
    let first = b.vector(info[2], 1);
    b.string(first, builder::digest(0).as_bytes());
    b.string(info[3], &builder::tar_zinfo(2, 1 << 30, 1 << 30));
    let (at, toc) = b.table(&[Offset]);
    b.point(root[4], at);
    let files = 20_000;
    let first = b.vector(toc[0], files);
    let mut fields = [Absent; 14];
    (fields[0], fields[1], fields[2], fields[13]) = (Offset, Offset, I64(512), Offset);
    let (file, fields) = b.table(&fields);
    for i in 0..files {
        b.point(first + 4 * i, file);
    }
    b.string(fields[1], b"reg");
    let mut names = b.clone();
    names.string(fields[0], &[b'n'; 60_000]);
    let e = parse(names.bytes).unwrap_err();
    assert_eq!((e.code(), e.message()), (Code::CorruptZtoc, "the zTOC's strings overlap"));

    // Records without bytes still cost work: 20,000 times 20,000 of them.
    let first = b.vector(fields[13], files);
    let (record, _) = b.table(&[]);
    for i in 0..files {
        b.point(first + 4 * i, record);
    }
    let e = parse(b.bytes).unwrap_err();
    assert_eq!((e.code(), e.message()), (Code::CorruptZtoc, "the zTOC's strings overlap"));
}

#[test]
fn limits_are_named() {
    let (spec, mut files) = small();
    files[0].xattrs = vec![(b"comment".into(), vec![b'c'; 100])];
    let limit =
        |limits: Limits| Ztoc::parse(spec.build(&files).into(), &limits).unwrap_err().limit_name().unwrap();
    let all = Limits::default();
    assert_eq!(limit(Limits { max_ztoc_size: 1000, ..all.clone() }), "max_ztoc_size");
    assert_eq!(limit(Limits { max_entries: 1, ..all.clone() }), "max_entries");
    assert_eq!(limit(Limits { max_spans: 2, ..all.clone() }), "max_spans");
    assert_eq!(limit(Limits { max_path_len: 0, ..all.clone() }), "max_path_len");
    assert_eq!(limit(Limits { max_name_bytes: 100, ..all.clone() }), "max_name_bytes");
    assert_eq!(limit(Limits { max_tar_header_size: 100, ..all.clone() }), "max_tar_header_size");
}

/// A zTOC small enough to try everything on: version 1, one span, three entries.
fn tiny() -> Vec<u8> {
    let mut spec = Spec::gzip(2000, 8192, &[(0, 0, 0)]);
    spec.checkpoints = builder::zinfo(1, 4096, &[]);
    let xattrs = vec![(b"SCHILY.xattr.user.a".into(), b"v".into())];
    spec.build(&[
        File { kind: "dir", ..File::new("d/", 512, 0) },
        File { xattrs, ..File::new("d/f", 2048, 1000) },
        File { kind: "symlink", link_name: b"f".into(), ..File::new("d/l", 3584, 0) },
    ])
}

#[test]
fn no_prefix_of_a_ztoc_is_one() {
    let whole = tiny();
    let limits = Limits::default();
    Ztoc::parse(whole.clone().into(), &limits).unwrap();
    let whole = Bytes::from(whole);
    // The last byte ends a string; nothing reads it.
    for len in 0..whole.len() - 1 {
        assert!(Ztoc::parse(whole.slice(..len), &limits).is_err(), "{len}");
    }
    let z = demo::ztocs().swap_remove(0);
    let real = Bytes::from(z.bytes);
    for len in (0..real.len()).step_by(997) {
        assert!(Ztoc::parse(real.slice(..len), &limits).is_err(), "{len}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn flipped_bytes_never_panic(at in 0_usize..4000, xor in 1_u8.., also in any::<Option<(u16, u8)>>()) {
        let mut bytes = tiny();
        let len = bytes.len();
        bytes[at % len] ^= xor;
        if let Some((at, byte)) = also {
            bytes[usize::from(at) % len] = byte;
        }
        if let Ok(ztoc) = parse(bytes) {
            promises::check(ztoc);
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(ztoc) = parse(bytes) {
            promises::check(ztoc);
        }
    }

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
