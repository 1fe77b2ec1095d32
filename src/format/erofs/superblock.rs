//! The superblock: 128 bytes at 1024.

use super::fields::{corrupt, le};
use super::read_at::ReadAt;
use crate::error::{Code, Error, Result};
use crate::format::tar::Mtime;

/// The superblock's first four bytes, little-endian.
pub const MAGIC: u32 = 0xe0f5_e1e2;
/// Where the superblock is.
pub const SUPER_OFFSET: u64 = 1024;

const SUPER_SIZE: usize = 128;
/// Bytes of a block, as a power of two.
const BLOCK_BITS: std::ops::RangeInclusive<u8> = 9..=16;

/// Features that change what is read here. The others are refused.
const CHUNKED_FILE: u32 = 0x4;
const DEVICE_TABLE: u32 = 0x8;
/// Only says how compressed blocks are padded, and there are none.
const ZERO_PADDING: u32 = 0x1;
/// The others that there are, by name.
const REFUSED: [(u32, &str); 6] = [
    (0x2, "compression configurations"),
    (0x10, "packed tails"),
    (0x20, "fragments or deduplicated extents"),
    (0x40, "extended attribute prefixes"),
    (0x80, "48-bit addresses"),
    (0x100, "a metadata inode"),
];

/// What a file system says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    block_bits: u8,
    /// Number of the root's inode.
    pub root: u64,
    /// Inodes, as it says. Nothing relies on it.
    pub inodes: u64,
    /// The modification time of compact inodes.
    pub time: Mtime,
    /// Features that old readers may ignore.
    pub compatible: u32,
    /// Devices besides this volume.
    pub devices: u16,
    /// Where the table of these devices begins.
    pub device_table: u64,
    meta_block: u32,
    xattr_block: u32,
}

impl Superblock {
    /// Reads it. `CORRUPT_LAYER` where there is none; `UNSUPPORTED` for features that are not read here, by name.
    pub fn parse(volume: &impl ReadAt) -> Result<Self> {
        let bytes = volume.read_at(SUPER_OFFSET, SUPER_SIZE)?;
        let u32_at = |at| u32::from_le_bytes(le(&bytes, at));
        let u16_at = |at| u16::from_le_bytes(le(&bytes, at));
        if u32_at(0) != MAGIC {
            return Err(corrupt("no superblock"));
        }
        let incompatible = u32_at(80);
        if let Some(name) = unread(incompatible) {
            return Err(Error::new(Code::Unsupported, format!("EROFS with {name} cannot be read")));
        }
        let block_bits = bytes.get(12).copied().unwrap_or_default();
        if !BLOCK_BITS.contains(&block_bits) {
            return Err(corrupt("blocks are of 512 bytes to 64 KiB"));
        }
        Ok(Superblock {
            block_bits,
            root: u64::from(u16_at(14)),
            inodes: u64::from_le_bytes(le(&bytes, 16)),
            time: mtime(u64::from_le_bytes(le(&bytes, 24)), u32_at(32))?,
            compatible: u32_at(8),
            devices: u16_at(86),
            device_table: u64::from(u16_at(88)) * 128,
            meta_block: u32_at(40),
            xattr_block: u32_at(44),
        })
    }

    /// Bytes of a block: 512 to 65,536.
    pub fn block_size(&self) -> u64 {
        1 << self.block_bits
    }

    /// Where inode `nid` is; `None` out of all volumes.
    pub(super) fn inode_at(&self, nid: u64) -> Option<u64> {
        u64::from(self.meta_block).checked_mul(self.block_size())?.checked_add(nid.checked_mul(32)?)
    }

    /// Where the shared attribute `id` is.
    pub(super) fn shared_xattr_at(&self, id: u32) -> Option<u64> {
        u64::from(self.xattr_block).checked_mul(self.block_size())?.checked_add(u64::from(id) * 4)
    }
}

/// The name of the first feature that is not read here.
fn unread(features: u32) -> Option<String> {
    let unknown = features & !(CHUNKED_FILE | DEVICE_TABLE | ZERO_PADDING);
    if unknown == 0 {
        return None;
    }
    let named = REFUSED.iter().find(|(bit, _)| unknown & bit != 0);
    Some(named.map_or_else(|| format!("the unknown features {unknown:#x}"), |(_, name)| (*name).to_owned()))
}

/// A time as inodes and superblocks hold it.
pub(super) fn mtime(secs: u64, nanos: u32) -> Result<Mtime> {
    if nanos >= 1_000_000_000 {
        return Err(corrupt("a time has more nanoseconds than a second"));
    }
    Ok(Mtime { secs: secs.cast_signed(), nanos })
}
