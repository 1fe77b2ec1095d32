//! An image that is a block device, read as it is asked for: OverlayBD's layers by ranges, ext4 on them.
//!
//! Nothing cryptographic vouches for ranges of its layers; each block has a CRC-32C. With verification, it is for layers that
//! are at hand and cannot change, which are hashed first.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt};

use super::chunks::ChunkStore;
use super::extent::read_extents;
use super::file_system::{Attributes, FileSystem};
use super::{Checks, ContentCheck, Context, MetadataCheck};
use crate::error::{Code, Error, Result};
use crate::fetch::body::read_range;
use crate::fetch::immutable;
use crate::fetch::single_flight::{Flights, SingleFlight};
use crate::format::ext4::{Asked, Disk, Ext4, ROOT, Stop};
use crate::format::extent::{BlobRef, Check, Codec, Decode, Extent, Unit};
use crate::format::oci::Descriptor;
use crate::format::overlaybd::{self, Device, Fetched, File, Shared, Stack, together};
use crate::format::tar::Kind;
use crate::limits::Limits;
use crate::net::retry_damaged::twice;
use crate::net::transport::{ByteStream, Later, at_once, deferred};

/// Bytes that a request for metadata gets at least: what is near will be asked for next.
const READ_AHEAD: u64 = 8 << 10;

/// Inodes of a directory that are read together.
const TOGETHER: usize = 4096;

/// Requests under way at a time.
const PARALLEL: usize = 8;

/// The file system of an OverlayBD image.
pub(crate) struct DiskFileSystem(Rc<Inner>);

struct Inner {
    context: Rc<Context>,
    store: Rc<ChunkStore>,
    known: Rc<Known>,
}

/// State that all readers share.
struct Known {
    layers: Vec<Descriptor>,
    shared: RefCell<Shared>,
    /// Bytes of layers on their way.
    flights: Flights<(usize, Range<u64>), Bytes>,
    opened: SingleFlight<Rc<Opened>>,
    /// Of each directory that was found: where, by what name.
    places: RefCell<HashMap<u32, (u32, Vec<u8>)>>,
}

struct Opened {
    files: Vec<Rc<File>>,
    stack: Stack,
    system: Ext4,
}

impl Opened {
    fn device<'a>(&'a self, blobs: &'a [Fetched<'a>]) -> Device<'a> {
        let layers = self.files.iter().zip(blobs).map(|(file, blob)| (&**file, blob as &dyn Disk));
        Device { stack: &self.stack, layers: layers.collect() }
    }
}

impl DiskFileSystem {
    /// A disk of these layers, the lowest first. Nothing is fetched before it is used. With verification, `context`'s source
    /// must be steady.
    pub(crate) fn new(context: Rc<Context>, layers: Vec<Descriptor>, id: usize) -> Self {
        let shared = RefCell::new(Shared::new(layers.len(), context.limits.span_cache_size));
        let store = Rc::new(ChunkStore::new(context.clone(), layers.clone(), id, None, false));
        let (flights, opened, places) = (Flights::default(), SingleFlight::default(), RefCell::default());
        let known = Rc::new(Known { layers, shared, flights, opened, places });
        DiskFileSystem(Rc::new(Inner { context, store, known }))
    }
}

impl FileSystem for DiskFileSystem {
    fn for_reader(&self, context: &Rc<Context>) -> Rc<dyn FileSystem> {
        let (store, known) = (Rc::new(self.0.store.for_reader(context)), self.0.known.clone());
        Rc::new(DiskFileSystem(Rc::new(Inner { context: context.clone(), store, known })))
    }

    fn root(&self) -> usize {
        ROOT as usize
    }

