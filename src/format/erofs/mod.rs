//! EROFS, as far as image metadata uses it: uncompressed, read-only, every offset checked. Pure.
//!
//! Two formats keep their tree in it: RAFS v6 (Nydus), whose files are lists of chunks elsewhere, and TurboOCI with
//! EROFS metadata, whose files are blocks of the volume. Neither needs compression, fragments or more than one device.
//!
//! - [`FileSystem`] reads inodes, directories, symbolic links and extended attributes.
//! - [`Tree`] is all of it as the table that every other reader gives.
//!
//! Format: the Linux kernel's `fs/erofs/erofs_fs.h`.
#![forbid(unsafe_code)]

mod data;
mod dir;
mod fields;
mod file_system;
mod inode;
mod read_at;
mod superblock;
mod tree;
mod xattr;

#[cfg(feature = "nydus")]
pub(crate) use fields::le;
pub use file_system::FileSystem;
#[cfg(feature = "nydus")]
pub(crate) use inode::device;
pub use inode::{Inode, Layout};
pub use read_at::ReadAt;
pub use superblock::{MAGIC, SUPER_OFFSET, Superblock};
pub use tree::Tree;

#[cfg(test)]
mod tests;
