//! Raw fields of an entry: Go's `archive/tar` reports them, and a zTOC holds them, though a reader
//! of layers has no use for them.

use super::Xattrs;
use super::pax::Pax;
use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// Of one entry.
#[derive(Debug, Default)]
pub(super) struct Raw {
    typeflag: u8,
    mode: i64,
    unused_size: i64,
    records: Vec<u8>,
}

impl Raw {
    /// `unused_size`: what an entry without content, such as a directory, states as its size.
    pub fn set(&mut self, typeflag: u8, mode: i64, unused_size: i64, pax: &mut Pax) {
        (self.typeflag, self.mode, self.unused_size) = (typeflag, mode, unused_size);
        self.records.clear();
        pax.records(&mut self.records);
    }
}

/// Of all entries of a layer, in tar order.
#[derive(Debug, Default)]
pub(crate) struct RawTable {
    modes: Vec<i64>,
    /// Where each entry's records end.
    ends: Vec<u32>,
    records: Vec<u8>,
    /// The sizes that entries without content state, where not zero: entry, size.
    sizes: Vec<(u32, i64)>,
}

impl RawTable {
    /// Appends an entry. `UNSUPPORTED` for GNU's old form of sparse files: a zTOC cannot tell that less is stored
    /// of a file than its size says, so that what follows it could not be found.
    pub(super) fn push(&mut self, raw: &Raw, limits: &Limits) -> Result<()> {
        if raw.typeflag == b'S' {
            return Err(Error::new(
                Code::Unsupported,
                "a sparse file in GNU tar's old form, of which no zTOC can be made; repack the layer with \
                 --format=posix or without --sparse",
            ));
        }
        let end = (self.records.len() as u64).saturating_add(raw.records.len() as u64);
        Limits::check("max_name_bytes", end, limits.max_name_bytes.min(u64::from(u32::MAX)))?;
        if raw.unused_size != 0 {
            // Entries are fewer than 2^32, by `max_entries`.
            self.sizes.push((self.modes.len() as u32, raw.unused_size));
        }
        self.records.extend_from_slice(&raw.records);
        self.modes.push(raw.mode);
        self.ends.push(end as u32);
        Ok(())
    }

    /// The mode of entry `i`, with all its bits.
    pub fn mode(&self, i: usize) -> i64 {
        self.modes.get(i).copied().unwrap_or_default()
    }

    /// The size that entry `i`, which has no content, states.
    pub fn unused_size(&self, i: usize) -> i64 {
        let found = u32::try_from(i).ok().and_then(|i| self.sizes.binary_search_by_key(&i, |s| s.0).ok());
        found.and_then(|at| self.sizes.get(at)).map_or(0, |s| s.1)
    }

    /// The PAX records of entry `i`, sorted by key.
    pub fn records(&self, i: usize) -> Xattrs<'_> {
        let start = i.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(i).copied().unwrap_or_default();
        Xattrs(self.records.get(start as usize..end as usize).unwrap_or_default())
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        self.modes.capacity() * 8
            + self.ends.capacity() * 4
            + self.records.capacity()
            + self.sizes.capacity() * 16
    }
}
