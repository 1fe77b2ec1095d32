//! Makes tars, gzip layers with checkpoints, and zTOCs of them, honest or not.

use ocipeek::format::oci::Digest;

/// A file for a tar.
#[derive(Clone)]
pub struct File {
    pub name: String,
    pub data: Vec<u8>,
}

pub fn file(name: &str, data: impl Into<Vec<u8>>) -> File {
    File { name: name.to_owned(), data: data.into() }
}

/// Bytes that hardly compress, the same for the same seed.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..len.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(len).collect()
}

/// An entry of a zTOC, as the builder tells it.
#[derive(Clone, Debug)]
pub struct Told {
    pub name: String,
    pub kind: &'static str,
    pub offset: i64,
    pub size: i64,
    pub link: String,
    pub mode: i64,
    /// PAX records, which the format calls xattrs.
    pub records: Vec<(String, String)>,
}

/// A ustar of regular files (a name with `->` is a hard link: `name->target`), and what a zTOC says of it.
pub fn tar(files: &[File]) -> (Vec<u8>, Vec<Told>) {
    let (mut out, mut told) = (Vec::new(), Vec::new());
    for f in files {
        let (name, link) = f.name.split_once("->").unwrap_or((&f.name, ""));
        let hard = !link.is_empty();
        let mut h = [0u8; 512];
        h[..name.len()].copy_from_slice(name.as_bytes());
        h[100..108].copy_from_slice(b"0000644\0");
        h[108..116].copy_from_slice(b"0000000\0");
        h[116..124].copy_from_slice(b"0000000\0");
        h[124..136].copy_from_slice(format!("{:011o}\0", f.data.len()).as_bytes());
        h[136..148].copy_from_slice(b"14000000000\0");
        h[148..156].copy_from_slice(b"        ");
        h[156] = if hard { b'1' } else { b'0' };
        h[157..157 + link.len()].copy_from_slice(link.as_bytes());
        h[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = h.iter().map(|&b| u32::from(b)).sum();
        h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&h);
        told.push(Told {
            name: name.to_owned(),
            kind: if hard { "hardlink" } else { "reg" },
            offset: out.len() as i64,
            size: f.data.len() as i64,
            link: link.to_owned(),
            mode: 0o644,
            records: Vec::new(),
        });
        out.extend_from_slice(&f.data);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    (out, told)
}

/// A place to start: `in`, `out`. Byte-aligned, as full flushes are.
#[derive(Clone, Debug)]
pub struct Point {
    pub input: i64,
    pub output: i64,
    pub window: Vec<u8>,
}

/// Compresses with C zlib, a full flush every `span` bytes. `name` makes the header longer than ten bytes.
pub fn gzip(data: &[u8], span: usize, name: Option<&str>) -> (Vec<u8>, Vec<Point>) {
    let mut out = vec![0x1F, 0x8B, 8, if name.is_some() { 8 } else { 0 }, 0, 0, 0, 0, 0, 255];
    if let Some(name) = name {
        out.extend_from_slice(name.as_bytes());
        out.push(0);
    }
    let mut deflate = flate2::Compress::new(flate2::Compression::new(6), false);
    let mut points = Vec::new();
    let pieces: Vec<&[u8]> = data.chunks(span).collect();
    for (i, piece) in pieces.iter().enumerate() {
        let at = i * span;
        let mut window = vec![0u8; 32768_usize.saturating_sub(at)];
        window.extend_from_slice(&data[at.saturating_sub(32768)..at]);
        points.push(Point { input: out.len() as i64, output: at as i64, window });
        let last = i + 1 == pieces.len();
        let flush = if last { flate2::FlushCompress::Finish } else { flate2::FlushCompress::Full };
        let before = deflate.total_in();
        out.reserve(piece.len() + piece.len() / 100 + 1024);
        deflate.compress_vec(piece, &mut out, flush).unwrap();
        assert_eq!(deflate.total_in() - before, piece.len() as u64);
    }
    let mut crc = flate2::Crc::new();
    crc.update(data);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&(data.len() as u32).to_le_bytes());
    (out, points)
}

/// What goes into a zTOC; change it to lie.
#[derive(Clone)]
pub struct Spec {
    pub told: Vec<Told>,
    pub compressed: i64,
    pub uncompressed: i64,
    pub span_size: i64,
    /// Gzip; empty for a plain tar.
    pub points: Vec<Point>,
    /// Leave out the first checkpoint.
    pub v1: bool,
    pub digests: Vec<String>,
}

impl Spec {
    pub fn gzip(told: Vec<Told>, tar_len: usize, layer: &[u8], points: Vec<Point>, v1: bool) -> Spec {
        let start = |i: usize| match (i, v1) {
            (0, true) => 10,
            _ => points.get(i).map_or(layer.len(), |p| p.input as usize),
        };
        let digests =
            (0..points.len()).map(|i| Digest::of(&layer[start(i)..start(i + 1)]).to_string()).collect();
        Spec {
            told,
            compressed: layer.len() as i64,
            uncompressed: tar_len as i64,
            span_size: 1 << 17,
            points,
            v1,
            digests,
        }
    }

    pub fn tar(told: Vec<Told>, layer: &[u8], span: usize) -> Spec {
        Spec {
            told,
            compressed: layer.len() as i64,
            uncompressed: layer.len() as i64,
            span_size: span as i64,
            points: Vec::new(),
            v1: false,
            digests: layer.chunks(span).map(|c| Digest::of(c).to_string()).collect(),
        }
    }

