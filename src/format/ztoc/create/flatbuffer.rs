//! Writes FlatBuffers from their end to their front, byte for byte as Go's builder does for the same order of calls:
//! strings and vectors once for each call, equal vtables once in all, everything aligned as seen from the end.

/// Bytes of the largest buffer that Go's builder makes.
pub(super) const MAX: u64 = i32::MAX as u64;

/// Most fields of a table here.
const FIELDS: usize = 14;

/// Where something stands: its first byte's distance from the end of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset(u32);

/// A buffer in the making.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// What was written since `base`, the last byte first.
    reversed: Vec<u8>,
    /// Bytes behind `reversed` that were taken already.
    base: u64,
    /// Greatest alignment so far, less one.
    align: u64,
    /// Offset, and the fields' distances from the table's start, without zeros at the end.
    vtables: Vec<(u32, Vec<u16>)>,
    /// The table being written: each field's offset, how long the buffer was before it.
    fields: [u32; FIELDS],
    table: u64,
}

impl Writer {
    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.base + self.reversed.len() as u64
    }

    /// The offset of what was written last. The owner keeps buffers below [`MAX`].
    fn here(&self) -> Offset {
        Offset(u32::try_from(self.len()).unwrap_or(u32::MAX))
    }

    /// Pads so that after `more` bytes the next thing is aligned to `size`, a power of two.
    fn prepare(&mut self, size: u64, more: u64) {
        self.align = self.align.max(size - 1);
        let pad = (self.len() + more).wrapping_neg() & (size - 1);
        self.reversed.resize(self.reversed.len() + pad as usize, 0);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.reversed.extend(bytes.iter().rev());
    }

    fn number(&mut self, bytes: &[u8]) {
        self.prepare(bytes.len() as u64, 0);
        self.put(bytes);
    }

    /// A reference from here to `to`.
    fn reference(&mut self, to: Offset) {
        self.prepare(4, 0);
        let Offset(here) = self.here();
        self.put(&here.saturating_sub(to.0).saturating_add(4).to_le_bytes());
    }

    /// A string.
    pub fn string(&mut self, s: &[u8]) -> Offset {
        self.prepare(4, s.len() as u64 + 1);
        self.put(&[0]);
        self.put(s);
        self.put(&(s.len() as u32).to_le_bytes());
        self.here()
    }

    /// A vector of `len` bytes that come from elsewhere. Gives what stands behind them, front to back.
    pub fn foreign_bytes(&mut self, len: u64) -> (Offset, Vec<u8>) {
        self.prepare(4, len);
        let mut behind = std::mem::take(&mut self.reversed);
        behind.reverse();
        self.base += behind.len() as u64 + len;
        self.put(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        (self.here(), behind)
    }

    /// A vector of references.
    pub fn references(&mut self, to: &[Offset]) -> Offset {
        self.prepare(4, 4 * to.len() as u64);
        for &offset in to.iter().rev() {
            self.reference(offset);
        }
        self.put(&(to.len() as u32).to_le_bytes());
        self.here()
    }

    /// Begins a table.
    pub fn start(&mut self) {
        self.fields = [0; FIELDS];
        self.table = self.len();
    }

    fn field(&mut self, slot: usize) {
        let Offset(here) = self.here();
        if let Some(field) = self.fields.get_mut(slot) {
            *field = here;
        }
    }

    /// A field that refers to something.
    pub fn offset_field(&mut self, slot: usize, to: Offset) {
        self.reference(to);
        self.field(slot);
    }

    /// A field of 64 bits, left out where 0.
    pub fn i64_field(&mut self, slot: usize, value: i64) {
        if value != 0 {
            self.number(&value.to_le_bytes());
            self.field(slot);
        }
    }

    /// A field of 32 bits, left out where 0.
    pub fn u32_field(&mut self, slot: usize, value: u32) {
        if value != 0 {
            self.number(&value.to_le_bytes());
            self.field(slot);
        }
    }

    /// A field of 8 bits, left out where `default`.
    pub fn u8_field(&mut self, slot: usize, value: u8, default: u8) {
        if value != default {
            self.number(&[value]);
            self.field(slot);
        }
    }

    /// Ends the table.
    pub fn end(&mut self) -> Offset {
        self.number(&[0; 4]);
        let Offset(table) = self.here();
        let place = self.reversed.len();
        let used = self.fields.iter().rposition(|&f| f != 0).map_or(0, |last| last + 1);
        // Tables here are below 200 bytes.
        let distance = |f: u32| if f == 0 { 0 } else { table.saturating_sub(f) as u16 };
        let vtable: Vec<u16> = self.fields.iter().take(used).map(|&f| distance(f)).collect();
        let known = self.vtables.iter().rev().find(|(_, v)| *v == vtable).map(|(offset, _)| *offset);
        let vtable_at = known.unwrap_or_else(|| {
            for distance in vtable.iter().rev() {
                self.number(&distance.to_le_bytes());
            }
            let size = u64::from(table).saturating_sub(self.table) as u16;
            self.number(&size.to_le_bytes());
            self.number(&(4 + 2 * used as u16).to_le_bytes());
            let Offset(at) = self.here();
            self.vtables.push((at, vtable));
            at
        });
        let to = vtable_at.wrapping_sub(table).to_be_bytes();
        if let Some(slot) = self.reversed.get_mut(place.wrapping_sub(4)..place) {
            slot.copy_from_slice(&to);
        }
        Offset(table)
    }

    /// Ends the buffer, whose root table is `root`. Gives what was not taken, front to back.
    pub fn finish(mut self, root: Offset) -> Vec<u8> {
        self.prepare(self.align + 1, 4);
        self.reference(root);
        self.reversed.reverse();
        self.reversed
    }
}
