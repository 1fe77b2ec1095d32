//! On volumes made here, block by block, so that each can be wrong in one thing.

use bytes::Bytes;

use super::*;
use crate::error::{Code, Result};
use crate::format::tar::Kind;
use crate::limits::Limits;

const BLOCK: usize = 512;

/// A volume of blocks of 512 bytes: superblock, then from block 4 on one inode of 64 bytes per slot of two, then blocks.
struct Volume {
    bytes: Vec<u8>,
}

/// Where inodes begin, and block numbers count from for them.
const META: usize = 4 * BLOCK;
/// The first block for data.
const DATA: u32 = 12;

impl Volume {
    fn new() -> Self {
        let mut bytes = vec![0; 64 * BLOCK];
        bytes[1024..1028].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[1024 + 12] = 9;
        bytes[1024 + 40] = 4;
        bytes[1024 + 24] = 77;
        Volume { bytes }
    }

    fn put(&mut self, at: usize, what: &[u8]) {
        self.bytes[at..at + what.len()].copy_from_slice(what);
    }

    /// An extended inode in slot `n` (two nids wide).
    fn inode(&mut self, n: usize, layout: u16, mode: u16, size: u64, u: u32) -> usize {
        let at = META + n * 64;
        self.put(at, &(1 | layout << 1).to_le_bytes());
        self.put(at + 4, &mode.to_le_bytes());
        self.put(at + 8, &size.to_le_bytes());
        self.put(at + 16, &u.to_le_bytes());
        self.put(at + 24, &1000u32.to_le_bytes());
        self.put(at + 28, &70_000u32.to_le_bytes());
        self.put(at + 32, &1_700_000_000u64.to_le_bytes());
        self.put(at + 40, &5u32.to_le_bytes());
        self.put(at + 44, &1u32.to_le_bytes());
        at
    }

    /// A directory of one block.
    fn directory(&mut self, n: usize, block: u32, entries: &[(&[u8], u64)]) {
        let mut data = Vec::new();
        let mut names = Vec::new();
        for (name, nid) in entries {
            data.extend_from_slice(&nid.to_le_bytes());
            data.extend_from_slice(&((entries.len() * 12 + names.len()) as u16).to_le_bytes());
            data.extend_from_slice(&[0, 0]);
            names.extend_from_slice(name);
        }
        data.extend_from_slice(&names);
        self.inode(n, 0, 0o40755, data.len() as u64, block);
        self.put(block as usize * BLOCK, &data);
    }

    fn open(self) -> Result<FileSystem<Bytes>> {
        FileSystem::open(Bytes::from(self.bytes), &Limits::default())
    }

    fn tree(self) -> Result<Tree> {
        self.open()?.tree()
    }

    fn refused(self, what: &str) {
        let e = self.tree().expect_err(what);
        assert!(e.to_string().contains(what), "{e}");
        assert_eq!(e.code(), Code::CorruptLayer, "{e}");
    }
}

/// `nid` of slot `n`.
fn nid(n: usize) -> u64 {
    n as u64 * 2
}

fn sample() -> Volume {
    let mut v = Volume::new();
    v.directory(
        0,
        DATA,
        &[
            (b".", 0),
            (b"..", 0),
            (b"a", nid(1)),
            (b"b", nid(1)),
            (b"d", nid(2)),
            (b"l", nid(4)),
            (b"n", nid(6)),
            (b"s", nid(7)),
        ],
    );
    let a = v.inode(1, 0, 0o104755, 1000, 20);
    v.put(a + 44, &2u32.to_le_bytes());
    v.directory(2, DATA + 1, &[(b".", nid(2)), (b"..", 0), (b"x", nid(8))]);
    // Slot 4: a link whose target follows it, over slot 5.
    v.inode(4, 2, 0o120777, 6, 99);
    v.put(META + 5 * 64, b"target");
    v.inode(6, 0, 0o20666, 0, 0x0103_0207);
    v.inode(7, 0, 0o140755, 0, 0);
    // Slot 8: compact, with attributes from its 32nd byte on.
    let x = META + 8 * 64;
    v.put(x, &[0, 0, 10, 0, 0o244, 0o201, 3, 0, 7]);
    v.put(x + 16, &30u32.to_le_bytes());
    v.put(x + 24, &[9, 0, 8, 0]);
    v.put(x + 32 + 12, b"\x04\x01\x03\x00testabc\0\x01\x06\x01\x00x!\0\0");
    v
}

