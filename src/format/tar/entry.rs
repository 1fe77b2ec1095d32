//! One entry of a layer, the same whether a zTOC or a tar header told it.

/// The type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A regular file.
    Regular,
    /// A further name of an earlier entry of the same layer, named by the link name.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

#[cfg(any(feature = "nydus", feature = "overlaybd"))]
impl Kind {
    /// Type bits of a POSIX mode.
    const S_IFMT: u32 = 0o170_000;
    const S_IFSOCK: u32 = 0o140_000;

    /// The type that a POSIX mode states, as file systems store it; `None` for sockets and for what is no type.
    pub(crate) fn of_mode(mode: u32) -> Option<Self> {
        match mode & Self::S_IFMT {
            0o010_000 => Some(Kind::Fifo),
            0o020_000 => Some(Kind::CharDevice),
            0o040_000 => Some(Kind::Directory),
            0o060_000 => Some(Kind::BlockDevice),
            0o100_000 => Some(Kind::Regular),
            0o120_000 => Some(Kind::Symlink),
            _ => None,
        }
    }

    /// Whether a POSIX mode is a socket's, which no layer can hold.
    pub(crate) fn is_socket(mode: u32) -> bool {
        mode & Self::S_IFMT == Self::S_IFSOCK
    }
}

/// A modification time: seconds since the Unix epoch (may be negative) and nanoseconds `0..1e9` after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mtime {
    /// Whole seconds, rounded down.
    pub secs: i64,
    /// Nanoseconds on top.
    pub nanos: u32,
}

/// A borrowed view of one entry. Strings are raw bytes, as in the tar.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The name as stored: may start with `./` or `/`, end with `/`, hold `..`, NUL or any byte.
    pub name: &'a [u8],
    /// The type.
    pub kind: Kind,
    /// Length of the content in bytes (for a sparse file: of the expanded content).
    pub size: u64,
    /// Permission bits, set-id and sticky: masked with 0o7777.
    pub mode: u32,
    /// Owner. A zTOC holds the low 32 bits.
    pub uid: u64,
    /// Group. A zTOC holds the low 32 bits.
    pub gid: u64,
    /// Owner's name.
    pub uname: &'a [u8],
    /// Group's name.
    pub gname: &'a [u8],
    /// Modification time; `None` where a zTOC could not say (past the year 9999).
    pub mtime: Option<Mtime>,
    /// Target of a symbolic or hard link, as stored.
    pub link_name: &'a [u8],
    /// Device major number.
    pub dev_major: u64,
    /// Device minor number.
    pub dev_minor: u64,
    /// Offset in the uncompressed tar of the entry's first header block (a PAX or GNU extension header
    /// where there is one).
    pub header_offset: u64,
    /// Offset in the uncompressed tar of the content's first byte.
    pub offset: u64,
    /// Extended attributes, names without the prefix `SCHILY.xattr.`.
    pub xattrs: Xattrs<'a>,
}

#[cfg(any(feature = "nydus", feature = "overlaybd"))]
impl<'a> Entry<'a> {
    /// One of a file system: in no tar, of owners without names, and empty until more is said of it.
    pub(crate) fn named(name: &'a [u8], kind: Kind) -> Self {
        Entry {
            name,
            kind,
            size: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            uname: b"",
            gname: b"",
            mtime: None,
            link_name: b"",
            dev_major: 0,
            dev_minor: 0,
            header_offset: 0,
            offset: 0,
            xattrs: Xattrs::default(),
        }
    }
}

/// Extended attributes in a compact encoding: repeated `u32 name length, u32 value length, name, value`,
/// little-endian. Iterates over `(name, value)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Xattrs<'a>(pub(crate) &'a [u8]);

impl<'a> Xattrs<'a> {
    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Appends one attribute to an encoding. Lengths over `u32` are the caller's to refuse (names and values
    /// are bounded by `max_tar_header_size`).
    pub(crate) fn encode(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        out.extend_from_slice(&(name.len() as u32).to_le_bytes());
        out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(value);
    }
}

impl<'a> Iterator for Xattrs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name_len, rest) = self.0.split_first_chunk::<4>()?;
        let (value_len, rest) = rest.split_first_chunk::<4>()?;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*name_len) as usize)?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_len) as usize)?;
        self.0 = rest;
        Some((name, value))
    }
}
