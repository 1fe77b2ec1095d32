//! The block device that stacked layers are.

use bytes::Bytes;

use super::{File, Holder, Stack, corrupt};
use crate::format::ext4::{Asked, Disk, Stop};

/// The disk of a [`Stack`], read out of the layers' files.
pub struct Device<'a> {
    /// Which layer has what.
    pub stack: &'a Stack,
    /// Per layer its file, and the blob that this is in.
    pub layers: Vec<(&'a File, &'a dyn Disk)>,
}

impl Disk for Device<'_> {
    fn read(&self, offset: u64, len: usize) -> Asked<Bytes> {
        let end = offset.checked_add(len as u64).filter(|&end| end <= self.stack.size());
        let end = end.ok_or_else(|| corrupt("something is behind the end of the disk"))?;
        let pieces = self.stack.map(offset..end);
        let mut out = Vec::new();
        let mut missing = false;
        for piece in &pieces {
            // No more than `len`.
            let size = piece.len as usize;
            let data = match piece.from {
                None => {
                    out.resize(out.len().saturating_add(size), 0);
                    continue;
                }
                Some((_, Holder::Target, _)) => {
                    return Err(corrupt("metadata of the file system is among the content of files").into());
                }
                Some((layer, Holder::Own, at)) => {
                    let layer = self.layers.get(layer).ok_or_else(|| corrupt("a layer is not here"))?;
                    layer.0.read(layer.1, at, size)
                }
            };
            match data {
                // Go on: all that is missing is to be noted at once.
                Err(Stop::Missing) => missing = true,
                data => {
                    let data = data?;
                    if pieces.len() == 1 {
                        return Ok(data);
                    }
                    if !missing {
                        out.extend_from_slice(&data);
                    }
                }
            }
        }
        if missing { Err(Stop::Missing) } else { Ok(out.into()) }
    }

    fn size(&self) -> u64 {
        self.stack.size()
    }
}
