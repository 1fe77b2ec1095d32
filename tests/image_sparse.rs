//! Sparse files, whatever way their layer is read.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use futures_executor::block_on;
use ocipeek::image::ReadBy;
use test_support::memory;
use test_support::memory::ztoc::{Spec, Told, gzip, noise};
use test_support::memory::{GZIP, MadeLayer, Memory, TAR};

/// A tar of one sparse file, in GNU's old format, and the file.
fn sparse(runs: &[(usize, usize)], size: usize) -> (Vec<u8>, Vec<u8>) {
    let mut file = vec![0; size];
    let mut stored = Vec::new();
    let mut h = [0u8; 512];
    h[..6].copy_from_slice(b"sparse");
    h[100..108].copy_from_slice(b"0000644\0");
    h[108..116].copy_from_slice(b"0000000\0");
    h[116..124].copy_from_slice(b"0000000\0");
    h[136..148].copy_from_slice(b"14000000000\0");
    h[148..156].copy_from_slice(b"        ");
    h[156] = b'S';
    h[257..265].copy_from_slice(b"ustar  \0");
    for (i, &(at, len)) in runs.iter().enumerate() {
        let data = noise(len, i as u64 + 1);
        file[at..at + len].copy_from_slice(&data);
        stored.extend_from_slice(&data);
        h[386 + 24 * i..][..24].copy_from_slice(format!("{at:011o}\0{len:011o}\0").as_bytes());
    }
    h[124..136].copy_from_slice(format!("{:011o}\0", stored.len()).as_bytes());
    h[483..495].copy_from_slice(format!("{size:011o}\0").as_bytes());
    let sum: u32 = h.iter().map(|&b| u32::from(b)).sum();
    h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = [&h[..], &stored].concat();
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    (tar, file)
}

fn check(memory: &Memory, verify: bool, read: ReadBy, file: &[u8]) {
    let open = || block_on(memory.open("made", memory::agreed().verify(verify))).unwrap();
    assert_eq!(open().layers()[0].read, read);
    assert_eq!(block_on(open().read_file(b"sparse", None)).unwrap().1, file);
    // What is data, and where, makes the same file.
    let image = open();
    let (runs, mut data) = block_on(image.read_sparse(b"sparse")).unwrap().expect("a sparse file");
    let mut packed = Vec::new();
    while let Some(chunk) = block_on(data.next()).unwrap() {
        packed.extend_from_slice(&chunk);
    }
    let (mut made, mut at) = (vec![0; file.len()], 0);
    for &(offset, len) in &*runs {
        let (offset, len) = (offset as usize, len as usize);
        made[offset..offset + len].copy_from_slice(&packed[at..at + len]);
        at += len;
    }
    assert!(made == file && at == packed.len() && packed.len() < file.len(), "{read:?}");
    // Holes count as inflated when they are read.
    let before = image.stats().counters().inflated;
    block_on(image.read_file(b"sparse", None)).unwrap();
    let holes = (file.len() - packed.len()) as u64;
    assert!(image.stats().counters().inflated >= before + holes);
    for start in (0..file.len()).step_by(700) {
        for len in [1, 511, 1_500, 40_000] {
            let end = (start + len).min(file.len());
            let (stat, part) = block_on(open().read_file(b"sparse", Some(start as u64..end as u64))).unwrap();
            assert_eq!(stat.size, file.len() as u64);
            assert!(part == file[start..end], "{start}..{end} {read:?}");
        }
    }
}

#[test]
fn holes_are_zeros() {
    // Holes in front, between and behind; as many more bytes than stored as a zTOC lets pass, which tells nothing of them.
    let (tar, file) = sparse(&[(100, 4_000), (4_400, 700), (5_100, 512)], 6_100);
    for data in [tar.clone(), gzip(&tar, 3_000, None).0] {
        let memory = Memory::made(vec![MadeLayer { media_type: GZIP, data, ztoc: None }]);
        check(&memory, true, ReadBy::Whole, &file);
    }
    let memory = Memory::made(vec![MadeLayer { media_type: TAR, data: tar.clone(), ztoc: None }]);
    check(&memory, false, ReadBy::Tar, &file);

    let told = Told {
        name: "sparse".to_owned(),
        kind: "reg",
        offset: 512,
        size: file.len() as i64,
        link: String::new(),
        mode: 0o644,
        records: Vec::new(),
    };
    let ztoc = Spec::tar(vec![told.clone()], &tar, 1_024).build();
    let memory = Memory::made(vec![MadeLayer { media_type: TAR, data: tar.clone(), ztoc: Some(ztoc) }]);
    check(&memory, true, ReadBy::Ztoc, &file);
    check(&memory, false, ReadBy::Ztoc, &file);
    let (layer, points) = gzip(&tar, 1_000, None);
    let ztoc = Spec::gzip(vec![told], tar.len(), &layer, points, false).build();
    let memory = Memory::made(vec![MadeLayer { media_type: GZIP, data: layer, ztoc: Some(ztoc) }]);
    check(&memory, true, ReadBy::Ztoc, &file);
    check(&memory, false, ReadBy::Ztoc, &file);
}

