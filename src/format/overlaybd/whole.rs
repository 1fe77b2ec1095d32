//! An image all of whose metadata is in memory: as a table of its entries, and where their contents are.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;

use super::{Checkpoints, Device, File, Holder, Piece, Stack, corrupt, unsupported};
use crate::error::{Code, Error, Result};
use crate::format::erofs::{self, FileSystem, ReadAt};
use crate::format::ext4::{Disk, Ext4, Run, Stop};
use crate::format::extent::{BlobRef, Check, Codec, Decode, Extent, Extents, Listing, Unit};
use crate::format::oci::Descriptor;
use crate::limits::Limits;

/// Bytes of a layer's file, or of a layer that is not compressed, that are read at once.
const UNIT: u64 = 128 << 10;

/// One layer that is in memory.
#[derive(Debug)]
pub struct Source {
    /// The blob that it came from.
    pub descriptor: Descriptor,
    /// The file in it, as [`File`] opens it: of a native layer the blob itself, of TurboOCI the file system's metadata.
    pub data: Bytes,
    /// Whether its file system is EROFS.
    pub is_erofs: bool,
    /// For TurboOCI: the layer that has the contents, and checkpoints in it where it is gzip. Of a layer that is not
    /// compressed the size may be unknown, 0, which then is as far as segments reach.
    pub target: Option<(Descriptor, Option<Checkpoints>)>,
}

/// A layer that is open.
#[derive(Debug)]
struct Opened {
    data: Bytes,
    file: File,
    target: Option<Target>,
}

/// Where the contents of a layer's files are.
#[derive(Debug)]
struct Target {
    blob: BlobRef,
    checkpoints: Option<Checkpoints>,
    /// Bytes of the blob, as far as it is known to have any.
    size: u64,
}

/// The disk that the layers are.
#[derive(Debug)]
struct Memory {
    layers: Vec<Opened>,
    stack: Stack,
}

enum System {
    Ext4(Ext4),
    Erofs(FileSystem<Volume>),
}

/// The disk as EROFS reads it.
struct Volume(Rc<Memory>);

struct Contents {
    memory: Rc<Memory>,
    system: System,
    /// Per entry its inode.
    inodes: Vec<u64>,
}

/// All entries of an image of these layers, the lowest first, and where their contents are.
///
/// `CORRUPT_LAYER`, `UNSUPPORTED` and `LIMIT_EXCEEDED` as [`File`], [`Stack`], [`Ext4`] and [`FileSystem`] say.
pub fn listing(sources: Vec<Source>, limits: &Limits) -> Result<Listing> {
    let is_erofs = sources.last().is_some_and(|top| top.is_erofs);
    let mut blobs: Vec<Descriptor> = Vec::new();
    let (mut layers, mut stack) = (Vec::new(), Vec::new());
    for source in sources {
        // The layer's own blob, in the place that its number in the stack is; targets come behind all of these.
        blobs.push(source.descriptor);
        let concerns = |stop| failed(stop).with_digest(&blobs[blobs.len() - 1].digest);
        let file = File::open(&source.data, limits).map_err(concerns)?;
        stack.push(Rc::new(file.layer(&source.data, source.target.is_some()).map_err(concerns)?));
        layers.push((source.data, file, source.target));
    }
    let layers = layers.into_iter().zip(&stack).map(|((data, file, target), layer)| {
        let target = target.map(|(mut descriptor, checkpoints)| {
            if checkpoints.is_none() {
                descriptor.size = descriptor.size.max(layer.target_end());
            }
            let size = descriptor.size;
            blobs.push(descriptor);
            Ok::<_, Error>(Target { blob: blob(blobs.len() - 1)?, checkpoints, size })
        });
        Ok(Opened { data, file, target: target.transpose()? })
    });
    let layers = layers.collect::<Result<Vec<_>>>()?;
    let memory = Rc::new(Memory { layers, stack: Stack::new(stack)? });
    let (table, system, inodes) = match is_erofs {
        true => {
            let system = FileSystem::open(Volume(memory.clone()), limits)?;
            let erofs::Tree { entries, nids } = system.tree()?;
            (entries, System::Erofs(system), nids)
        }
        false => {
            let disk = memory.device();
            let system = Ext4::open(&disk, limits).map_err(failed)?;
            let tree = system.tree(&disk).map_err(failed)?;
            (tree.entries, System::Ext4(system), tree.inodes.into_iter().map(u64::from).collect())
        }
    };
    let contents = Contents { memory, system, inodes };
    Ok(Listing { table, extents: Box::new(contents), blobs })
}

fn blob(index: usize) -> Result<BlobRef> {
    let text = "the image has too many blobs";
    u16::try_from(index).map(BlobRef).map_err(|_| unsupported(text))
}

/// The error for why there is no answer. Nothing of what is in memory is missing.
fn failed(stop: Stop) -> Error {
    match stop {
        Stop::Failed(e) => e,
        Stop::Missing => corrupt("something of a layer in memory is missing"),
    }
}

impl Memory {
    fn device(&self) -> Device<'_> {
        let layers = self.layers.iter().map(|l| (&l.file, &l.data as &dyn Disk)).collect();
        Device { stack: &self.stack, layers }
    }
}

impl ReadAt for Volume {
    fn read_at(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        let data = self.0.device().read(offset, len).map_err(failed)?;
        Ok(Cow::Owned(data.into()))
    }
}

