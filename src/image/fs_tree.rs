//! Look-up in an image that is a file system of its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use super::stat::FileStat;
use crate::error::{Code, Error, Result};
use crate::format::tar::Kind;
use crate::layer::{Attributes, Checks, Context, FileSystem};
use crate::limits::Limits;
use crate::net::transport::{ByteStream, at_once};
use crate::rootfs::{DirEntry, Follow, Listed, Node};

/// Inodes of a directory that are read at the same time.
const PARALLEL: usize = 8;

/// A [`FileSystem`] by paths. Nodes of it have the inode as their entry.
pub(super) struct FsTree {
    volume: Rc<dyn FileSystem>,
    /// Of all inodes that were looked at: attributes of a node are asked for without waiting.
    known: Rc<RefCell<HashMap<usize, Rc<Attributes>>>>,
    limits: Limits,
}

impl FsTree {
    pub(super) fn new(volume: Rc<dyn FileSystem>, limits: &Limits) -> Self {
        FsTree { volume, known: Rc::default(), limits: limits.clone() }
    }

    /// The same for another reader.
    pub(super) fn for_reader(&self, context: &Rc<Context>) -> Self {
        let (volume, known) = (self.volume.for_reader(context), self.known.clone());
        FsTree { volume, known, limits: context.limits.clone() }
    }

    pub(super) fn checks(&self) -> Checks {
        self.volume.checks()
    }

    /// Finds a path as [`Rootfs::lookup`](crate::rootfs::Rootfs::lookup) does.
    pub(super) async fn lookup(&self, path: &[u8], follow: Follow) -> Result<Node> {
        Limits::check("max_path_len", path.len() as u64, self.limits.max_path_len)?;
        self.find(path, follow).await.map_err(|e| e.with_path(path))
    }

    async fn find(&self, path: &[u8], follow: Follow) -> Result<Node> {
        // The directory that was reached, below which directories.
        let mut trail: Vec<(Vec<u8>, usize)> = Vec::new();
        let (mut hops, mut steps) = (0u32, 0u64);
        let mut rests: Vec<Vec<u8>> = vec![path.to_vec()];
        while let Some(text) = rests.pop() {
            let Some((name, rest)) = first_component(&text) else { continue };
            if !rest.is_empty() {
                rests.push(rest.to_vec());
            }
            steps = steps.saturating_add(1);
            Limits::check("max_lookup_steps", steps, self.limits.max_lookup_steps)?;
            match name {
                b"." => continue,
                b".." => {
                    trail.pop();
                    continue;
                }
                _ => {}
            }
            let last = rests.is_empty();
            let dir = trail.last().map_or_else(|| self.volume.root(), |t| t.1);
            let Some(inode) = self.volume.lookup(dir, name).await? else {
                return Err(Error::new(Code::Enoent, "no such file or directory"));
            };
            let found = self.attributes(inode).await?;
            if found.kind == Kind::Directory {
                trail.push((name.to_vec(), inode));
            } else if found.kind == Kind::Symlink && (!last || follow == Follow::All) {
                hops = hops.saturating_add(1);
                if hops > self.limits.max_link_hops {
                    let message =
                        format!("more than {} symbolic links on the way", self.limits.max_link_hops);
                    return Err(Error::new(Code::Eloop, message));
                }
                if found.link_name.is_empty() {
                    return Err(Error::new(Code::Enoent, "a symbolic link on the way leads nowhere"));
                }
                if found.link_name.starts_with(b"/") {
                    trail.clear();
                }
                rests.push(found.link_name.clone());
            } else if last {
                return Ok(node(join(&path_of(&trail), name), inode, found.kind));
            } else {
                return Err(Error::new(Code::Enotdir, "a component of the path is not a directory"));
            }
        }
        let inode = trail.last().map_or_else(|| self.volume.root(), |t| t.1);
        let kind = self.attributes(inode).await?.kind;
        Ok(node(path_of(&trail), inode, kind))
    }

    /// What is in the directory `dir`, sorted by the bytes of the names.
    pub(super) async fn children(&self, dir: &Node) -> Result<Vec<Listed>> {
        let inode = dir.at.map_or_else(|| self.volume.root(), |at| at.1);
        let mut names = self.volume.read_dir(inode).await?;
        names.sort_unstable();
        let one = |inode| -> LocalBoxFuture<'_, _> {
            Box::pin(async move { self.attributes(inode).await.map(drop) })
        };
        at_once(names.iter().map(|n| one(n.1)).collect(), PARALLEL).await?;
        let mut entries = Vec::with_capacity(names.len());
        for (name, inode) in names {
            let kind = self.attributes(inode).await?.kind;
            let entry = DirEntry { node: node(join(&dir.path, &name), inode, kind), name };
            entries.push(Listed { entry, ranks: Box::default() });
        }
        Ok(entries)
    }

    async fn attributes(&self, inode: usize) -> Result<Rc<Attributes>> {
        if let Some(known) = self.known.borrow().get(&inode) {
            return Ok(known.clone());
        }
        let found = self.volume.stat(inode).await?;
        let mut known = self.known.borrow_mut();
        Limits::check("max_entries", known.len() as u64, self.limits.max_entries)?;
        known.insert(inode, found.clone());
        Ok(found)
    }

    /// Fills in what is known of a node.
    pub(super) fn fill(&self, stat: &mut FileStat, node: &Node) {
        let known = self.known.borrow();
        let Some(found) = node.at.and_then(|at| known.get(&at.1)) else { return };
        stat.kind = found.kind;
        stat.size = if found.kind == Kind::Regular { found.size } else { 0 };
        (stat.mode, stat.uid, stat.gid) = (found.mode, found.uid, found.gid);
        stat.mtime = found.mtime;
        stat.nlink = found.nlink;
        (stat.dev_major, stat.dev_minor) = (found.dev_major, found.dev_minor);
        stat.link_name = (found.kind == Kind::Symlink).then(|| found.link_name.clone());
        stat.xattrs.clone_from(&found.xattrs);
    }

    pub(super) fn read(&self, inode: usize, range: Range<u64>) -> ByteStream {
        self.volume.read(inode, range)
    }
}

fn node(path: Vec<u8>, inode: usize, kind: Kind) -> Node {
    Node { path, at: Some((0, inode)), link: None, kind }
}

/// The first component and what is behind it, its slash included.
fn first_component(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = path.iter().position(|&b| b != b'/')?;
    let path = path.get(start..)?;
    let end = path.iter().position(|&b| b == b'/').unwrap_or(path.len());
    path.split_at_checked(end)
}

fn path_of(trail: &[(Vec<u8>, usize)]) -> Vec<u8> {
    trail.iter().map(|t| t.0.as_slice()).collect::<Vec<_>>().join(&b'/')
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}
