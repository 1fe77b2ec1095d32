//! Attributes of files, and how they are verified.

use crate::error::{Code, Error, Result};
use crate::format::tar::{Kind, Mtime};
use crate::layer::{ContentCheck, IndexVoucher, MetadataCheck};
use crate::rootfs::Whiteout;

named! {
    /// What vouches for the image manifest.
    #[non_exhaustive]
    pub enum ManifestCheck {
        /// The caller asked for a digest, and all manifests from there on have the digests that they are named by.
        Digest = "digest",
        /// What the source said of a tag; from there on as above.
        Tag = "tag",
        /// Nothing: the archive does not say what digest the image has, or wrongly; it was computed of what is there. From
        /// there on as above.
        Computed = "computed",
    }
}

/// How what was returned is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(all(target_arch = "wasm32", feature = "js"), derive(serde::Serialize))]
pub struct Verification {
    /// The image manifest.
    pub manifest: ManifestCheck,
    /// Names, sizes and attributes.
    pub metadata: MetadataCheck,
    /// Content.
    pub content: ContentCheck,
    /// Whether the file's own tar header is compared with the zTOC before its first byte is given out. False for what
    /// has no content.
    pub header: bool,
    /// Who vouches for the index by which it was found and read: of the image's tree the weakest of all layers', as the
    /// index of one layer can hide or show files of any other; of one layer's tree that layer's. `None`: no index has a
    /// say, and what the other fields name vouches alone.
    #[cfg_attr(all(target_arch = "wasm32", feature = "js"), serde(skip_serializing_if = "Option::is_none"))]
    pub index: Option<IndexVoucher>,
}

/// Attributes of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileStat {
    /// Where it really is, with a leading `/`.
    pub path: Vec<u8>,
    /// The type. [`Kind::HardLink`] only in listings and in views of one layer, for a hard link whose target is not
    /// in its layer.
    pub kind: Kind,
    /// Bytes of content; 0 for what has none.
    pub size: u64,
    /// Permission bits, set-id and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Owner's name, raw.
    pub uname: Vec<u8>,
    /// Group's name, raw.
    pub gname: Vec<u8>,
    /// Modification time, where it is known.
    pub mtime: Option<Mtime>,
    /// Names that the file has in its layer.
    pub nlink: u32,
    /// Device major number.
    pub dev_major: u64,
    /// Device minor number.
    pub dev_minor: u64,
    /// Target of a symbolic link (or of a hard link that leads nowhere), as stored.
    pub link_name: Option<Vec<u8>>,
    /// For a further name of a file: its first, with a leading `/`.
    pub hardlink_of: Option<Vec<u8>>,
    /// Extended attributes: names and values.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The layer that it comes from; `None` for a directory that no layer lists, and where the image's format does not
    /// tell.
    pub layer: Option<usize>,
    /// In the view of one layer: what the entry removes of the layers below.
    pub whiteout: Option<Whiteout>,
    /// How this, and the file's content, is verified.
    pub verified: Verification,
}

impl FileStat {
    /// Memory that the extended attributes take, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.xattrs.iter().map(|(name, value)| 64 + name.len() + value.len()).sum()
    }

    /// Whether mode, owner and extended attributes are those of another one.
    pub(super) fn has_attributes_of(&self, other: &FileStat) -> bool {
        (self.mode, self.uid, self.gid) == (other.mode, other.uid, other.gid) && self.xattrs == other.xattrs
    }

    /// The target of the symbolic link that this is, as stored. `EINVAL` for anything else, with the `path` that was asked for.
    pub(super) fn link_target(self, path: &[u8]) -> Result<Vec<u8>> {
        match (self.kind, self.link_name) {
            (Kind::Symlink, Some(target)) => Ok(target),
            _ => Err(Error::new(Code::Einval, "not a symbolic link").with_path(path)),
        }
    }
}

/// A path of the tree with a leading `/`.
pub(super) fn absolute(path: &[u8]) -> Vec<u8> {
    [b"/", path].concat()
}
