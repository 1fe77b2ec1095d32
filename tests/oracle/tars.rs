//! Makes tars in each format.

use ocipeek::format::tar::Kind;
use proptest::prelude::*;

/// How what ustar has no room for is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Gnu,
    Pax,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: Vec<u8>,
    pub kind: Kind,
    pub data: Vec<u8>,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub uname: Vec<u8>,
    pub gname: Vec<u8>,
    /// Seconds and nanoseconds.
    pub mtime: (i64, u32),
    pub link: Vec<u8>,
    pub dev: (u64, u64),
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A tar, and where each entry's content begins.
pub struct Tar {
    pub bytes: Vec<u8>,
    pub offsets: Vec<u64>,
    /// Offset of the block that GNU tar says an entry is at: its header, or that of its long names.
    pub listed: Vec<u64>,
    /// Behind the first two zero blocks of its end.
    pub end: u64,
}

/// Writes a tar that ends with `zeros` blocks of zeros, at least two.
pub fn tar(files: &[(Format, File)], zeros: usize) -> Tar {
    let (mut bytes, mut offsets, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    for (format, file) in files {
        let start = bytes.len() as u64;
        match format {
            Format::Gnu => gnu(&mut bytes, file),
            Format::Pax => pax(&mut bytes, file),
        }
        listed.push(if *format == Format::Gnu { start } else { bytes.len() as u64 - 512 });
        offsets.push(bytes.len() as u64);
        content(&mut bytes, &file.data);
    }
    let end = bytes.len() as u64 + 1024;
    bytes.resize(bytes.len() + 512 * zeros.max(2), 0);
    Tar { bytes, offsets, listed, end }
}

fn content(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(512), 0);
}

fn gnu(out: &mut Vec<u8>, file: &File) {
    for (kind, long) in [(b'K', &file.link), (b'L', &file.name)] {
        if long.len() > 100 {
            let text = [&long[..], b"\0"].concat();
            out.extend(header(b"././@LongLink", kind, text.len() as u64, &File::default(), b"ustar  \0"));
            content(out, &text);
        }
    }
    out.extend(header(&file.name, typeflag(file.kind), file.data.len() as u64, file, b"ustar  \0"));
}

fn pax(out: &mut Vec<u8>, file: &File) {
    let mut short = file.clone();
    let mut records = Vec::<(Vec<u8>, Vec<u8>)>::new();
    let mut text = |key: &[u8], value: &mut Vec<u8>, room: usize| {
        if value.len() > room || !value.is_ascii() {
            records.push((key.to_vec(), std::mem::take(value)));
        }
    };
    text(b"path", &mut short.name, 100);
    text(b"linkpath", &mut short.link, 100);
    text(b"uname", &mut short.uname, 31);
    text(b"gname", &mut short.gname, 31);
    for (key, id) in [("uid", &mut short.uid), ("gid", &mut short.gid)] {
        if *id > 0o7_777_777 {
            records.push((key.into(), id.to_string().into()));
            *id = 0;
        }
    }
    let (secs, nanos) = file.mtime;
    if nanos != 0 || !(0..1 << 33).contains(&secs) {
        let total = i128::from(secs) * 1_000_000_000 + i128::from(nanos);
        let (sign, whole, part) =
            (if total < 0 { "-" } else { "" }, total.abs() / 1_000_000_000, total.abs() % 1_000_000_000);
        let value = if nanos == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:09}") };
        records.push((b"mtime".to_vec(), value.into()));
        short.mtime = (0, 0);
    }
    for (name, value) in &file.xattrs {
        records.push(([b"SCHILY.xattr.", &name[..]].concat(), value.clone()));
    }
    if !records.is_empty() {
        let data: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        out.extend(header(b"PaxHeaders/x", b'x', data.len() as u64, &File::default(), b"ustar\x0000"));
        content(out, &data);
    }
    out.extend(header(&short.name, typeflag(file.kind), file.data.len() as u64, &short, b"ustar\x0000"));
}

/// `LENGTH KEY=VALUE\n`; the length counts itself.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while rest + len.to_string().len() != len {
        len = rest + len.to_string().len();
    }
    [format!("{len} ").as_bytes(), key, b"=", value, b"\n"].concat()
}

fn typeflag(kind: Kind) -> u8 {
    match kind {
        Kind::Regular => b'0',
        Kind::HardLink => b'1',
        Kind::Symlink => b'2',
        Kind::CharDevice => b'3',
        Kind::BlockDevice => b'4',
        Kind::Directory => b'5',
        Kind::Fifo => b'6',
    }
}

fn header(name: &[u8], typeflag: u8, size: u64, file: &File, magic: &[u8; 8]) -> Vec<u8> {
    let mut h = vec![0; 512];
    let mut put = |at: usize, room: usize, text: &[u8]| {
        let n = text.len().min(room);
        h[at..at + n].copy_from_slice(&text[..n]);
    };
    put(0, 100, name);
    put(100, 8, &number(i128::from(file.mode), 8));
    put(108, 8, &number(i128::from(file.uid), 8));
    put(116, 8, &number(i128::from(file.gid), 8));
    put(124, 12, &number(i128::from(size), 12));
    put(136, 12, &number(i128::from(file.mtime.0), 12));
    put(156, 1, &[typeflag]);
    put(157, 100, &file.link);
    put(257, 8, magic);
    put(265, 31, &file.uname);
    put(297, 31, &file.gname);
    if matches!(file.kind, Kind::CharDevice | Kind::BlockDevice) {
        put(329, 8, &number(i128::from(file.dev.0), 8));
        put(337, 8, &number(i128::from(file.dev.1), 8));
    }
    put(148, 8, b"        ");
    let sum: u32 = h.iter().map(|&b| u32::from(b)).sum();
    h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    h
}