    fn stat(&self, inode: usize) -> Later<'_, Rc<Attributes>> {
        Box::pin(async move {
            let opened = self.0.open().await?;
            let found = self.0.ask(|blobs| attributes(&opened.system, &opened.device(blobs), inode)).await?;
            Ok(Rc::new(found))
        })
    }

    fn lookup<'a>(&'a self, dir: usize, name: &'a [u8]) -> Later<'a, Option<usize>> {
        Box::pin(async move {
            let opened = self.0.open().await?;
            let ask = |blobs: &[Fetched<'_>]| {
                let device = opened.device(blobs);
                let dir = opened.system.inode(&device, number(dir))?;
                let found = opened.system.lookup(&device, &dir, name)?;
                found.map(|inode| opened.system.inode(&device, inode)).transpose()
            };
            let Some(found) = self.0.ask(ask).await? else { return Ok(None) };
            self.0.place(found.number, found.kind, number(dir), name)?;
            Ok(Some(found.number as usize))
        })
    }

    fn read_dir(&self, dir: usize) -> Later<'_, Vec<(Vec<u8>, usize)>> {
        Box::pin(async move {
            let opened = self.0.open().await?;
            let ask = |blobs: &[Fetched<'_>]| {
                let device = opened.device(blobs);
                let dir = opened.system.inode(&device, number(dir))?;
                opened.system.names(&device, &dir)
            };
            let names = self.0.ask(ask).await?;
            for some in names.chunks(TOGETHER) {
                // Whoever lists it asks for all of these next: fetch them together.
                let ask = |blobs: &[Fetched<'_>]| {
                    let device = opened.device(blobs);
                    let (mut kinds, mut missing) = (Vec::new(), false);
                    for name in some {
                        match attributes(&opened.system, &device, name.inode as usize) {
                            Ok(found) => kinds.push((name, found.kind)),
                            Err(Stop::Missing) => missing = true,
                            // Told to whoever asks for it.
                            Err(Stop::Failed(_)) => {}
                        }
                    }
                    if missing { Err(Stop::Missing) } else { Ok(kinds) }
                };
                for (name, kind) in self.0.ask(ask).await? {
                    self.0.place(name.inode, kind, number(dir), &name.name)?;
                }
            }
            Ok(names.into_iter().map(|n| (n.name, n.inode as usize)).collect())
        })
    }

    fn read(&self, inode: usize, range: Range<u64>) -> ByteStream {
        let inner = self.0.clone();
        deferred(Box::pin(async move {
            let opened = inner.open().await?;
            let ask = |blobs: &[Fetched<'_>]| opened.system.inode(&opened.device(blobs), number(inode));
            let found = inner.ask(ask).await?;
            if found.kind != Kind::Regular {
                return Ok(stream::empty().boxed_local());
            }
            let range = range.start..range.end.min(found.size);
            let (store, inner) = (inner.store.clone(), inner.clone());
            Ok(read_extents(store, range, move |range| {
                let (inner, opened, found) = (inner.clone(), opened.clone(), found.clone());
                Box::pin(async move {
                    let ask = |blobs: &[Fetched<'_>]| {
                        let runs = opened.system.runs(&opened.device(blobs), &found, range.clone())?;
                        let mut extents = Vec::new();
                        for run in runs {
                            opened.extents(&run, blobs, &mut extents)?;
                        }
                        Ok(extents)
                    };
                    inner.ask(ask).await
                })
            }))
        }))
    }

    fn checks(&self) -> Checks {
        let (metadata, content) = match self.0.context.verify {
            true => (MetadataCheck::LayerDigest, ContentCheck::LayerDigest),
            false => (MetadataCheck::Crc, ContentCheck::Crc),
        };
        Checks { metadata, content, header: false, index: None }
    }
}

fn number(inode: usize) -> u32 {
    u32::try_from(inode).unwrap_or(u32::MAX)
}

fn attributes(system: &Ext4, disk: &dyn Disk, inode: usize) -> Asked<Attributes> {
    let found = system.inode(disk, number(inode))?;
    // Both are asked for before either is missed.
    let link_name = match found.kind {
        Kind::Symlink => system.link(disk, &found),
        _ => Ok(Vec::new()),
    };
    let xattrs = system.attributes(disk, &found)?;
    Ok(Attributes {
        kind: found.kind,
        size: found.size,
        mode: found.mode,
        uid: u64::from(found.uid),
        gid: u64::from(found.gid),
        mtime: Some(found.mtime),
        // Of directories it counts what is in them, which other formats do not tell.
        nlink: if found.kind == Kind::Directory { 1 } else { found.nlink },
        dev_major: u64::from(found.device.0),
        dev_minor: u64::from(found.device.1),
        link_name: link_name?,
        xattrs,
    })
}

