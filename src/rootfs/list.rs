//! Directories of the merged tree.

use super::index::PathIndex;
use super::merge::Rootfs;
use super::node::{Asked, DirEntry, Step, Stop};
use super::partial::LayerIndex;
use super::place::{HERE, Place, View, Walk};
use super::search::{Dir, Found};
use super::sort::sorted;
use super::{WHITEOUT, hidden_by};
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::format::tar::path::{join, take_component};
use crate::turns::{AtOnce, at_once};

/// A name that a layer has in a directory.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a [u8],
    /// Of the layer, from the top.
    rank: usize,
    /// The layer's part, and what it has there. `None` is a whiteout, which comes behind an entry.
    found: Option<(usize, Found)>,
}

/// A name in a directory that was listed.
#[derive(Debug)]
pub(crate) struct Listed {
    /// What it names.
    pub(crate) entry: DirEntry,
    /// Of a directory: which of the views of the one that was listed have it, from the top. See [`Place::descend`].
    ///
    /// [`Place::descend`]: super::Place::descend
    pub(crate) ranks: Box<[u32]>,
}

impl Rootfs {
    /// What is in a directory, sorted by the bytes of the names. `real_dir` is a [`Node`]'s path: no link in it is
    /// followed. `ENOENT`, `ENOTDIR`.
    ///
    /// [`Node`]: super::Node
    pub fn read_dir(&self, real_dir: &[u8]) -> Result<Step<Vec<DirEntry>>> {
        Step::of(self.list_dir(real_dir)).map_err(|e| e.with_path(real_dir))
    }

    fn list_dir(&self, real_dir: &[u8]) -> Asked<Vec<DirEntry>> {
        let mut place = Place::default();
        let mut walk = Walk::new(self, &mut place);
        let mut rest = real_dir;
        while let Some(name) = take_component(&mut rest) {
            match walk.child(name, rest, false)? {
                Some(child) if child.is_dir => walk.enter(name, child.layer),
                Some(_) => return Err(Error::new(Code::Enotdir, "not a directory").into()),
                None => return Err(Error::new(Code::Enoent, "no such file or directory").into()),
            }
        }
        Ok(walk.list()?.into_iter().map(|listed| listed.entry).collect())
    }

    /// What is in the directory that a place is, which goes on where it was when this is asked again.
    pub(crate) fn list(&self, place: &mut Place) -> Result<Step<Vec<Listed>>> {
        let listed = Step::of(Walk::new(self, place).list());
        listed.map_err(|e| e.with_path(place.path()))
    }
}

impl Listed {
    /// Bytes of memory that it takes.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let strings = self.entry.name.len().saturating_add(self.entry.node.path.len());
        // Each of the three has a block of its own.
        (size_of::<Listed>() + strings + size_of_val(&*self.ranks) + 3 * 8) as u64
    }
}

impl<'a> Walk<'a, '_> {
    /// All names in the directory that this is at.
    pub(super) fn list(mut self) -> Asked<Vec<Listed>> {
        while self.view(self.views().len(), HERE)?.is_some() {}
        let views = self.views();
        let mut missing = Vec::new();
        let sources: Vec<_> = views.iter().map(|view| self.sources(view, &mut missing)).collect();
        if !missing.is_empty() {
            return Err(Stop::Parts(missing));
        }
        let mut all = Vec::new();
        for (rank, (view, sources)) in views.iter().zip(&sources).enumerate() {
            let mut whiteouts = Vec::new();
            for &(part, index, dir) in sources {
                for (name, found) in index.children(&dir) {
                    if let Some(LayerIndex::Parts(parts)) = self.fs.layer(view.layer)
                        && parts.below(&view.parts, view.dir.prefix, name).start != part
                    {
                        // Only repeated there, for what is below it.
                        continue;
                    }
                    if !self.fs.merged || !name.starts_with(WHITEOUT) {
                        all.push(Named { name, rank, found: Some((part, found)) });
                    } else if let Some(name) = hidden_by(name).filter(|_| found.entry.is_some()) {
                        whiteouts.push(Named { name, rank, found: None });
                    }
                }
            }
            all.append(&mut whiteouts);
        }
        // Those of one name stay in this order: by rank, an entry before a whiteout.
        let name = |i: u32| all.get(i as usize).map_or(&b""[..], |a| a.name);
        let order = at_once(sorted(u32::try_from(all.len()).unwrap_or(u32::MAX), &name, &mut AtOnce));
        let most = all.iter().map(|named| named.name.len().saturating_add(self.at.path().len()));
        let each = 2 * size_of::<Named>() + size_of::<Listed>();
        let _held = Reservation::of(most.sum::<usize>().saturating_add(all.len().saturating_mul(each)))?;
        let all: Vec<_> = order.iter().filter_map(|&i| all.get(i as usize).copied()).collect();
        let mut out = Vec::new();
        for same in all.chunk_by(|a, b| a.name == b.name) {
            let (mut at, mut ranks) = (None, Vec::new());
            for &Named { rank, found, .. } in same {
                // A whiteout: the layers below say nothing more.
                let Some((part, found)) = found else { break };
                let on_top = ranks.is_empty();
                if at.is_none() && found.entry.is_some() && (found.is_dir || on_top) {
                    at = views.get(rank).map(|v| (v.layer, part, found));
                }
                if !found.is_dir {
                    break;
                }
                // As many as there are layers.
                ranks.push(rank as u32);
            }
            if let Some(name) = same.first().map(|s| s.name).filter(|_| at.is_some() || !ranks.is_empty()) {
                let node = self.node(join(self.at.path(), name), at);
                out.push(Listed { entry: DirEntry { name: name.to_vec(), node }, ranks: ranks.into() });
            }
        }
        Ok(out)
    }

    /// The indexes that the names in a view of this directory are in: the part, and the directory in its index. Notes
    /// those that are not here.
    fn sources(&self, view: &View, missing: &mut Vec<(usize, usize)>) -> Vec<(usize, &'a PathIndex, Dir)> {
        match self.fs.layer(view.layer) {
            Some(LayerIndex::Parts(parts)) => {
                let listing = parts.listing(&view.parts, view.dir.prefix);
                missing
                    .extend(listing.iter().filter(|&&part| !parts.has(part)).map(|&part| (view.layer, part)));
                let source = |part: usize| {
                    let index = parts.part(part)?;
                    Some((part, index, index.find(self.at.path())?.below))
                };
                listing.into_iter().filter_map(source).collect()
            }
            Some(LayerIndex::Whole(index)) => vec![(0, &**index, view.dir)],
            None => Vec::new(),
        }
    }
}
