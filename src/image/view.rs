//! Layer view: one layer of an image on its own.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;

use super::open_image::Image;
use super::read::{FileStream, read_all};
use super::stat::{FileStat, absolute};
use crate::error::Result;
use crate::format::tar::{Entry, Kind};
use crate::layer::{LayerInfo, Runs};
use crate::limits::Limits;
use crate::rootfs::{Follow, LayerIndex, Listed, LookUp, Node, Place, Rootfs};

/// One layer, its whiteouts visible as the entries that they are. Links are resolved within it.
#[derive(Clone)]
pub struct LayerView {
    image: Image,
    index: usize,
    /// The layer as a tree.
    rootfs: Rc<RefCell<Rootfs>>,
}

impl LayerView {
    pub(super) fn new(image: Image, index: usize) -> Self {
        let rootfs = Rc::new(RefCell::new(Rootfs::view(index, &image.0.context.limits)));
        LayerView { image, index, rootfs }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.image.0.context.limits
    }

    /// The layer, and how it is read.
    pub fn info(&self) -> Option<LayerInfo> {
        self.image.layer_info(self.index)
    }

    /// As [`Image::stat`].
    pub async fn stat(&self, path: &[u8], follow: Follow) -> Result<FileStat> {
        Ok(self.file_stat(&self.lookup(path, follow).await?))
    }

    /// As [`Image::readlink`].
    pub async fn readlink(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.stat(path, Follow::ExceptLast).await?.link_target(path)
    }

    /// As [`Image::realpath`].
    pub async fn realpath(&self, path: &[u8]) -> Result<Vec<u8>> {
        Ok(absolute(&self.lookup(path, Follow::All).await?.path))
    }

    /// As [`Image::read_dir`].
    pub async fn read_dir(&self, path: &[u8]) -> Result<Vec<FileStat>> {
        let node = self.lookup(path, Follow::All).await?;
        let children = self.children(&node, &mut Place::at(&node.path)).await?;
        Ok(children.iter().map(|child| self.file_stat(&child.entry.node)).collect())
    }

    /// As [`Image::read_file`].
    pub async fn read_file(&self, path: &[u8], range: Option<Range<u64>>) -> Result<(FileStat, Bytes)> {
        read_all(self.read_stream(path, range).await?, &self.image.0.context.limits).await
    }

    /// As [`Image::read_stream`].
    pub async fn read_stream(&self, path: &[u8], range: Option<Range<u64>>) -> Result<FileStream> {
        let node = self.lookup(path, Follow::All).await?;
        self.image.read_node(&node, range, Some(self.index)).map_err(|e| e.with_path(path))
    }

    /// As [`Image::read_sparse`].
    pub async fn read_sparse(&self, path: &[u8]) -> Result<Option<(Runs, FileStream)>> {
        let node = self.lookup(path, Follow::All).await?;
        self.image.sparse_node(&node, Some(self.index)).await.map_err(|e| e.with_path(path))
    }

    /// All entries of the layer's tar, in its order.
    pub async fn entries(&self) -> Result<LayerEntries> {
        let index = self.image.all(self.index).await?;
        Ok(LayerEntries { image: self.image.clone(), layer: self.index, index })
    }

    pub(super) fn file_stat(&self, node: &Node) -> FileStat {
        self.image.file_stat(node, Some(self.index))
    }

    pub(super) async fn lookup(&self, path: &[u8], follow: Follow) -> Result<Node> {
        let mut look_up = LookUp::new(path, follow);
        self.image.settle(&self.rootfs, |tree| tree.look_up(&mut look_up)).await
    }

    pub(super) async fn children(&self, node: &Node, place: &mut Place) -> Result<Vec<Listed>> {
        self.image.list(&self.rootfs, node, place).await
    }
}

impl Image {
    /// Whether the image's format makes one tree of its layers, so that none has a tree of its own.
    pub fn is_merged(&self) -> bool {
        self.0.known.merged
    }

    /// One layer on its own, with its whiteouts as entries. `None` where there is no such layer, or the image's format makes
    /// one tree of its layers.
    pub fn layer(&self, index: usize) -> Option<LayerView> {
        (index < self.0.layers.len() && !self.0.known.merged).then(|| LayerView::new(self.clone(), index))
    }
}

/// The entries of one layer in tar order, those that later ones replace included.
pub struct LayerEntries {
    image: Image,
    layer: usize,
    index: LayerIndex,
}

impl LayerEntries {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Entry `i` as the tar has it, its name raw.
    pub fn raw(&self, i: usize) -> Option<Entry<'_>> {
        self.index.get(i)
    }

    /// Attributes of entry `i` by itself: a hard link is one, with its target as `link_name`.
    pub fn stat(&self, i: usize) -> Option<FileStat> {
        self.index.get(i)?;
        Some(self.image.entry_stat(&self.index, self.layer, i))
    }

    /// Content of entry `i`; of a hard link, its target's.
    pub fn read_stream(&self, i: usize, range: Option<Range<u64>>) -> Result<FileStream> {
        let entry = self.index.resolve_hardlink(i)?;
        let kind = self.index.get(entry).map_or(Kind::HardLink, |e| e.kind);
        let link = (entry != i).then_some(i);
        let node = Node { path: self.index.path(i).to_vec(), at: Some((self.layer, entry)), link, kind };
        self.image.read_node(&node, range, Some(self.layer))
    }

    /// The content of entry `i` as one buffer of at most `max_file_size` bytes.
    pub async fn read_file(&self, i: usize, range: Option<Range<u64>>) -> Result<(FileStat, Bytes)> {
        read_all(self.read_stream(i, range)?, &self.image.0.context.limits).await
    }
}