impl Opened {
    /// Adds the extents of a run of a file.
    fn extents(
        &self,
        run: &crate::format::ext4::Run,
        blobs: &[Fetched<'_>],
        out: &mut Vec<Extent>,
    ) -> Result<()> {
        let Some(disk) = run.disk else {
            out.push(Extent::zeros(run.start, run.len));
            return Ok(());
        };
        for piece in self.stack.map(disk..disk.saturating_add(run.len)) {
            let mut file_offset = run.start.saturating_add(piece.start.saturating_sub(disk));
            let Some((layer, _, mut at)) = piece.from else {
                out.push(Extent::zeros(file_offset, piece.len));
                continue;
            };
            let end = at.saturating_add(piece.len);
            let (file, blob) = self.files.get(layer).zip(blobs.get(layer)).ok_or_else(no_layer)?;
            while at < end {
                let unit = file.unit(at)?;
                let len = unit.holds.end.min(end).saturating_sub(at);
                if len == 0 {
                    return Err(Error::new(Code::CorruptLayer, "a file's content is outside of its layer"));
                }
                let skip = at.saturating_sub(unit.holds.start);
                let unit = coded(layer, file, unit, blob)?;
                out.push(Extent { file_offset, len, unit, skip, check: Check::None });
                (at, file_offset) = (at.saturating_add(len), file_offset.saturating_add(len));
            }
        }
        Ok(())
    }
}

/// A unit to fetch, or one that came along with metadata.
fn coded(layer: usize, file: &Rc<File>, unit: overlaybd::Unit, blob: &Fetched<'_>) -> Result<Unit> {
    let here = blob.peek(&unit.stored);
    let offset = unit.stored.start;
    let length = if here.is_some() { 0 } else { unit.stored.end.saturating_sub(offset) };
    let decoded = unit.holds.end.saturating_sub(unit.holds.start);
    let codec = Codec::Other(Rc::new(Blocks { file: file.clone(), unit, here }));
    Ok(Unit { blob: BlobRef(u16::try_from(layer).map_err(|_| no_layer())?), offset, length, codec, decoded })
}

struct Blocks {
    file: Rc<File>,
    unit: overlaybd::Unit,
    here: Option<Bytes>,
}

impl Decode for Blocks {
    fn decode(&self, input: Bytes, _len: usize, _limits: &Limits) -> Result<Bytes> {
        self.file.decode(&self.unit, self.here.as_ref().unwrap_or(&input))
    }
}

fn no_layer() -> Error {
    Error::new(Code::CorruptLayer, "the disk has no such layer")
}

impl Inner {
    /// Notes where a directory was found. `CORRUPT_LAYER` if it is in two places, or in itself: a walk would not end.
    fn place(&self, inode: u32, kind: Kind, parent: u32, name: &[u8]) -> Result<()> {
        if kind != Kind::Directory {
            return Ok(());
        }
        let mut places = self.known.places.borrow_mut();
        Limits::check("max_entries", places.len() as u64, self.context.limits.max_entries)?;
        let (first, known) = places.entry(inode).or_insert_with(|| (parent, name.to_vec()));
        if inode == ROOT || (*first, &**known) != (parent, name) {
            return Err(Error::new(Code::CorruptLayer, "a directory is in two places, or in itself"));
        }
        Ok(())
    }

    async fn open(self: &Rc<Self>) -> Result<Rc<Opened>> {
        let inner = self.clone();
        let load = move || -> LocalBoxFuture<'static, _> {
            Box::pin(async move { inner.load().await.map(Rc::new) })
        };
        self.known.opened.get(self.context.owner, load).await
    }

