//! Directories.

use std::collections::HashSet;

use super::bytes::{u16_at, u32_at};
use super::{Asked, Disk, Ext4, Inode, corrupt};
use crate::error::{Code, Error, Result};
use crate::format::tar::Kind;
use crate::limits::Limits;

const HEADER: usize = 8;
/// The type of a socket. Layers hold none (tar cannot), and whoever packs a file system leaves them out.
const SOCKET: u8 = 6;

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name: not empty, not `.` or `..`, without `/` and NUL.
    pub name: Vec<u8>,
    /// The inode that it names.
    pub inode: u32,
}

impl Ext4 {
    /// The names in a directory, `.` and `..` left out, in the order of the disk; of a name that is there twice the first.
    ///
    /// `ENOTDIR` for what is no directory; `CORRUPT_LAYER` for records that overlap or names that cannot be;
    /// `LIMIT_EXCEEDED` over `max_directory_size`.
    pub fn names(&self, disk: &dyn Disk, dir: &Inode) -> Asked<Vec<Name>> {
        let mut names = Vec::new();
        let mut seen = HashSet::new();
        self.scan(disk, dir, |name, inode| {
            if seen.insert(name.to_vec()) {
                names.push(Name { name: name.to_vec(), inode });
            }
            true
        })?;
        Ok(names)
    }

    /// The inode that `name` in a directory names. Errors as [`Ext4::names`].
    pub fn lookup(&self, disk: &dyn Disk, dir: &Inode, name: &[u8]) -> Asked<Option<u32>> {
        let mut found = None;
        self.scan(disk, dir, |other, inode| {
            if other == name {
                found = Some(inode);
            }
            found.is_none()
        })?;
        Ok(found)
    }

    /// Gives out names until `each` says false. An index, where there is one, lies in records that name nothing.
    fn scan(&self, disk: &dyn Disk, dir: &Inode, mut each: impl FnMut(&[u8], u32) -> bool) -> Asked<()> {
        if dir.kind != Kind::Directory {
            return Err(Error::new(Code::Enotdir, "not a directory").into());
        }
        Limits::check("max_directory_size", dir.size, self.limits.max_directory_size)?;
        let data = self.content(disk, dir, 0..dir.size)?;
        for block in data.chunks(self.block_size) {
            let mut rest = block;
            while !rest.is_empty() {
                let (name, inode) = self.record(&mut rest)?;
                let wanted = inode != 0 && !matches!(name, b"." | b"..");
                if wanted && !each(name, inode) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes one record off `block`: its name, and the inode or 0.
    fn record<'a>(&self, block: &mut &'a [u8]) -> Result<(&'a [u8], u32)> {
        let broken = || corrupt("a directory has a record that cannot be");
        let len = match usize::from(u16_at(block, 4)) {
            0 | 0xffff if self.block_size == 1 << 16 => block.len(),
            n => n,
        };
        let [name_len, kind] = *block.get(6..8).and_then(|b| b.first_chunk::<2>()).ok_or_else(broken)?;
        // Without `filetype` it is the length's upper half, always zero.
        let kind = if self.has_filetype { kind } else { 0 };
        let inode = u32_at(block, 0);
        let name_end = HEADER.saturating_add(usize::from(name_len));
        let (record, rest) = block.split_at_checked(len).ok_or_else(broken)?;
        if len % 4 != 0 || len < HEADER {
            return Err(broken());
        }
        *block = rest;
        if inode == 0 || kind == SOCKET {
            return Ok((&[], 0));
        }
        let name = record.get(HEADER..name_end).ok_or_else(broken)?;
        if name.is_empty() || name.iter().any(|b| matches!(b, 0 | b'/')) {
            return Err(corrupt("a directory has a name that cannot be"));
        }
        Ok((name, inode))
    }
}
