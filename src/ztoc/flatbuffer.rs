//! FlatBuffers tables over `planus`: named errors, strings as bytes, vectors of tables.
//!
//! `planus` reads with a check at every access; its own [`planus::Vector`] asks its element types for
//! unsafe code, so vectors are read here.

use planus::table_reader::Table as Raw;
use planus::{SliceWithStartOffset, TableRead, errors::ErrorKind};

use crate::error::{Code, Error, Result};

/// A table whose fields are read by slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    raw: Raw<'a>,
    name: &'static str,
}

impl<'a> Table<'a> {
    /// The root table of a buffer.
    pub fn root(buffer: &'a [u8], name: &'static str) -> Result<Self> {
        let raw = Raw::from_buffer(SliceWithStartOffset { buffer, offset_from_start: 0 }, 0)
            .map_err(|e| corrupt(name, "root", e))?;
        Ok(Table { raw, name })
    }

    fn field<T: TableRead<'a>>(&self, slot: usize, field: &'static str) -> Result<Option<T>> {
        self.raw.access(slot, self.name, field).map_err(|e| corrupt(self.name, field, e.error_kind))
    }

    /// A string or byte vector; absent is empty.
    pub fn bytes(&self, slot: usize, field: &'static str) -> Result<&'a [u8]> {
        Ok(self.field(slot, field)?.unwrap_or_default())
    }
    /// A 64-bit number; absent is 0.
    pub fn i64(&self, slot: usize, field: &'static str) -> Result<i64> {
        Ok(self.field(slot, field)?.unwrap_or_default())
    }
    /// A 64-bit number that must not be negative; absent is 0.
    pub fn size(&self, slot: usize, field: &'static str) -> Result<u64> {
        let n = self.i64(slot, field)?;
        u64::try_from(n).map_err(|_| broken(format!("the zTOC's {}.{field} is negative: {n}", self.name)))
    }
    /// A 32-bit number; absent is 0.
    pub fn i32(&self, slot: usize, field: &'static str) -> Result<i32> {
        Ok(self.field(slot, field)?.unwrap_or_default())
    }
    /// An unsigned 32-bit number; absent is 0.
    pub fn u32(&self, slot: usize, field: &'static str) -> Result<u32> {
        Ok(self.field(slot, field)?.unwrap_or_default())
    }
    /// An 8-bit number, where present.
    pub fn i8(&self, slot: usize, field: &'static str) -> Result<Option<i8>> {
        self.field(slot, field)
    }
    /// A table that must be there.
    pub fn table(&self, slot: usize, field: &'static str, name: &'static str) -> Result<Table<'a>> {
        let sub: SubTable<'a> = self
            .field(slot, field)?
            .ok_or_else(|| broken(format!("the zTOC lacks {}.{field}", self.name)))?;
        Ok(Table { raw: sub.0, name })
    }
    /// A vector of tables or strings; absent is empty.
    pub fn vector(&self, slot: usize, field: &'static str) -> Result<Vector<'a>> {
        Ok(self.field(slot, field)?.unwrap_or_default())
    }
}

#[derive(Debug)]
struct SubTable<'a>(Raw<'a>);

impl<'a> TableRead<'a> for SubTable<'a> {
    fn from_buffer(buffer: SliceWithStartOffset<'a>, offset: usize) -> Result<Self, ErrorKind> {
        Raw::from_buffer(buffer, offset).map(SubTable)
    }
}

/// A vector of offsets, to tables or strings. Its elements are there: a length that the buffer cannot hold
/// is refused when the vector is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vector<'a> {
    elements: SliceWithStartOffset<'a>,
    len: usize,
}

impl Default for Vector<'_> {
    fn default() -> Self {
        Vector { elements: SliceWithStartOffset { buffer: &[], offset_from_start: 0 }, len: 0 }
    }
}

impl<'a> TableRead<'a> for Vector<'a> {
    fn from_buffer(buffer: SliceWithStartOffset<'a>, offset: usize) -> Result<Self, ErrorKind> {
        let to = |n: u32| usize::try_from(n).map_err(|_| ErrorKind::InvalidOffset);
        let relative = to(u32::from_buffer(buffer, offset)?)?;
        let start = buffer.advance(offset.checked_add(relative).ok_or(ErrorKind::InvalidOffset)?)?;
        let len = to(u32::from_buffer(start, 0)?)?;
        let elements = start.advance(4)?;
        if elements.len() / 4 < len {
            return Err(ErrorKind::InvalidLength);
        }
        Ok(Vector { elements, len })
    }
}

impl<'a> Vector<'a> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Element `i`, which is below [`Vector::len`], as a table.
    pub fn table(&self, i: usize, name: &'static str) -> Result<Table<'a>> {
        let raw =
            Raw::from_buffer(self.elements, i.saturating_mul(4)).map_err(|e| corrupt(name, "element", e))?;
        Ok(Table { raw, name })
    }
    /// Element `i`, which is below [`Vector::len`], as a string.
    pub fn bytes(&self, i: usize, name: &'static str) -> Result<&'a [u8]> {
        TableRead::from_buffer(self.elements, i.saturating_mul(4)).map_err(|e| corrupt(name, "element", e))
    }
}

fn corrupt(table: &str, field: &str, kind: ErrorKind) -> Error {
    broken(format!("not a zTOC, or a damaged one: {table}.{field}: {kind}"))
}

/// `CORRUPT_ZTOC`.
pub(super) fn broken(message: impl Into<String>) -> Error {
    Error::new(Code::CorruptZtoc, message)
}
