//! The whole file system as a table.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::corrupt;
use super::{FileSystem, ReadAt};
use crate::error::Result;
use crate::format::tar::{Entry, EntryTable, Kind, Xattrs};
use crate::limits::Limits;

/// All entries of a file system, parents before what is in them, the root first (`./`).
///
/// Of an inode with several names the first is the file, and the others are hard links to it. Sockets are left out.
#[derive(Debug, Default)]
pub struct Tree {
    /// The entries. Their offsets mean nothing.
    pub entries: EntryTable,
    /// Per entry, the number of its inode.
    pub nids: Vec<u64>,
}

struct Builder<'a, V> {
    fs: &'a FileSystem<V>,
    tree: Tree,
    directories: BTreeSet<u64>,
    /// Files with several names: the entry of the first.
    linked: BTreeMap<u64, usize>,
    /// Sockets, which count as entries do.
    sockets: u64,
}

impl<V: ReadAt> FileSystem<V> {
    /// Walks it all. `CORRUPT_LAYER` for a directory that is in two, or in itself; `LIMIT_EXCEEDED` over what
    /// [`EntryTable::push`] says.
    pub fn tree(&self) -> Result<Tree> {
        let mut builder = Builder {
            fs: self,
            tree: Tree::default(),
            directories: BTreeSet::new(),
            linked: BTreeMap::new(),
            sockets: 0,
        };
        builder.add(b"./", self.superblock.root)?;
        if builder.tree.entries.kind(0) != Some(Kind::Directory) {
            return Err(corrupt("the root is no directory"));
        }
        // Directories are read in the order that they were found in, which the table itself keeps.
        let mut next = 0;
        let mut path = Vec::new();
        while let Some(kind) = builder.tree.entries.kind(next) {
            if kind == Kind::Directory {
                path.clear();
                if next > 0 {
                    path.extend_from_slice(builder.tree.entries.name(next).unwrap_or_default());
                    path.push(b'/');
                }
                let base = path.len();
                let nid = builder.tree.nids.get(next).copied().unwrap_or_default();
                self.read_dir(&self.inode(nid)?, |name, child| {
                    path.truncate(base);
                    path.extend_from_slice(name);
                    builder.add(&path, child)
                })?;
            }
            next += 1;
        }
        builder.tree.entries.shrink();
        Ok(builder.tree)
    }
}

impl<V: ReadAt> Builder<'_, V> {
    fn add(&mut self, path: &[u8], nid: u64) -> Result<()> {
        self.entry(path, nid).map_err(|e| e.with_path(path))
    }

    fn entry(&mut self, path: &[u8], nid: u64) -> Result<()> {
        let limits = self.fs.limits();
        let inode = self.fs.inode(nid)?;
        let Some(mut kind) = inode.kind()? else {
            self.sockets = self.sockets.saturating_add(1);
            return Limits::check("max_entries", self.sockets, limits.max_entries);
        };
        let mut link_name = Vec::new();
        let mut xattrs = Vec::new();
        match kind {
            Kind::Directory if !self.directories.insert(nid) => {
                return Err(corrupt("a directory is in two, or in itself"));
            }
            Kind::Directory => {}
            _ if inode.links > 1 => match self.linked.get(&nid) {
                Some(&first) => {
                    kind = Kind::HardLink;
                    link_name.extend_from_slice(self.tree.entries.name(first).unwrap_or_default());
                }
                None => drop(self.linked.insert(nid, self.tree.entries.len())),
            },
            _ => {}
        }
        if kind != Kind::HardLink {
            xattrs = self.fs.xattrs(&inode)?;
        }
        if kind == Kind::Symlink {
            link_name = self.fs.read_link(&inode)?;
        }
        let device = matches!(kind, Kind::CharDevice | Kind::BlockDevice);
        let (dev_major, dev_minor) = if device { inode.device() } else { (0, 0) };
        let entry = Entry {
            size: if kind == Kind::Regular { inode.size } else { 0 },
            mode: u32::from(inode.mode) & 0o7777,
            uid: u64::from(inode.uid),
            gid: u64::from(inode.gid),
            mtime: Some(inode.mtime),
            link_name: &link_name,
            dev_major,
            dev_minor,
            xattrs: Xattrs(&xattrs),
            ..Entry::named(path, kind)
        };
        self.tree.entries.push(&entry, limits)?;
        self.tree.nids.push(nid);
        Ok(())
    }
}
