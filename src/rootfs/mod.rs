//! The merge of an image's layers into one tree: paths, whiteouts, links. Pure.
//!
//! [`PathIndex`] is one layer's entries, found by path. [`Rootfs`] lays the indexes over each other and
//! resolves paths, loading no layer: it says which one it needs next.
#![forbid(unsafe_code)]

mod apply;
mod build;
mod changes;
mod glob;
mod hardlink;
mod index;
mod link_targets;
mod list;
mod merge;
mod names;
mod node;
mod partial;
mod place;
mod resolve;
mod search;
mod sort;

pub use crate::format::tar::path::clean;
pub use glob::{Glob, NameMatcher};
pub use index::PathIndex;
pub use merge::Rootfs;
pub use node::{DirEntry, Follow, Node, Step};
pub use partial::{LayerIndex, Parts};
pub(crate) use {
    changes::{Touched, touched},
    glob::{Matching, Spots},
    hardlink::Target,
    list::Listed,
    partial::{PartBuilder, border, part_of},
    place::Place,
    resolve::LookUp,
};

#[cfg(test)]
mod tests;

/// What names a whiteout: `.wh.NAME` hides `NAME` of the layers below.
pub(crate) const WHITEOUT: &[u8] = b".wh.";
/// Hides all that the layers below have in its directory.
pub(crate) const OPAQUE: &[u8] = b".wh..wh..opq";
/// aufs' own files (`.wh..wh.plnk`, `.wh..wh.aufs`): no whiteouts, and never shown.
const AUFS: &[u8] = b".wh..wh.";

named! {
    /// What an entry of a layer removes of the layers below.
    pub enum Whiteout {
        /// `.wh.NAME`: what is called `NAME`.
        Name = "whiteout",
        /// `.wh..wh..opq`: all that its directory holds.
        Opaque = "opaque",
    }
}

impl Whiteout {
    /// Of an entry at a path of its layer, clean or with a slash at its end. `None` where it removes nothing.
    pub fn of(path: &[u8]) -> Option<Self> {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
        if name == OPAQUE { Some(Whiteout::Opaque) } else { hidden_by(name).map(|_| Whiteout::Name) }
    }
}

/// The name that the whiteout `name` hides; `None` where `name` is no whiteout of one name.
fn hidden_by(name: &[u8]) -> Option<&[u8]> {
    if name.starts_with(AUFS) { None } else { name.strip_prefix(WHITEOUT) }
}
