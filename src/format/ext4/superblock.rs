//! The superblock, and where it says that inodes are.

use super::bytes::{u16_at, u32_at};
use super::inode::Inode;
use super::{Asked, Disk, corrupt, unsupported};
use crate::error::Result;
use crate::limits::Limits;

const OFFSET: u64 = 1024;
const LENGTH: usize = 1024;
const MAGIC: u16 = 0xef53;

const INCOMPAT_FILETYPE: u32 = 0x2;
const INCOMPAT_RECOVER: u32 = 0x4;
const INCOMPAT_64BIT: u32 = 0x80;
/// `filetype extent 64bit mmp flex_bg csum_seed large_dir`: what reading needs no more for than is here.
const INCOMPAT_READ: u32 = INCOMPAT_FILETYPE | 0x40 | INCOMPAT_64BIT | 0x100 | 0x200 | 0x2000 | 0x4000;
/// The others, by the names that mke2fs gives them.
const INCOMPAT_NAMES: [(u32, &str); 8] = [
    (0x1, "compression"),
    (0x8, "journal_dev"),
    (0x10, "meta_bg"),
    (0x400, "ea_inode"),
    (0x1000, "dirdata"),
    (0x8000, "inline_data"),
    (0x1_0000, "encrypt"),
    (0x2_0000, "casefold"),
];

/// A file system, by its superblock.
#[derive(Debug, Clone)]
pub struct Ext4 {
    pub(super) limits: Limits,
    pub(super) block_size: usize,
    pub(super) blocks: u64,
    pub(super) has_filetype: bool,
    inodes: u32,
    inodes_per_group: u32,
    inode_size: u16,
    descriptor_size: u16,
    first_block: u32,
}

impl Ext4 {
    /// Reads the superblock of `disk`.
    ///
    /// `CORRUPT_LAYER` if there is none or it contradicts itself; `UNSUPPORTED`, by name, for features that are not read;
    /// `LIMIT_EXCEEDED` over `max_disk_size`.
    pub fn open(disk: &dyn Disk, limits: &Limits) -> Asked<Ext4> {
        if disk.size() < OFFSET + LENGTH as u64 {
            return Err(other(disk)?.into());
        }
        let data = disk.read(OFFSET, LENGTH)?;
        if u16_at(&data, 56) != MAGIC {
            return Err(other(disk)?.into());
        }
        Ok(Self::parse(&data, disk.size(), limits)?)
    }

    fn parse(data: &[u8], disk_size: u64, limits: &Limits) -> Result<Ext4> {
        let incompat = u32_at(data, 96);
        if incompat & INCOMPAT_RECOVER != 0 {
            return Err(unsupported(
                "the ext4 file system was not closed: its journal would have to be replayed",
            ));
        }
        let unread = incompat & !INCOMPAT_READ;
        if unread != 0 {
            let names = INCOMPAT_NAMES.iter().filter(|(bit, _)| unread & bit != 0).map(|(_, name)| *name);
            let names: Vec<_> = names.collect();
            let names = if names.is_empty() { format!("{unread:#x}") } else { names.join(", ") };
            return Err(unsupported(format!("the ext4 file system has features that are not read: {names}")));
        }
        let is_64bit = incompat & INCOMPAT_64BIT != 0;
        let shift = u32_at(data, 24);
        if shift > 6 {
            return Err(corrupt(format!("blocks of 2^{} bytes", u64::from(shift) + 10)));
        }
        let high = if is_64bit { u32_at(data, 336) } else { 0 };
        let fs = Ext4 {
            limits: limits.clone(),
            block_size: 1 << (shift + 10),
            blocks: u64::from(high) << 32 | u64::from(u32_at(data, 4)),
            has_filetype: incompat & INCOMPAT_FILETYPE != 0,
            inodes: u32_at(data, 0),
            inodes_per_group: u32_at(data, 40),
            inode_size: if u32_at(data, 76) == 0 { 128 } else { u16_at(data, 88) },
            descriptor_size: if is_64bit { u16_at(data, 254) } else { 32 },
            first_block: u32_at(data, 20),
        };
        let block = fs.block_size as u64;
        let size = fs.blocks.checked_mul(block).ok_or_else(|| corrupt("it has too many blocks"))?;
        Limits::check("max_disk_size", size, limits.max_disk_size)?;
        if size > disk_size {
            return Err(corrupt(format!("it takes {size} bytes of a disk of {disk_size}")));
        }
        if !fs.inode_size.is_power_of_two()
            || fs.inode_size < 128
            || usize::from(fs.inode_size) > fs.block_size
        {
            return Err(corrupt(format!("inodes of {} bytes", fs.inode_size)));
        }
        if !fs.descriptor_size.is_power_of_two() || !(32..=1024).contains(&fs.descriptor_size) {
            return Err(corrupt(format!("group descriptors of {} bytes", fs.descriptor_size)));
        }
        if fs.inodes_per_group == 0 || u64::from(fs.inodes_per_group) > block.saturating_mul(8) {
            return Err(corrupt(format!("{} inodes a group", fs.inodes_per_group)));
        }
        Ok(fs)
    }