    /// The FlatBuffer.
    pub fn build(&self) -> Vec<u8> {
        let mut b = Flat::new();
        let root = b.table(&[O, O, I64(self.compressed), I64(self.uncompressed), O, O]);
        b.link_root(root.at);
        b.bytes(root.fields[0], b"0.9");
        b.bytes(root.fields[1], b"test");
        let toc = b.child(root.fields[4], &[O]);
        let files = b.vector(toc.fields[0], self.told.len());
        for (slot, t) in files.into_iter().zip(&self.told) {
            let f = b.child(
                slot,
                &[
                    O,
                    O,
                    I64(t.offset),
                    I64(t.size),
                    O,
                    I64(t.mode),
                    U32(0),
                    U32(0),
                    O,
                    O,
                    O,
                    I64(0),
                    I64(0),
                    O,
                ],
            );
            b.bytes(f.fields[0], t.name.as_bytes());
            b.bytes(f.fields[1], t.kind.as_bytes());
            b.bytes(f.fields[4], t.link.as_bytes());
            b.bytes(f.fields[8], b"");
            b.bytes(f.fields[9], b"");
            b.bytes(f.fields[10], b"2021-01-14T08:25:36Z".as_slice());
            for (slot, (key, value)) in b.vector(f.fields[13], t.records.len()).into_iter().zip(&t.records) {
                let record = b.child(slot, &[O, O]);
                b.bytes(record.fields[0], key.as_bytes());
                b.bytes(record.fields[1], value.as_bytes());
            }
        }
        let algorithm = if self.points.is_empty() { 2 } else { 1 };
        let info = b.child(root.fields[5], &[I8(algorithm), I32(self.digests.len() as i32 - 1), O, O]);
        let digests = b.vector(info.fields[2], self.digests.len());
        for (slot, digest) in digests.into_iter().zip(&self.digests) {
            b.bytes(slot, digest.as_bytes());
        }
        b.bytes(info.fields[3], &self.checkpoints());
        b.0
    }

    fn checkpoints(&self) -> Vec<u8> {
        if self.points.is_empty() {
            let mut b = Flat::new();
            let root = b.table(&[I32(2), I64(self.span_size), I64(self.compressed)]);
            b.link_root(root.at);
            return b.0;
        }
        let mut out = (self.points.len() as i32).to_le_bytes().to_vec();
        out.extend_from_slice(&self.span_size.to_le_bytes());
        for p in self.points.iter().skip(usize::from(self.v1)) {
            out.extend_from_slice(&p.input.to_le_bytes());
            out.extend_from_slice(&p.output.to_le_bytes());
            out.push(0);
            out.extend_from_slice(&p.window);
        }
        out
    }
}

/// A writer of FlatBuffers, parents before children.
struct Flat(Vec<u8>);

enum Slot {
    I8(i8),
    I32(i32),
    U32(u32),
    I64(i64),
    /// An offset, filled in later.
    O,
}
use Slot::*;

struct Table {
    at: usize,
    fields: Vec<usize>,
}

impl Flat {
    fn new() -> Flat {
        Flat(vec![0; 4])
    }

    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn link(&mut self, slot: usize, target: usize) {
        self.0[slot..slot + 4].copy_from_slice(&((target - slot) as u32).to_le_bytes());
    }

    fn link_root(&mut self, target: usize) {
        self.link(0, target);
    }

    fn table(&mut self, slots: &[Slot]) -> Table {
        // Fields of eight bytes first, at 8; the rest behind.
        let size = |s: &Slot| match s {
            I8(_) => 1,
            I32(_) | U32(_) | O => 4,
            I64(_) => 8,
        };
        let mut at = 4usize;
        let offsets: Vec<usize> = slots
            .iter()
            .map(|s| {
                at = at.next_multiple_of(size(s));
                at += size(s);
                at - size(s)
            })
            .collect();
        self.align(8);
        let vtable = self.0.len();
        let vtable_len = 4 + 2 * slots.len();
        self.0.extend_from_slice(&(vtable_len as u16).to_le_bytes());
        self.0.extend_from_slice(&(at as u16).to_le_bytes());
        for o in &offsets {
            self.0.extend_from_slice(&(*o as u16).to_le_bytes());
        }
        self.align(8);
        let table = self.0.len();
        self.0.resize(table + at, 0);
        self.0[table..table + 4].copy_from_slice(&((table - vtable) as i32).to_le_bytes());
        for (slot, offset) in slots.iter().zip(&offsets) {
            let field = &mut self.0[table + offset..];
            match slot {
                I8(v) => field[..1].copy_from_slice(&v.to_le_bytes()),
                I32(v) => field[..4].copy_from_slice(&v.to_le_bytes()),
                U32(v) => field[..4].copy_from_slice(&v.to_le_bytes()),
                I64(v) => field[..8].copy_from_slice(&v.to_le_bytes()),
                O => {}
            }
        }
        Table { at: table, fields: offsets.into_iter().map(|o| table + o).collect() }
    }

    fn child(&mut self, slot: usize, slots: &[Slot]) -> Table {
        let table = self.table(slots);
        self.link(slot, table.at);
        table
    }

    fn bytes(&mut self, slot: usize, data: &[u8]) {
        self.align(4);
        let at = self.0.len();
        self.link(slot, at);
        self.0.extend_from_slice(&(data.len() as u32).to_le_bytes());
        self.0.extend_from_slice(data);
        self.0.push(0);
    }

    /// A vector of offsets; gives its slots.
    fn vector(&mut self, slot: usize, len: usize) -> Vec<usize> {
        self.align(4);
        let at = self.0.len();
        self.link(slot, at);
        self.0.extend_from_slice(&(len as u32).to_le_bytes());
        self.0.resize(at + 4 + 4 * len, 0);
        (0..len).map(|i| at + 4 + 4 * i).collect()
    }
}
