//! Entries of made zTOCs: every field, order, sparse files, what cannot be.

use super::*;
use crate::format::tar::{Kind, Mtime};

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