#[test]
fn reads_what_is_there() {
    let fs = sample().open().unwrap();
    let tree = fs.tree().unwrap();
    let all: Vec<_> = tree.entries.iter().map(|e| (e.name.to_vec(), e.kind, e.size, e.mode)).collect();
    let expected: [(&[u8], Kind, u64, u32); 7] = [
        (b"./", Kind::Directory, 0, 0o755),
        (b"a", Kind::Regular, 1000, 0o4755),
        (b"b", Kind::HardLink, 0, 0o4755),
        (b"d", Kind::Directory, 0, 0o755),
        (b"l", Kind::Symlink, 0, 0o777),
        (b"n", Kind::CharDevice, 0, 0o666),
        // The socket is left out.
        (b"d/x", Kind::Regular, 7, 0o644),
    ];
    assert_eq!(all.len(), expected.len());
    for (got, want) in all.iter().zip(expected) {
        assert_eq!((&got.0[..], got.1, got.2, got.3), want);
    }
    assert_eq!(tree.nids, [0, nid(1), nid(1), nid(2), nid(4), nid(6), nid(8)]);
    let get = |i: usize| tree.entries.get(i).unwrap();
    assert_eq!(get(2).link_name, b"a");
    assert_eq!(get(4).link_name, b"target");
    assert_eq!((get(5).dev_major, get(5).dev_minor), (0x302, 0x1007));
    assert_eq!((get(1).uid, get(1).gid), (1000, 70_000));
    let time = get(1).mtime.unwrap();
    assert_eq!((time.secs, time.nanos), (1_700_000_000, 5));
    // A compact inode has the file system's time.
    assert_eq!((get(6).uid, get(6).gid, get(6).mtime.unwrap().secs), (9, 8, 77));
    let xattrs: Vec<_> = get(6).xattrs.collect();
    assert_eq!(xattrs, [(&b"user.test"[..], &b"abc"[..]), (b"security.x", b"!")]);
}

#[test]
fn tells_where_flat_data_is() {
    let mut v = sample();
    // Blocks 20 and 21, then a tail behind the inode.
    let at = v.inode(9, 2, 0o100644, 1100, 20) as u64;
    let fs = v.open().unwrap();
    let a = fs.inode(nid(1)).unwrap();
    assert_eq!(fs.place(&a, 0).unwrap(), (20 * 512, 1000));
    assert_eq!(fs.place(&a, 999).unwrap(), (20 * 512 + 999, 1));
    assert_eq!(fs.place(&a, 1000).unwrap_err().code(), Code::InvalidArgument);
    let inline = fs.inode(nid(9)).unwrap();
    assert_eq!(fs.place(&inline, 3).unwrap(), (20 * 512 + 3, 1021));
    assert_eq!(fs.place(&inline, 1024).unwrap(), (at + 64, 76));
    assert_eq!(fs.place(&inline, 1099).unwrap(), (at + 64 + 75, 1));
    // A full last block follows the inode as well.
    let mut v = sample();
    let at = v.inode(9, 2, 0o100644, 512, 20) as u64;
    let fs = v.open().unwrap();
    assert_eq!(fs.place(&fs.inode(nid(9)).unwrap(), 0).unwrap(), (at + 64, 512));
}

#[test]
fn refuses_what_leads_in_circles() {
    let mut v = sample();
    v.directory(2, DATA + 1, &[(b"up", 0)]);
    v.refused("a directory is in two, or in itself");
    let mut v = sample();
    v.directory(2, DATA + 1, &[(b"a", nid(9)), (b"b", nid(9))]);
    v.directory(9, DATA + 2, &[]);
    v.refused("a directory is in two, or in itself");
}

#[test]
fn refuses_names_that_are_none() {
    for name in [&b""[..], b"x/y", b"/", b"x\0y", &[b'x'; 256]] {
        let mut v = sample();
        v.directory(2, DATA + 1, &[(name, nid(8)), (b"zz", nid(8))]);
        v.refused("has a name that is none");
    }
    for names in [[&b"b"[..], b"a"], [b"a", b"a"]] {
        let mut v = sample();
        v.directory(2, DATA + 1, &[(names[0], nid(8)), (names[1], nid(8))]);
        v.refused("out of order");
    }
    for name in [&b"."[..], b".."] {
        let mut v = sample();
        v.directory(2, DATA + 1, &[(name, 0), (name, 0)]);
        v.refused("has an entry twice");
    }
}

#[test]
fn refuses_names_out_of_their_block() {
    let at = DATA as usize * BLOCK;
    for (offset, value) in [(8, 0u16), (8, 11), (8, 13), (8, 516), (20, 3), (20, 600), (32, 90), (92, 600)] {
        let mut v = sample();
        v.put(at + offset, &value.to_le_bytes());
        let e = v.tree().unwrap_err();
        assert_eq!(e.code(), Code::CorruptLayer, "{offset} {value}: {e}");
    }
}

