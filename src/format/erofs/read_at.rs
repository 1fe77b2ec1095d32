//! Random access to the bytes of a file system.

use std::borrow::Cow;

use bytes::Bytes;

use super::fields::corrupt;
use crate::error::Result;

/// Bytes at offsets, all of them at hand.
pub trait ReadAt {
    /// Exactly `len` bytes from `offset` on; `CORRUPT_LAYER` where the volume ends before. Callers ask for no more than
    /// a few blocks at once, so an implementation may allocate `len`.
    fn read_at(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>>;
}

impl ReadAt for Bytes {
    fn read_at(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        let start = usize::try_from(offset).ok();
        start
            .and_then(|start| self.get(start..start.checked_add(len)?))
            .map(Cow::Borrowed)
            .ok_or_else(|| corrupt("what is looked for is past the end").with_offset(offset))
    }
}

impl<V: ReadAt + ?Sized> ReadAt for &V {
    fn read_at(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        (**self).read_at(offset, len)
    }
}