#[test]
fn a_sparse_file_of_which_a_ztoc_does_not_tell_needs_no_verifying() {
    // Two sparse files, and two whose long headers hide how much is stored of the one in front.
    let (mut tar, first) = sparse(&[(1_024, 4_000)], 5_100);
    tar.truncate(tar.len() - 1_024);
    let told = |name: &str, offset: usize, size: usize| Told {
        name: name.to_owned(),
        kind: "reg",
        offset: offset as i64,
        size: size as i64,
        link: String::new(),
        mode: 0o644,
        records: Vec::new(),
    };
    let mut list = vec![told("sparse", 512, first.len())];
    let name = "n".repeat(1_024);
    for (i, size) in [700_usize, 300].into_iter().enumerate() {
        let name = format!("{i}{}", &name[1..]);
        tar.extend_from_slice(&header("././@LongLink", b'L', 1_025));
        tar.extend_from_slice(name.as_bytes());
        tar.resize(tar.len() + 512, 0);
        tar.extend_from_slice(&header(&name[..100], b'0', size));
        list.push(told(&name, tar.len(), size));
        tar.extend_from_slice(&noise(size, 50 + i as u64));
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1_024, 0);
    let ztoc = Spec::tar(list.clone(), &tar, 1_024).build();
    let memory = Memory::made(vec![MadeLayer { media_type: TAR, data: tar.clone(), ztoc: Some(ztoc) }]);
    check(&memory, false, ReadBy::Ztoc, &first);
    let options = memory::agreed().verify(false);
    let image = block_on(memory.open("made", options)).unwrap();
    // The first one's header seems to begin in its middle; the one behind it is the last.
    for (i, told) in list[1..].iter().enumerate() {
        let got = block_on(image.read_file(told.name.as_bytes(), None)).unwrap().1;
        assert_eq!(got, noise(told.size as usize, 50 + i as u64));
    }
}

