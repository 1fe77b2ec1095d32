//! A file system of its own that holds the whole image, read as it is walked.

use std::ops::Range;
use std::rc::Rc;

use super::{Checks, Context, Layer};
use crate::format::tar::{Kind, Mtime};
use crate::net::transport::{ByteStream, Later};

/// Attributes of an inode.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    /// Permission bits, set-id and sticky.
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) mtime: Option<Mtime>,
    pub(crate) nlink: u32,
    pub(crate) dev_major: u64,
    pub(crate) dev_minor: u64,
    /// Target of a symbolic link.
    pub(crate) link_name: Vec<u8>,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A name in a directory, and its inode.
pub(crate) type Name = (Vec<u8>, usize);

/// A file system. Nothing is fetched before it is needed; what was read once is kept as far as the span cache has room.
pub(crate) trait FileSystem {
    /// The same for another reader: what is known of it is shared, what goes on is not.
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn FileSystem>;

    /// The root directory's inode.
    fn root(&self) -> usize;

    /// What it says of an inode.
    fn stat(&self, inode: usize) -> Later<'_, Rc<Attributes>>;

    /// The inode of a name in a directory; never asked for `.` and `..`.
    fn lookup<'a>(&'a self, dir: usize, name: &'a [u8]) -> Later<'a, Option<usize>>;

    /// The names in a directory, without `.` and `..`, in any order.
    fn read_dir(&self, dir: usize) -> Later<'_, Vec<Name>>;

    /// Bytes `range` of a regular file, cut to its size.
    fn read(&self, inode: usize, range: Range<u64>) -> ByteStream;

    /// What vouches for what it gives.
    fn checks(&self) -> Checks;
}

/// File system of an image whose format makes one tree of its layers.
pub(crate) enum Tree {
    /// All of its metadata is loaded at once.
    #[cfg_attr(not(any(feature = "nydus", feature = "overlaybd")), allow(dead_code))]
    Merged(Rc<dyn Layer>),
    /// A file system.
    #[cfg_attr(not(feature = "overlaybd"), allow(dead_code))]
    FileSystem(Rc<dyn FileSystem>),
}
