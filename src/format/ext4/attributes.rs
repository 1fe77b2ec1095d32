//! Extended attributes, and the targets of links.

use super::bytes::{u16_at, u32_at};
use super::{Asked, Disk, Ext4, Inode, corrupt};
use crate::error::{Code, Error, Result};
use crate::format::tar::Kind;
use crate::limits::Limits;

const MAGIC: u32 = 0xea02_0000;
/// Length of the header of a block of attributes.
const BLOCK_HEADER: usize = 32;
const ENTRY: usize = 16;

/// Longest target that is in the inode itself.
const SHORT_LINK: u64 = 60;

/// Extended attributes: full names and values.
pub type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

impl Ext4 {
    /// The extended attributes of an inode, in the order of the disk: those in the inode, then those in its block. ACLs
    /// as `getxattr(2)` gives them.
    ///
    /// `CORRUPT_LAYER` if they are not inside of where they must be; `LIMIT_EXCEEDED` over `max_tar_header_size` in all.
    pub fn attributes(&self, disk: &dyn Disk, inode: &Inode) -> Asked<Attributes> {
        let mut all = Vec::new();
        let tail = inode.tail();
        if u32_at(tail, 0) == MAGIC {
            let area = tail.get(4..).unwrap_or_default();
            entries(area, area, &mut all, self.limits.max_tar_header_size)?;
        }
        if inode.attribute_block != 0 {
            let at = self.block(inode.attribute_block)?;
            let block = self.read(disk, at, self.block_size)?;
            if u32_at(&block, 0) != MAGIC || u32_at(&block, 8) != 1 {
                return Err(corrupt("a block of extended attributes is none").into());
            }
            let list = block.get(BLOCK_HEADER..).unwrap_or_default();
            entries(list, &block, &mut all, self.limits.max_tar_header_size)?;
        }
        Ok(all)
    }

    /// The target of a symbolic link. `EINVAL` for anything else; `LIMIT_EXCEEDED` over `max_path_len`.
    pub fn link(&self, disk: &dyn Disk, inode: &Inode) -> Asked<Vec<u8>> {
        if inode.kind != Kind::Symlink {
            return Err(Error::new(Code::Einval, "not a symbolic link").into());
        }
        if inode.size < SHORT_LINK && !inode.has_extents() {
            let target = usize::try_from(inode.size).ok().and_then(|len| inode.block_area().get(..len));
            return Ok(target.unwrap_or_default().to_vec());
        }
        Limits::check("max_path_len", inode.size, self.limits.max_path_len)?;
        self.content(disk, inode, 0..inode.size)
    }
}

/// Reads the entries at the start of `list`, whose values are at offsets in `values`. Many may have one value, so that they
/// are bounded in all, by `most` bytes.
fn entries(mut list: &[u8], values: &[u8], all: &mut Attributes, most: u64) -> Result<()> {
    let mut bytes = all.iter().fold(0, |sum, (name, value)| size(sum, name, value));
    // Four zero bytes end it; so does the end of the area.
    while u32_at(list, 0) != 0 {
        let broken = || corrupt("an extended attribute is not inside of its area");
        let (head, rest) = list.split_at_checked(ENTRY).ok_or_else(broken)?;
        let [name_len, index, ..] = *head else { return Err(broken()) };
        let name = rest.get(..usize::from(name_len)).ok_or_else(broken)?;
        if u32_at(head, 4) != 0 {
            return Err(super::unsupported("an extended attribute has its value in an inode of its own"));
        }
        let start = usize::from(u16_at(head, 2));
        let len = usize::try_from(u32_at(head, 8)).unwrap_or(usize::MAX);
        let value = values.get(start..start.saturating_add(len)).ok_or_else(broken)?;
        let (full_name, value) = attribute(index, name, value)?;
        bytes = size(bytes, &full_name, &value);
        Limits::check("max_tar_header_size", bytes, most)?;
        all.push((full_name, value));
        let taken = ENTRY.saturating_add(usize::from(name_len)).next_multiple_of(4);
        list = list.get(taken..).unwrap_or_default();
    }
    Ok(())
}

/// `sum` and the bytes of one attribute.
fn size(sum: u64, name: &[u8], value: &[u8]) -> u64 {
    sum.saturating_add(name.len() as u64).saturating_add(value.len() as u64)
}

fn attribute(index: u8, name: &[u8], value: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let prefix: &[u8] = match index {
        0 => b"",
        1 => b"user.",
        2 => return Ok((b"system.posix_acl_access".to_vec(), acl(value)?)),
        3 => return Ok((b"system.posix_acl_default".to_vec(), acl(value)?)),
        4 => b"trusted.",
        6 => b"security.",
        7 => b"system.",
        8 => b"system.richacl",
        n => return Err(corrupt(format!("an extended attribute is of class {n}, which there is not"))),
    };
    Ok(([prefix, name].concat(), value.to_vec()))
}

/// An access control list as programs see it, of its shorter form on the disk.
fn acl(value: &[u8]) -> Result<Vec<u8>> {
    let broken = || corrupt("an access control list is broken");
    let (version, mut rest) = value.split_first_chunk::<4>().ok_or_else(broken)?;
    if u32::from_le_bytes(*version) != 1 {
        return Err(broken());
    }
    let mut out = 2_u32.to_le_bytes().to_vec();
    while !rest.is_empty() {
        let (entry, after) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        // Entries for a named user or group say which; the others are no longer than this.
        let named = matches!(u16_at(entry, 0), 2 | 8);
        let (id, after) = match after.split_first_chunk::<4>() {
            Some((id, after)) if named => (*id, after),
            None if named => return Err(broken()),
            _ => ([0xff; 4], after),
        };
        out.extend_from_slice(entry);
        out.extend_from_slice(&id);
        rest = after;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry `user.<name>` whose value is `len` bytes at `at`.
    fn entry(name: u8, at: u16, len: u32) -> Vec<u8> {
        let mut out = vec![1, 1];
        out.extend_from_slice(&at.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&[0, 0, 0, 0, name, 0, 0, 0]);
        out
    }

    /// A block of 64 KiB that says of 3,000 attributes that each is nearly all of it.
    #[test]
    fn attributes_that_share_a_value_are_bounded_in_all() {
        let mut block: Vec<u8> = (0..3000).flat_map(|i: u32| entry(i as u8, 0, 60_000)).collect();
        block.resize(1 << 16, 0);
        let limits = Limits::default();
        let mut all = Attributes::new();
        let e = entries(&block, &block, &mut all, limits.max_tar_header_size).unwrap_err();
        assert_eq!((e.code(), e.limit_name()), (Code::LimitExceeded, Some("max_tar_header_size")));
        assert_eq!(all.len(), 17, "of 60,006 bytes each");
        // What was there before counts too.
        let one = [entry(b'a', 0, 10), vec![0; 8]].concat();
        entries(&one, &one, &mut all, 1_020_118).unwrap();
        assert_eq!(all[17], (b"user.a".to_vec(), one[..10].to_vec()));
        assert!(entries(&one, &one, &mut all, 1_020_118).is_err());
    }
}
