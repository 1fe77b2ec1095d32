//! Replays a layer's tar, for the few layers in which the order of entries decides what is there: those with
//! entries below something that is no directory. Tars that several trees were packed into have that (`lib` a
//! symbolic link to `usr/lib`, then `lib/x`), and so have layers whose whiteouts sit below a file. Also for layers in
//! which no entry is called as a hard link's target is: links may be on the way to it.
//!
//! Each entry is put into a tree as containerd's unpacking puts it into a file system: links on the way to its
//! directory are followed inside the root, missing directories made, what is in its place removed unless both
//! are directories. Entries whose way leads through a file, or through too many links, are dropped (containerd
//! refuses the layer, GNU tar the file).

use std::collections::HashMap;

use super::index::PathIndex;
use super::names::Names;
use crate::error::Result;
use crate::format::tar::Kind;
use crate::format::tar::path::{clean, is_clean, split_last, strip, take_component};
use crate::limits::Limits;
use crate::sort::heap_sort;
use crate::turns::{Turns, pause_after};

/// Where the entries came to lie.
pub(super) struct Placed {
    shown: Vec<bool>,
    /// Entries whose path is not their name's, ascending: links led them there.
    pub(super) moved: Vec<(u32, Vec<u8>)>,
    /// What a hard link's target was when the link was made, by the link's entry, ascending.
    targets: Vec<(u32, u32)>,
}

impl Placed {
    pub(super) fn shown(&self, entry: u32) -> bool {
        self.shown.get(entry as usize).copied().unwrap_or(false)
    }

    pub(super) fn link_target(&self, link: u32) -> Option<u32> {
        let at = self.targets.binary_search_by_key(&link, |t| t.0).ok()?;
        self.targets.get(at).map(|t| t.1)
    }
}

/// No entry: an implied directory.
const NONE: u32 = u32::MAX;

struct Made<'a> {
    parent: u32,
    name: &'a [u8],
    entry: u32,
    /// The entry that a hard link leads to; else the same.
    inode: u32,
    is_dir: bool,
    /// Something else took its place.
    replaced: bool,
    /// The entry came here over a link.
    moved: bool,
}