impl Contents {
    /// Where on the disk bytes `range` of an entry are.
    fn runs(&self, entry: usize, range: Range<u64>) -> Result<Vec<Run>> {
        let inode = self.inodes.get(entry).copied().unwrap_or_default();
        match &self.system {
            System::Ext4(system) => {
                let device = self.memory.device();
                let number = u32::try_from(inode).unwrap_or(u32::MAX);
                let inode = system.inode(&device, number).map_err(failed)?;
                system.runs(&device, &inode, range).map_err(failed)
            }
            System::Erofs(system) => {
                let inode = system.inode(inode)?;
                let mut runs = Vec::new();
                let mut at = range.start;
                while at < range.end.min(inode.size) {
                    let (disk, len) = system.place(&inode, at)?;
                    let len = len.min(range.end.saturating_sub(at));
                    runs.push(Run { start: at, len, disk: Some(disk) });
                    at = at.saturating_add(len);
                }
                Ok(runs)
            }
        }
    }

    /// Adds the extents of `piece` of the disk, which is `file_offset` in the file.
    fn piece(&self, piece: &Piece, mut file_offset: u64, out: &mut Vec<Extent>) -> Result<()> {
        let Some((layer, holder, mut at)) = piece.from else {
            out.push(Extent::zeros(file_offset, piece.len));
            return Ok(());
        };
        let end = at.saturating_add(piece.len);
        while at < end {
            let (unit, start, length) = match holder {
                Holder::Own => self.own(layer, at)?,
                Holder::Target => self.target(layer, at)?,
            };
            let skip = at.saturating_sub(start);
            let len = length.saturating_sub(skip).min(end - at);
            if len == 0 {
                return Err(corrupt("a file's content is outside of its layer"));
            }
            out.push(Extent { file_offset, len, unit, skip, check: Check::None });
            (at, file_offset) = (at.saturating_add(len), file_offset.saturating_add(len));
        }
        Ok(())
    }

    /// The unit with byte `at` of a layer's own file; its first byte, and how many it has.
    fn own(&self, layer: usize, at: u64) -> Result<(Unit, u64, u64)> {
        let opened = self.memory.layers.get(layer).ok_or_else(|| corrupt("a layer is not here"))?;
        let start = at / UNIT * UNIT;
        let decoded = opened.file.size().saturating_sub(start).min(UNIT);
        let codec = Codec::Other(Rc::new(Own { memory: self.memory.clone(), layer, start }));
        Ok((Unit { blob: blob(layer)?, offset: start, length: 0, codec, decoded }, start, decoded))
    }

    /// The same of what a layer is an index of.
    fn target(&self, layer: usize, at: u64) -> Result<(Unit, u64, u64)> {
        let opened = self.memory.layers.get(layer).and_then(|l| l.target.as_ref());
        let target = opened.ok_or_else(|| corrupt("a layer has no other layer with contents"))?;
        let blob = target.blob;
        let Some(checkpoints) = &target.checkpoints else {
            let start = at / UNIT * UNIT;
            let length = target.size.saturating_sub(start).min(UNIT);
            let unit = Unit { blob, offset: start, length, codec: Codec::Raw, decoded: length };
            return Ok((unit, start, length));
        };
        let outside = || corrupt("a file's content is outside of its layer");
        let i = checkpoints.find(at).ok_or_else(outside)?;
        let input = checkpoints.input(i).ok_or_else(outside)?;
        let output = checkpoints.output(i).ok_or_else(outside)?;
        let decoded = output.end.saturating_sub(output.start);
        let bits = checkpoints.bits(i).unwrap_or_default();
        let codec = Codec::Zran { bits, window: checkpoints.window(i)? };
        let length = input.end.saturating_sub(input.start);
        Ok((Unit { blob, offset: input.start, length, codec, decoded }, output.start, decoded))
    }
}

impl Extents for Contents {
    fn extents(&self, entry: usize, range: Range<u64>) -> Result<Vec<Extent>> {
        let mut extents = Vec::new();
        for run in self.runs(entry, range)? {
            let Some(disk) = run.disk else {
                extents.push(Extent::zeros(run.start, run.len));
                continue;
            };
            for piece in self.memory.stack.map(disk..disk.saturating_add(run.len)) {
                let offset = run.start.saturating_add(piece.start.saturating_sub(disk));
                self.piece(&piece, offset, &mut extents)?;
            }
        }
        Ok(extents)
    }

    fn heap_bytes(&self) -> usize {
        let layers = self.memory.layers.iter().map(|l| {
            let checkpoints =
                l.target.as_ref().and_then(|t| t.checkpoints.as_ref()).map_or(0, Checkpoints::heap_bytes);
            l.data.len().saturating_add(l.file.heap_bytes()).saturating_add(checkpoints)
        });
        layers.fold(self.inodes.capacity().saturating_mul(8), usize::saturating_add)
    }
}

/// Bytes of a layer's own file, which are in memory.
struct Own {
    memory: Rc<Memory>,
    layer: usize,
    start: u64,
}

impl Decode for Own {
    fn decode(&self, _input: Bytes, len: usize, _limits: &Limits) -> Result<Bytes> {
        let layer = self.memory.layers.get(self.layer);
        let layer = layer.ok_or_else(|| Error::new(Code::InvalidArgument, "the image has no such layer"))?;
        layer.file.read(&layer.data, self.start, len).map_err(failed)
    }
}
