//! The metadata layer of TurboOCI: a tar with a file system without its files' content, and checkpoints in the layer
//! that has that.

use bytes::Bytes;

use super::{Checkpoints, corrupt};
use crate::error::Result;
use crate::format::unpack;
use crate::limits::Limits;

const EXT4: &[u8] = b"ext4.fs.meta";
const EROFS: &[u8] = b"erofs.fs.meta";
const CHECKPOINTS: &[u8] = b"gzip.meta";

/// What a metadata layer holds.
#[derive(Debug)]
pub struct Metadata {
    /// The file system's metadata: a layer's file, as [`File`](super::File) opens it.
    pub system: Bytes,
    /// Whether that is EROFS rather than ext4.
    pub is_erofs: bool,
    /// Checkpoints in the original layer, where that is gzip.
    pub checkpoints: Option<Checkpoints>,
}

impl Metadata {
    /// Unpacks a metadata layer, compressed or not, that was fetched whole.
    ///
    /// `CORRUPT_LAYER` if it is broken or lacks its file system; `LIMIT_EXCEEDED` over `max_metadata_size`, inflated.
    pub fn unpack(blob: &[u8], limits: &Limits) -> Result<Metadata> {
        let (mut system, mut checkpoints) = (None, None);
        for (name, content) in unpack::files(blob, limits)? {
            match name.strip_prefix(b"./").unwrap_or(&name) {
                EXT4 => system = Some((content, false)),
                EROFS => system = Some((content, true)),
                CHECKPOINTS => checkpoints = Some(Checkpoints::parse(content, limits)?),
                _ => {}
            }
        }
        let (system, is_erofs) = system.ok_or_else(|| {
            corrupt("a metadata layer of TurboOCI has neither ext4.fs.meta nor erofs.fs.meta")
        })?;
        Ok(Metadata { system, is_erofs, checkpoints })
    }
}