struct Tree<'a> {
    index: &'a PathIndex,
    /// Targets of hard links that cleaning changes inside.
    link_names: &'a Names,
    limits: &'a Limits,
    nodes: Vec<Made<'a>>,
    children: HashMap<(u32, &'a [u8]), u32>,
    /// The last entry's directory by name, and what `walk` gave: mostly the next one's too. Nothing but a replaced
    /// node can lead that way elsewhere.
    latest: Option<(&'a [u8], (u32, bool))>,
    steps: u64,
}

/// Replays all entries of `index`, whose order still holds every one.
pub(super) async fn place(index: &PathIndex, limits: &Limits, turns: &mut dyn Turns) -> Result<Placed> {
    let root =
        Made { parent: 0, name: b"", entry: NONE, inode: NONE, is_dir: true, replaced: false, moved: false };
    let mut link_names = Names::default();
    for (i, entry) in (0u32..).zip(index.table().iter()) {
        if entry.kind == Kind::HardLink && !is_clean(strip(entry.link_name)) {
            link_names.set(i, &clean(entry.link_name), limits)?;
        }
    }
    let link_names = &link_names;
    let mut tree = Tree {
        index,
        link_names,
        limits,
        nodes: vec![root],
        children: HashMap::new(),
        latest: None,
        steps: 0,
    };
    let mut targets = Vec::new();
    for (i, kind) in (0u32..).zip(index.table().iter().map(|e| e.kind)) {
        if let Some(target) = tree.put(i, kind)? {
            targets.push((i, target));
        }
        pause_after(i as usize, turns).await;
    }
    let Tree { nodes, .. } = tree;
    let mut shown = vec![false; index.table().len()];
    // A node is made after its parent, so that one pass tells who is still attached.
    let mut attached: Vec<bool> = Vec::with_capacity(nodes.len());
    let mut moved = Vec::new();
    let mut moved_bytes = 0u64;
    for (n, node) in nodes.iter().enumerate() {
        let is = !node.replaced && (n == 0 || attached.get(node.parent as usize).copied().unwrap_or(false));
        attached.push(is);
        if !is || node.entry == NONE {
            continue;
        }
        if let Some(slot) = shown.get_mut(node.entry as usize) {
            *slot = true;
        }
        if node.moved {
            let path = path_of(&nodes, node);
            moved_bytes = moved_bytes.saturating_add(path.len() as u64);
            Limits::check("max_path_len", path.len() as u64, limits.max_path_len)?;
            Limits::check("max_name_bytes", moved_bytes, limits.max_name_bytes)?;
            moved.push((node.entry, path));
        }
    }
    heap_sort(&mut moved, |a, b| a.0 < b.0);
    Ok(Placed { shown, moved, targets })
}

fn path_of(nodes: &[Made<'_>], node: &Made<'_>) -> Vec<u8> {
    let mut names = vec![node.name];
    let mut at = node.parent;
    while at != 0
        && let Some(parent) = nodes.get(at as usize)
    {
        names.push(parent.name);
        at = parent.parent;
    }
    names.reverse();
    names.join(&b'/')
}

impl<'a> Tree<'a> {
    /// Puts entry `i` where it belongs; of a hard link, gives the entry that it links to, if that is there.
    fn put(&mut self, i: u32, kind: Kind) -> Result<Option<u32>> {
        let path = self.index.path(i as usize);
        if path.is_empty() {
            if let Some(root) = self.nodes.first_mut().filter(|_| kind == Kind::Directory) {
                root.entry = i;
            }
            return Ok(None);
        }
        let target = if kind == Kind::HardLink { self.target(i)? } else { None };
        let (dir, name) = split_last(path);
        let found = match self.latest {
            Some((latest, found)) if latest == dir => found,
            _ => match self.walk(dir, true)? {
                Some(found) => found,
                None => return Ok(target),
            },
        };
        self.latest = Some((dir, found));
        let (parent, moved) = found;
        let is_dir = kind == Kind::Directory;
        if let Some(&old) = self.children.get(&(parent, name))
            && let Some(node) = self.nodes.get_mut(old as usize)
        {
            if is_dir && node.is_dir {
                (node.entry, node.inode) = (i, i);
                node.moved = moved;
                return Ok(target);
            }
            node.replaced = true;
            self.latest = None;
        }
        self.make(Made {
            parent,
            name,
            entry: i,
            inode: target.unwrap_or(i),
            is_dir,
            replaced: false,
            moved,
        })?;
        Ok(target)
    }

    fn make(&mut self, node: Made<'a>) -> Result<u32> {
        // Implied directories count as entries here.
        let n = self.nodes.len();
        Limits::check("max_entries", n as u64, self.limits.max_entries.min(u64::from(NONE - 1)))?;
        self.children.insert((node.parent, node.name), n as u32);
        self.nodes.push(node);
        Ok(n as u32)
    }

    /// What a hard link's target name stands for now.
    fn target(&mut self, link: u32) -> Result<Option<u32>> {
        let index = self.index;
        let Some(entry) = index.table().get(link as usize) else { return Ok(None) };
        let (dir, name) = split_last(self.link_names.path(link, entry.link_name));
        let Some((parent, _)) = self.walk(dir, false)? else { return Ok(None) };
        let found = self.children.get(&(parent, name)).and_then(|&n| self.nodes.get(n as usize));
        Ok(found.filter(|n| n.inode != NONE).map(|n| n.inode))
    }

    /// The directory that a clean path leads to, links followed, and whether there was a link on the way. `None`
    /// where it leads through a file, through more than `max_link_hops` links, or (unless `create`) nowhere.
    fn walk(&mut self, path: &'a [u8], create: bool) -> Result<Option<(u32, bool)>> {
        let mut at = 0u32;
        let mut hops = 0u32;
        let mut rests = vec![path];
        while let Some(mut rest) = rests.pop() {
            let Some(name) = take_component(&mut rest) else { continue };
            if !rests.is_empty() {
                // Of a link's target. The path's own components are bounded by the layer's size.
                self.steps += 1;
                Limits::check("max_link_steps", self.steps, self.limits.max_link_steps)?;
            }
            rests.push(rest);
            match name {
                b"." => continue,
                b".." => {
                    at = self.nodes.get(at as usize).map_or(0, |n| n.parent);
                    continue;
                }
                _ => {}
            }
            let child = self.children.get(&(at, name)).copied();
            let Some(child) = child else {
                if !create {
                    return Ok(None);
                }
                at = self.make(Made {
                    parent: at,
                    name,
                    entry: NONE,
                    inode: NONE,
                    is_dir: true,
                    replaced: false,
                    moved: false,
                })?;
                continue;
            };
            let Some(node) = self.nodes.get(child as usize) else { return Ok(None) };
            if node.is_dir {
                at = child;
                continue;
            }
            let index = self.index;
            let Some(link) = index.table().get(node.inode as usize).filter(|e| e.kind == Kind::Symlink)
            else {
                return Ok(None);
            };
            hops = hops.saturating_add(1);
            if hops > self.limits.max_link_hops || link.link_name.is_empty() {
                return Ok(None);
            }
            if link.link_name.starts_with(b"/") {
                at = 0;
            }
            rests.push(link.link_name);
        }
        Ok(Some((at, hops > 0)))
    }
}
