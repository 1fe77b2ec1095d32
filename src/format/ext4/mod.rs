//! ext4, read only, over a disk whose bytes may not be here yet. Pure.
//!
//! Each question is asked anew once the bytes that it missed are here: see [`Disk`]. What the file system says of itself
//! is hostile: block and inode numbers, counts and lengths are checked before use, and an extent tree cannot be deeper
//! than it says, so that none goes in circles.
//!
//! Read are inodes with extents, directories (linear ones, and those with an index as if they had none), links of both
//! kinds, devices, extended attributes in the inode and in a block of their own. Refused by name: file systems that need
//! their journal replayed, and features that change what is stored where (`meta_bg`, `inline_data`, `encrypt` …).
//!
//! Format: "ext4 Data Structures and Algorithms" of the Linux kernel's documentation.
#![forbid(unsafe_code)]

mod attributes;
pub(crate) mod bytes;
mod dir;
mod disk;
mod extents;
mod inode;
mod superblock;
mod tree;

pub use attributes::Attributes;
pub use dir::Name;
pub use disk::{Asked, Disk, Stop};
pub use extents::Run;
pub use inode::Inode;
pub use superblock::Ext4;
pub use tree::Tree;

use crate::error::{Code, Error};

/// The root directory's inode.
pub const ROOT: u32 = 2;

fn corrupt(message: impl Into<String>) -> Error {
    Error::new(Code::CorruptLayer, format!("the ext4 file system is damaged: {}", message.into()))
}

fn unsupported(message: impl Into<String>) -> Error {
    Error::new(Code::Unsupported, message)
}
