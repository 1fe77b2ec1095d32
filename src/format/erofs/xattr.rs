//! Extended attributes: behind the inode, some of them shared by number.

use std::borrow::Cow;

use super::fields::{corrupt, le};
use super::{FileSystem, Inode, ReadAt};
use crate::error::Result;
use crate::format::tar::Xattrs;
use crate::limits::Limits;

/// Filter, number of shared ones, padding.
const HEADER: usize = 12;
/// Length of the name, prefix, length of the value.
const ENTRY: usize = 4;

impl<V: ReadAt> FileSystem<V> {
    /// An inode's extended attributes, encoded as [`Xattrs`] reads them; names with their prefix. Over
    /// `max_tar_header_size` is `LIMIT_EXCEEDED`.
    pub(crate) fn xattrs(&self, inode: &Inode) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        if inode.xattr_len == 0 {
            return Ok(out);
        }
        let at = inode.xattrs_at();
        let area = self.volume.read_at(at, inode.xattr_len as usize)?;
        let shared = usize::from(area.get(4).copied().unwrap_or_default());
        let (ids, mut inline) =
            area.get(HEADER..).and_then(|rest| rest.split_at_checked(shared * 4)).ok_or_else(|| {
                corrupt("shared attributes are more than an inode has room for").with_offset(at)
            })?;
        for id in ids.as_chunks::<4>().0 {
            self.shared_xattr(u32::from_le_bytes(*id), &mut out)?;
        }
        while let Some((entry, rest)) = inline.split_first_chunk::<ENTRY>() {
            let (name_len, value_len) = lengths(entry);
            // What is left over of the area is padding.
            if *entry == [0; ENTRY] {
                break;
            }
            let both = name_len + value_len;
            let (name, value) = rest
                .get(..both)
                .and_then(|b| b.split_at_checked(name_len))
                .ok_or_else(|| corrupt("an extended attribute is cut off").with_offset(at))?;
            self.put(entry[1], name, value, &mut out)?;
            inline = rest.get(both.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(out)
    }

    fn shared_xattr(&self, id: u32, out: &mut Vec<u8>) -> Result<()> {
        let at = self.superblock.shared_xattr_at(id);
        let at = at.ok_or_else(|| corrupt("a shared attribute is out of all volumes"))?;
        let entry: [u8; ENTRY] = le(&self.volume.read_at(at, ENTRY)?, 0);
        let (name_len, value_len) = lengths(&entry);
        let both: Cow<'_, [u8]> =
            self.volume.read_at(at.saturating_add(ENTRY as u64), name_len + value_len)?;
        let (name, value) = both.split_at_checked(name_len).unwrap_or_default();
        self.put(entry[1], name, value, out)
    }

    fn put(&self, prefix: u8, name: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let prefix: &[u8] = match prefix {
            0 => b"",
            1 => b"user.",
            2 => b"system.posix_acl_access",
            3 => b"system.posix_acl_default",
            4 => b"trusted.",
            6 => b"security.",
            _ => return Err(corrupt("an extended attribute has an unknown prefix")),
        };
        let full = [prefix, name].concat();
        if full.is_empty() || full.contains(&0) {
            return Err(corrupt("an extended attribute has no name, or one with a NUL"));
        }
        Xattrs::encode(out, &full, value);
        Limits::check("max_tar_header_size", out.len() as u64, self.limits.max_tar_header_size)
    }
}

/// Lengths of name and value: at most 255 and 65,535.
fn lengths(entry: &[u8; ENTRY]) -> (usize, usize) {
    (usize::from(entry[0]), usize::from(u16::from_le_bytes([entry[2], entry[3]])))
}
