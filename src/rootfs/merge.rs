//! The layers laid over each other, as far as they are loaded.

use std::ops::Range;
use std::rc::Rc;

use super::index::{PathIndex, join};
use super::node::{DirEntry, Node, Step};
use super::search::{Dir, Found};
use super::{WHITEOUT, hidden_by};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::tar::Kind;

/// An image's layers as one tree. Layer 0 is the lowest.
///
/// Holds the indexes of the layers that were needed so far and works on them alone; where another is needed it
/// says so ([`Step::NeedLayer`]), asking from the top down and only while the answer is open: a file that the top
/// layer has is found without any other.
///
/// # Merging
/// As overlayfs does it: a whiteout or an opaque mark hides what lower layers have, never what its own layer
/// has; what is no directory hides a lower directory whole, and the other way round; directories merge. The
/// topmost layer that lists a directory tells its attributes, also when an opaque mark hides the rest of the
/// lower directory. A directory that no layer lists is there if something is in it.
#[derive(Debug)]
pub struct Rootfs {
    layers: Vec<Option<Rc<PathIndex>>>,
    /// The number of the lowest layer here.
    first: usize,
    /// False in the view of one layer: whiteouts are entries there.
    merged: bool,
    pub(super) limits: Limits,
}

impl Rootfs {
    /// An image of so many layers, none loaded.
    pub fn new(layer_count: usize, limits: &Limits) -> Rootfs {
        Rootfs { layers: vec![None; layer_count], first: 0, merged: true, limits: limits.clone() }
    }

    /// One layer as a tree of its own, with its whiteouts as entries. `layer` is its number in nodes.
    pub fn of_layer(layer: usize, index: Rc<PathIndex>, limits: &Limits) -> Rootfs {
        Rootfs { layers: vec![Some(index)], first: layer, merged: false, limits: limits.clone() }
    }

    /// Hands over a layer that was asked for.
    pub fn set_layer(&mut self, layer: usize, index: Rc<PathIndex>) {
        if let Some(slot) = layer.checked_sub(self.first).and_then(|l| self.layers.get_mut(l)) {
            *slot = Some(index);
        }
    }

    /// A layer's index, if it is loaded.
    pub fn layer(&self, layer: usize) -> Option<&Rc<PathIndex>> {
        self.layers.get(layer.checked_sub(self.first)?)?.as_ref()
    }

    /// What is in a directory, sorted by the bytes of the names. `real_dir` is a [`Node`]'s path: no link in it is
    /// followed. `ENOENT`, `ENOTDIR`.
    pub fn read_dir(&self, real_dir: &[u8]) -> Result<Step<Vec<DirEntry>>> {
        let mut walk = Walk::new(self);
        for name in real_dir.split(|&b| b == b'/').filter(|c| !c.is_empty()) {
            match walk.child(name, false).map_err(|e| e.with_path(real_dir))? {
                Step::NeedLayer(layer) => return Ok(Step::NeedLayer(layer)),
                Step::Done(Some(child)) if child.is_dir => walk.enter(name, child.layer),
                Step::Done(Some(_)) => {
                    return Err(Error::new(Code::Enotdir, "not a directory").with_path(real_dir));
                }
                Step::Done(None) => {
                    return Err(Error::new(Code::Enoent, "no such file or directory").with_path(real_dir));
                }
            }
        }
        walk.list()
    }
}

/// A layer's part of a directory.
#[derive(Clone, Copy)]
struct View {
    layer: usize,
    dir: Dir,
}

/// A directory on the way, with the parts that layers have of it, from the top, as far as they were needed.
struct Level {
    /// Its name in the walk's path.
    name: Range<usize>,
    views: Vec<View>,
    /// How many of the parent's views were looked at for this directory (of the root: layers).
    taken: usize,
    /// No further layer has a part.
    done: bool,
}

/// What a name stands for.
pub(super) struct Child {
    pub(super) is_dir: bool,
    /// The topmost layer that has it.
    pub(super) layer: usize,
    /// Layer and what it has: the one that tells the attributes. `None` for an implied directory.
    pub(super) at: Option<(usize, Found)>,
}

