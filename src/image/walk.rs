//! Walk of a tree, depth first.

use super::open_image::Image;
use super::stat::{FileStat, absolute};
use super::tree::FileTree;
use super::view::LayerView;
use crate::budget::Reservation;
use crate::error::{Error, Result};
use crate::format::tar::Kind;
use crate::limits::Limits;
use crate::rootfs::{Glob, Listed, Matching, Node, Place, Spots};

/// Steps of a walk that are made together, where less is given out: entries that a glob leaves out, and ends of folders.
pub(super) const TOGETHER: usize = 2048;
/// Memory of extended attributes that entries given out together have, in bytes, but for the last one's: a layer of half a
/// megabyte can have millions of attributes.
pub(super) const ATTRIBUTES_TOGETHER: usize = 256 << 10;
/// The same of a glob's own steps: some milliseconds.
const GLOB_TOGETHER: u64 = 250_000;

/// What is below a directory, parents before their children, each directory's names sorted by their bytes. Links are
/// not followed below it; the directory itself is not given out.
///
/// A glob is matched against the path from that directory on: see [`Glob`](crate::rootfs::Glob). Directories that hold
/// nothing it could match are not listed. Work is in proportion to the entries of the directories that are.
///
/// `LIMIT_EXCEEDED` over `max_depth` and `max_glob_steps`.
pub struct Walk {
    tree: FileTree,
    path: Vec<u8>,
    glob: Option<Matching>,
    started: bool,
    /// The directory that comes next, which `place` is, and as what the glob begins it.
    next: Option<(Node, Spots)>,
    place: Place,
    /// What is left of the directories that are open.
    stack: Vec<Open>,
    /// What ended it behind entries that were still to be given out.
    failed: Option<Error>,
}

/// A directory that is open.
struct Open {
    rest: std::vec::IntoIter<Listed>,
    spots: Spots,
    _held: Reservation,
}

/// One step.
enum Step {
    Found(Box<FileStat>),
    Passed,
    End,
}

impl Walk {
    pub(crate) fn new(tree: FileTree, path: &[u8], glob: Option<Glob>) -> Self {
        let glob = glob.map(|glob| Matching::new(glob, tree.limits()));
        let (place, stack) = (Place::default(), Vec::new());
        Walk { tree, path: path.to_vec(), glob, started: false, next: None, place, stack, failed: None }
    }

    /// The next entry, links not followed; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<FileStat>> {
        loop {
            match self.step().await? {
                Step::Found(stat) => return Ok(Some(*stat)),
                Step::Passed => {}
                Step::End => return Ok(None),
            }
        }
    }

    /// The next entries, at most so many; `None` at the end. Fewer, or none, where much was passed over for them, and fewer
    /// where they have many extended attributes: whoever asks can let others in.
    pub async fn some(&mut self, most: usize) -> Result<Option<Vec<FileStat>>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let cost = |walk: &Walk| walk.glob.as_ref().map_or(0, Matching::cost);
        let (mut found, mut steps) = (Vec::new(), 0usize);
        let until = cost(self).saturating_add(GLOB_TOGETHER);
        let mut attributes = 0usize;
        while found.len() < most && steps < TOGETHER && attributes < ATTRIBUTES_TOGETHER && cost(self) < until
        {
            steps += 1;
            match self.step().await {
                Ok(Step::Found(stat)) => {
                    attributes = attributes.saturating_add(stat.weight());
                    found.push(*stat);
                }
                Ok(Step::Passed) => {}
                Ok(Step::End) if found.is_empty() => return Ok(None),
                Ok(Step::End) => break,
                Err(error) if found.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(Some(found))
    }

    async fn step(&mut self) -> Result<Step> {
        if !self.started {
            let root = self.tree.directory(&self.path).await?;
            self.place = Place::at(&root.path);
            let spots = self.glob.as_ref().map(Matching::start).unwrap_or_default();
            (self.next, self.started) = (Some((root, spots)), true);
        }
        if let Some((dir, _)) = &self.next {
            let most = self.tree.limits().max_depth;
            Limits::check("max_depth", self.stack.len() as u64, most)
                .map_err(|e| e.with_path(&absolute(&dir.path)))?;
            let children = self.tree.children(dir, &mut self.place).await?;
            let held = Reservation::take(children.iter().map(Listed::heap_bytes).sum())?;
            let spots = self.next.take().map(|next| next.1).unwrap_or_default();
            self.stack.push(Open { rest: children.into_iter(), spots, _held: held });
        }
        let Some(Open { rest, spots, .. }) = self.stack.last_mut() else { return Ok(Step::End) };
        let Some(child) = rest.next() else {
            self.stack.pop();
            self.place.leave();
            return Ok(Step::Passed);
        };
        let (name, node) = (child.entry.name, child.entry.node);
        let is_dir = node.kind == Kind::Directory;
        let (shown, below) = match &mut self.glob {
            None => (true, Some(Spots::default())),
            Some(glob) => {
                let shown = glob.matches(spots, &name, is_dir)?;
                (shown, if is_dir { glob.below()? } else { None })
            }
        };
        let found = shown.then(|| Step::Found(Box::new(self.tree.file_stat(&node))));
        if let Some(spots) = below.filter(|_| is_dir) {
            self.place.descend(&name, child.ranks);
            self.next = Some((node, spots));
        }
        Ok(found.unwrap_or(Step::Passed))
    }
}

impl Image {
    /// Everything below a directory, parents before their children, links not followed; with `glob`, what it
    /// matches of it: see [`Walk`].
    pub fn walk(&self, path: &[u8], glob: Option<Glob>) -> Walk {
        Walk::new(self.tree(), path, glob)
    }
}

impl LayerView {
    /// As [`Image::walk`].
    pub fn walk(&self, path: &[u8], glob: Option<Glob>) -> Walk {
        Walk::new(self.tree().clone(), path, glob)
    }
}