fn header(name: &str, kind: u8, size: usize) -> [u8; 512] {
    let mut h = [0u8; 512];
    h[..name.len()].copy_from_slice(name.as_bytes());
    h[100..108].copy_from_slice(b"0000644\0");
    h[108..116].copy_from_slice(b"0000000\0");
    h[116..124].copy_from_slice(b"0000000\0");
    h[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    h[136..148].copy_from_slice(b"14000000000\0");
    h[148..156].copy_from_slice(b"        ");
    h[156] = kind;
    h[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = h.iter().map(|&b| u32::from(b)).sum();
    h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    h
}

/// A tar of one sparse file in PAX format 0.1 or 1.0 and a plain one behind it, the sparse file, and what a zTOC says.
fn sparse_pax(minor: u8, runs: &[(usize, usize)], size: usize) -> (Vec<u8>, Vec<u8>, Vec<Told>) {
    let (mut file, mut stored) = (vec![0; size], Vec::new());
    let mut list = vec![];
    for (i, &(at, len)) in runs.iter().enumerate() {
        let data = noise(len, i as u64 + 1);
        file[at..at + len].copy_from_slice(&data);
        stored.extend_from_slice(&data);
        list.extend([at.to_string(), len.to_string()]);
    }
    let mut records: Vec<(String, String)> = vec![("GNU.sparse.name".into(), "sparse".into())];
    let mut map = Vec::new();
    let version = if minor == 1 { ["0", "1"] } else { ["1", "0"] };
    records.push(("GNU.sparse.major".into(), version[0].into()));
    records.push(("GNU.sparse.minor".into(), version[1].into()));
    if minor == 1 {
        records.push(("GNU.sparse.size".into(), size.to_string()));
        records.push(("GNU.sparse.numblocks".into(), runs.len().to_string()));
        records.push(("GNU.sparse.map".into(), list.join(",")));
    } else {
        records.push(("GNU.sparse.realsize".into(), size.to_string()));
        map = format!("{}\n{}\n", runs.len(), list.join("\n")).into_bytes();
        map.resize(map.len().next_multiple_of(512), 0);
    }
    let mut pax = String::new();
    for (key, value) in &records {
        let rest = key.len() + value.len() + 3;
        let len = (1..).find(|n: &usize| n == &(rest + n.to_string().len())).unwrap();
        pax.push_str(&format!("{len} {key}={value}\n"));
    }
    let mut tar = header("PaxHeaders/sparse", b'x', pax.len()).to_vec();
    tar.extend_from_slice(pax.as_bytes());
    tar.resize(tar.len().next_multiple_of(512), 0);
    tar.extend_from_slice(&header("GNUSparseFile.1/sparse", b'0', map.len() + stored.len()));
    tar.extend_from_slice(&map);
    let told = |name: &str, offset: usize, size: usize, records| Told {
        name: name.to_owned(),
        kind: "reg",
        offset: offset as i64,
        size: size as i64,
        link: String::new(),
        mode: 0o644,
        records,
    };
    let mut list = vec![told("sparse", tar.len(), size, records)];
    tar.extend_from_slice(&stored);
    tar.resize(tar.len().next_multiple_of(512), 0);
    tar.extend_from_slice(&header("plain", b'0', 5));
    list.push(told("plain", tar.len(), 5, Vec::new()));
    tar.extend_from_slice(b"plain");
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    (tar, file, list)
}

#[test]
fn pax_sparse_files_are_read_by_every_way() {
    for minor in [1, 0] {
        let (tar, file, told) =
            sparse_pax(minor, &[(50_000, 3_000), (60_000, 2_000), (99_000, 1_000)], 100_000);
        let memory = Memory::made(vec![MadeLayer { media_type: TAR, data: tar.clone(), ztoc: None }]);
        check(&memory, true, ReadBy::Whole, &file);
        check(&memory, false, ReadBy::Tar, &file);
        let ztoc = Spec::tar(told.clone(), &tar, 1_024).build();
        let memory = Memory::made(vec![MadeLayer { media_type: TAR, data: tar.clone(), ztoc: Some(ztoc) }]);
        check(&memory, true, ReadBy::Ztoc, &file);
        check(&memory, false, ReadBy::Ztoc, &file);
        let (layer, points) = gzip(&tar, 1_000, None);
        let ztoc = Spec::gzip(told, tar.len(), &layer, points, false).build();
        let memory = Memory::made(vec![MadeLayer { media_type: GZIP, data: layer, ztoc: Some(ztoc) }]);
        check(&memory, true, ReadBy::Ztoc, &file);
        let image = block_on(memory.open("made", memory::agreed())).unwrap();
        assert_eq!(block_on(image.read_file(b"plain", None)).unwrap().1, "plain");
        memory.log();
        block_on(image.read_file(b"sparse", None)).unwrap();
        // Its header, which tells where its runs are, and then all of them: they lie side by side in the tar.
        assert_eq!(memory.log().len(), 2);
    }
}

#[test]
fn a_hole_of_a_terabyte_is_read_in_its_middle() {
    let (mut tar, _) = sparse(&[(0, 10)], 20);
    // The real size, 2^40, in octal.
    tar[483..495].copy_from_slice(b"\x80\0\0\0\0\0\x01\0\0\0\0\0");
    tar[148..156].copy_from_slice(b"        ");
    let sum: u32 = tar[..512].iter().map(|&b| u32::from(b)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let memory = Memory::made(vec![MadeLayer { media_type: TAR, data: tar, ztoc: None }]);
    let image = block_on(memory.open("made", memory::agreed())).unwrap();
    let middle = 1 << 39;
    let (stat, data) = block_on(image.read_file(b"sparse", Some(middle..middle + 100_000))).unwrap();
    assert_eq!(stat.size, 1 << 40);
    assert!(data.len() == 100_000 && data.iter().all(|&b| b == 0));
}
