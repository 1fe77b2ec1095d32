//! Directories: in each block records of 12 bytes, then the names.

use std::cmp::Ordering;

use super::fields::{corrupt, le};
use super::{FileSystem, Inode, ReadAt};
use crate::error::Result;

const DIRENT: usize = 12;
const MAX_NAME: usize = 255;

impl<V: ReadAt> FileSystem<V> {
    /// Calls `each` with name and inode number of what is in a directory, sorted by the bytes of the names, without `.`
    /// and `..`. `CORRUPT_LAYER` for names that are none, or out of order: then one could be there twice.
    pub fn read_dir(&self, inode: &Inode, mut each: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        let bad = |message: &str| corrupt(message).with_offset(inode.at);
        let block_size = self.superblock.block_size();
        let mut last: Vec<u8> = Vec::new();
        let (mut dot, mut dot_dot) = (false, false);
        let mut at = 0;
        while at < inode.size {
            let len = block_size.min(inode.size.saturating_sub(at));
            let block = self.flat(inode, at, len)?;
            at = at.saturating_add(len);
            let offset = |i: usize| usize::from(u16::from_le_bytes(le(&block, i * DIRENT + 8)));
            let names = offset(0);
            if block.len() < DIRENT || names < DIRENT || names % DIRENT != 0 || names > block.len() {
                return Err(bad("a directory's block has no entries, or parts of some"));
            }
            let count = names / DIRENT;
            for i in 0..count {
                // The last name goes on to the block's end, or to padding.
                let name = if i + 1 < count {
                    block.get(offset(i)..offset(i + 1))
                } else {
                    let rest = block.get(offset(i)..);
                    rest.map(|rest| rest.split(|b| *b == 0).next().unwrap_or_default())
                };
                let name = name.filter(|_| offset(i) >= names);
                let name = name.ok_or_else(|| bad("a directory's names are not where it says"))?;
                let seen = match name {
                    b"." => Some(&mut dot),
                    b".." => Some(&mut dot_dot),
                    _ => None,
                };
                if let Some(seen) = seen {
                    if std::mem::replace(seen, true) {
                        return Err(bad("a directory has an entry twice"));
                    }
                    continue;
                }
                if name.is_empty() || name.len() > MAX_NAME || name.iter().any(|b| matches!(b, 0 | b'/')) {
                    return Err(bad("a directory's entry has a name that is none"));
                }
                if name.cmp(&last) != Ordering::Greater {
                    return Err(bad("a directory's entries are out of order"));
                }
                last.clear();
                last.extend_from_slice(name);
                each(name, u64::from_le_bytes(le(&block, i * DIRENT)))?;
            }
        }
        Ok(())
    }
}
