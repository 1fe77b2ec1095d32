//! The table of contents, as the tar streams past.

use super::sum::Sum;
use crate::error::Result;
use crate::format::oci::Digest;
use crate::format::tar::{EntryTable, RawTable, TarWalker};
use crate::limits::Limits;

/// What takes the tar.
pub(super) struct Toc {
    walker: TarWalker,
    hash: Option<Sum>,
    len: u64,
    max: u64,
}

/// The tar's contents.
pub(super) struct Contents {
    pub(super) entries: EntryTable,
    pub(super) raw: RawTable,
    pub(super) diff_id: Option<Digest>,
    pub(super) tar_size: u64,
    pub(super) archive_size: u64,
}

impl Toc {
    pub fn new(diff_id: bool, limits: &Limits) -> Self {
        Toc {
            walker: TarWalker::with_raw(limits),
            hash: diff_id.then(Sum::new),
            len: 0,
            max: limits.max_build_inflated,
        }
    }

    #[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
    pub fn hash_as(&mut self, kind: &Sum) {
        self.hash = self.hash.as_ref().map(|_| kind.another());
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn entries(&self) -> &EntryTable {
        self.walker.table()
    }

    pub fn heap_bytes(&self) -> usize {
        self.walker.table().heap_bytes().saturating_add(self.walker.raw_heap_bytes())
    }

    /// The next bytes of the tar.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let start = self.len;
        self.len = start.saturating_add(bytes.len() as u64);
        Limits::check("max_build_inflated", self.len, self.max)?;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        self.walker.feed(start, bytes, &mut |_| Ok(()))
    }

    /// The end of the tar, which has `tar_size` bytes.
    pub fn finish(self, tar_size: u64) -> Result<Contents> {
        let archive_size = if self.walker.is_done() { self.walker.wants() } else { tar_size };
        let (entries, raw) = self.walker.finish_raw(tar_size)?;
        let diff_id = self.hash.map(|h| h.digest());
        Ok(Contents { entries, raw, diff_id, tar_size, archive_size })
    }
}
