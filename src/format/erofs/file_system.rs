//! The file system: a volume and what its superblock says.

use super::read_at::ReadAt;
use super::superblock::Superblock;
use crate::error::Result;
use crate::limits::Limits;

/// An EROFS file system in a volume.
#[derive(Debug)]
pub struct FileSystem<V> {
    pub(super) volume: V,
    pub(super) superblock: Superblock,
    pub(super) limits: Limits,
}

impl<V: ReadAt> FileSystem<V> {
    /// Reads the superblock.
    ///
    /// `CORRUPT_LAYER` where there is none or it contradicts itself; `UNSUPPORTED` for features that this does not
    /// read, by name.
    pub fn open(volume: V, limits: &Limits) -> Result<Self> {
        let superblock = Superblock::parse(&volume)?;
        Ok(FileSystem { volume, superblock, limits: limits.clone() })
    }

    /// The superblock.
    pub fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// The volume.
    pub fn volume(&self) -> &V {
        &self.volume
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}