/// A position in the merged tree.
pub(super) struct Walk<'a> {
    fs: &'a Rootfs,
    path: Vec<u8>,
    /// The root, and then every directory down to here.
    levels: Vec<Level>,
    /// Names looked up in a layer so far.
    steps: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(fs: &'a Rootfs) -> Self {
        let mut walk = Walk { fs, path: Vec::new(), levels: Vec::new(), steps: 0 };
        walk.levels.push(Level { name: 0..0, views: Vec::new(), taken: 0, done: fs.layers.is_empty() });
        walk
    }

    /// The real path of the directory that this is at.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    pub(super) fn enter_root(&mut self) {
        self.levels.truncate(1);
        self.path.clear();
    }

    /// To the parent; the root is its own.
    pub(super) fn leave(&mut self) {
        if self.levels.len() > 1
            && let Some(level) = self.levels.pop()
        {
            // Without the slash before it.
            self.path.truncate(level.name.start.saturating_sub(1));
        }
    }

    /// Down into a child directory, of which `top` is the topmost layer that has it.
    pub(super) fn enter(&mut self, name: &[u8], top: usize) {
        let taken = match self.levels.last() {
            Some(parent) => parent.views.iter().position(|v| v.layer == top).unwrap_or(0),
            None => 0,
        };
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        let start = self.path.len();
        self.path.extend_from_slice(name);
        self.levels.push(Level { name: start..self.path.len(), views: Vec::new(), taken, done: false });
    }

    fn index(&self, layer: usize) -> Option<&'a PathIndex> {
        self.fs.layer(layer).map(|l| &**l)
    }

    /// View `i` of the directory that this is at, from the top; `None` where there are not so many.
    ///
    /// Every level draws from its parent's views one at a time, the root from the layers: so a layer is asked for
    /// only when all above it had nothing to say.
    fn view(&mut self, i: usize) -> Step<Option<View>> {
        let last = self.levels.len().saturating_sub(1);
        let mut at = last;
        loop {
            match self.levels.get(last) {
                Some(level) if level.views.len() > i => return Step::Done(level.views.get(i).copied()),
                Some(level) if !level.done => {}
                _ => return Step::Done(None),
            }
            // The level at `at` wants one more view than it has.
            let parent = at.checked_sub(1).and_then(|p| self.levels.get(p)).map(|p| (p.views.len(), p.done));
            let Some(level) = self.levels.get_mut(at) else { return Step::Done(None) };
            let came = match parent {
                Some((views, done)) if level.taken >= views => {
                    if !done {
                        at -= 1;
                        continue;
                    }
                    level.done = true;
                    true
                }
                Some(_) => self.take(at),
                None => match self.take_root() {
                    Some(layer) => return Step::NeedLayer(layer),
                    None => true,
                },
            };
            if came && at < last {
                at += 1;
            }
        }
    }

    /// Looks at the next layer for the root; gives its number where it is not loaded.
    fn take_root(&mut self) -> Option<usize> {
        let fs = self.fs;
        let level = self.levels.first_mut()?;
        let Some(l) = fs.layers.len().checked_sub(level.taken + 1) else {
            level.done = true;
            return None;
        };
        let layer = fs.first + l;
        let Some(index) = fs.layer(layer) else { return Some(layer) };
        let dir = index.root().below;
        level.views.push(View { layer, dir });
        level.taken += 1;
        level.done = level.taken == fs.layers.len() || fs.merged && index.opaque(&dir);
        None
    }

    /// Looks at the parent's next view for level `at`; true when that gave a view or ended the level.
    fn take(&mut self, at: usize) -> bool {
        self.steps += 1;
        let part = self.part(at);
        let Some(level) = self.levels.get_mut(at) else { return true };
        level.taken += 1;
        let (view, done) = part.unwrap_or((None, true));
        level.views.extend(view);
        level.done = done;
        done || view.is_some()
    }

    /// What the parent's next view has of level `at`, and whether it hides all further ones.
    fn part(&self, at: usize) -> Option<(Option<View>, bool)> {
        let level = self.levels.get(at)?;
        let view = self.levels.get(at.checked_sub(1)?)?.views.get(level.taken)?;
        let name = self.path.get(level.name.clone())?;
        let index = self.index(view.layer)?;
        let found = index.child(&view.dir, name);
        let dir = found.filter(|f| f.is_dir).map(|f| f.below);
        let hides = found.is_some_and(|f| !f.is_dir)
            || self.fs.merged && (index.whiteout(&view.dir, name) || dir.is_some_and(|d| index.opaque(&d)));
        Some((dir.map(|dir| View { layer: view.layer, dir }), hides))
    }

    /// What `name` stands for in the directory that this is at. Without `attributes` a directory is known as soon
    /// as any layer has something in it.
    pub(super) fn child(&mut self, name: &[u8], attributes: bool) -> Result<Step<Option<Child>>> {
        let merged = self.fs.merged;
        if merged && name.starts_with(WHITEOUT) {
            return Ok(Step::Done(None));
        }
        let mut implied: Option<Child> = None;
        for i in 0.. {
            let view = match self.view(i) {
                Step::NeedLayer(layer) => return Ok(Step::NeedLayer(layer)),
                Step::Done(None) => break,
                Step::Done(Some(view)) => view,
            };
            self.steps += 1;
            Limits::check("max_lookup_steps", self.steps, self.fs.limits.max_lookup_steps)?;
            let Some(index) = self.index(view.layer) else { break };
            if let Some(found) = index.child(&view.dir, name) {
                let top = implied.as_ref().map_or(view.layer, |c| c.layer);
                if found.entry.is_some() {
                    if found.is_dir || implied.is_none() {
                        let at = Some((view.layer, found));
                        return Ok(Step::Done(Some(Child { is_dir: found.is_dir, layer: top, at })));
                    }
                    break;
                }
                implied = Some(Child { is_dir: true, layer: top, at: None });
                if !attributes {
                    break;
                }
            }
            if merged && index.whiteout(&view.dir, name) {
                break;
            }
        }
        Ok(Step::Done(implied))
    }

    /// The node of the directory that this is at.
    pub(super) fn here(mut self) -> Result<Step<Node>> {
        let path = self.path.clone();
        let at = match self.levels.last().map(|l| l.name.clone()) {
            Some(name) if self.levels.len() > 1 => {
                self.leave();
                match self.child(path.get(name).unwrap_or_default(), true)? {
                    Step::NeedLayer(layer) => return Ok(Step::NeedLayer(layer)),
                    Step::Done(child) => child.and_then(|c| c.at),
                }
            }
            _ => {
                // Not the views: an opaque root hides what is in it, not its attributes.
                let mut at = None;
                for l in (0..self.fs.layers.len()).rev() {
                    let layer = self.fs.first + l;
                    let Some(index) = self.index(layer) else { return Ok(Step::NeedLayer(layer)) };
                    let root = index.root();
                    if root.entry.is_some() {
                        at = Some((layer, root));
                        break;
                    }
                }
                at
            }
        };
        Ok(Step::Done(self.node(path, at)))
    }

    /// The node of a child at `path`.
    pub(super) fn node(&self, path: Vec<u8>, at: Option<(usize, Found)>) -> Node {
        match at.and_then(|(layer, found)| Some((layer, found, self.index(layer)?))) {
            Some((layer, found, index)) => index.node(layer, path, &found),
            None => Node { path, at: None, link: None, kind: Kind::Directory },
        }
    }

    /// All names in the directory that this is at.
    fn list(mut self) -> Result<Step<Vec<DirEntry>>> {
        // Name, rank of the layer from the top, and what it has there; `None` is a whiteout, sorted after an entry.
        let mut all: Vec<(&[u8], usize, Option<Found>)> = Vec::new();
        let mut views = Vec::new();
        for rank in 0.. {
            match self.view(rank) {
                Step::NeedLayer(layer) => return Ok(Step::NeedLayer(layer)),
                Step::Done(None) => break,
                Step::Done(Some(view)) => views.push(view),
            }
        }
        for (rank, view) in views.iter().enumerate() {
            let Some(index) = self.index(view.layer) else { continue };
            for (name, found) in index.children(&view.dir) {
                if !self.fs.merged || !name.starts_with(WHITEOUT) {
                    all.push((name, rank, Some(found)));
                } else if let Some(hidden) = hidden_by(name).filter(|_| found.entry.is_some()) {
                    all.push((hidden, rank, None));
                }
            }
        }
        all.sort_by(|a, b| (a.0, a.1, a.2.is_none()).cmp(&(b.0, b.1, b.2.is_none())));
        let mut out = Vec::new();
        for same in all.chunk_by(|a, b| a.0 == b.0) {
            let mut implied = false;
            let mut at = None;
            for &(_, rank, found) in same {
                match found {
                    // A whiteout: the layers below say nothing more.
                    None => break,
                    Some(found) if found.entry.is_none() => implied = true,
                    Some(found) => {
                        if found.is_dir || !implied {
                            at = views.get(rank).map(|v| (v.layer, found));
                        }
                        break;
                    }
                }
            }
            if let Some(name) = same.first().map(|s| s.0).filter(|_| implied || at.is_some()) {
                out.push(DirEntry { name: name.to_vec(), node: self.node(join(&self.path, name), at) });
            }
        }
        Ok(Step::Done(out))
    }
}
