//! Disk of a file system, whose bytes may not be here yet.

use bytes::Bytes;

use crate::error::Error;

/// Why there is no answer: one that `?` hands up.
#[derive(Debug)]
pub enum Stop {
    /// Bytes of the disk are missing. The [`Disk`] knows which: get them, ask again.
    Missing,
    /// There will be none.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// An answer, or why there is none.
pub type Asked<T> = std::result::Result<T, Stop>;

/// A disk. What it has once given for a range it must give again for the same range, until the question that asked for
/// it is answered.
pub trait Disk {
    /// Bytes `offset..offset + len`. [`Stop::Missing`] where they are not here; the disk has noted that they are wanted.
    fn read(&self, offset: u64, len: usize) -> Asked<Bytes>;

    /// Its size in bytes.
    fn size(&self) -> u64;
}

/// A disk in memory: metadata that was fetched whole.
impl Disk for Bytes {
    fn read(&self, offset: u64, len: usize) -> Asked<Bytes> {
        let start = usize::try_from(offset).ok();
        let range = start.and_then(|start| Some(start..start.checked_add(len)?));
        let range = range.filter(|range| range.end <= Bytes::len(self));
        let range = range.ok_or_else(|| super::corrupt("something is behind the end of the disk"))?;
        Ok(self.slice(range))
    }

    fn size(&self) -> u64 {
        Bytes::len(self) as u64
    }
}
