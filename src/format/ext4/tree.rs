//! The whole file system as a table.

use std::collections::{HashMap, HashSet};

use super::{Asked, Disk, Ext4, Inode, ROOT, corrupt};
use crate::error::Result;
use crate::format::tar::{Entry, EntryTable, Kind, Xattrs};
use crate::limits::Limits;

/// All entries of a file system, parents before what is in them, the root first (`./`).
///
/// Of an inode with several names the first is the file, and the others are hard links to it.
#[derive(Debug, Default)]
pub struct Tree {
    /// The entries. Their offsets mean nothing.
    pub entries: EntryTable,
    /// Per entry its inode.
    pub inodes: Vec<u32>,
}

struct Builder<'a> {
    fs: &'a Ext4,
    disk: &'a dyn Disk,
    tree: Tree,
    directories: HashSet<u32>,
    /// Files with several names: the entry of the first.
    linked: HashMap<u32, usize>,
    /// Bytes of the directories that were read.
    read: u64,
}

impl Ext4 {
    /// Walks it all: for disks that are in memory, as the walk begins anew when something is missing. `CORRUPT_LAYER` for
    /// a directory that is in two, or in itself; `LIMIT_EXCEEDED` over what [`EntryTable::push`] says, or
    /// over `max_metadata_size` of directories in all.
    pub fn tree(&self, disk: &dyn Disk) -> Asked<Tree> {
        let mut builder = Builder {
            fs: self,
            disk,
            tree: Tree::default(),
            directories: HashSet::new(),
            linked: HashMap::new(),
            read: 0,
        };
        builder.add(b"./", ROOT)?;
        if builder.tree.entries.kind(0) != Some(Kind::Directory) {
            return Err(corrupt("the root is no directory").into());
        }
        // Directories are read in the order that they were found in, which the table itself keeps.
        let mut next = 0;
        while let Some(kind) = builder.tree.entries.kind(next) {
            if kind == Kind::Directory {
                builder.directory(next)?;
            }
            next += 1;
        }
        builder.tree.entries.shrink();
        Ok(builder.tree)
    }
}

impl Builder<'_> {
    fn directory(&mut self, entry: usize) -> Asked<()> {
        let mut path = Vec::new();
        if entry > 0 {
            path.extend_from_slice(self.tree.entries.name(entry).unwrap_or_default());
            path.push(b'/');
        }
        let base = path.len();
        let inode = self.tree.inodes.get(entry).copied().unwrap_or_default();
        let inode = self.fs.inode(self.disk, inode)?;
        let mut names = self.fs.names(self.disk, &inode)?;
        // They may lie in the same blocks, and these name nothing.
        self.read = self.read.saturating_add(inode.size);
        Limits::check("max_metadata_size", self.read, self.fs.limits.max_metadata_size)?;
        // Whatever order the directory has: the same tree gives the same table.
        names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for name in names {
            path.truncate(base);
            path.extend_from_slice(&name.name);
            self.add(&path, name.inode)?;
        }
        Ok(())
    }

    fn add(&mut self, path: &[u8], number: u32) -> Asked<()> {
        let inode = self.fs.inode(self.disk, number)?;
        let mut kind = inode.kind;
        let mut target = None;
        match kind {
            Kind::Directory if !self.directories.insert(number) => {
                return Err(corrupt("a directory is in two, or in itself").with_path(path).into());
            }
            Kind::Directory => {}
            _ if inode.nlink > 1 => match self.linked.get(&number) {
                Some(&first) => {
                    kind = Kind::HardLink;
                    target = self.tree.entries.name(first).map(<[u8]>::to_vec);
                }
                None => {
                    self.linked.insert(number, self.tree.entries.len());
                }
            },
            _ => {}
        }
        let mut xattrs = Vec::new();
        if kind != Kind::HardLink {
            for (name, value) in self.fs.attributes(self.disk, &inode)? {
                Xattrs::encode(&mut xattrs, &name, &value);
            }
        }
        if kind == Kind::Symlink {
            target = Some(self.fs.link(self.disk, &inode)?);
        }
        self.push(path, &inode, kind, &target.unwrap_or_default(), &xattrs)?;
        Ok(())
    }

    fn push(&mut self, path: &[u8], inode: &Inode, kind: Kind, target: &[u8], xattrs: &[u8]) -> Result<()> {
        let entry = Entry {
            size: if kind == Kind::Regular { inode.size } else { 0 },
            mode: inode.mode,
            uid: u64::from(inode.uid),
            gid: u64::from(inode.gid),
            mtime: Some(inode.mtime),
            link_name: target,
            dev_major: u64::from(inode.device.0),
            dev_minor: u64::from(inode.device.1),
            xattrs: Xattrs(xattrs),
            ..Entry::named(path, kind)
        };
        self.tree.entries.push(&entry, &self.fs.limits)?;
        self.tree.inodes.push(inode.number);
        Ok(())
    }
}