    /// Bytes of a block.
    pub fn block_size(&self) -> usize {
        self.block_size
    }

    /// Inode `number`.
    pub fn inode(&self, disk: &dyn Disk, number: u32) -> Asked<Inode> {
        let Some(index) = number.checked_sub(1).filter(|_| number <= self.inodes) else {
            return Err(corrupt(format!("a name leads to inode {number}, which there is not")).into());
        };
        let (group, index) = (index / self.inodes_per_group, index % self.inodes_per_group);
        let size = u64::from(self.descriptor_size);
        let table = (u64::from(self.first_block) + 1).saturating_mul(self.block_size as u64);
        let at = table.saturating_add(u64::from(group).saturating_mul(size));
        let descriptor = self.read(disk, at, usize::from(self.descriptor_size))?;
        let high = if self.descriptor_size >= 64 { u32_at(&descriptor, 40) } else { 0 };
        let start = self.block(u64::from(high) << 32 | u64::from(u32_at(&descriptor, 8)))?;
        let at = start.saturating_add(u64::from(index).saturating_mul(u64::from(self.inode_size)));
        let data = self.read(disk, at, usize::from(self.inode_size))?;
        let inode = Inode::parse(number, data)?;
        if inode.size > (self.block_size as u64) << 32 {
            return Err(corrupt(format!("inode {number} has more bytes than a file can have")).into());
        }
        Ok(inode)
    }

    /// Where block `number` is on the disk. None is block 0, which holds no data of files.
    pub(super) fn block(&self, number: u64) -> Result<u64> {
        if number == 0 || number >= self.blocks {
            return Err(corrupt(format!("it refers to block {number} of {}", self.blocks)));
        }
        Ok(number.saturating_mul(self.block_size as u64))
    }

    /// Reads what must be inside of the file system.
    pub(super) fn read(&self, disk: &dyn Disk, offset: u64, len: usize) -> Asked<bytes::Bytes> {
        let end = offset.checked_add(len as u64);
        if end.is_none_or(|end| end > self.blocks.saturating_mul(self.block_size as u64)) {
            return Err(corrupt("something is behind its last block").into());
        }
        disk.read(offset, len)
    }
}

/// The error for a disk without ext4: which file system it has instead.
fn other(disk: &dyn Disk) -> Asked<crate::error::Error> {
    let has = |offset: u64, magic: &[u8]| -> Asked<bool> {
        let inside = offset.checked_add(magic.len() as u64).is_some_and(|end| end <= disk.size());
        Ok(inside && disk.read(offset, magic.len())? == magic)
    };
    Ok(if has(0, b"XFSB")? {
        unsupported("the layer's disk has an XFS file system; ext4 and EROFS are read")
    } else if has(3, b"NTFS    ")? {
        unsupported("the layer's disk has an NTFS file system; ext4 and EROFS are read")
    } else if has(1024, &0xe0f5_e1e2_u32.to_le_bytes())? {
        unsupported(
            "the layer's disk has an EROFS file system, which is read only as the metadata of TurboOCI",
        )
    } else {
        corrupt("there is no superblock")
    })
}