#[test]
fn refuses_inodes_out_of_the_volume_or_of_no_kind() {
    for bad in [u64::MAX, u64::MAX / 32, 1 << 58, 64 * 16, 64 * 16 - 4 * 16] {
        let mut v = sample();
        v.directory(2, DATA + 1, &[(b"x", bad)]);
        assert_eq!(v.tree().unwrap_err().code(), Code::CorruptLayer, "{bad}");
    }
    let mut v = sample();
    v.put(META + 64 + 4, &0o30644u16.to_le_bytes());
    v.refused("of no type that there is");
    let mut v = sample();
    v.put(META + 64, &(1u16 | 5 << 1).to_le_bytes());
    v.refused("an unknown layout");
    let mut v = sample();
    v.put(META + 64, &0x101u16.to_le_bytes());
    v.refused("an unknown format");
    let mut v = sample();
    v.put(META + 64 + 40, &1_000_000_000u32.to_le_bytes());
    v.refused("more nanoseconds");
    let mut v = sample();
    v.put(META + 64, &3u16.to_le_bytes());
    let e = v.tree().unwrap_err();
    assert_eq!((e.code(), e.message()), (Code::Unsupported, "EROFS with compressed files cannot be read"));
    // The root is a file.
    let mut v = sample();
    v.put(META + 4, &0o100644u16.to_le_bytes());
    v.refused("the root is no directory");
}

#[test]
fn a_directory_or_link_of_any_size_costs_only_what_is_there() {
    let mut v = sample();
    v.put(META + 8, &u64::MAX.to_le_bytes());
    assert_eq!(v.tree().unwrap_err().code(), Code::CorruptLayer);
    let mut v = sample();
    v.put(META + 4 * 64 + 8, &(u64::MAX / 2).to_le_bytes());
    let e = v.tree().unwrap_err();
    assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_path_len")));
    let mut v = sample();
    v.put(META + 4 * 64 + 8, &0u64.to_le_bytes());
    v.refused("target is empty");
}

#[test]
fn refuses_attributes_that_are_cut_off_or_nameless() {
    let at = META + 8 * 64;
    let mut v = sample();
    v.put(at + 2, &3u16.to_le_bytes());
    v.refused("is cut off");
    let mut v = sample();
    v.put(at + 32 + 4, &[200]);
    v.refused("more than an inode has room for");
    let mut v = sample();
    v.put(at + 32 + 13, &[9]);
    v.refused("an unknown prefix");
    let mut v = sample();
    v.put(at + 32 + 12, &[0, 0]);
    v.refused("has no name");
}

#[test]
fn reads_shared_attributes() {
    let mut v = sample();
    v.put(1024 + 44, &40u32.to_le_bytes());
    v.put(40 * BLOCK + 12, b"\x01\x04\x02\x00thi");
    let at = META + 8 * 64;
    v.put(at + 32 + 4, &[1]);
    v.put(at + 32 + 12, &3u32.to_le_bytes());
    v.put(at + 32 + 16, b"\x01\x01\x01\x00kv\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let tree = v.tree().unwrap();
    let xattrs: Vec<_> = tree.entries.get(6).unwrap().xattrs.collect();
    assert_eq!(xattrs, [(&b"trusted.t"[..], &b"hi"[..]), (b"user.k", b"v")]);
}

#[test]
fn refuses_features_by_name() {
    for (bits, name) in [
        (0x2u32, "compression configurations"),
        (0x20 | 4, "fragments or deduplicated extents"),
        (0x80, "48-bit addresses"),
        (0x8000_0000, "the unknown features 0x80000000"),
    ] {
        let mut v = sample();
        v.put(1024 + 80, &bits.to_le_bytes());
        let e = v.open().unwrap_err();
        assert_eq!(e.code(), Code::Unsupported);
        assert_eq!(e.message(), format!("EROFS with {name} cannot be read"));
    }
    for (at, byte) in [(1024, 0), (1024 + 12, 8), (1024 + 12, 17)] {
        let mut v = sample();
        v.put(at, &[byte]);
        assert_eq!(v.open().unwrap_err().code(), Code::CorruptLayer);
    }
    assert_eq!(FileSystem::open(Bytes::new(), &Limits::default()).unwrap_err().code(), Code::CorruptLayer);
}

#[test]
fn entries_and_names_are_limited() {
    let limit = |limits: Limits| {
        let fs = FileSystem::open(Bytes::from(sample().bytes), &limits).unwrap();
        fs.tree().unwrap_err().limit_name()
    };
    assert_eq!(limit(Limits { max_entries: 6, ..Limits::default() }), Some("max_entries"));
    assert_eq!(limit(Limits { max_path_len: 2, ..Limits::default() }), Some("max_path_len"));
    assert_eq!(limit(Limits { max_name_bytes: 16, ..Limits::default() }), Some("max_name_bytes"));
    assert_eq!(limit(Limits { max_tar_header_size: 16, ..Limits::default() }), Some("max_tar_header_size"));
}

/// Any one byte of the metadata changed: an error, or another tree, and never a panic.
#[test]
fn no_byte_is_trusted() {
    let good = sample().bytes;
    for at in
        (1024..1152).chain(META..META + 10 * 64).chain(DATA as usize * BLOCK..(DATA as usize + 2) * BLOCK)
    {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            if let Ok(fs) = FileSystem::open(Bytes::from(bytes), &Limits::default()) {
                drop(fs.tree());
            }
        }
    }
}
