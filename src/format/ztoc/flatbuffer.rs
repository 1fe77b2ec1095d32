//! FlatBuffers tables over `planus`: named errors, strings as bytes, vectors of tables.
//!
//! `planus` reads with a check at every access; its own [`planus::Vector`] asks its element types for
//! unsafe code, so vectors are read here. Tables are always looked up from the start of the buffer: planus
//! would look only behind the field that refers to one, where a vtable need not be.

use planus::table_reader::Table as Raw;
use planus::{SliceWithStartOffset, TableRead, errors::ErrorKind};

use crate::error::{Code, Error, Result};

/// A table whose fields are read by slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a [u8],
    raw: Raw<'a>,
    name: &'static str,
}

impl<'a> Table<'a> {
    /// The root table of a buffer.
    pub fn root(buffer: &'a [u8], name: &'static str) -> Result<Self> {
        Table::at(buffer, 0, name, "root")
    }

    /// The table that the offset at `position` leads to.
    fn at(buffer: &'a [u8], position: usize, name: &'static str, field: &str) -> Result<Self> {
        let raw = Raw::from_buffer(SliceWithStartOffset { buffer, offset_from_start: 0 }, position)
            .map_err(|e| corrupt(name, field, e))?;
        Ok(Table { buffer, raw, name })
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
        let Position(position) = self
            .field(slot, field)?
            .ok_or_else(|| broken(format!("the zTOC lacks {}.{field}", self.name)))?;
        Table::at(self.buffer, position, name, field)
    }
    /// A vector of tables or strings; absent is empty.
    pub fn vector(&self, slot: usize, field: &'static str) -> Result<Vector<'a>> {
        let found: Option<Elements<'a>> = self.field(slot, field)?;
        Ok(found.map(|elements| Vector { buffer: self.buffer, elements }).unwrap_or_default())
    }
}

/// Where a field stands in the buffer.
struct Position(usize);

impl<'a> TableRead<'a> for Position {
    fn from_buffer(object: SliceWithStartOffset<'a>, offset: usize) -> Result<Self, ErrorKind> {
        object.offset_from_start.checked_add(offset).map(Position).ok_or(ErrorKind::InvalidOffset)
    }
}

/// A vector of offsets, to tables or strings. Its elements are there: a length that the buffer cannot hold
/// is refused when the vector is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Vector<'a> {
    buffer: &'a [u8],
    elements: Elements<'a>,
}

#[derive(Debug, Clone, Copy)]
struct Elements<'a> {
    slice: SliceWithStartOffset<'a>,
    len: usize,
}

impl Default for Elements<'_> {
    fn default() -> Self {
        Elements { slice: SliceWithStartOffset { buffer: &[], offset_from_start: 0 }, len: 0 }
    }
}

impl<'a> TableRead<'a> for Elements<'a> {
    fn from_buffer(buffer: SliceWithStartOffset<'a>, offset: usize) -> Result<Self, ErrorKind> {
        let to = |n: u32| usize::try_from(n).map_err(|_| ErrorKind::InvalidOffset);
        let relative = to(u32::from_buffer(buffer, offset)?)?;
        let start = buffer.advance(offset.checked_add(relative).ok_or(ErrorKind::InvalidOffset)?)?;
        let len = to(u32::from_buffer(start, 0)?)?;
        let slice = start.advance(4)?;
        if slice.len() / 4 < len {
            return Err(ErrorKind::InvalidLength);
        }
        Ok(Elements { slice, len })
    }
}

impl<'a> Vector<'a> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.elements.len
    }
    /// Element `i`, which is below [`Vector::len`], as a table.
    pub fn table(&self, i: usize, name: &'static str) -> Result<Table<'a>> {
        let position = self.elements.slice.offset_from_start.saturating_add(i.saturating_mul(4));
        Table::at(self.buffer, position, name, "element")
    }
    /// Element `i`, which is below [`Vector::len`], as a string.
    pub fn bytes(&self, i: usize, name: &'static str) -> Result<&'a [u8]> {
        TableRead::from_buffer(self.elements.slice, i.saturating_mul(4))
            .map_err(|e| corrupt(name, "element", e))
    }
}

fn corrupt(table: &str, field: &str, kind: ErrorKind) -> Error {
    // `Display` of the kind would bring the formatting of every kind into the .wasm.
    let what = match kind {
        ErrorKind::InvalidOffset => "Invalid offset".to_owned(),
        ErrorKind::InvalidVtableLength { length } => format!("Invalid vtable length (length = {length})"),
        _ => "Invalid length".to_owned(),
    };
    broken(format!("not a zTOC, or a damaged one: {table}.{field}: {what}"))
}

/// `CORRUPT_ZTOC`.
pub(super) fn broken(message: impl Into<String>) -> Error {
    Error::new(Code::CorruptZtoc, message)
}
