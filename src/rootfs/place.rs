//! A place in the merged tree, and how one goes from it.

use std::ops::Range;

use super::WHITEOUT;
use super::index::PathIndex;
use super::merge::Rootfs;
use super::node::{Asked, Node, Stop};
use super::partial::{LayerIndex, Parts};
use super::search::{Dir, Found};
use crate::error::Result;
use crate::format::tar::Kind;
use crate::format::tar::path::{join, take_component};
use crate::limits::Limits;

/// What a layer has of a directory.
#[derive(Debug, Clone)]
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
#[derive(Debug)]
struct Level {
    /// Its name in the place's path.
    name: Range<usize>,
    views: Vec<View>,
    /// How many of the parent's views were looked at for this directory (of the root: layers).
    taken: usize,
    /// Where the parent was listed, which of its views have this directory: no others need to be looked at.
    ranks: Option<Box<[u32]>>,
    /// No further layer has a part.
    done: bool,
}

impl Level {
    fn root(done: bool) -> Self {
        Level { name: 0..0, views: Vec::new(), taken: 0, ranks: None, done }
    }

    /// Which of the parent's views is next; `None` where that is known to be none.
    fn rank(&self) -> Option<usize> {
        match &self.ranks {
            Some(ranks) => ranks.get(self.taken).map(|&rank| rank as usize),
            None => Some(self.taken),
        }
    }
}

/// What a name stands for.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) is_dir: bool,
    /// The topmost layer that has it.
    pub(super) layer: usize,
    /// Layer, part and what that has: the one that tells the attributes. `None` for an implied directory.
    pub(super) at: Option<At>,
}

/// Layer, part of it (where it is in parts), and what was found there.
pub(super) type At = (usize, usize, Found);

/// A directory of the merged tree that a look-up or a walk has come to: what it found out on the way stays, so that
/// going on from here does not begin at the root. It outlasts the loading of layers and of parts.
#[derive(Debug, Default)]
pub(crate) struct Place {
    path: Vec<u8>,
    /// The root, and then every directory down to here. Empty before it is used.
    levels: Vec<Level>,
    /// What it has cost so far: names looked up in a layer, long ones for more.
    steps: u64,
    /// The next view, or layer, to look into for the name that is being looked up, and what those above have of it.
    next: usize,
    implied: Option<Child>,
    /// [`Rootfs::version`] of which the levels are.
    version: u32,
}

/// Bytes of a name that one step pays for.
const STEP_BYTES: usize = 64;

impl Place {
    /// The directory at a real path.
    pub(crate) fn at(path: &[u8]) -> Self {
        Place { path: path.to_vec(), ..Place::default() }
    }

    /// The real path of the directory.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Steps since it was come to, or since the look-up began.
    #[cfg(test)]
    pub(crate) fn cost(&self) -> u64 {
        self.steps
    }

    /// Down into a directory that a listing of this one told of, by which of this one's views have it.
    pub(crate) fn descend(&mut self, name: &[u8], ranks: Box<[u32]>) {
        self.steps = 0;
        self.push(name, 0, Some(ranks));
    }

    /// To the parent; the root is its own.
    pub(crate) fn leave(&mut self) {
        self.forget();
        if self.levels.len() > 1
            && let Some(level) = self.levels.pop()
        {
            // Without the slash before it.
            self.path.truncate(level.name.start.saturating_sub(1));
        }
    }

    fn push(&mut self, name: &[u8], taken: usize, ranks: Option<Box<[u32]>>) {
        self.forget();
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        let start = self.path.len();
        self.path.extend_from_slice(name);
        if self.levels.is_empty() {
            // Nobody lists it, in trees that are found without this.
            self.levels.push(Level::root(true));
        }
        let name = start..self.path.len();
        self.levels.push(Level { name, views: Vec::new(), taken, ranks, done: false });
    }

    /// Ends the looking for a name.
    fn forget(&mut self) {
        (self.next, self.implied) = (0, None);
    }

    /// Levels for `fs` as it is now, where these are none, or of what it was before.
    fn renew(&mut self, fs: &Rootfs) {
        if !self.levels.is_empty() && self.version == fs.version {
            return;
        }
        self.version = fs.version;
        self.forget();
        self.levels.clear();
        self.levels.push(Level::root(fs.layers.is_empty()));
        let path = std::mem::take(&mut self.path);
        let mut rest = &path[..];
        while let Some(name) = take_component(&mut rest) {
            self.push(name, 0, None);
        }
    }
}

/// A [`Place`] in a tree.
pub(super) struct Walk<'a, 'p> {
    pub(super) fs: &'a Rootfs,
    pub(super) at: &'p mut Place,
}

impl<'a, 'p> Walk<'a, 'p> {
    pub(super) fn new(fs: &'a Rootfs, at: &'p mut Place) -> Self {
        at.renew(fs);
        Walk { fs, at }
    }

    pub(super) fn enter_root(&mut self) {
        self.at.forget();
        self.at.levels.truncate(1);
        self.at.path.clear();
    }

    /// Down into a child directory, of which `top` is the topmost layer that has it.
    pub(super) fn enter(&mut self, name: &[u8], top: usize) {
        let parent = self.at.levels.last();
        let taken = parent.and_then(|p| p.views.iter().position(|v| v.layer == top)).unwrap_or(0);
        self.at.push(name, taken, None);
    }

