//! The tar that a layer's blob is wrapped in, so that registries and tools take it for a layer: one file, whose length
//! a PAX record tells.

use std::ops::Range;

use crate::error::{Code, Error, Result};
use crate::format::tar::{EntryTable, Kind, TarWalker};
use crate::limits::Limits;

/// Bytes from a blob's start that are enough to find what is wrapped.
pub(super) const HEAD: usize = 1536;

const MAGIC: Range<usize> = 257..262;

/// Where in a blob of `size` bytes the wrapped file is, by the blob's first 1536 bytes (or all, if it has less).
/// The whole blob where it is not a tar: old base layers are not wrapped.
///
/// `CORRUPT_LAYER` if the tar's headers are broken or reach past the blob; `UNSUPPORTED` if they are longer than
/// the tool makes them.
pub fn payload(head: &[u8], size: u64, limits: &Limits) -> Result<Range<u64>> {
    if head.get(MAGIC) != Some(b"ustar") {
        return Ok(0..size);
    }
    let mut walker = TarWalker::new(limits);
    walker.push(head)?;
    if walker.table().is_empty() && (head.len() as u64) < size {
        let text = "the layer's tar does not begin with the header of a file";
        return Err(Error::new(Code::Unsupported, text));
    }
    file(walker.table(), size)
}

fn file(table: &EntryTable, size: u64) -> Result<Range<u64>> {
    let entry = table.get(0).filter(|e| e.kind == Kind::Regular);
    let range = entry.and_then(|e| Some(e.offset..e.offset.checked_add(e.size)?));
    range.filter(|r| r.end <= size).ok_or_else(|| {
        Error::new(
            Code::CorruptLayer,
            "the layer's tar does not begin with a file that ends within the layer",
        )
    })
}
