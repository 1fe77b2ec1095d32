//! The walk: chunks, ends, odd headers.

use proptest::prelude::*;

use super::*;
use crate::error::{Code, Error};

fn all(table: &EntryTable) -> Vec<String> {
    (0..table.len()).map(|i| format!("{:?} {:?}", table.get(i), table.sparse(i))).collect()
}

/// Walks in pieces; skips what is not wanted before it is pushed, or pushes it too.
fn walk_in(tar: &[u8], sizes: &[usize], skip: bool) -> Result<EntryTable, Error> {
    let mut w = TarWalker::new(&Limits::default());
    let (mut at, mut sizes) = (0, sizes.iter().cycle());
    while at < tar.len() && !w.is_done() {
        if skip {
            at = usize::try_from(w.wants()).unwrap();
        }
        let end = (at + sizes.next().unwrap()).min(tar.len());
        let Some(piece) = tar.get(at..end) else { break };
        let before = w.wants();
        let used = if before > at as u64 {
            // Content: not wanted, not pushed.
            usize::try_from(before).unwrap().min(end) - at
        } else {
            w.push(piece)?
        };
        at += used;
    }
    w.finish(Some(tar.len() as u64))
}

fn error(tar: &[u8]) -> Error {
    let whole = walk_in(tar, &[tar.len()], false).unwrap_err();
    let pieces = walk_in(tar, &[100], true).unwrap_err();
    assert_eq!((whole.code(), whole.message()), (pieces.code(), pieces.message()));
    whole
}

#[test]
fn headers_alone_are_enough() {
    for layer in demo::layer_digests() {
        let tar = demo::tar(&layer);
        let mut w = TarWalker::new(&Limits::default());
        let mut fetched = 0;
        while !w.is_done() && w.wants() < tar.len() as u64 {
            let at = w.wants() as usize;
            let end = (at + 512).min(tar.len());
            assert_eq!(w.push(&tar[at..end]).unwrap(), end - at);
            fetched += end - at;
        }
        let table = w.finish(Some(tar.len() as u64)).unwrap();
        assert_eq!(all(&table), all(&walk(&tar)));
        let headers: u64 = table.iter().map(|e| e.offset - e.header_offset).sum();
        assert!(fetched as u64 <= headers + 1024, "{fetched} {headers}");
    }
}

#[test]
fn a_tar_may_end_without_end_blocks_or_padding() {
    let whole = [member(|_| {}, b"one"), member(|_| {}, b"three")].concat();
    let complete = all(&walk(&whole));
    // umoci's `insert` writes the last: content without padding.
    for len in [2048, 2047, 1541] {
        assert_eq!(all(&walk(&whole[..len])), complete, "{len}");
    }
    for more in [512, 1024, 5000, 100, 700] {
        let mut padded = whole.clone();
        padded.resize(2048 + more, 0);
        assert_eq!(all(&walk(&padded)), complete, "{more}");
    }
    let junk = [&whole[..], &[0; 1024], b"junk behind the end"].concat();
    assert_eq!(all(&walk(&junk)), complete);
    assert!(walk(b"").is_empty() && walk(&[0; 1024]).is_empty());

    for cut in [1540, 1600 - 63, 1300, 1025] {
        assert_eq!(error(&whole[..cut]).code(), Code::CorruptLayer, "{cut}");
    }
    // Without a length to compare with, the caller vouches for contents.
    let mut w = TarWalker::new(&Limits::default());
    w.push(&whole[..1536]).unwrap();
    assert_eq!(w.finish(None).unwrap().len(), 2);
    let mut w = TarWalker::new(&Limits::default());
    w.push(&whole[..512]).unwrap();
    assert_eq!((w.wants(), w.table().len()), (1024, 1));
    let e = w.finish(Some(2048)).unwrap_err();
    assert_eq!((e.code(), e.offset()), (Code::CorruptLayer, Some(1024)));
}

#[test]
fn a_lone_zero_block_ends_nothing() {
    let tar = [&member(|_| {}, b"")[..], &[0; 512], &member(|_| {}, b"")].concat();
    let e = error(&tar);
    assert_eq!((e.code(), e.offset()), (Code::CorruptLayer, Some(1024)));
}

