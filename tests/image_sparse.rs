//! Sparse files, whatever way their layer is read.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;

use futures_executor::block_on;
use memory::ztoc::{Spec, Told, gzip, noise};
use memory::{GZIP, MadeLayer, Memory, TAR};
use ocipeek::image::{OpenOptions, ReadBy};

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
    let open = || block_on(memory.open("made", OpenOptions { verify, ..OpenOptions::default() })).unwrap();
    assert_eq!(open().layers()[0].read, read);
    assert_eq!(block_on(open().read_file(b"sparse", None)).unwrap().1, file);
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
    };
    let ztoc = Spec::tar(vec![told.clone()], &tar, 1_024).build();
    let memory = Memory::made(vec![MadeLayer { media_type: TAR, data: tar.clone(), ztoc: Some(ztoc) }]);
    check(&memory, true, ReadBy::Ztoc, &file);
    let (layer, points) = gzip(&tar, 1_000, None);
    let ztoc = Spec::gzip(vec![told], tar.len(), &layer, points, false).build();
    let memory = Memory::made(vec![MadeLayer { media_type: GZIP, data: layer, ztoc: Some(ztoc) }]);
    check(&memory, true, ReadBy::Ztoc, &file);
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
    let image = block_on(memory.open("made", OpenOptions::default())).unwrap();
    let middle = 1 << 39;
    let (stat, data) = block_on(image.read_file(b"sparse", Some(middle..middle + 100_000))).unwrap();
    assert_eq!(stat.size, 1 << 40);
    assert!(data.len() == 100_000 && data.iter().all(|&b| b == 0));
}
