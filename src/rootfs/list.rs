//! Directories of the merged tree.

use super::index::{PathIndex, join};
use super::merge::{HERE, View, Walk};
use super::node::{Asked, DirEntry, Stop};
use super::parts::LayerIndex;
use super::search::{Dir, Found};
use super::sort::sorted;
use super::{WHITEOUT, hidden_by};

/// A name that a layer has in a directory.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a [u8],
    /// Of the layer, from the top.
    rank: usize,
    /// The layer's part, and what it has there. `None` is a whiteout, which comes behind an entry.
    found: Option<(usize, Found)>,
}

impl<'a> Walk<'a> {
    /// All names in the directory that this is at.
    pub(super) fn list(mut self) -> Asked<Vec<DirEntry>> {
        let mut views = Vec::new();
        while let Some(view) = self.view(views.len(), HERE)? {
            views.push(view);
        }
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
        let order = sorted(u32::try_from(all.len()).unwrap_or(u32::MAX), &name);
        let all: Vec<_> = order.iter().filter_map(|&i| all.get(i as usize).copied()).collect();
        let mut out = Vec::new();
        for same in all.chunk_by(|a, b| a.name == b.name) {
            let mut implied = false;
            let mut at = None;
            for &Named { rank, found, .. } in same {
                match found {
                    // A whiteout: the layers below say nothing more.
                    None => break,
                    Some((_, found)) if found.entry.is_none() => implied = true,
                    Some((part, found)) => {
                        if found.is_dir || !implied {
                            at = views.get(rank).map(|v| (v.layer, part, found));
                        }
                        break;
                    }
                }
            }
            if let Some(name) = same.first().map(|s| s.name).filter(|_| implied || at.is_some()) {
                out.push(DirEntry { name: name.to_vec(), node: self.node(join(&self.path, name), at) });
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
                    Some((part, index, index.find(&self.path)?.below))
                };
                listing.into_iter().filter_map(source).collect()
            }
            Some(LayerIndex::Whole(index)) => vec![(0, &**index, view.dir)],
            None => Vec::new(),
        }
    }
}
