//! The layers laid over each other, as far as they are loaded.

use std::ops::Range;

use super::WHITEOUT;
use super::clean::take_component;
use super::index::{PathIndex, join};
use super::node::{Asked, DirEntry, Node, Step, Stop};
use super::parts::{LayerIndex, Parts};
use super::search::{Dir, Found};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::tar::Kind;

/// An image's layers as one tree. Layer 0 is the lowest.
///
/// Holds the indexes of the layers that were needed so far, or parts of them, and works on these alone; where more is
/// needed it says so ([`Step`]), asking from the top down and only while the answer is open: a file that the top
/// layer has is found without any other.
///
/// # Merging
/// As overlayfs does it: a whiteout or an opaque mark hides what lower layers have, never what its own layer
/// has; what is no directory hides a lower directory whole, and the other way round; directories merge. The
/// topmost layer that lists a directory tells its attributes, also when an opaque mark hides the rest of the
/// lower directory. A directory that no layer lists is there if something is in it.
#[derive(Debug)]
pub struct Rootfs {
    layers: Vec<Option<LayerIndex>>,
    /// The number of the lowest layer here.
    first: usize,
    /// False in the view of one layer: whiteouts are entries there.
    pub(super) merged: bool,
    pub(super) limits: Limits,
}

impl Rootfs {
    /// An image of so many layers, none loaded.
    pub fn new(layer_count: usize, limits: &Limits) -> Rootfs {
        Rootfs { layers: vec![None; layer_count], first: 0, merged: true, limits: limits.clone() }
    }

    /// One layer as a tree of its own, with its whiteouts as entries. `layer` is its number in nodes.
    pub fn of_layer(layer: usize, index: impl Into<LayerIndex>, limits: &Limits) -> Rootfs {
        Rootfs { layers: vec![Some(index.into())], first: layer, merged: false, limits: limits.clone() }
    }

    /// Hands over a layer that was asked for, or takes one that is whole in place of one in parts.
    pub fn set_layer(&mut self, layer: usize, index: impl Into<LayerIndex>) {
        if let Some(slot) = layer.checked_sub(self.first).and_then(|l| self.layers.get_mut(l)) {
            *slot = Some(index.into());
        }
    }

    /// A layer's index, if it is loaded.
    pub fn layer(&self, layer: usize) -> Option<&LayerIndex> {
        self.layers.get(layer.checked_sub(self.first)?)?.as_ref()
    }

    /// What is in a directory, sorted by the bytes of the names. `real_dir` is a [`Node`]'s path: no link in it is
    /// followed. `ENOENT`, `ENOTDIR`.
    pub fn read_dir(&self, real_dir: &[u8]) -> Result<Step<Vec<DirEntry>>> {
        Step::of(self.list(real_dir)).map_err(|e| e.with_path(real_dir))
    }

    fn list(&self, real_dir: &[u8]) -> Asked<Vec<DirEntry>> {
        let mut walk = Walk::new(self);
        let mut rest = real_dir;
        while let Some(name) = take_component(&mut rest) {
            match walk.child(name, rest, false)? {
                Some(child) if child.is_dir => walk.enter(name, child.layer),
                Some(_) => return Err(Error::new(Code::Enotdir, "not a directory").into()),
                None => return Err(Error::new(Code::Enoent, "no such file or directory").into()),
            }
        }
        walk.list()
    }
}

/// What a layer has of a directory.
#[derive(Clone)]
pub(super) struct View {
    pub(super) layer: usize,
    /// Of a layer in parts: the part that `dir` is in.
    part: usize,
    pub(super) dir: Dir,
    /// Of a layer in parts: all that the directory is in.
    pub(super) parts: Range<usize>,
}

/// The index that knows about a name of a directory.
struct Seen<'a> {
    index: &'a PathIndex,
    part: usize,
    /// The directory, in this index.
    dir: Dir,
    /// The parts that the name, as a directory, is in.
    below: Range<usize>,
}

/// What is looked for in the directory that a walk is at: a name in it, and what comes behind that.
#[derive(Clone, Copy)]
pub(super) struct Aim<'n> {
    name: &'n [u8],
    rest: &'n [u8],
}

/// Bytes of an aim that are followed to choose a part: more make no better choice.
const MAX_AIM: usize = 4096;

/// The directory itself.
pub(super) const HERE: Aim<'static> = Aim { name: b"", rest: b"" };

