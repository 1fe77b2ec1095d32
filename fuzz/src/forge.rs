//! Changes zTOCs where they lie, as somebody would who may push to a repository: one field, all else as it was.

/// Slots of `FileMetadata`: see src/ztoc/ztoc.fbs.
pub const NAME: usize = 0;
pub const KIND: usize = 1;
pub const OFFSET: usize = 2;
pub const SIZE: usize = 3;
pub const LINK: usize = 4;
pub const MODE: usize = 5;
pub const UID: usize = 6;
pub const GID: usize = 7;
pub const UNAME: usize = 8;
pub const GNAME: usize = 9;
pub const MTIME: usize = 10;
pub const DEV_MAJOR: usize = 11;
pub const DEV_MINOR: usize = 12;
pub const XATTRS: usize = 13;

/// Bytes of a checkpoint in front of its window: `i64 in`, `i64 out`, `u8 bits`.
pub const RECORD: usize = 17;
/// Bytes of a window.
pub const WINDOW: usize = 32 << 10;

/// A zTOC that a parser takes, to be changed.
#[derive(Clone)]
pub struct Forge {
    /// The zTOC as it is now.
    pub bytes: Vec<u8>,
}

impl Forge {
    pub fn new(ztoc: &[u8]) -> Self {
        Forge { bytes: ztoc.to_vec() }
    }

