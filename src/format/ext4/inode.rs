//! Inodes.

use bytes::Bytes;

use super::bytes::{u16_at, u32_at};
use super::corrupt;
use crate::error::Result;
use crate::format::tar::{Kind, Mtime};

/// The part that all inodes have.
const OLD_SIZE: usize = 128;
const EXTENTS: u32 = 0x8_0000;
const BLOCKS: std::ops::Range<usize> = 40..100;
/// Flags of inodes whose content is stored in ways that are not read: encrypted, inline.
const ENCRYPTED: u32 = 0x800;
const INLINE: u32 = 0x1000_0000;

/// An inode: attributes of a file, and where its content is.
#[derive(Debug, Clone)]
pub struct Inode {
    /// Its number.
    pub number: u32,
    /// The type.
    pub kind: Kind,
    /// Permission bits, set-id and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of content.
    pub size: u64,
    /// Modification time.
    pub mtime: Mtime,
    /// Names that it has.
    pub nlink: u32,
    /// Device numbers, major and minor; zeros for what is no device.
    pub device: (u32, u32),
    pub(super) flags: u32,
    /// The block with extended attributes; 0: none.
    pub(super) attribute_block: u64,
    data: Bytes,
}

impl Inode {
    pub(super) fn parse(number: u32, data: Bytes) -> Result<Inode> {
        if data.len() < OLD_SIZE {
            return Err(corrupt("an inode is cut off"));
        }
        let u16_at = |at| u16_at(&data, at);
        let u32_at = |at| u32_at(&data, at);
        let wide = |low: u16, high: u16| u32::from(high) << 16 | u32::from(low);
        let mode = u16_at(0);
        let kind = match Kind::of_mode(mode.into()) {
            Some(kind) => kind,
            // Names of these are left out of directories.
            None if Kind::is_socket(mode.into()) => {
                return Err(super::unsupported(format!("inode {number} is a socket")));
            }
            None => return Err(corrupt(format!("inode {number} is of no known type"))),
        };
        let device = match kind {
            Kind::CharDevice | Kind::BlockDevice => device(u32_at(BLOCKS.start), u32_at(BLOCKS.start + 4)),
            _ => (0, 0),
        };
        let inode = Inode {
            number,
            kind,
            mode: u32::from(mode & 0o7777),
            uid: wide(u16_at(2), u16_at(120)),
            gid: wide(u16_at(24), u16_at(122)),
            size: u64::from(u32_at(108)) << 32 | u64::from(u32_at(4)),
            mtime: Mtime { secs: 0, nanos: 0 },
            nlink: u32::from(u16_at(26)),
            device,
            flags: u32_at(32),
            attribute_block: u64::from(u16_at(118)) << 32 | u64::from(u32_at(104)),
            data: data.clone(),
        };
        Ok(Inode { mtime: inode.time(16, 136), ..inode })
    }

    /// The time whose seconds are at `at`, and whose further bits at `extra` where the inode has these.
    fn time(&self, at: usize, extra: usize) -> Mtime {
        let secs = i64::from(u32_at(&self.data, at).cast_signed());
        let has_extra = extra.saturating_add(4) <= OLD_SIZE.saturating_add(self.extra_size());
        let extra = if has_extra { u32_at(&self.data, extra) } else { 0 };
        let nanos = (extra >> 2).min(999_999_999);
        Mtime { secs: secs.saturating_add(i64::from(extra & 3) << 32), nanos }
    }

    /// Bytes behind the old part that hold further fields.
    fn extra_size(&self) -> usize {
        let room = self.data.len().saturating_sub(OLD_SIZE);
        if room < 4 { 0 } else { usize::from(u16_at(&self.data, OLD_SIZE)).min(room) }
    }

    /// What is behind all fields: extended attributes.
    pub(super) fn tail(&self) -> &[u8] {
        self.data.get(OLD_SIZE.saturating_add(self.extra_size())..).unwrap_or_default()
    }

    /// The 60 bytes that hold the root of the extent tree, a short link's target, or a device's numbers.
    pub(super) fn block_area(&self) -> &[u8] {
        self.data.get(BLOCKS).unwrap_or_default()
    }

    pub(super) fn has_extents(&self) -> bool {
        self.flags & EXTENTS != 0
    }

    /// How its content is stored, where that is a way that is not read.
    pub(super) fn unreadable(&self) -> Option<&'static str> {
        match self.flags {
            f if f & ENCRYPTED != 0 => Some("is encrypted"),
            f if f & INLINE != 0 => Some("has its content inline"),
            f if f & EXTENTS == 0 => Some("has a block map instead of extents"),
            _ => None,
        }
    }
}

/// Device numbers: as 16 bits in the first word, or as Linux has them today in the second.
fn device(old: u32, new: u32) -> (u32, u32) {
    if old != 0 {
        return (old >> 8 & 0xff, old & 0xff);
    }
    (new >> 8 & 0xfff, (new & 0xff) | (new >> 12 & 0xf_ff00))
}
