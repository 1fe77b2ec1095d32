//! A zTOC that was built.

use crate::error::{Code, Error, Result};
use crate::format::oci::Digest;
use crate::format::tar::EntryTable;

/// A part of a zTOC's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// So many bytes, all that [`take_checkpoints`](super::ZtocBuilder::take_checkpoints) gave, in that order.
    Taken(u64),
}

/// A zTOC and what else came to light.
#[derive(Debug)]
pub struct BuiltZtoc {
    /// The layer's digest.
    pub layer_digest: Digest,
    /// The layer's size in bytes.
    pub layer_size: u64,
    /// The digest of the layer's tar, where asked for.
    pub diff_id: Option<Digest>,
    /// The size of the layer's tar in bytes, all of it.
    pub tar_size: u64,
    /// Where the tar ends for its reader, behind the end-of-archive blocks: `uncompressed_archive_size`.
    pub archive_size: u64,
    /// Spans.
    pub spans: usize,
    /// The entries, in tar order.
    pub entries: EntryTable,
    /// True where an entry has extended attributes or is an opaque marker: where not, the reference can mark
    /// the layer with `disable-xattrs`.
    pub needs_xattrs: bool,
    /// False where the reference's builder gives the same bytes and its reader refuses them: for PAX sparse files.
    pub loads_in_reference: bool,
    pub(super) front: Vec<u8>,
    pub(super) taken: u64,
    pub(super) checkpoints: Vec<u8>,
    pub(super) back: Vec<u8>,
}

impl BuiltZtoc {
    /// The size of the zTOC in bytes.
    pub fn size(&self) -> u64 {
        let own = self.front.len() + self.checkpoints.len() + self.back.len();
        self.taken.saturating_add(own as u64)
    }

    /// The zTOC's bytes, in order.
    pub fn pieces(&self) -> [Piece<'_>; 4] {
        [
            Piece::Bytes(&self.front),
            Piece::Taken(self.taken),
            Piece::Bytes(&self.checkpoints),
            Piece::Bytes(&self.back),
        ]
    }

    /// The bytes of the [`pieces`](Self::pieces), which are empty from then on.
    #[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
    pub(crate) fn take_bytes(&mut self) -> [Vec<u8>; 3] {
        [&mut self.front, &mut self.checkpoints, &mut self.back].map(std::mem::take)
    }

    /// The zTOC and its digest. `INVALID_ARGUMENT` where checkpoints were taken: see [`pieces`](Self::pieces).
    pub fn to_bytes(&self) -> Result<(Vec<u8>, Digest)> {
        if self.taken > 0 {
            let message = "the zTOC's checkpoints were taken from the builder; put its pieces together";
            return Err(Error::new(Code::InvalidArgument, message));
        }
        let bytes = [&*self.front, &self.checkpoints, &self.back].concat();
        let digest = Digest::of(&bytes);
        Ok((bytes, digest))
    }
}