#[test]
fn what_is_no_tar_is_refused() {
    assert!(error(&[b'x'; 1024]).message().contains("checksum"));
    let mut bad = member(|_| {}, b"");
    bad[0] ^= 1;
    assert!(error(&bad).message().contains("checksum"));
    let size =
        |digits: &'static [u8]| member(move |h| h[124..124 + digits.len()].copy_from_slice(digits), b"");
    assert!(error(&size(b"x")).message().contains("size is not a number"));
    assert!(error(&size(&[0xff; 12])).message().contains("negative"));
    assert!(error(&size(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff")).message().contains("cut off"));
    let huge = size(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
    let mut w = TarWalker::new(&Limits::default());
    assert_eq!(w.push(&huge).unwrap(), 512);
    assert_eq!(w.wants(), (1 << 63) + 512);
}

#[test]
fn a_signed_checksum_is_one() {
    let mut tar = member(|h| h[0] = 0xe9, b"");
    tar[148..156].fill(b' ');
    let sum: i32 = tar.iter().map(|b| i32::from(b.cast_signed())).sum();
    tar[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    assert_eq!(walk(&tar).get(0).unwrap().name, b"\xe9ile");
}

#[test]
fn typeflags() {
    let kind = |flag: u8, name: &'static [u8], content: &[u8]| {
        let tar = member(
            |h| {
                h[..name.len()].copy_from_slice(name);
                h[156] = flag;
            },
            content,
        );
        let table = walk(&tar);
        assert_eq!(table.len(), 1);
        let e = table.get(0).unwrap();
        (e.kind, e.size)
    };
    assert_eq!(kind(0, b"file", b"x"), (Kind::Regular, 1));
    assert_eq!(kind(0, b"dir/", b""), (Kind::Directory, 0));
    assert_eq!(kind(b'0', b"dir/", b""), (Kind::Regular, 0));
    assert_eq!(kind(b'7', b"file", b"x"), (Kind::Regular, 1));
    assert_eq!(kind(b'Z', b"file", b"x"), (Kind::Regular, 1));
    // A size without content: a hard link of some tars.
    let mut tar = member(
        |h| {
            h[156] = b'1';
            h[124..135].copy_from_slice(b"00000000777");
        },
        b"",
    );
    tar.extend(member(|_| {}, b""));
    let table = walk(&tar);
    assert_eq!((table.len(), table.get(0).unwrap().size, table.get(1).unwrap().header_offset), (2, 0, 512));
}

#[test]
fn header_forms() {
    let read = |change: &dyn Fn(&mut [u8; 512])| {
        let table = walk(&member(change, b""));
        let e = table.get(0).unwrap();
        (e.name.to_vec(), e.uname.to_vec(), e.dev_major)
    };
    let fill = |h: &mut [u8; 512]| {
        h[265..268].copy_from_slice(b"own");
        h[329..332].copy_from_slice(b"017");
        h[345..348].copy_from_slice(b"pre");
    };
    assert_eq!(read(&|h| fill(h)), (b"pre/file".into(), b"own".into(), 15));
    let v7 = |h: &mut [u8; 512]| {
        fill(h);
        h[257..265].fill(0);
    };
    assert_eq!(read(&v7), (b"file".into(), b"".into(), 0));
    let star = |h: &mut [u8; 512]| {
        fill(h);
        h[345..476].fill(b'p');
        h[476..488].copy_from_slice(b"14720000000\0");
        h[508..512].copy_from_slice(b"tar\0");
    };
    assert_eq!(read(&star), ([&[b'p'; 131][..], b"/file"].concat(), b"own".into(), 15));
    let gnu = |h: &mut [u8; 512]| {
        fill(h);
        h[257..265].copy_from_slice(b"ustar  \0");
        h[345..357].copy_from_slice(b"14720000000\0");
    };
    assert_eq!(read(&gnu), (b"file".into(), b"own".into(), 15));
    // Go before 1.8: GNU magic with a prefix.
    let old_go = |h: &mut [u8; 512]| {
        gnu(h);
        h[345..360].copy_from_slice(b"some/long/place");
    };
    assert_eq!(read(&old_go), (b"some/long/place/file".into(), b"own".into(), 15));
}

#[test]
fn extended_headers_by_gos_rules() {
    let file = || member(|_| {}, b"content");
    let long = |flag: u8, name: &[u8]| member(move |h| h[156] = flag, name);
    let names = |parts: &[Vec<u8>]| {
        walk(&parts.concat()).iter().map(|e| (e.name.to_vec(), e.link_name.to_vec())).collect::<Vec<_>>()
    };
    let one = |name: &[u8], link: &[u8]| vec![(name.to_vec(), link.to_vec())];
    let (x, g) = (b'x', b'g');
    assert_eq!(names(&[pax(x, &[("path", b"a\xff")]), file()]), one(b"a\xff", b""));
    // The last record, the last header, and no empty value.
    assert_eq!(names(&[pax(x, &[("path", b"a"), ("path", b"b")]), file()]), one(b"b", b""));
    assert_eq!(names(&[pax(x, &[("path", b"a"), ("path", b"")]), file()]), one(b"file", b""));
    assert_eq!(
        names(&[pax(x, &[("path", b"a")]), pax(x, &[("linkpath", b"l")]), file()]),
        one(b"file", b"l")
    );
    // GNU names go over PAX names, in whatever order.
    let (l, k) = (long(b'L', b"long\0junk"), long(b'K', b"link"));
    let p = pax(x, &[("path", b"a"), ("linkpath", b"b")]);
    assert_eq!(names(&[l.clone(), k.clone(), p.clone(), file()]), one(b"long", b"link"));
    assert_eq!(names(&[p.clone(), k, l.clone(), file()]), one(b"long", b"link"));
    // They hold for one entry.
    assert_eq!(names(&[l.clone(), file(), file()])[1], (b"file".to_vec(), Vec::new()));
    // A global header changes nothing and drops what came before it.
    assert_eq!(names(&[pax(g, &[("path", b"g")]), file()]), one(b"file", b""));
    assert_eq!(names(&[p.clone(), l, pax(g, &[]), pax(g, &[("comment", b"c")]), file()]), one(b"file", b""));
    // Extended headers without an entry say nothing.
    assert!(names(&[p, vec![0; 1024]]).is_empty());

    let table =
        walk(&[pax(g, &[("comment", b"c")]), pax(x, &[("size", b"7"), ("uid", b"-2")]), file()].concat());
    let e = table.get(0).unwrap();
    assert_eq!((e.header_offset, e.offset, e.size, e.uid), (0, 2560, 7, 0xffff_fffe));
}

#[test]
fn a_pax_size_over_a_header_size_of_zero() {
    let mut tar = pax(b'x', &[("size", b"5")]);
    let mut file = member(|h| h[124..136].fill(b'0'), b"hello");
    file[124..135].fill(b'0');
    tar.extend(file);
    tar.extend(member(|h| h[0] = b'n', b""));
    let table = walk(&tar);
    assert_eq!(
        table.iter().map(|e| (e.name.to_vec(), e.size)).collect::<Vec<_>>(),
        [(b"file".to_vec(), 5), (b"nile".to_vec(), 0)]
    );
}

#[test]
fn pax_xattrs_are_sorted_and_the_last_counts() {
    let records: [(&str, &[u8]); 4] = [
        ("SCHILY.xattr.user.b", b"1"),
        ("SCHILY.xattr.user.a=b", b""),
        ("SCHILY.xattr.user.b", b"\0\n"),
        ("LIBARCHIVE.xattr.user.c", b"eA=="),
    ];
    let table = walk(&[pax(b'x', &records), member(|_| {}, b"")].concat());
    let xattrs: Vec<_> = table.get(0).unwrap().xattrs.map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
    // A key ends at its first `=`.
    assert_eq!(xattrs, [(b"user.a".to_vec(), b"b=".to_vec()), (b"user.b".to_vec(), b"\0\n".to_vec())]);
}

#[test]
fn malformed_pax_records() {
    for content in [
        &b"5 a\n"[..],
        b"5 ab\n",
        b"6 a=b",
        b"60 a=b\n",
        b"4 =\n",
        b"5 =b\n",
        b"-6 a=b\n",
        b" 6 a=b\n",
        b"6\na=b\n",
        b"99999999999999999999 a=b\n",
        b"11 path=\0a\n",
        b"7 \0a=b\n",
        b"6 a=b\n\0\0",
    ] {
        let tar = [member(|h| h[156] = b'x', content), member(|_| {}, b"")].concat();
        assert!(error(&tar).message().contains("malformed"), "{}", content.escape_ascii());
    }
    for (key, value) in [("mtime", "now"), ("size", "-1"), ("uid", "1.5"), ("gid", "0x1")] {
        let tar = [pax(b'x', &[(key, value.as_bytes())]), member(|_| {}, b"")].concat();
        assert_eq!(error(&tar).code(), Code::CorruptLayer, "{key}");
    }
}

#[test]
fn broken_sparse_maps() {
    let v01 = |map: &[u8], blocks: &[u8]| {
        let records: [(&str, &[u8]); 5] = [
            ("GNU.sparse.major", b"0"),
            ("GNU.sparse.minor", b"1"),
            ("GNU.sparse.size", b"100"),
            ("GNU.sparse.numblocks", blocks),
            ("GNU.sparse.map", map),
        ];
        [pax(b'x', &records), member(|_| {}, b"0123456789")].concat()
    };
    assert_eq!(walk(&v01(b"0,4,90,6", b"2")).sparse(0), Some(&[(0, 4), (90, 6)][..]));
    for (map, blocks) in [
        ("0,4,90,6", "3"),
        ("0,4,90", "2"),
        ("0,4,90,", "2"),
        ("0,4,90,11", "2"),
        ("0,4,3,1", "2"),
        ("0,4,-1,1", "2"),
        ("0,5,90,6", "2"),
        ("0,9223372036854775807", "1"),
        ("9223372036854775807,9223372036854775807", "1"),
        ("0,18446744073709551616", "1"),
    ] {
        let e = error(&v01(map.as_bytes(), blocks.as_bytes()));
        assert!(e.message().contains("map is broken"), "{map}: {e}");
    }
    let v10 = |content: &[u8]| {
        let records: [(&str, &[u8]); 2] = [("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0")];
        [pax(b'x', &records), member(|_| {}, content)].concat()
    };
    let block = |text: &str| {
        let mut b = text.as_bytes().to_vec();
        b.resize(512, 0);
        b
    };
    let table = walk(&v10(&[block("1\n2\n3\n"), b"abc".to_vec()].concat()));
    assert_eq!((table.sparse(0), table.get(0).unwrap().offset), (Some(&[(2, 3)][..]), 2048));
    assert!(
        error(&v10(&block(&format!("99999999999999\n{}", "1\n".repeat(248)))))
            .message()
            .contains("does not fit")
    );
    assert!(error(&v10(&block("-1\n"))).message().contains("length is not a number"));
    assert!(error(&v10(&block(&"0".repeat(40)))).message().contains("not a number"));
    assert!(error(&v10(&block("1\n2\n3\n"))).message().contains("more data than is stored"));
    // Old GNU: chained tables that never end run into the limit; star's form is another.
    let gnu = |h: &mut [u8; 512]| {
        h[156] = b'S';
        h[257..265].copy_from_slice(b"ustar  \0");
        h[482] = 1;
        h[483..494].copy_from_slice(b"00000010000");
    };
    let mut endless = member(gnu, b"");
    let mut extension = [0; 512];
    extension[504] = 1;
    for _ in 0..2100 {
        endless.extend_from_slice(&extension);
    }
    assert_eq!(error(&endless).limit_name(), Some("max_tar_header_size"));
    assert!(error(&member(|h| h[156] = b'S', b"")).message().contains("GNU"));
}

#[test]
fn limits_are_named() {
    let tar = [pax(b'x', &[("comment", &[b'c'; 2000])]), member(|_| {}, b""), member(|_| {}, b"")].concat();
    let limit = |limits: Limits| TarWalker::new(&limits).push(&tar).unwrap_err().limit_name().unwrap();
    let all = Limits::default();
    assert_eq!(limit(Limits { max_entries: 1, ..all.clone() }), "max_entries");
    assert_eq!(limit(Limits { max_path_len: 3, ..all.clone() }), "max_path_len");
    assert_eq!(limit(Limits { max_name_bytes: 7, ..all.clone() }), "max_name_bytes");
    // Before any of the header's content comes.
    let small = Limits { max_tar_header_size: 2048, ..all.clone() };
    let e = TarWalker::new(&small).push(&tar[..512]).unwrap_err();
    assert_eq!((e.limit_name(), e.offset()), (Some("max_tar_header_size"), Some(0)));
    // Extended headers of one entry count together.
    let chain = pax(b'g', &[("comment", b"")]).repeat(1100);
    assert_eq!(TarWalker::new(&all).push(&chain).unwrap_err().limit_name(), Some("max_tar_header_size"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chunks_do_not_matter(
        sizes in proptest::collection::vec(1_usize..3000, 1..8),
        skip: bool,
        name in 0_usize..4,
    ) {
        let tar = super::oracle::tar(["sparse-1.0", "sparse-gnu", "names-gnu", "names-posix"][name]);
        let whole = walk(&tar);
        let pieces = walk_in(&tar, &sizes, skip).unwrap();
        prop_assert_eq!(all(&pieces), all(&whole));
    }

    #[test]
    fn broken_tars_never_panic_and_chunks_do_not_matter(
        name in 0_usize..4,
        flips in proptest::collection::vec((0_usize..20_000, 1_u8..), 1..4),
        reseal: bool,
        sizes in proptest::collection::vec(1_usize..700, 1..4),
        skip: bool,
    ) {
        let mut tar = super::oracle::tar(["sparse-1.0", "sparse-gnu", "names-gnu", "names-posix"][name]);
        let len = tar.len();
        for (at, xor) in flips {
            let at = at % len;
            tar[at] ^= xor;
            if reseal {
                let start = at / 512 * 512;
                let mut block: [u8; 512] = tar[start..start + 512].try_into().unwrap();
                seal(&mut block);
                tar[start..start + 512].copy_from_slice(&block);
            }
        }
        let whole = walk_in(&tar, &[len], false).map(|t| all(&t)).map_err(|e| e.to_string());
        let pieces = walk_in(&tar, &sizes, skip).map(|t| all(&t)).map_err(|e| e.to_string());
        prop_assert_eq!(whole, pieces);
    }
}