impl Aim<'_> {
    /// Where it would be if no link were on the way: below all directories that are entered for it.
    fn path(&self, dir: &[u8]) -> Vec<u8> {
        if self.name.is_empty() {
            return dir.to_vec();
        }
        let mut path = join(dir, self.name);
        let mut rest = self.rest;
        while path.len() < MAX_AIM + dir.len()
            && let Some(name) = take_component(&mut rest)
            && name != b".."
        {
            if name != b"." {
                path.push(b'/');
                path.extend_from_slice(name);
            }
        }
        path
    }
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
    /// Layer, part and what that has: the one that tells the attributes. `None` for an implied directory.
    pub(super) at: Option<At>,
}

/// Layer, part of it (where it is in parts), and what was found there.
pub(super) type At = (usize, usize, Found);

/// A position in the merged tree.
pub(super) struct Walk<'a> {
    pub(super) fs: &'a Rootfs,
    pub(super) path: Vec<u8>,
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

    /// A layer's index, or a part of it.
    fn index(&self, layer: usize, part: usize) -> Option<&'a PathIndex> {
        match self.fs.layer(layer)? {
            LayerIndex::Whole(index) => Some(index),
            LayerIndex::Parts(parts) => parts.part(part),
        }
    }

    /// The part of a layer to look into for an aim; asked for where it is not here.
    fn part_for(&self, layer: usize, parts: &Parts, aim: Aim<'_>) -> Asked<usize> {
        let part = parts.part_of(&aim.path(&self.path));
        if parts.has(part) { Ok(part) } else { Err(Stop::Parts(vec![(layer, part)])) }
    }

    /// Where `name` of the directory `dir` would be in what `view` has of that; `None` where that is nothing. `aim` is
    /// what is wanted in the end, for which `name` is on the way.
    fn seek(&self, view: &View, dir: &[u8], name: &[u8], aim: Aim<'_>) -> Asked<Option<Seen<'a>>> {
        let parts = match self.fs.layer(view.layer) {
            None => return Ok(None),
            Some(LayerIndex::Whole(index)) => {
                return Ok(Some(Seen { index, part: 0, dir: view.dir, below: 0..0 }));
            }
            Some(LayerIndex::Parts(parts)) => parts,
        };
        let below = parts.below(&view.parts, view.dir.prefix, name);
        let (part, at) = if below.contains(&view.part) {
            (view.part, Some(view.dir))
        } else {
            let part = self.part_for(view.layer, parts, aim)?;
            (part, parts.part(part).and_then(|index| Some(index.find(dir)?.below)))
        };
        let seen = parts.part(part).zip(at);
        Ok(seen.map(|(index, dir)| Seen { index, part, dir, below }))
    }

    /// View `i` of the directory that this is at, from the top; `None` where there are not so many.
    ///
    /// Every level draws from its parent's views one at a time, the root from the layers: so a layer is asked for
    /// only when all above it had nothing to say.
    pub(super) fn view(&mut self, i: usize, aim: Aim<'_>) -> Asked<Option<View>> {
        let last = self.levels.len().saturating_sub(1);
        let mut at = last;
        loop {
            match self.levels.get(last) {
                Some(level) if level.views.len() > i => return Ok(level.views.get(i).cloned()),
                Some(level) if !level.done => {}
                _ => return Ok(None),
            }
            // The level at `at` wants one more view than it has.
            let parent = at.checked_sub(1).and_then(|p| self.levels.get(p)).map(|p| (p.views.len(), p.done));
            let Some(level) = self.levels.get_mut(at) else { return Ok(None) };
            let came = match parent {
                Some((views, done)) if level.taken >= views => {
                    if !done {
                        at -= 1;
                        continue;
                    }
                    level.done = true;
                    true
                }
                Some(_) => self.take(at, aim)?,
                None => {
                    self.take_root(aim)?;
                    true
                }
            };
            if came && at < last {
                at += 1;
            }
        }
    }

    /// Looks at the next layer for the root.
    fn take_root(&mut self, aim: Aim<'_>) -> Asked<()> {
        let fs = self.fs;
        let taken = self.levels.first().map_or(0, |l| l.taken);
        let mut view = None;
        if let Some(l) = fs.layers.len().checked_sub(taken + 1) {
            let layer = fs.first + l;
            let (part, parts) = match fs.layer(layer) {
                None => return Err(Stop::Layer(layer)),
                Some(LayerIndex::Whole(_)) => (0, 0..0),
                Some(LayerIndex::Parts(parts)) => (self.part_for(layer, parts, aim)?, parts.all()),
            };
            let index = self.index(layer, part);
            view = index.map(|index| (index, View { layer, part, dir: index.root().below, parts }));
        }
        if let Some(level) = self.levels.first_mut() {
            level.taken += 1;
            let hidden = view.as_ref().is_none_or(|(index, view)| fs.merged && index.opaque(&view.dir));
            level.done = hidden || level.taken == fs.layers.len();
            level.views.extend(view.map(|(_, view)| view));
        }
        Ok(())
    }

    /// Looks at the parent's next view for level `at`; true when that gave a view or ended the level.
    fn take(&mut self, at: usize, aim: Aim<'_>) -> Asked<bool> {
        self.steps += 1;
        let (view, done) = self.part(at, aim)?.unwrap_or((None, true));
        let Some(level) = self.levels.get_mut(at) else { return Ok(true) };
        level.taken += 1;
        level.done = done;
        let came = done || view.is_some();
        level.views.extend(view);
        Ok(came)
    }

    /// What the parent's next view has of level `at`, and whether it hides all further ones.
    fn part(&self, at: usize, aim: Aim<'_>) -> Asked<Option<(Option<View>, bool)>> {
        let level_and_view = || {
            let level = self.levels.get(at)?;
            let view = self.levels.get(at.checked_sub(1)?)?.views.get(level.taken)?;
            let dir = self.path.get(..level.name.start.saturating_sub(1))?;
            Some((view, dir, self.path.get(level.name.clone())?))
        };
        let Some((view, dir, name)) = level_and_view() else { return Ok(None) };
        let Some(seen) = self.seek(view, dir, name, aim)? else { return Ok(Some((None, false))) };
        let index = seen.index;
        let found = index.child(&seen.dir, name);
        let below = found.filter(|f| f.is_dir).map(|f| f.below);
        let hides = found.is_some_and(|f| !f.is_dir)
            || self.fs.merged && (index.whiteout(&seen.dir, name) || below.is_some_and(|d| index.opaque(&d)));
        let view = below.map(|dir| View { layer: view.layer, part: seen.part, dir, parts: seen.below });
        Ok(Some((view, hides)))
    }

    /// What `name` stands for in the directory that this is at; `rest` is what of the path follows. Without
    /// `attributes` a directory is known as soon as any layer has something in it.
    pub(super) fn child(&mut self, name: &[u8], rest: &[u8], attributes: bool) -> Asked<Option<Child>> {
        let merged = self.fs.merged;
        if merged && name.starts_with(WHITEOUT) {
            return Ok(None);
        }
        let aim = Aim { name, rest };
        let mut implied: Option<Child> = None;
        for i in 0.. {
            let Some(view) = self.view(i, aim)? else { break };
            self.steps += 1;
            Limits::check("max_lookup_steps", self.steps, self.fs.limits.max_lookup_steps)?;
            let Some(seen) = self.seek(&view, &self.path, name, aim)? else { continue };
            if let Some(found) = seen.index.child(&seen.dir, name) {
                let top = implied.as_ref().map_or(view.layer, |c| c.layer);
                if found.entry.is_some() {
                    if found.is_dir || implied.is_none() {
                        let at = Some((view.layer, seen.part, found));
                        return Ok(Some(Child { is_dir: found.is_dir, layer: top, at }));
                    }
                    break;
                }
                implied = Some(Child { is_dir: true, layer: top, at: None });
                if !attributes {
                    break;
                }
            }
            if merged && seen.index.whiteout(&seen.dir, name) {
                break;
            }
        }
        Ok(implied)
    }

    /// The node of the directory that this is at.
    pub(super) fn here(mut self) -> Asked<Node> {
        let path = self.path.clone();
        let at = match self.levels.last().map(|l| l.name.clone()) {
            Some(name) if self.levels.len() > 1 => {
                self.leave();
                let child = self.child(path.get(name).unwrap_or_default(), b"", true)?;
                child.and_then(|c| c.at)
            }
            _ => self.root_entry()?,
        };
        Ok(self.node(path, at))
    }

    /// The root's own entry. Not by its views: an opaque root hides what is in it, not its attributes.
    fn root_entry(&self) -> Asked<Option<At>> {
        for l in (0..self.fs.layers.len()).rev() {
            let layer = self.fs.first + l;
            let part = match self.fs.layer(layer) {
                Some(LayerIndex::Parts(parts)) => self.part_for(layer, parts, HERE)?,
                _ => 0,
            };
            let Some(index) = self.index(layer, part) else { return Err(Stop::Layer(layer)) };
            let root = index.root();
            if root.entry.is_some() {
                return Ok(Some((layer, part, root)));
            }
        }
        Ok(None)
    }

    /// The node of a child at `path`.
    pub(super) fn node(&self, path: Vec<u8>, at: Option<At>) -> Node {
        match at.and_then(|(layer, part, found)| Some((layer, found, self.index(layer, part)?))) {
            Some((layer, found, index)) => index.node(layer, path, &found),
            None => Node { path, at: None, link: None, kind: Kind::Directory },
        }
    }
}
