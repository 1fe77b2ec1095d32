//! The metadata layer of TurboOCI: a tar with a file system without its files' content, and checkpoints in the layer
//! that has that.

use bytes::Bytes;

use super::{Checkpoints, corrupt};
use crate::budget::Growing;
use crate::error::Result;
use crate::format::gzip::GzipDecoder;
use crate::format::tar::{Kind, TarWalker};
use crate::limits::Limits;

const EXT4: &[u8] = b"ext4.fs.meta";
const EROFS: &[u8] = b"erofs.fs.meta";
const CHECKPOINTS: &[u8] = b"gzip.meta";

/// What a metadata layer holds.
#[derive(Debug)]
pub struct Metadata {
    /// The file system's metadata: a layer's file, as [`File`](super::File) opens it.
    pub system: Bytes,
    /// Whether that is EROFS rather than ext4.
    pub is_erofs: bool,
    /// Checkpoints in the original layer, where that is gzip.
    pub checkpoints: Option<Checkpoints>,
}

impl Metadata {
    /// Unpacks a metadata layer, gzip or not, that was fetched whole.
    ///
    /// `CORRUPT_LAYER` if it is broken or lacks its file system; `LIMIT_EXCEEDED` over `max_metadata_size`, inflated.
    pub fn unpack(blob: &[u8], limits: &Limits) -> Result<Metadata> {
        let tar = inflate(blob, limits)?;
        let mut walker = TarWalker::new(limits);
        walker.push(&tar)?;
        let table = walker.finish(Some(tar.len() as u64))?;
        let (mut system, mut checkpoints) = (None, None);
        for entry in table.iter().filter(|e| e.kind == Kind::Regular) {
            let start = usize::try_from(entry.offset).ok();
            let end = entry.offset.checked_add(entry.size).and_then(|end| usize::try_from(end).ok());
            let range = start.zip(end).filter(|&(_, end)| end <= tar.len()).map(|(start, end)| start..end);
            let range = range.ok_or_else(|| corrupt("a metadata layer of TurboOCI is cut off"))?;
            match entry.name.strip_prefix(b"./").unwrap_or(entry.name) {
                EXT4 => system = Some((tar.slice(range), false)),
                EROFS => system = Some((tar.slice(range), true)),
                CHECKPOINTS => checkpoints = Some(Checkpoints::parse(tar.slice(range), limits)?),
                _ => {}
            }
        }
        let (system, is_erofs) = system.ok_or_else(|| {
            corrupt("a metadata layer of TurboOCI has neither ext4.fs.meta nor erofs.fs.meta")
        })?;
        Ok(Metadata { system, is_erofs, checkpoints })
    }
}

fn inflate(blob: &[u8], limits: &Limits) -> Result<Bytes> {
    let most = limits.max_metadata_size;
    if !blob.starts_with(&[0x1f, 0x8b]) {
        return Ok(Bytes::copy_from_slice(blob));
    }
    let mut tar = Growing::default();
    let mut decoder = GzipDecoder::new(limits);
    decoder.push(blob, &mut |piece| {
        Limits::check("max_metadata_size", tar.len().saturating_add(piece.len()) as u64, most)?;
        tar.push(piece)
    })?;
    decoder.finish()?;
    Ok(tar.finish().into())
}