    /// Pays for a look at a name of so many bytes in what a layer has.
    pub(super) fn pay(&mut self, layer: Option<usize>, bytes: usize, aim: Aim<'_>) -> Result<()> {
        // Which part of a layer it is in is found by the path.
        let in_parts =
            layer.and_then(|l| self.fs.layer(l)).is_some_and(|l| matches!(l, LayerIndex::Parts(_)));
        let more = if in_parts { self.at.path.len() + aim.rest.len().min(MAX_AIM) } else { 0 };
        let steps = 1 + ((bytes + more) / STEP_BYTES) as u64;
        self.at.steps = self.at.steps.saturating_add(steps);
        Limits::check("max_lookup_steps", self.at.steps, self.fs.limits.max_lookup_steps)
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
        let part = parts.part_of(&aim.path(&self.at.path));
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
        let last = self.at.levels.len().saturating_sub(1);
        let mut at = last;
        loop {
            match self.at.levels.get(last) {
                Some(level) if level.views.len() > i => return Ok(level.views.get(i).cloned()),
                Some(level) if !level.done => {}
                _ => return Ok(None),
            }
            // The level at `at` wants one more view than it has.
            let parent = at.checked_sub(1).and_then(|p| self.at.levels.get(p));
            let parent = parent.map(|p| (p.views.len(), p.done));
            let Some(level) = self.at.levels.get_mut(at) else { return Ok(None) };
            let came = match parent {
                Some((views, done)) if level.rank().is_none_or(|rank| rank >= views) => {
                    if !done && level.rank().is_some() {
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
        let taken = self.at.levels.first().map_or(0, |l| l.taken);
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
        if let Some(level) = self.at.levels.first_mut() {
            level.taken += 1;
            let hidden = view.as_ref().is_none_or(|(index, view)| fs.merged && index.opaque(&view.dir));
            level.done = hidden || level.taken == fs.layers.len();
            level.views.extend(view.map(|(_, view)| view));
        }
        Ok(())
    }

    /// Looks at the parent's next view for level `at`; true when that gave a view or ended the level.
    fn take(&mut self, at: usize, aim: Aim<'_>) -> Asked<bool> {
        let (level, parent) = (self.at.levels.get(at), at.checked_sub(1).and_then(|p| self.at.levels.get(p)));
        let view = parent.zip(level.and_then(Level::rank)).and_then(|(p, rank)| p.views.get(rank));
        self.pay(view.map(|v| v.layer), level.map_or(0, |l| l.name.len()), aim)?;
        let (view, done) = self.part(at, aim)?.unwrap_or((None, true));
        let Some(level) = self.at.levels.get_mut(at) else { return Ok(true) };
        level.taken += 1;
        level.done = done;
        let came = done || view.is_some();
        level.views.extend(view);
        Ok(came)
    }

    /// What the parent's next view has of level `at`, and whether it hides all further ones.
    fn part(&self, at: usize, aim: Aim<'_>) -> Asked<Option<(Option<View>, bool)>> {
        let level_and_view = || {
            let level = self.at.levels.get(at)?;
            let view = self.at.levels.get(at.checked_sub(1)?)?.views.get(level.rank()?)?;
            let dir = self.at.path.get(..level.name.start.saturating_sub(1))?;
            Some((view, dir, self.at.path.get(level.name.clone())?))
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
    ///
    /// Asked again after more was loaded, it goes on at the layer that it needed.
    pub(super) fn child(&mut self, name: &[u8], rest: &[u8], attributes: bool) -> Asked<Option<Child>> {
        if self.fs.merged && name.starts_with(WHITEOUT) {
            return Ok(None);
        }
        let aim = Aim { name, rest };
        let mut found = None;
        while found.is_none()
            && let Some(view) = self.view(self.at.next, aim)?
        {
            self.pay(Some(view.layer), name.len(), aim)?;
            found = self.child_in(&view, aim, attributes)?;
            self.at.next += 1;
        }
        let child = found.flatten().or_else(|| self.at.implied.take());
        self.at.forget();
        Ok(child)
    }

    /// What a view says of a name: nothing, an end (`Some(None)`: what was seen above is all), or what it is.
    fn child_in(&mut self, view: &View, aim: Aim<'_>, attributes: bool) -> Asked<Option<Option<Child>>> {
        let Some(seen) = self.seek(view, &self.at.path, aim.name, aim)? else { return Ok(None) };
        if let Some(found) = seen.index.child(&seen.dir, aim.name) {
            let top = self.at.implied.as_ref().map_or(view.layer, |c| c.layer);
            if found.entry.is_some() {
                let at = Some((view.layer, seen.part, found));
                let counts = found.is_dir || self.at.implied.is_none();
                return Ok(Some(counts.then_some(Child { is_dir: found.is_dir, layer: top, at })));
            }
            self.at.implied = Some(Child { is_dir: true, layer: top, at: None });
            if !attributes {
                return Ok(Some(None));
            }
        }
        let ends = self.fs.merged && seen.index.whiteout(&seen.dir, aim.name);
        Ok(ends.then_some(None))
    }

    /// The root's own entry. Not by its views: an opaque root hides what is in it, not its attributes.
    pub(super) fn root_entry(&mut self) -> Asked<Option<At>> {
        while let Some(l) = self.fs.layers.len().checked_sub(self.at.next + 1) {
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
            self.at.next += 1;
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

    /// The views of the directory that this is at, as far as they were asked for.
    pub(super) fn views(&self) -> &[View] {
        self.at.levels.last().map_or(&[], |level| &level.views)
    }
}