/// Octal where it fits, else GNU's base 256.
fn number(value: i128, room: usize) -> Vec<u8> {
    if (0..1 << (3 * (room - 1))).contains(&value) {
        return format!("{value:0width$o}\0", width = room - 1).into_bytes();
    }
    let mut bytes = value.to_be_bytes()[16 - room..].to_vec();
    bytes[0] = if value < 0 { 0xFF } else { 0x80 };
    bytes
}

impl Default for File {
    fn default() -> Self {
        File {
            name: b"a".to_vec(),
            kind: Kind::Regular,
            data: Vec::new(),
            mode: 0o644,
            uid: 0,
            gid: 0,
            uname: Vec::new(),
            gname: Vec::new(),
            mtime: (0, 0),
            link: Vec::new(),
            dev: (0, 0),
            xattrs: Vec::new(),
        }
    }
}

/// Entries that both formats can tell in full, with content that compresses in part.
pub fn any_files(most: usize, most_data: usize) -> impl Strategy<Value = Vec<(Format, File)>> {
    let name = prop_oneof![
        4 => "[a-z.\u{e9}]{1,12}(/[a-z]{1,9}){0,3}",
        1 => "[a-z]{90,110}",
        1 => "[a-z]{1,90}/[a-z]{1,99}",
        1 => "([a-z]{1,60}/){4,9}[a-z\u{e9}]{1,200}",
    ]
    .prop_map(String::into_bytes);
    let kind = prop::sample::select(&[
        Kind::Regular,
        Kind::Regular,
        Kind::Regular,
        Kind::HardLink,
        Kind::Symlink,
        Kind::Directory,
        Kind::CharDevice,
        Kind::BlockDevice,
        Kind::Fifo,
    ]);
    let format = prop::sample::select(&[Format::Gnu, Format::Pax]);
    // A zTOC holds 32 bits of an id.
    let id = prop_oneof![Just(0u64), 1..70_000u64, 0o7_777_770..0o10_000_010u64, (1u64 << 31) - 9..1 << 31];
    let owner = "[a-z]{0,9}|[a-z\u{e9}]{9,15}";
    // From the year 880 to 3060: what GNU tar writes in four digits.
    let secs =
        prop_oneof![Just(0i64), 1_500_000_000..1_800_000_000i64, -100_000..0i64, -(1i64 << 35)..(1 << 35)];
    let nanos = prop_oneof![Just(0u32), 0..1_000_000_000u32, (0..1000u32).prop_map(|n| n * 1_000_000)];
    let dev = (prop_oneof![0..9u64, 0..0o7_777_777u64], prop_oneof![0..9u64, 0..0o7_777_777u64]);
    let xattr = ("user\\.[a-z]{1,9}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..60));
    let xattrs = prop::collection::btree_map(xattr.0, xattr.1, 0..3);
    let rest =
        (owner.prop_map(String::into_bytes), owner.prop_map(String::into_bytes), (secs, nanos), dev, xattrs);
    let file =
        (format, name.clone(), kind, any_data(most_data), 0..0o10_000u32, (id.clone(), id), name, rest);
    let file = file.prop_map(|(format, mut name, kind, data, mode, (uid, gid), link, rest)| {
        let (uname, gname, mtime, dev, xattrs) = rest;
        let (links, devices) = (
            matches!(kind, Kind::HardLink | Kind::Symlink),
            matches!(kind, Kind::CharDevice | Kind::BlockDevice),
        );
        if kind == Kind::Directory {
            name.push(b'/');
        }
        let pax = format == Format::Pax;
        let file = File {
            name,
            kind,
            data: if kind == Kind::Regular { data } else { Vec::new() },
            mode,
            uid,
            gid,
            uname,
            gname,
            mtime: (mtime.0, if pax { mtime.1 } else { 0 }),
            link: if links { link } else { Vec::new() },
            dev: if devices { dev } else { (0, 0) },
            xattrs: if pax { xattrs.into_iter().collect() } else { Vec::new() },
        };
        (format, file)
    });
    prop::collection::vec(file, 0..most)
}

/// Noise, letters, runs, and copies of what came before.
pub fn any_data(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = (0u8..4, any::<u64>(), 1..most.max(9) / 4);
    prop::collection::vec(piece, 0..4).prop_map(|pieces| {
        let mut out = Vec::<u8>::new();
        for (kind, seed, len) in pieces {
            match kind {
                0 => out.extend(noise(seed, len)),
                1 => out.extend(noise(seed, len).iter().map(|b| b % 11 + b'a')),
                2 => out.resize(out.len() + len, seed as u8),
                _ => {
                    let back = 1 + seed as usize % out.len().clamp(1, 33_000);
                    for _ in 0..len {
                        out.push(out.len().checked_sub(back).map_or(7, |i| out[i]));
                    }
                }
            }
        }
        out
    })
}

/// Repeatable noise.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}
