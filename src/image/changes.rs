//! Changes that one layer makes to the tree of the layers below it.

use std::cell::RefCell;

use super::open_image::Image;
use super::stat::FileStat;
use super::walk::{ATTRIBUTES_TOGETHER, TOGETHER};
use crate::error::Result;
use crate::format::tar::Kind;
use crate::limits::Limits;
use crate::rootfs::{Listed, Node, Place, Rootfs, Touched, touched};

named! {
    /// Kind of a [`Change`].
    pub enum ChangeKind {
        /// A directory that the layer has something in, or lists as it was.
        None = "none",
        /// A name that was not there below, or was a directory there and is none now, or the other way round.
        Added = "added",
        /// A file in the place of another one, or a directory with other attributes.
        Changed = "changed",
        /// A name that was there below and is no more. So is all that was below it, one by one.
        Removed = "removed",
    }
}

/// One path that a layer touches.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its attributes in the tree of the layers up to this one; of what was removed, those that it had.
    pub stat: FileStat,
    /// Of what was changed, the attributes that it had.
    pub replaced: Option<FileStat>,
}

/// A tree of the lowest layers, and the directory in it.
struct Side {
    rootfs: RefCell<Rootfs>,
    place: Place,
}

impl Side {
    fn of(layers: usize, limits: &Limits) -> Self {
        Side { rootfs: RefCell::new(Rootfs::new(layers, limits)), place: Place::default() }
    }

    async fn list(&mut self, image: &Image, dir: Option<&Node>) -> Result<Vec<Listed>> {
        match dir {
            Some(dir) => image.list(&self.rootfs, dir, &mut self.place).await,
            None => Ok(Vec::new()),
        }
    }

    fn descend(&mut self, listed: Option<Listed>) -> Option<Node> {
        let listed = listed.filter(|it| it.entry.node.kind == Kind::Directory)?;
        self.place.descend(&listed.entry.name, listed.ranks);
        Some(listed.entry.node)
    }
}

/// Walk of the paths that a layer touches, depth first, parents before their children, names sorted by their bytes. Whiteouts
/// are not given out: what they remove is. Work is in proportion to the directories that the layer has something in.
///
/// `LIMIT_EXCEEDED` over `max_depth`.
pub struct Changes {
    image: Image,
    layer: usize,
    above: Side,
    below: Side,
    /// The directory that comes next, with the layer and below.
    next: Option<(Option<Node>, Option<Node>)>,
    /// What is left of the directories that are open, and on which side they are.
    stack: Vec<(std::vec::IntoIter<Touched>, [bool; 2])>,
    started: bool,
}

impl Image {
    /// What layer `index` does to the tree of the layers below it. `None` where there is no such layer, or the image's
    /// format makes one tree of its layers.
    pub fn changes(&self, index: usize) -> Option<Changes> {
        self.layer(index)?;
        let limits = &self.0.context.limits;
        let root = Node { path: Vec::new(), at: None, link: None, kind: Kind::Directory };
        Some(Changes {
            image: self.clone(),
            layer: index,
            above: Side::of(index + 1, limits),
            below: Side::of(index, limits),
            next: Some((Some(root.clone()), Some(root))),
            stack: Vec::new(),
            started: false,
        })
    }
}

impl Changes {
    /// The next changes, at most so many; `None` at the end. Fewer, or none, where much was passed over for them, and fewer
    /// where they have many extended attributes: whoever asks can let others in.
    pub async fn some(&mut self, most: usize) -> Result<Option<Vec<Change>>> {
        let mut found = Vec::new();
        let mut attributes = 0usize;
        for _ in 0..TOGETHER {
            if found.len() >= most || attributes >= ATTRIBUTES_TOGETHER {
                break;
            }
            if self.next.is_none() && self.stack.is_empty() {
                return Ok((!found.is_empty()).then_some(found));
            }
            if let Some(change) = self.step().await? {
                attributes = attributes.saturating_add(change.stat.weight());
                found.push(change);
            }
        }
        Ok(Some(found))
    }

    async fn step(&mut self) -> Result<Option<Change>> {
        if !self.started {
            self.image.load_lowest(self.layer + 1).await?;
            self.started = true;
        }
        if let Some((above, below)) = &self.next {
            let most = self.image.0.context.limits.max_depth;
            Limits::check("max_depth", self.stack.len() as u64, most)?;
            let new = self.above.list(&self.image, above.as_ref()).await?;
            let old = self.below.list(&self.image, below.as_ref()).await?;
            let sides = [above.is_some(), below.is_some()];
            self.next = None;
            self.stack.push((touched(self.layer, new, old).into_iter(), sides));
        }
        let Some((rest, sides)) = self.stack.last_mut() else { return Ok(None) };
        let Some((new, old)) = rest.next() else {
            for (side, used) in [&mut self.above, &mut self.below].into_iter().zip(*sides) {
                if used {
                    side.place.leave();
                }
            }
            self.stack.pop();
            return Ok(None);
        };
        let change = self.change(&new, &old);
        let next = (self.above.descend(new), self.below.descend(old));
        self.next = (next.0.is_some() || next.1.is_some()).then_some(next);
        Ok(change)
    }

    fn change(&self, new: &Option<Listed>, old: &Option<Listed>) -> Option<Change> {
        let stat = |it: &Option<Listed>| it.as_ref().map(|it| self.image.file_stat(&it.entry.node, None));
        Some(match (stat(new), stat(old)) {
            (Some(stat), None) => Change { kind: ChangeKind::Added, stat, replaced: None },
            (None, Some(stat)) => Change { kind: ChangeKind::Removed, stat, replaced: None },
            (Some(stat), Some(old)) if stat.kind == Kind::Directory && stat.has_attributes_of(&old) => {
                Change { kind: ChangeKind::None, stat, replaced: None }
            }
            (Some(stat), old) => Change { kind: ChangeKind::Changed, stat, replaced: old },
            (None, None) => return None,
        })
    }
}
