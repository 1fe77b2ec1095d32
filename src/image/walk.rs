//! Walks a tree depth first.

use super::view::LayerView;
use super::{FileStat, Follow, Image};
use crate::error::Result;
use crate::rootfs::{DirEntry, Glob, Node};
use crate::tar::Kind;

/// Which tree.
pub(super) enum Tree {
    Image(Image),
    Layer(LayerView),
}

impl Tree {
    fn stat(&self, node: &Node) -> FileStat {
        match self {
            Tree::Image(image) => image.file_stat(node, None),
            Tree::Layer(view) => view.file_stat(node),
        }
    }

    async fn start(&self, path: &[u8]) -> Result<Node> {
        match self {
            Tree::Image(image) => image.directory(path).await,
            Tree::Layer(view) => view.lookup(path, Follow::All).await,
        }
    }

    async fn children(&self, node: &Node) -> Result<Vec<DirEntry>> {
        match self {
            Tree::Image(image) => image.children(node).await,
            Tree::Layer(view) => view.children(node).await,
        }
    }
}

/// What is below a directory, parents before their children, each directory's names sorted by their bytes. Links are
/// not followed below it; the directory itself is not given out.
///
/// A glob is matched against the path from that directory on: see [`Glob`](crate::rootfs::Glob). Directories that hold
/// nothing it could match are not listed.
pub struct Walk {
    tree: Tree,
    path: Vec<u8>,
    glob: Option<Glob>,
    /// The directory that comes next.
    next: Option<Node>,
    started: bool,
    /// Length of the start directory's path, with the slash behind it.
    prefix: usize,
    stack: Vec<std::vec::IntoIter<DirEntry>>,
}

impl Walk {
    pub(super) fn new(tree: Tree, path: &[u8], glob: Option<Glob>) -> Self {
        Walk { tree, path: path.to_vec(), glob, next: None, started: false, prefix: 0, stack: Vec::new() }
    }

    /// The next entry, links not followed; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<FileStat>> {
        if !self.started {
            let root = self.tree.start(&self.path).await?;
            self.prefix = if root.path.is_empty() { 0 } else { root.path.len().saturating_add(1) };
            (self.next, self.started) = (Some(root), true);
        }
        loop {
            if let Some(dir) = &self.next {
                let children = self.tree.children(dir).await?;
                self.stack.push(children.into_iter());
                self.next = None;
            }
            let Some(top) = self.stack.last_mut() else { return Ok(None) };
            let Some(child) = top.next() else {
                self.stack.pop();
                continue;
            };
            let (shown, below) = self.wanted(&child.node);
            let stat = shown.then(|| self.tree.stat(&child.node));
            if below && child.node.kind == Kind::Directory {
                self.next = Some(child.node);
            }
            if stat.is_some() {
                return Ok(stat);
            }
        }
    }

    /// Whether the glob matches, and whether it may match below.
    fn wanted(&self, node: &Node) -> (bool, bool) {
        let Some(glob) = &self.glob else { return (true, true) };
        let relative = node.path.get(self.prefix..).unwrap_or_default();
        let kind = !glob.directories_only() || node.kind == Kind::Directory;
        (kind && glob.matches(relative), glob.may_match_below(relative))
    }
}
