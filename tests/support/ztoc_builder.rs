//! Writes zTOCs for tests: right ones, and wrong ones on purpose. See src/ztoc/ztoc.fbs for the schema.
//!
//! Children are written behind their parents, equal vtables once, nothing is aligned (the reader does not
//! ask for it).

use std::collections::HashMap;

/// A table's field.
#[derive(Clone, Copy)]
pub enum Slot {
    Absent,
    I8(i8),
    I32(i32),
    U32(u32),
    I64(i64),
    /// An offset, to be set with [`Buffer::point`].
    Offset,
}

/// A FlatBuffers buffer that grows.
#[derive(Clone, Default)]
pub struct Buffer {
    pub bytes: Vec<u8>,
    vtables: HashMap<Vec<u16>, usize>,
}

impl Buffer {
    /// With room for the offset of the root table, at 0.
    pub fn new() -> Self {
        Buffer { bytes: vec![0; 4], vtables: HashMap::new() }
    }
    /// Sets the offset field at `field` to what stands at `target`.
    pub fn point(&mut self, field: usize, target: usize) {
        let offset = u32::try_from(target - field).unwrap();
        self.bytes[field..field + 4].copy_from_slice(&offset.to_le_bytes());
    }
    /// Writes a table; gives where it is and where each of its fields is.
    pub fn table(&mut self, slots: &[Slot]) -> (usize, Vec<usize>) {
        let mut vtable = vec![4 + 2 * slots.len() as u16, 0];
        let mut size = 4_u16;
        for slot in slots {
            let len = match slot {
                Slot::Absent => 0,
                Slot::I8(_) => 1,
                Slot::I64(_) => 8,
                _ => 4,
            };
            vtable.push(if len == 0 { 0 } else { size });
            size += len;
        }
        vtable[1] = size;
        let bytes = &mut self.bytes;
        let vtable_at = *self.vtables.entry(vtable.clone()).or_insert_with(|| {
            let at = bytes.len();
            bytes.extend(vtable.iter().flat_map(|n| n.to_le_bytes()));
            at
        });
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&i32::try_from(at - vtable_at).unwrap().to_le_bytes());
        let mut fields = Vec::new();
        for slot in slots {
            fields.push(self.bytes.len());
            match slot {
                Slot::Absent => {}
                Slot::I8(n) => self.bytes.extend_from_slice(&n.to_le_bytes()),
                Slot::I32(n) => self.bytes.extend_from_slice(&n.to_le_bytes()),
                Slot::U32(n) => self.bytes.extend_from_slice(&n.to_le_bytes()),
                Slot::I64(n) => self.bytes.extend_from_slice(&n.to_le_bytes()),
                Slot::Offset => self.bytes.extend_from_slice(&[0; 4]),
            }
        }
        (at, fields)
    }
    /// Writes a string behind the offset field at `field`.
    pub fn string(&mut self, field: usize, s: &[u8]) {
        let at = self.bytes.len();
        self.point(field, at);
        self.bytes.extend_from_slice(&(s.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(s);
        self.bytes.push(0);
    }
    /// Writes a vector of `len` offsets behind the offset field at `field`; gives where the first is.
    pub fn vector(&mut self, field: usize, len: usize) -> usize {
        let at = self.bytes.len();
        self.point(field, at);
        self.bytes.extend_from_slice(&(len as u32).to_le_bytes());
        self.bytes.resize(at + 4 + 4 * len, 0);
        at + 4
    }
}

/// One `FileMetadata`.
#[derive(Clone)]
pub struct File {
    pub name: Vec<u8>,
    pub kind: &'static str,
    pub offset: i64,
    pub size: i64,
    pub link_name: Vec<u8>,
    pub mode: i64,
    pub uid: u32,
    pub gid: u32,
    pub uname: &'static str,
    pub gname: &'static str,
    pub mtime: String,
    pub dev: (i64, i64),
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl File {
    /// A regular file.
    pub fn new(name: &str, offset: i64, size: i64) -> Self {
        File {
            name: name.into(),
            kind: "reg",
            offset,
            size,
            link_name: Vec::new(),
            mode: 0o100644,
            uid: 0,
            gid: 0,
            uname: "root",
            gname: "root",
            mtime: "2025-01-02T03:04:05Z".into(),
            dev: (0, 0),
            xattrs: Vec::new(),
        }
    }
    fn write(&self, b: &mut Buffer, field: usize) {
        let text = |s: &[u8]| if s.is_empty() { Slot::Absent } else { Slot::Offset };
        let strings: [(usize, &[u8]); 6] = [
            (0, &self.name),
            (1, self.kind.as_bytes()),
            (4, &self.link_name),
            (8, self.uname.as_bytes()),
            (9, self.gname.as_bytes()),
            (10, self.mtime.as_bytes()),
        ];
        let mut slots = [Slot::Absent; 14];
        for (i, s) in strings {
            slots[i] = text(s);
        }
        slots[2] = Slot::I64(self.offset);
        slots[3] = Slot::I64(self.size);
        slots[5] = Slot::I64(self.mode);
        slots[6] = Slot::U32(self.uid);
        slots[7] = Slot::U32(self.gid);
        if self.dev != (0, 0) {
            (slots[11], slots[12]) = (Slot::I64(self.dev.0), Slot::I64(self.dev.1));
        }
        if !self.xattrs.is_empty() {
            slots[13] = Slot::Offset;
        }
        let (at, fields) = b.table(&slots);
        b.point(field, at);
        for (i, s) in strings {
            if !s.is_empty() {
                b.string(fields[i], s);
            }
        }
        if !self.xattrs.is_empty() {
            let first = b.vector(fields[13], self.xattrs.len());
            for (i, (key, value)) in self.xattrs.iter().enumerate() {
                let (at, fields) = b.table(&[Slot::Offset, Slot::Offset]);
                b.point(first + 4 * i, at);
                b.string(fields[0], key);
                b.string(fields[1], value);
            }
        }
    }
}

/// A zTOC without its files.
#[derive(Clone)]
pub struct Ztoc {
    pub compressed: i64,
    pub uncompressed: i64,
    pub algorithm: Option<i8>,
    pub max_span_id: i32,
    pub digests: Vec<String>,
    pub checkpoints: Vec<u8>,
}

impl Ztoc {
    /// Of a gzip layer with the checkpoints `(in, out, bits)`.
    pub fn gzip(compressed: i64, uncompressed: i64, checkpoints: &[(i64, i64, u8)]) -> Self {
        Ztoc {
            compressed,
            uncompressed,
            algorithm: None,
            max_span_id: checkpoints.len() as i32 - 1,
            digests: (0..checkpoints.len()).map(digest).collect(),
            checkpoints: zinfo(checkpoints.len() as i32, 4096, checkpoints),
        }
    }
    /// Of a tar.
    pub fn tar(size: i64, span_size: i64) -> Self {
        let spans = (size + span_size - 1) / span_size;
        Ztoc {
            compressed: size,
            uncompressed: size,
            algorithm: Some(2),
            max_span_id: spans as i32 - 1,
            digests: (0..spans as usize).map(digest).collect(),
            checkpoints: tar_zinfo(2, span_size, size),
        }
    }
    /// The zTOC with these files.
    pub fn build(&self, files: &[File]) -> Vec<u8> {
        self.build_from(files.iter().cloned())
    }
    /// The same for files that are made one by one.
    pub fn build_from(&self, files: impl ExactSizeIterator<Item = File>) -> Vec<u8> {
        let mut b = Buffer::new();
        let (at, root) = b.table(&[
            Slot::Offset,
            Slot::Offset,
            Slot::I64(self.compressed),
            Slot::I64(self.uncompressed),
            Slot::Offset,
            Slot::Offset,
        ]);
        b.point(0, at);
        b.string(root[0], b"0.9");
        b.string(root[1], b"test");
        let (at, toc) = b.table(&[Slot::Offset]);
        b.point(root[4], at);
        let first = b.vector(toc[0], files.len());
        for (i, file) in files.enumerate() {
            file.write(&mut b, first + 4 * i);
        }
        let algorithm = self.algorithm.map_or(Slot::Absent, Slot::I8);
        let (at, info) = b.table(&[algorithm, Slot::I32(self.max_span_id), Slot::Offset, Slot::Offset]);
        b.point(root[5], at);
        let first = b.vector(info[2], self.digests.len());
        for (i, digest) in self.digests.iter().enumerate() {
            b.string(first + 4 * i, digest.as_bytes());
        }
        b.string(info[3], &self.checkpoints);
        b.bytes
    }
}

/// Some digest.
pub fn digest(i: usize) -> String {
    format!("sha256:{i:064x}")
}

/// A gzip index of a claimed length with records of which each window is filled with its number.
pub fn zinfo(count: i32, span_size: i64, records: &[(i64, i64, u8)]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&span_size.to_le_bytes());
    for (i, (input, output, bits)) in records.iter().enumerate() {
        out.extend_from_slice(&input.to_le_bytes());
        out.extend_from_slice(&output.to_le_bytes());
        out.push(*bits);
        out.resize(out.len() + 32768, i as u8);
    }
    out
}

/// The index of a tar.
pub fn tar_zinfo(version: i32, span_size: i64, size: i64) -> Vec<u8> {
    let mut b = Buffer::new();
    let (at, _) = b.table(&[Slot::I32(version), Slot::I64(span_size), Slot::I64(size)]);
    b.point(0, at);
    b.bytes
}