    fn u16_at(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]))
    }

    fn u32_at(&self, at: usize) -> usize {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes")) as usize
    }

    fn set_u32(&mut self, at: usize, value: usize) {
        self.bytes[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
    }

    /// What the offset at `at` leads to.
    fn follow(&self, at: usize) -> usize {
        at + self.u32_at(at)
    }

    fn point(&mut self, at: usize, target: usize) {
        self.set_u32(at, target - at);
    }

    /// Where a table's field is; `None` where it has its default.
    fn field(&self, table: usize, slot: usize) -> Option<usize> {
        let back = i32::from_le_bytes(self.bytes[table..table + 4].try_into().expect("four bytes"));
        let vtable = usize::try_from(table as i64 - i64::from(back)).expect("a vtable");
        let at = 4 + 2 * slot;
        let offset = if at < self.u16_at(vtable) { self.u16_at(vtable + at) } else { 0 };
        (offset > 0).then_some(table + offset)
    }

    fn root(&self) -> usize {
        self.follow(0)
    }

    /// The field that holds the vector of entries.
    fn entries(&self) -> usize {
        let toc = self.follow(self.field(self.root(), 4).expect("a TOC"));
        self.field(toc, 0).expect("entries")
    }

    fn info(&self) -> usize {
        self.follow(self.field(self.root(), 5).expect("checkpoints"))
    }

    /// Number of entries.
    pub fn count(&self) -> usize {
        self.u32_at(self.follow(self.entries()))
    }

    fn entry(&self, i: usize) -> usize {
        self.follow(self.follow(self.entries()) + 4 + 4 * i)
    }

    fn string(&self, field: usize) -> std::ops::Range<usize> {
        let at = self.follow(field);
        at + 4..at + 4 + self.u32_at(at)
    }

    /// A text of an entry; empty where it has none.
    pub fn text(&self, i: usize, slot: usize) -> &[u8] {
        self.field(self.entry(i), slot).map_or(&[], |field| &self.bytes[self.string(field)])
    }

    /// Gives an entry another text, of any length. False where it has no such field.
    pub fn set_text(&mut self, i: usize, slot: usize, text: &[u8]) -> bool {
        let Some(field) = self.field(self.entry(i), slot) else { return false };
        let at = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(at, 0);
        self.bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        self.point(field, at);
        true
    }

    /// A number of an entry.
    pub fn number(&self, i: usize, slot: usize) -> i64 {
        let Some(at) = self.field(self.entry(i), slot) else { return 0 };
        match slot {
            UID | GID => self.u32_at(at) as i64,
            _ => i64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("eight bytes")),
        }
    }

    /// Gives an entry another number. False where it has no such field.
    pub fn set_number(&mut self, i: usize, slot: usize, value: i64) -> bool {
        let Some(at) = self.field(self.entry(i), slot) else { return false };
        match slot {
            UID | GID => self.set_u32(at, value as u32 as usize),
            _ => self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes()),
        }
        true
    }

    /// The key of an entry's PAX record.
    pub fn key(&self, i: usize, n: usize) -> Option<&[u8]> {
        let vector = self.follow(self.field(self.entry(i), XATTRS)?);
        if n >= self.u32_at(vector) {
            return None;
        }
        let key = self.string(self.field(self.follow(vector + 4 + 4 * n), 0)?);
        Some(&self.bytes[key])
    }

    /// The value of an entry's PAX record, to be changed in place.
    pub fn record(&mut self, i: usize, n: usize) -> Option<&mut [u8]> {
        let vector = self.follow(self.field(self.entry(i), XATTRS)?);
        if n >= self.u32_at(vector) {
            return None;
        }
        let record = self.follow(vector + 4 + 4 * n);
        let value = self.string(self.field(record, 1)?);
        Some(&mut self.bytes[value])
    }

    /// Leaves out an entry.
    pub fn remove(&mut self, i: usize) {
        let (vector, len) = (self.follow(self.entries()), self.count());
        for next in i + 1..len {
            let target = self.entry(next);
            self.point(vector + 4 * next, target);
        }
        self.set_u32(vector, len - 1);
    }

    /// Lists two entries the other way round. What is before what follows from their offsets, so those stay with the place.
    pub fn swap(&mut self, a: usize, b: usize) {
        let vector = self.follow(self.entries());
        let (first, second) = (self.entry(a), self.entry(b));
        self.point(vector + 4 + 4 * a, second);
        self.point(vector + 4 + 4 * b, first);
    }

    /// The first entry of a name.
    pub fn find(&self, name: &[u8]) -> usize {
        let found = (0..self.count()).find(|&i| self.text(i, NAME) == name);
        found.unwrap_or_else(|| panic!("no entry {}", name.escape_ascii()))
    }

    /// Digest of a span, as text, to be changed in place.
    pub fn digest(&mut self, span: usize) -> &mut [u8] {
        let vector = self.follow(self.field(self.info(), 2).expect("digests"));
        let value = self.string(vector + 4 + 4 * span);
        &mut self.bytes[value]
    }

    /// Number of spans.
    pub fn spans(&self) -> usize {
        self.u32_at(self.follow(self.field(self.info(), 2).expect("digests")))
    }

    /// The checkpoints: 12 bytes in front of them, then [`RECORD`] and [`WINDOW`] bytes each; of a tar a table.
    pub fn checkpoints(&mut self) -> &mut [u8] {
        let range = self.string(self.field(self.info(), 3).expect("checkpoints"));
        &mut self.bytes[range]
    }

    /// One checkpoint of gzip: its offsets and bits, and its window.
    pub fn checkpoint(&mut self, span: usize) -> Option<(&mut [u8], &mut [u8])> {
        let (at, spans) = (12 + span * (RECORD + WINDOW), self.spans());
        let all = self.checkpoints();
        // Version 1 leaves out the first one.
        let left_out = usize::from(all.len() == 12 + (spans - 1) * (RECORD + WINDOW));
        let at = at.checked_sub(left_out * (RECORD + WINDOW)).filter(|at| *at >= 12)?;
        Some(all.get_mut(at..at + RECORD + WINDOW)?.split_at_mut(RECORD))
    }

    /// The size of the layer (`false`) or of its tar (`true`).
    pub fn set_size(&mut self, tar: bool, value: i64) {
        let at = self.field(self.root(), if tar { 3 } else { 2 }).expect("a size");
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// The size of the layer (`false`) or of its tar (`true`).
    pub fn size(&self, tar: bool) -> i64 {
        let at = self.field(self.root(), if tar { 3 } else { 2 }).expect("a size");
        i64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("eight bytes"))
    }
}
