//! ext4 file systems that e2fsprogs made, against the trees that they were made of; and damaged ones.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use bytes::Bytes;
use ocipeek::error::{Code, Error};
use ocipeek::format::ext4::{Asked, Disk, Ext4, ROOT, Stop, Tree};
use ocipeek::format::oci::Digest;
use ocipeek::format::tar::Kind;
use ocipeek::format::zstd::ZstdDecoder;
use ocipeek::limits::Limits;
use serde_json::Value;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ext4").join(name)).unwrap()
}

/// One of the images.
pub fn image(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = ZstdDecoder::new(&Limits::default());
    decoder
        .push(&fixture(&format!("{name}.img.zst")), &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    decoder.finish().unwrap();
    out
}

/// Sets a limit.
pub type Set = fn(&mut Limits);

fn done<T>(asked: Asked<T>) -> Result<T, Error> {
    match asked {
        Ok(answer) => Ok(answer),
        Err(Stop::Failed(e)) => Err(e),
        Err(Stop::Missing) => panic!("missing, of a disk that is all here"),
    }
}

/// All entries, and the contents of those that are files.
fn read(disk: &dyn Disk, limits: &Limits) -> Result<(Tree, BTreeMap<usize, Vec<u8>>), Error> {
    let fs = done(Ext4::open(disk, limits))?;
    let tree = done(fs.tree(disk))?;
    let mut contents = BTreeMap::new();
    for (i, entry) in tree.entries.iter().enumerate().filter(|(_, e)| e.kind == Kind::Regular) {
        let inode = done(fs.inode(disk, tree.inodes[i]))?;
        // A size is only a claim.
        contents.insert(i, done(fs.content(disk, &inode, 0..entry.size.min(4 << 20)))?);
    }
    Ok((tree, contents))
}

#[test]
fn trees_are_as_they_were_made() {
    let expected: Value = serde_json::from_slice(&fixture("expected.json")).unwrap();
    for name in ["kernel-like", "small-blocks"] {
        let disk = Bytes::from(image(name));
        let (tree, contents) = read(&disk, &Limits::default()).unwrap();
        let mut want = expected.as_object().unwrap().clone();
        let mut many = HashSet::new();
        for (i, entry) in tree.entries.iter().enumerate().skip(1) {
            let path: String = entry.name.iter().map(|&b| char::from(b)).collect();
            if let Some(file) = path.strip_prefix("many/") {
                many.insert(file.to_owned());
                continue;
            }
            if path == "lost+found" {
                continue;
            }
            let want = want.remove(&path).unwrap_or_else(|| panic!("{name}: {path} is not expected"));
            let first = match entry.kind {
                Kind::HardLink => tree.entries.iter().position(|e| e.name == entry.link_name).unwrap(),
                _ => i,
            };
            let entry = tree.entries.get(first).unwrap();
            let hex = |v: &[u8]| v.iter().map(|b| format!("{b:02x}")).collect::<String>();
            let xattrs: BTreeMap<_, _> =
                entry.xattrs.map(|(n, v)| (String::from_utf8_lossy(n).into_owned(), hex(v))).collect();
            let mut have = serde_json::json!({
                "type": match entry.kind {
                    Kind::Regular | Kind::HardLink => "reg",
                    Kind::Symlink => "symlink",
                    Kind::Directory => "dir",
                    Kind::CharDevice => "char",
                    Kind::BlockDevice => "block",
                    Kind::Fifo => "fifo",
                },
                "mode": entry.mode, "uid": entry.uid, "gid": entry.gid, "mtime": entry.mtime.unwrap().secs,
            });
            let mut add =
                |key: &str, value: Value| drop(have.as_object_mut().unwrap().insert(key.into(), value));
            if !xattrs.is_empty() {
                add("xattrs_hex", serde_json::to_value(xattrs).unwrap());
            }
            if let Some(data) = contents.get(&first) {
                assert_eq!(data.len() as u64, entry.size, "{path}");
                add("size", entry.size.into());
                add("sha256", Digest::of(data).to_string()["sha256:".len()..].into());
            }
            if !entry.link_name.is_empty() {
                add("link", String::from_utf8_lossy(entry.link_name).into());
            }
            if matches!(entry.kind, Kind::CharDevice | Kind::BlockDevice) {
                add("dev", vec![entry.dev_major, entry.dev_minor].into());
            }
            if entry.kind != Kind::Directory {
                let fs = done(Ext4::open(&disk, &Limits::default())).unwrap();
                add("nlink", done(fs.inode(&disk, tree.inodes[first])).unwrap().nlink.into());
            }
            // debugfs set these: a time after 2106 with nanoseconds, and one before 1970.
            let time = |secs: i64| Value::from(secs);
            let mut want = want.clone();
            let nanos = entry.mtime.unwrap().nanos;
            match (name, path.as_str()) {
                ("kernel-like", "owned") => {
                    want["mtime"] = time(1_700_000_000 + (1 << 32));
                    assert_eq!(nanos, 123_456_789);
                }
                ("kernel-like", "x/acl") => want["mtime"] = time(-(1 << 31)),
                _ => assert_eq!(nanos, 0, "{path}"),
            }
            assert_eq!(have, want, "{name}: {path}");
        }
        assert!(want.is_empty(), "{name}: {:?}", want.keys());
        let all: HashSet<_> = (0..1200).map(|i| format!("a-name-of-some-length-{i:05}")).collect();
        assert!(many == all, "{name}: {} of {}", many.len(), all.len());
    }
}

/// A disk that has nothing, until it is asked for it: notes what is missing.
struct Remote {
    data: Bytes,
    here: std::cell::RefCell<HashSet<(u64, usize)>>,
    missing: std::cell::RefCell<HashSet<(u64, usize)>>,
}

impl Disk for Remote {
    fn read(&self, offset: u64, len: usize) -> Asked<Bytes> {
        if !self.here.borrow().contains(&(offset, len)) {
            self.missing.borrow_mut().insert((offset, len));
            return Err(Stop::Missing);
        }
        self.data.read(offset, len)
    }

    fn size(&self) -> u64 {
        self.data.len() as u64
    }
}

impl Remote {
    /// The answer, and in how many rounds it came.
    fn ask<T>(&self, ask: impl Fn() -> Asked<T>) -> (T, usize) {
        for round in 0.. {
            match ask() {
                Ok(answer) => return (answer, round),
                Err(Stop::Failed(e)) => panic!("{e}"),
                Err(Stop::Missing) => {
                    let missing = self.missing.take();
                    assert!(!missing.is_empty(), "nothing is missing");
                    self.here.borrow_mut().extend(missing);
                }
            }
        }
        unreachable!()
    }
}

#[test]
fn what_is_missing_is_told_at_once() {
    let limits = Limits::default();
    let disk =
        Remote { data: image("small-blocks").into(), here: Default::default(), missing: Default::default() };
    let (fs, rounds) = disk.ask(|| Ext4::open(&disk, &limits));
    assert_eq!(rounds, 1);
    // A group's descriptor, the inode.
    let (root, rounds) = disk.ask(|| fs.inode(&disk, ROOT));
    assert_eq!(rounds, 2);
    let (many, rounds) = disk.ask(|| fs.lookup(&disk, &root, b"many"));
    assert_eq!(rounds, 1);
    let (many, _) = disk.ask(|| fs.inode(&disk, many.unwrap()));
    // All 54 blocks of the directory together.
    let (names, rounds) = disk.ask(|| fs.names(&disk, &many));
    assert_eq!((names.len(), rounds), (1200, 1));
    assert_eq!(disk.ask(|| fs.lookup(&disk, &many, b"a-name-of-some-length-00077")).1, 0);
    assert_eq!(disk.ask(|| fs.lookup(&disk, &many, b"a-name")).0, None);
    // An extent tree of two levels below the inode.
    let mut inode = root;
    for name in ["dir", "sub", "sub", "fragments"] {
        let number = disk.ask(|| fs.lookup(&disk, &inode, name.as_bytes())).0.unwrap();
        inode = disk.ask(|| fs.inode(&disk, number)).0;
    }
    let (runs, rounds) = disk.ask(|| fs.runs(&disk, &inode, 0..inode.size));
    // Some are split around the tree's own blocks.
    assert_eq!((runs.len(), rounds), (805, 2));
    assert_eq!(disk.ask(|| fs.runs(&disk, &inode, 1_000_000..1_000_001)).1, 0);
    let (content, rounds) = disk.ask(|| fs.content(&disk, &inode, 8_190..20_000));
    assert_eq!(rounds, 1);
    let byte = |at: usize| if at / 4096 % 2 == 1 { (at / 8192 + 1) as u8 } else { 0 };
    assert!(content.iter().copied().eq((8_190..20_000).map(byte)));
}

/// The error of a changed tiny image.
fn changed(change: impl Fn(&mut Vec<u8>)) -> Result<Tree, Error> {
    let mut disk = image("tiny");
    change(&mut disk);
    read(&Bytes::from(disk), &Limits::default()).map(|all| all.0)
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let feature = |bit: u32| {
        move |disk: &mut Vec<u8>| {
            let old = u32::from_le_bytes(disk[1120..1124].try_into().unwrap());
            disk[1120..1124].copy_from_slice(&(old | bit).to_le_bytes());
        }
    };
    for (bit, name) in [(0x1, "compression"), (0x10, "meta_bg"), (0x400, "ea_inode"), (0x8000, "inline_data")]
    {
        let e = changed(feature(bit)).unwrap_err();
        assert!(e.code() == Code::Unsupported && e.message().contains(name), "{e}");
    }
    let e = changed(feature(0x4)).unwrap_err();
    assert!(e.code() == Code::Unsupported && e.message().contains("journal"), "{e}");
    let e = changed(feature(1 << 31)).unwrap_err();
    assert!(e.code() == Code::Unsupported && e.message().contains("0x80000000"), "{e}");
    for (at, magic, name) in
        [(0, &b"XFSB"[..], "XFS"), (3, b"NTFS    ", "NTFS"), (1024, &0xe0f5_e1e2_u32.to_le_bytes(), "EROFS")]
    {
        let e = changed(|disk| {
            disk[1024 + 56] = 0;
            disk[at..at + magic.len()].copy_from_slice(magic);
        })
        .unwrap_err();
        assert!(e.code() == Code::Unsupported && e.message().contains(name), "{e}");
    }
    let e = changed(|disk| disk.truncate(1500)).unwrap_err();
    assert_eq!(e.code(), Code::CorruptLayer);
}

/// Where inode `number` of the tiny image is.
fn inode_at(disk: &[u8], number: usize) -> usize {
    let table = u32::from_le_bytes(disk[2048 + 8..2048 + 12].try_into().unwrap()) as usize;
    table * 1024 + (number - 1) * 128
}

fn inode_of(tree: &Tree, path: &[u8]) -> usize {
    tree.inodes[tree.entries.iter().position(|e| e.name == path).unwrap()] as usize
}

#[test]
fn hostile_structures_are_errors() {
    let tree = changed(|_| {}).unwrap();
    let message = |change: &dyn Fn(&mut Vec<u8>)| {
        let e = changed(change).unwrap_err();
        assert_eq!(e.code(), Code::CorruptLayer, "{e}");
        e.message().to_owned()
    };
    let put = |disk: &mut Vec<u8>, at: usize, bytes: &[u8]| disk[at..at + bytes.len()].copy_from_slice(bytes);
    let find = |disk: &[u8], what: &[u8]| disk.windows(what.len()).position(|w| w == what).unwrap();
    let dir = inode_of(&tree, b"dir");
    // A directory in itself: the record of dir/sub, whose inode is four bytes in front of the name's header.
    let text = message(&|disk| {
        let at = find(disk, b"sub\0") - 8;
        put(disk, at, &(dir as u32).to_le_bytes());
    });
    assert!(text.contains("in two, or in itself"), "{text}");
    // Names.
    for name in [&b"s/b"[..], b"s\0b"] {
        let text = message(&|disk| {
            let at = find(disk, b"sub\0");
            put(disk, at, name);
        });
        assert!(text.contains("a name that cannot be"), "{text}");
    }
    // Records: too short, not aligned, past the block.
    for (at, bytes) in [(4, &[0, 0][..]), (4, &[7, 0]), (4, &[0xfc, 0xff])] {
        let text = message(&|disk| {
            let start = find(disk, b"sub\0") - 8;
            put(disk, start + at, bytes);
        });
        assert!(text.contains("a record that cannot be"), "{text}");
    }
    let text = message(&|disk| {
        let at = find(disk, b"sub\0") - 8;
        put(disk, at, &49_u32.to_le_bytes());
    });
    assert!(text.contains("leads to inode 49"), "{text}");
    // Extent trees.
    let node = |disk: &[u8]| inode_at(disk, dir) + 40;
    for (at, bytes, part) in [
        (0, &[0, 0][..], "a node of an extent tree is none"),
        (2, &[5, 0], "a node of an extent tree is none"),
        (6, &[1, 0], "refers to block"),
        (6, &[6, 0], "6 deep"),
        (18, &[1, 0, 0, 0, 0, 0], "refers to block"),
        (20, &[0, 0, 0, 0], "refers to block 0 of 64"),
        (20, &[64, 0, 0, 0], "refers to block 64 of 64"),
        (16, &[0, 0x80], "refers to block"),
    ] {
        let text = message(&|disk| {
            let at = node(disk) + at;
            put(disk, at, bytes);
        });
        assert!(text.contains(part), "{text}");
    }
    // An inner node that is its own child: each level says how deep it is, so it is not what it must be.
    let text = message(&|disk| {
        let at = node(disk);
        let block = u32::from_le_bytes(disk[at + 20..at + 24].try_into().unwrap());
        put(disk, at + 6, &[2, 0]);
        put(disk, at + 16, &block.to_le_bytes());
        put(disk, at + 20, &[0, 0, 0, 0]);
        let child = block as usize * 1024;
        put(disk, child, &[0x0a, 0xf3, 1, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        put(disk, child + 16, &block.to_le_bytes());
        put(disk, child + 20, &[0, 0, 0, 0]);
    });
    assert!(text.contains("a node of an extent tree is none"), "{text}");
    // A file of 2^63 bytes.
    let text = message(&|disk| {
        let at = inode_at(disk, inode_of(&tree, b"dir/size-1"));
        disk[at + 111] = 0x80;
    });
    assert!(text.contains("more bytes than a file can have"), "{text}");
    // A group whose inodes are nowhere.
    let text = message(&|disk| put(disk, 2048 + 8, &[255, 255, 0, 0]));
    assert!(text.contains("refers to block 65535"), "{text}");
}

#[test]
fn limits_come_first() {
    let disk = Bytes::from(image("tiny"));
    let set: [(&str, Set); 5] = [
        ("max_directory_size", |l| l.max_directory_size = 1023),
        // Two directories of a block each.
        ("max_metadata_size", |l| l.max_metadata_size = 2047),
        ("max_disk_size", |l| l.max_disk_size = (64 << 10) - 1),
        ("max_path_len", |l| l.max_path_len = 100),
        ("max_entries", |l| l.max_entries = 5),
    ];
    for (name, set) in set {
        let mut limits = Limits::default();
        set(&mut limits);
        let e = read(&disk, &limits).unwrap_err();
        assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some(name)));
    }
    // A directory that claims to be far larger than the disk costs nothing.
    let e = changed(|disk| {
        let at = inode_at(disk, ROOT as usize);
        disk[at + 4..at + 8].copy_from_slice(&[0xff; 4]);
    });
    assert_eq!(e.unwrap_err().limit_name(), Some("max_directory_size"));
}

/// Each byte of the tiny image, changed: an answer or an error, and never more than the disk can hold.
#[test]
fn any_byte_may_be_anything() {
    let good = image("tiny");
    let mut limits = Limits::default();
    limits.max_directory_size = 1 << 20;
    let (mut errors, mut state) = (0, 1_u32);
    for at in (0..good.len()).filter(|&at| good[at] != 0 || at % 41 == 0) {
        let mut disk = good.clone();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        disk[at] ^= ((state >> 24) as u8).max(1);
        errors += usize::from(read(&Bytes::from(disk), &limits).is_err());
    }
    assert!(errors > 100, "{errors}");
}
