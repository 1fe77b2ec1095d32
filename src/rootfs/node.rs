//! Results of look-ups.

use crate::error::{Error, Result};
use crate::format::tar::Kind;

/// An answer, or what is needed before there can be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// The answer.
    Done(T),
    /// Load this layer, hand it to [`Rootfs::set_layer`](super::Rootfs::set_layer), ask again.
    NeedLayer(usize),
    /// Load these parts of layers that are [in parts](super::LayerIndex::Parts), `(layer, part)` each, add them, ask
    /// again. Only parts that are not there.
    NeedParts(Vec<(usize, usize)>),
}

/// Why there is no answer: one that `?` hands up.
pub(super) enum Stop {
    Layer(usize),
    Parts(Vec<(usize, usize)>),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// An answer inside of this module.
pub(super) type Asked<T> = std::result::Result<T, Stop>;

impl<T> Step<T> {
    pub(super) fn of(asked: Asked<T>) -> Result<Self> {
        match asked {
            Ok(answer) => Ok(Step::Done(answer)),
            Err(Stop::Layer(layer)) => Ok(Step::NeedLayer(layer)),
            Err(Stop::Parts(parts)) => Ok(Step::NeedParts(parts)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }
}

/// Whether a symbolic link at a path's end is followed. Links on the way always are, and so is a last one with a
/// slash after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// As `stat` does.
    All,
    /// As `lstat` does.
    ExceptLast,
}

/// A file of the merged tree (or of one layer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it really is: cleaned, without leading slash, no link on the way. Empty for the root.
    pub path: Vec<u8>,
    /// Layer and entry that tell its attributes, hard links resolved. `None`: a directory that is only implied
    /// by what is in it; it has mode 0755 and belongs to root.
    pub at: Option<(usize, usize)>,
    /// The hard link's own entry in that layer, where the name is a hard link.
    pub link: Option<usize>,
    /// The type. `HardLink` only in listings, for a hard link whose target is not in its layer: looking such a
    /// name up is `CORRUPT_LAYER`.
    pub kind: Kind,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, without any slash.
    pub name: Vec<u8>,
    /// What it names, links not followed.
    pub node: Node,
}
