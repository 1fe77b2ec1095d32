//! Data of inodes that are flat, not in chunks.

use std::borrow::Cow;

use super::fields::{corrupt, size};
use super::file_system::FileSystem;
use super::inode::{Inode, Layout};
use super::read_at::ReadAt;
use crate::error::{Code, Error, Result};
use crate::limits::Limits;

impl<V: ReadAt> FileSystem<V> {
    /// The target of a symbolic link. Over `max_path_len` is `LIMIT_EXCEEDED`.
    pub fn read_link(&self, inode: &Inode) -> Result<Vec<u8>> {
        Limits::check("max_path_len", inode.size, self.limits.max_path_len)?;
        let target = self.flat(inode, 0, inode.size)?.into_owned();
        if target.is_empty() || target.contains(&0) {
            return Err(corrupt("a symbolic link's target is empty or holds a NUL").with_offset(inode.at));
        }
        Ok(target)
    }

    /// Where in the volume byte `offset` of a flat inode's data is, and how many bytes follow it there.
    /// `INVALID_ARGUMENT` past its size; `CORRUPT_LAYER` where the inode is not flat or leads out of all volumes.
    pub fn place(&self, inode: &Inode, offset: u64) -> Result<(u64, u64)> {
        let left = inode.size.checked_sub(offset).filter(|left| *left > 0);
        let left =
            left.ok_or_else(|| Error::new(Code::InvalidArgument, "no such byte in an inode's data"))?;
        let block = self.superblock.block_size();
        let base = u64::from(inode.u).checked_mul(block);
        // The last block of inline data, full or not, follows the inode.
        let tail = match inode.layout {
            Layout::Plain => inode.size,
            Layout::Inline => inode.size.saturating_sub(1) / block * block,
            Layout::Chunks => return Err(corrupt("an inode's data is in chunks").with_offset(inode.at)),
        };
        let place = if offset < tail {
            base.and_then(|b| b.checked_add(offset)).map(|at| (at, left.min(tail.saturating_sub(offset))))
        } else {
            inode.end().checked_add(offset.saturating_sub(tail)).map(|at| (at, left))
        };
        place.ok_or_else(|| corrupt("an inode's data is out of all volumes").with_offset(inode.at))
    }

    /// Data of a flat inode, which must be less than a few blocks: what is not in one piece is copied.
    pub(crate) fn flat(&self, inode: &Inode, from: u64, len: u64) -> Result<Cow<'_, [u8]>> {
        let mut whole: Option<Cow<'_, [u8]>> = None;
        let (mut at, mut left) = (from, len);
        while left > 0 {
            let (place, run) = self.place(inode, at)?;
            let take = run.min(left);
            let piece = self.volume.read_at(place, size(take)?)?;
            match &mut whole {
                None => whole = Some(piece),
                Some(whole) => whole.to_mut().extend_from_slice(&piece),
            }
            (at, left) = (at.saturating_add(take), left.saturating_sub(take));
        }
        Ok(whole.unwrap_or_default())
    }
}
