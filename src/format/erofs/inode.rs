//! Inodes: 32 or 64 bytes, then extended attributes, then what the layout says.

use super::fields::{corrupt, le};
use super::file_system::FileSystem;
use super::read_at::ReadAt;
use super::superblock::mtime;
use crate::error::{Code, Error, Result};
use crate::format::tar::{Kind, Mtime};

const COMPACT_SIZE: usize = 32;
const EXTENDED_SIZE: usize = 64;
/// The low bits of the format that are known: version, then layout.
const FORMAT_BITS: u16 = 0xf;

/// Where an inode's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In whole blocks, one after the other.
    Plain,
    /// The same, with the last block behind the inode.
    Inline,
    /// In chunks, whose addresses are behind the inode.
    Chunks,
}

/// One inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inode {
    /// Where it is in the volume.
    pub at: u64,
    /// Type and permissions, as `stat` gives them.
    pub mode: u16,
    /// Bytes of data.
    pub size: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time; of a compact inode, which has none, the file system's.
    pub mtime: Mtime,
    /// Names, as it says. Nothing relies on it but what is a hard link.
    pub links: u32,
    /// Where its data is.
    pub layout: Layout,
    /// First block of flat data, device numbers, or format of chunks.
    pub u: u32,
    /// Bytes of the inode alone.
    pub(super) len: u8,
    /// Bytes of its extended attributes.
    pub(super) xattr_len: u32,
}

impl Inode {
    /// The type; `None` for sockets, which no layer can hold.
    pub(super) fn kind(&self) -> Result<Option<Kind>> {
        match Kind::of_mode(self.mode.into()) {
            None if !Kind::is_socket(self.mode.into()) => {
                Err(corrupt("an inode is of no type that there is").with_offset(self.at))
            }
            kind => Ok(kind),
        }
    }

    /// Where its extended attributes begin.
    pub(super) fn xattrs_at(&self) -> u64 {
        self.at.saturating_add(u64::from(self.len))
    }

    /// Where the inode and its extended attributes end.
    pub fn end(&self) -> u64 {
        self.xattrs_at().saturating_add(u64::from(self.xattr_len))
    }

    /// Major and minor number of a device.
    pub fn device(&self) -> (u64, u64) {
        device(self.u)
    }
}

/// Major and minor number out of Linux's encoding in 32 bits.
pub(crate) fn device(n: u32) -> (u64, u64) {
    (u64::from((n >> 8) & 0xfff), u64::from((n & 0xff) | ((n >> 12) & 0xf_ff00)))
}

impl<V: ReadAt> FileSystem<V> {
    /// Inode `nid`. `CORRUPT_LAYER` where it is out of the volume or is none; `UNSUPPORTED` if it is compressed.
    pub fn inode(&self, nid: u64) -> Result<Inode> {
        let at = self.superblock.inode_at(nid);
        let at = at.ok_or_else(|| corrupt("an inode's number is out of all volumes").with_offset(nid))?;
        let head = self.volume.read_at(at, COMPACT_SIZE)?;
        let u16_at = |at| u16::from_le_bytes(le(&head, at));
        let u32_at = |at| u32::from_le_bytes(le(&head, at));
        let format = u16_at(0);
        if format & !FORMAT_BITS != 0 {
            return Err(corrupt("an inode is of an unknown format").with_offset(at));
        }
        let layout = match format >> 1 {
            0 => Layout::Plain,
            2 => Layout::Inline,
            4 => Layout::Chunks,
            1 | 3 => {
                return Err(Error::new(Code::Unsupported, "EROFS with compressed files cannot be read"));
            }
            _ => return Err(corrupt("an inode has an unknown layout").with_offset(at)),
        };
        let xattr_len = match u32::from(u16_at(2)) {
            0 => 0,
            n => 12 + (n - 1) * 4,
        };
        let (mode, u) = (u16_at(4), u32_at(16));
        if format & 1 == 0 {
            return Ok(Inode {
                at,
                mode,
                size: u64::from(u32_at(8)),
                uid: u32::from(u16_at(24)),
                gid: u32::from(u16_at(26)),
                mtime: self.superblock.time,
                links: u32::from(u16_at(6)),
                layout,
                u,
                len: COMPACT_SIZE as u8,
                xattr_len,
            });
        }
        let head = self.volume.read_at(at, EXTENDED_SIZE)?;
        let u32_at = |at| u32::from_le_bytes(le(&head, at));
        Ok(Inode {
            at,
            mode,
            size: u64::from_le_bytes(le(&head, 8)),
            uid: u32_at(24),
            gid: u32_at(28),
            mtime: mtime(u64::from_le_bytes(le(&head, 32)), u32_at(40)).map_err(|e| e.with_offset(at))?,
            links: u32_at(44),
            layout,
            u,
            len: EXTENDED_SIZE as u8,
            xattr_len,
        })
    }
}
