//! zTOCs made to harm, and broken ones.

use proptest::prelude::*;

use super::*;

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
        ocipeek_fuzz::ztoc::run(&bytes);
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        ocipeek_fuzz::ztoc::run(&bytes);
    }
}
