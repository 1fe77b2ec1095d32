//! The paths of entries whose names are not them.

use crate::error::Result;
use crate::format::tar::path::strip;
use crate::limits::Limits;

/// The paths that are not sub-slices of the table's names, by entry.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) entries: Vec<(u32, u32, u32)>,
    pub(super) arena: Vec<u8>,
}

impl Names {
    /// The clean path of entry `i`, which the table calls `name`.
    pub(super) fn path<'a>(&'a self, i: u32, name: &'a [u8]) -> &'a [u8] {
        if let Some(&(_, start, len)) = self.find(i) {
            return self.arena.get(start as usize..).and_then(|a| a.get(..len as usize)).unwrap_or_default();
        }
        strip(name)
    }

    fn find(&self, i: u32) -> Option<&(u32, u32, u32)> {
        // Nearly always there is none at all; now and then every entry is here, each at its number.
        match self.entries.get(i as usize).or(self.entries.last()) {
            None => None,
            Some(e) if e.0 == i => Some(e),
            Some(_) => {
                self.entries.binary_search_by_key(&i, |e| e.0).ok().and_then(|at| self.entries.get(at))
            }
        }
    }

    /// Gives entry `i` a path of its own. Entries come in ascending order.
    pub(super) fn set(&mut self, i: u32, path: &[u8], limits: &Limits) -> Result<()> {
        Limits::check("max_path_len", path.len() as u64, limits.max_path_len)?;
        let end = (self.arena.len() as u64).saturating_add(path.len() as u64);
        Limits::check("max_name_bytes", end, limits.max_name_bytes.min(u64::from(u32::MAX)))?;
        // Within `u32` by the check.
        self.entries.push((i, self.arena.len() as u32, path.len() as u32));
        self.arena.extend_from_slice(path);
        Ok(())
    }
}
