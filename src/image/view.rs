//! Layer view: one layer of an image on its own.

use std::ops::Range;

use bytes::Bytes;

use super::open_image::Image;
use super::read::{FileStream, read_all};
use super::stat::FileStat;
use super::tree::FileTree;
use crate::error::Result;
use crate::format::tar::{Entry, Kind};
use crate::layer::{LayerInfo, Runs};
use crate::rootfs::{Follow, LayerIndex, Node};

/// One layer, its whiteouts visible as the entries that they are. Links are resolved within it.
#[derive(Clone)]
pub struct LayerView {
    index: usize,
    tree: FileTree,
}

impl LayerView {
    pub(crate) fn tree(&self) -> &FileTree {
        &self.tree
    }

    /// The layer, and how it is read.
    pub fn info(&self) -> Option<LayerInfo> {
        self.tree.image().layer_info(self.index)
    }

    /// As [`Image::stat`].
    pub async fn stat(&self, path: &[u8], follow: Follow) -> Result<FileStat> {
        self.tree.stat(path, follow).await
    }

    /// As [`Image::readlink`].
    pub async fn readlink(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.tree.readlink(path).await
    }

    /// As [`Image::realpath`].
    pub async fn realpath(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.tree.realpath(path).await
    }

    /// As [`Image::read_dir`].
    pub async fn read_dir(&self, path: &[u8]) -> Result<Vec<FileStat>> {
        self.tree.read_dir(path).await
    }

    /// As [`Image::read_file`].
    pub async fn read_file(&self, path: &[u8], range: Option<Range<u64>>) -> Result<(FileStat, Bytes)> {
        self.tree.read_file(path, range).await
    }

    /// As [`Image::read_stream`].
    pub async fn read_stream(&self, path: &[u8], range: Option<Range<u64>>) -> Result<FileStream> {
        self.tree.read_stream(path, range).await
    }

    /// As [`Image::read_sparse`].
    pub async fn read_sparse(&self, path: &[u8]) -> Result<Option<(Runs, FileStream)>> {
        self.tree.read_sparse(path).await
    }

    /// All entries of the layer's tar, in its order.
    pub async fn entries(&self) -> Result<LayerEntries> {
        let image = self.tree.image();
        let index = image.all(self.index).await?;
        Ok(LayerEntries { image: image.clone(), layer: self.index, index })
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
        (index < self.0.layers.len() && !self.0.known.merged)
            .then(|| LayerView { index, tree: FileTree::of_layer(self.clone(), index) })
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
