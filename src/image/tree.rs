//! File tree: an image's, merged of its layers, or that of one of them. What both are asked for stands here once.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;

use super::open_image::Image;
use super::read::{FileStream, read_all};
use super::stat::{FileStat, absolute};
use crate::error::Result;
use crate::layer::Runs;
use crate::limits::Limits;
use crate::rootfs::{Follow, Listed, LookUp, Node, Place, Rootfs, clean};

/// A tree of files that is read. Clones are the same tree.
#[derive(Clone)]
pub(crate) struct FileTree {
    image: Image,
    /// The layer that it is of, and that layer's entries as a tree; `None` for the image's.
    layer: Option<(usize, Rc<RefCell<Rootfs>>)>,
}

impl FileTree {
    /// The tree of one layer, its whiteouts visible as the entries that they are.
    pub(super) fn of_layer(image: Image, layer: usize) -> Self {
        let rootfs = Rc::new(RefCell::new(Rootfs::view(layer, &image.0.context.limits)));
        FileTree { image, layer: Some((layer, rootfs)) }
    }

    pub(super) fn image(&self) -> &Image {
        &self.image
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.image.0.context.limits
    }

    fn only(&self) -> Option<usize> {
        self.layer.as_ref().map(|layer| layer.0)
    }

    fn rootfs(&self) -> &RefCell<Rootfs> {
        self.layer.as_ref().map_or(&self.image.0.known.rootfs, |layer| &layer.1)
    }

    /// Attributes of a path, links followed or not at its end.
    pub(crate) async fn stat(&self, path: &[u8], follow: Follow) -> Result<FileStat> {
        Ok(self.file_stat(&self.lookup(path, follow).await?))
    }

    pub(super) async fn readlink(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.stat(path, Follow::ExceptLast).await?.link_target(path)
    }

    pub(super) async fn realpath(&self, path: &[u8]) -> Result<Vec<u8>> {
        Ok(absolute(&self.lookup(path, Follow::All).await?.path))
    }

    pub(super) async fn read_dir(&self, path: &[u8]) -> Result<Vec<FileStat>> {
        let node = self.directory(path).await?;
        let children = self.children(&node, &mut Place::at(&node.path)).await?;
        Ok(children.iter().map(|child| self.file_stat(&child.entry.node)).collect())
    }

    /// A file's bytes, or those in `range`.
    pub(crate) async fn read_file(
        &self,
        path: &[u8],
        range: Option<Range<u64>>,
    ) -> Result<(FileStat, Bytes)> {
        read_all(self.read_stream(path, range).await?, self.limits()).await
    }

    /// A file's bytes, or those in `range`, as a stream.
    pub(crate) async fn read_stream(&self, path: &[u8], range: Option<Range<u64>>) -> Result<FileStream> {
        let node = self.lookup(path, Follow::All).await?;
        self.image.read_node(&node, range, self.only()).map_err(|e| e.with_path(path))
    }

    /// Where the data of a sparse file is, and a stream of it.
    pub(crate) async fn read_sparse(&self, path: &[u8]) -> Result<Option<(Runs, FileStream)>> {
        let node = self.lookup(path, Follow::All).await?;
        self.image.sparse_node(&node, self.only()).await.map_err(|e| e.with_path(path))
    }

    pub(super) fn file_stat(&self, node: &Node) -> FileStat {
        self.image.file_stat(node, self.only())
    }

    /// The node that a path leads to.
    pub(super) async fn lookup(&self, path: &[u8], follow: Follow) -> Result<Node> {
        #[cfg(feature = "extent")]
        if let Some(volume) = &self.image.0.volume {
            return volume.lookup(path, follow).await;
        }
        let mut look_up = LookUp::new(path, follow);
        self.image.settle(self.rootfs(), |rootfs| rootfs.look_up(&mut look_up)).await
    }

    /// Looks up a directory that is to be listed.
    pub(super) async fn directory(&self, path: &[u8]) -> Result<Node> {
        if self.layer.is_none() && clean(path).is_empty() {
            self.image.load_lowest(self.image.0.layers.len()).await?;
        }
        self.lookup(path, Follow::All).await
    }

    /// What is in the directory `node`, which is `place`.
    pub(super) async fn children(&self, node: &Node, place: &mut Place) -> Result<Vec<Listed>> {
        self.image.list(self.rootfs(), node, place).await
    }
}

impl Image {
    /// The image's own tree.
    pub(crate) fn tree(&self) -> FileTree {
        FileTree { image: self.clone(), layer: None }
    }

    /// Attributes of a path, links followed or not at its end.
    pub async fn stat(&self, path: &[u8], follow: Follow) -> Result<FileStat> {
        self.tree().stat(path, follow).await
    }

    /// The target of a symbolic link, as stored. `EINVAL` for anything else.
    pub async fn readlink(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.tree().readlink(path).await
    }

    /// Where a path leads, all links resolved, with a leading `/`.
    pub async fn realpath(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.tree().realpath(path).await
    }

    /// The entries of a directory, links not followed, sorted by the bytes of the names.
    pub async fn read_dir(&self, path: &[u8]) -> Result<Vec<FileStat>> {
        self.tree().read_dir(path).await
    }

    /// A file's bytes, or those in `range`, cut to the file's size. `EISDIR`, `EINVAL` for what is no regular file;
    /// `LIMIT_EXCEEDED` over `max_file_size`, before anything of the content is fetched.
    pub async fn read_file(&self, path: &[u8], range: Option<Range<u64>>) -> Result<(FileStat, Bytes)> {
        self.tree().read_file(path, range).await
    }

    /// A file's bytes, or those in `range`, as a stream without a limit.
    pub async fn read_stream(&self, path: &[u8], range: Option<Range<u64>>) -> Result<FileStream> {
        self.tree().read_stream(path, range).await
    }

    /// Where the data of a sparse file is, `(offset, length)` of its runs in order, and a stream of these bytes alone.
    /// `None` for what has no holes, or is read by a format that does not tell them apart.
    pub async fn read_sparse(&self, path: &[u8]) -> Result<Option<(Runs, FileStream)>> {
        self.tree().read_sparse(path).await
    }
}
