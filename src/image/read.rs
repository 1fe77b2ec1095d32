//! Reads of file content.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};

use super::open_image::Image;
use super::stat::FileStat;
use crate::error::{Code, Error, Result};
use crate::format::tar::Kind;
use crate::layer::Runs;
use crate::limits::Limits;
use crate::net::http::Gather;
use crate::net::transport::ByteStream;
use crate::rootfs::Node;

/// A file's content as it arrives. Nothing is fetched before it is asked for; dropping it cancels its requests.
pub struct FileStream {
    stat: FileStat,
    body: ByteStream,
    left: u64,
}

impl FileStream {
    /// The file's attributes.
    pub fn stat(&self) -> &FileStat {
        &self.stat
    }

    /// Bytes that are still to come.
    pub fn remaining(&self) -> u64 {
        self.left
    }

    /// The next bytes; `None` at the end. Chunk borders mean nothing. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let concerns = |e: Error| e.with_path(&self.stat.path);
        while let Some(chunk) = self.body.try_next().await.map_err(concerns)? {
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(|| wrong_length(&self.stat))?;
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
        if self.left > 0 { Err(wrong_length(&self.stat)) } else { Ok(None) }
    }
}

fn wrong_length(stat: &FileStat) -> Error {
    Error::new(Code::CorruptLayer, "the layer holds another number of bytes for the file than it says")
        .with_path(&stat.path)
}

impl Image {
    /// Where a node's data is, and a stream of it; `None` for what has no holes.
    pub(super) async fn sparse_node(
        &self,
        node: &Node,
        only: Option<usize>,
    ) -> Result<Option<(Runs, FileStream)>> {
        #[cfg(feature = "extent")]
        if self.0.volume.is_some() {
            return Ok(None);
        }
        let layer = node.at.and_then(|(layer, entry)| Some((self.0.layers.get(layer)?, entry)));
        let Some((layer, entry)) = layer.filter(|_| node.kind == Kind::Regular) else { return Ok(None) };
        let Some(runs) = layer.runs(entry).await? else { return Ok(None) };
        let left = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.1));
        let body = if left > 0 { layer.read(entry, 0..left, true) } else { Box::pin(stream::empty()) };
        Ok(Some((runs, FileStream { stat: self.file_stat(node, only), body, left })))
    }

    /// A node's bytes, of the image's tree or that of the layer `only`.
    pub(super) fn read_node(
        &self,
        node: &Node,
        range: Option<Range<u64>>,
        only: Option<usize>,
    ) -> Result<FileStream> {
        let stat = self.file_stat(node, only);
        let refused = match stat.kind {
            Kind::Regular => None,
            Kind::Directory => Some((Code::Eisdir, "is a directory; list it instead")),
            Kind::Symlink => Some((Code::Einval, "is a symbolic link; read its target instead")),
            Kind::HardLink => {
                Some((Code::CorruptLayer, "is a hard link to a file that its layer does not have"))
            }
            Kind::CharDevice | Kind::BlockDevice => Some((Code::Einval, "is a device, which has no content")),
            Kind::Fifo => Some((Code::Einval, "is a named pipe, which has no content")),
        };
        if let Some((code, message)) = refused {
            return Err(Error::new(code, message).with_path(&stat.path));
        }
        let range = range.unwrap_or(0..stat.size);
        if range.start > range.end {
            return Err(
                Error::new(Code::InvalidArgument, "the range ends before it starts").with_path(&stat.path)
            );
        }
        let range = range.start.min(stat.size)..range.end.min(stat.size);
        let left = range.end - range.start;
        #[cfg(feature = "extent")]
        if let (Some(volume), Some((_, inode)), true) = (&self.0.volume, node.at, left > 0) {
            return Ok(FileStream { stat, body: volume.read(inode, range), left });
        }
        let layer = node.at.and_then(|(layer, entry)| Some((self.0.layers.get(layer)?, entry)));
        let body = match layer.filter(|_| left > 0) {
            Some((layer, entry)) => layer.read(entry, range, false),
            None => Box::pin(stream::empty()),
        };
        Ok(FileStream { stat, body, left })
    }
}

/// Collects a stream of at most `max_file_size` bytes.
pub(super) async fn read_all(mut stream: FileStream, limits: &Limits) -> Result<(FileStat, Bytes)> {
    Limits::check("max_file_size", stream.remaining(), limits.max_file_size)
        .map_err(|e| e.with_path(&stream.stat.path))?;
    let first = stream.next().await?.unwrap_or_default();
    if stream.remaining() == 0 {
        stream.next().await?;
        return Ok((stream.stat, first));
    }
    let mut all = Gather::new(stream.remaining().saturating_add(first.len() as u64));
    all.push(first)?;
    while let Some(chunk) = stream.next().await? {
        all.push(chunk).map_err(|e| e.with_path(&stream.stat.path))?;
    }
    Ok((stream.stat, all.finish()))
}
