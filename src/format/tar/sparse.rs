//! Sparse maps: old GNU (typeflag `S`) and PAX formats 0.0, 0.1 and 1.0 (GNU tar manual, "Storing Sparse
//! Files"). A map is the data runs `(offset, length)` of the expanded file, in order; the stored content is
//! the runs' bytes one after another.

use super::block::BLOCK;
use super::number::{decimal, numeric};
use super::pax::{Key, Pax};
use crate::error::{Code, Error, Result};

/// Data runs of a sparse file.
pub type SparseMap = Box<[(u64, u64)]>;

/// How an entry's PAX records say that it is sparse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaxSparse {
    No,
    /// 0.0 and 0.1: the map is in the records.
    Records,
    /// 1.0: the map is in front of the stored content.
    Content,
}

/// The format, by the rules of Go's `archive/tar`: an unknown version is not sparse.
pub(crate) fn pax_format(pax: &Pax) -> PaxSparse {
    match (pax.get(Key::SparseMajor), pax.get(Key::SparseMinor)) {
        (Some(b"0"), Some(b"0" | b"1")) => PaxSparse::Records,
        (Some(b"1"), Some(b"0")) => PaxSparse::Content,
        (None, None) if pax.map00().is_some() || pax.get(Key::SparseMap).is_some() => PaxSparse::Records,
        _ => PaxSparse::No,
    }
}

/// The expanded size that the records state.
pub(crate) fn pax_size(pax: &Pax) -> Result<Option<i64>> {
    match pax.number(Key::SparseSize)? {
        Some(size) => Ok(Some(size)),
        None => pax.number(Key::SparseRealSize),
    }
}

fn broken(why: &str) -> Error {
    Error::new(Code::CorruptLayer, format!("a sparse file's map is broken: {why}"))
}

/// Collects a map's numbers in turn: offset, length, offset, …
#[derive(Debug, Default)]
pub(super) struct MapBuilder {
    runs: Vec<(u64, u64)>,
    offset: Option<u64>,
}

impl MapBuilder {
    fn push(&mut self, number: Option<i64>) -> Result<()> {
        let n = number.and_then(|n| u64::try_from(n).ok()).ok_or_else(|| broken("not a number"))?;
        match self.offset.take() {
            None => self.offset = Some(n),
            Some(offset) => self.runs.push((offset, n)),
        }
        Ok(())
    }

    /// Adds the entries of an old GNU header's or extension block's table of 24-byte entries; the first
    /// that begins with NUL ends it.
    pub fn push_gnu(&mut self, table: &[u8]) -> Result<()> {
        for entry in table.as_chunks::<24>().0.iter().take_while(|e| e[0] != 0) {
            self.push(numeric(&entry[..12]))?;
            self.push(numeric(&entry[12..]))?;
        }
        Ok(())
    }

    /// Checks the map against the expanded size and the bytes that are stored for it.
    pub fn finish(self, size: u64, stored: u64) -> Result<SparseMap> {
        if self.offset.is_some() {
            return Err(broken("a number is missing"));
        }
        check(&self.runs, size, stored)?;
        Ok(self.runs.into())
    }
}

/// Runs are in order, apart from each other, inside the file, and all stored.
fn check(runs: &[(u64, u64)], size: u64, stored: u64) -> Result<()> {
    let (mut end, mut sum) = (0_u64, 0_u64);
    for &(offset, len) in runs {
        if offset < end {
            return Err(broken("runs overlap or are out of order"));
        }
        end = offset.checked_add(len).filter(|e| *e <= size).ok_or_else(|| broken("a run passes the end"))?;
        // Cannot overflow: runs do not overlap, so the sum is at most `end`.
        sum += len;
    }
    if sum > stored {
        return Err(broken("more data than is stored"));
    }
    Ok(())
}

/// The map of formats 0.0 and 0.1 out of the records, unchecked against sizes.
pub(super) fn pax_map(pax: &Pax) -> Result<MapBuilder> {
    let mut map = MapBuilder::default();
    if let Some(numbers) = pax.map00() {
        for n in numbers {
            map.push(decimal(n))?;
        }
    } else if let Some(text) = pax.get(Key::SparseMap) {
        for n in text.split(|&b| b == b',') {
            map.push(decimal(n))?;
        }
    }
    let stated = pax.number(Key::SparseNumBlocks)?.and_then(|n| u64::try_from(n).ok());
    if stated != Some(map.runs.len() as u64) || map.offset.is_some() {
        return Err(broken("its length is not as stated"));
    }
    Ok(map)
}

/// A map of formats 0.0 and 0.1 that a zTOC's records tell, and the bytes stored for it.
pub(crate) fn ztoc_map(pax: &Pax, size: u64) -> Result<(SparseMap, u64)> {
    let map = pax_map(pax)?.finish(size, u64::MAX)?;
    let stored = map.iter().map(|(_, len)| *len).sum();
    Ok((map, stored))
}

/// Reads the map of format 1.0, which comes in whole blocks: the number of runs and then each run's
/// offset and length, in decimal, a newline after each.
#[derive(Debug, Default)]
pub(super) struct ContentMap {
    map: MapBuilder,
    /// Numbers still to come; `None` before the count is known.
    left: Option<u64>,
    digits: Vec<u8>,
}

impl ContentMap {
    /// Takes one block. True when the map is complete; what is left of the block is padding.
    pub fn push(&mut self, block: &[u8; BLOCK]) -> Result<bool> {
        for &b in block {
            if self.left == Some(0) {
                break;
            }
            if b != b'\n' {
                // A number of more digits cannot be one of 63 bits, up to leading zeros, which nobody writes.
                if self.digits.len() == 32 {
                    return Err(broken("not a number"));
                }
                self.digits.push(b);
                continue;
            }
            let number = decimal(&self.digits);
            self.digits.clear();
            self.left = Some(match self.left {
                None => number
                    .and_then(|n| u64::try_from(n).ok())
                    .and_then(|n| n.checked_mul(2))
                    .ok_or_else(|| broken("its length is not a number"))?,
                Some(left) => {
                    self.map.push(number)?;
                    left - 1
                }
            });
        }
        Ok(self.left == Some(0))
    }

    /// The complete map.
    pub fn into_map(self) -> MapBuilder {
        self.map
    }
}
