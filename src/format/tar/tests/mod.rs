//! Whole tars against other readers.

use super::*;
use crate::limits::Limits;
use test_support::demo;

mod compare;
mod oracle;
mod walk;

fn walk(tar: &[u8]) -> EntryTable {
    let mut w = TarWalker::new(&Limits::default());
    let used = w.push(tar).unwrap();
    assert!(used == tar.len() || w.is_done());
    w.finish(Some(tar.len() as u64)).unwrap()
}

/// A tar header block with a right checksum, in ustar or GNU form, and its content, padded.
fn member(change: impl FnOnce(&mut [u8; 512]), content: &[u8]) -> Vec<u8> {
    let mut h = [0; 512];
    h[..4].copy_from_slice(b"file");
    h[100..107].copy_from_slice(b"0000644");
    h[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    h[156] = b'0';
    h[257..265].copy_from_slice(b"ustar\x0000");
    change(&mut h);
    seal(&mut h);
    let mut out = h.to_vec();
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

/// Sets the checksum.
fn seal(h: &mut [u8; 512]) {
    h[148..156].fill(b' ');
    let sum: u32 = h.iter().map(|b| u32::from(*b)).sum();
    h[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

/// A PAX header (`x` or `g`) of these records.
fn pax(typeflag: u8, records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut content = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let len = (rest + 1..).find(|n| n.to_string().len() + rest == *n).unwrap();
        content.extend_from_slice(format!("{len} {key}=").as_bytes());
        content.extend_from_slice(value);
        content.push(b'\n');
    }
    member(|h| h[156] = typeflag, &content)
}

fn kind(name: &str) -> Kind {
    match name {
        "reg" => Kind::Regular,
        "hardlink" => Kind::HardLink,
        "symlink" => Kind::Symlink,
        "dir" => Kind::Directory,
        "char" => Kind::CharDevice,
        "block" => Kind::BlockDevice,
        "fifo" => Kind::Fifo,
        other => panic!("{other}"),
    }
}

/// Compares an entry with the fixture's line, field by field.
pub(crate) fn assert_entry(e: &Entry<'_>, want: &demo::Expected) {
    let name = e.name.escape_ascii().to_string();
    // The fixture's maker (Python's tarfile) takes the `/` off a directory's name.
    let stripped = e.name.strip_suffix(b"/").filter(|_| e.kind == Kind::Directory);
    assert_eq!(stripped.unwrap_or(e.name), want.bytes("name"));
    assert_eq!(e.kind, kind(want.0["type"].as_str().unwrap()), "{name}");
    assert_eq!(e.size, want.number("size"), "{name}");
    assert_eq!(u64::from(e.mode), want.number("mode"), "{name}");
    assert_eq!((e.uid, e.gid), (want.number("uid"), want.number("gid")), "{name}");
    assert_eq!((e.uname, e.gname), (&*want.bytes("uname"), &*want.bytes("gname")), "{name}");
    let mtime = e.mtime.unwrap();
    assert_eq!(i128::from(mtime.secs) * 1_000_000_000 + i128::from(mtime.nanos), want.mtime_ns(), "{name}");
    assert_eq!(e.link_name, want.bytes("linkname"), "{name}");
    assert_eq!((e.dev_major, e.dev_minor), (want.number("devmajor"), want.number("devminor")), "{name}");
    assert_eq!((e.header_offset, e.offset), (want.number("header_offset"), want.number("offset")), "{name}");
    let xattrs: Vec<_> = e.xattrs.map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
    assert_eq!(xattrs, want.xattrs(), "{name}");
}

#[test]
fn fixture_layers_read_as_another_reader_read_them() {
    let mut total = 0;
    for layer in demo::layer_digests() {
        let table = walk(&demo::tar(&layer));
        let want = demo::expected(&layer);
        assert_eq!(table.len(), want.len(), "{layer}");
        for (e, want) in table.iter().zip(&want) {
            assert_entry(&e, want);
        }
        total += want.len();
    }
    assert_eq!(total, 3193);
}