    async fn load(&self) -> Result<Opened> {
        let found: Vec<_> = self.known.layers.iter().map(|_| OnceCell::new()).collect();
        let work = found.iter().enumerate().map(|(i, slot)| -> Later<'_, ()> {
            Box::pin(async move {
                let concerns = |e: Error| match self.known.layers.get(i) {
                    Some(layer) => e.with_digest(&layer.digest),
                    None => e,
                };
                let limits = &self.context.limits;
                if let Some(layer) = self.known.layers.get(i).filter(|_| self.context.verify) {
                    immutable::verify(&self.context, layer).await?;
                }
                let ask = |blobs: &[Fetched<'_>]| File::open(blobs.get(i).ok_or_else(no_layer)?, limits);
                let file = self.ask(ask).await.map_err(concerns)?;
                let ask = |blobs: &[Fetched<'_>]| file.layer(blobs.get(i).ok_or_else(no_layer)?, false);
                let layer = self.ask(ask).await.map_err(concerns)?;
                drop(slot.set((Rc::new(file), Rc::new(layer))));
                Ok(())
            })
        });
        at_once(work.collect(), PARALLEL).await?;
        let (files, layers): (Vec<_>, Vec<_>) =
            found.into_iter().filter_map(|slot| slot.into_inner()).unzip();
        let stack = Stack::new(layers)?;
        let system = self
            .ask(|blobs| {
                let layers = files.iter().zip(blobs).map(|(file, blob)| (&**file, blob as &dyn Disk));
                Ext4::open(&Device { stack: &stack, layers: layers.collect() }, &self.context.limits)
            })
            .await?;
        Ok(Opened { files, stack, system })
    }

    /// Asks until it is answered, fetching what is missing. Retries once where bytes were damaged on the way.
    async fn ask<T>(&self, question: impl Fn(&[Fetched<'_>]) -> Asked<T>) -> Result<T> {
        let mut again = false;
        twice(self.context.source.stats(), async || {
            if std::mem::replace(&mut again, true) {
                let most = self.context.limits.span_cache_size;
                self.known.shared.replace(Shared::new(self.known.layers.len(), most));
            }
            self.try_ask(&question).await
        })
        .await
    }

    async fn try_ask<T>(&self, question: &impl Fn(&[Fetched<'_>]) -> Asked<T>) -> Result<T> {
        let blobs =
            self.known.layers.iter().enumerate().map(|(i, l)| Fetched::new(&self.known.shared, i, l.size));
        let blobs: Vec<_> = blobs.collect();
        loop {
            match question(&blobs) {
                Ok(answer) => return Ok(answer),
                Err(Stop::Failed(e)) => return Err(e),
                Err(Stop::Missing) => {}
            }
            let most = self.context.limits.max_range_request;
            let mut work: Vec<Later<'_, ()>> = Vec::new();
            for (i, blob) in blobs.iter().enumerate() {
                let ranges = together(blob.wanted(), most);
                let starts: Vec<_> = ranges.iter().skip(1).map(|r| r.start).chain([blob.size()]).collect();
                for (range, next) in ranges.into_iter().zip(starts) {
                    work.push(Box::pin(async move {
                        let (start, data) = self.range(i, blob, range, next).await?;
                        blob.add(start, data);
                        Ok(())
                    }));
                }
            }
            if work.is_empty() {
                return Err(Error::new(Code::InvalidArgument, "nothing is missing, but there is no answer"));
            }
            at_once(work, PARALLEL).await?;
        }
    }

    /// Bytes from `range.start` on or before, at least up to `range.end`: of a request that is under way, or of a new one,
    /// which reads on up to `next` at most.
    async fn range(
        &self,
        i: usize,
        blob: &Fetched<'_>,
        range: Range<u64>,
        next: u64,
    ) -> Result<(u64, Bytes)> {
        let fits = |(layer, flight): &(usize, Range<u64>)| {
            *layer == i && flight.start <= range.start && range.end <= flight.end
        };
        let layer = self.known.layers.get(i).ok_or_else(no_layer)?;
        let start: (_, LocalBoxFuture<'static, _>) = {
            let room = blob.next(range.end).unwrap_or(next).min(next);
            let end = range.start.saturating_add(READ_AHEAD).min(room).max(range.end);
            let (source, layer, wanted) = (self.context.source.clone(), layer.clone(), range.start..end);
            let known = self.known.clone();
            let fetch = async move {
                let data = read_range(&*source, &layer, wanted.clone()).await?;
                known.shared.borrow_mut().keep(i, wanted.start, data.clone());
                Ok(data)
            };
            ((i, range.start..end), Box::pin(fetch))
        };
        let ((_, got), data) = self.known.flights.get(self.context.owner, &fits, start).await?;
        Ok((got.start, data))
    }
}
