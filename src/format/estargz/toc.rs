//! The TOC as it arrives: entries and chunks.

use std::collections::BTreeMap;

use super::chunks::{Chunk, Chunks, Piece, ZEROS};
use super::entry::{TocEntry, Type};
use super::objects::Objects;
use super::{TOC_NAME, entry};
use crate::error::{Code, Error, Result};
use crate::format::extent::{Codec, Listing};
use crate::format::failure::sticky;
use crate::format::oci::Descriptor;
use crate::format::oci::json::Json;
use crate::format::tar::path::clean;
use crate::format::tar::{Entry, EntryTable, Kind, Xattrs};
use crate::limits::Limits;

/// Files that tell how a layer is to be prefetched, and the TOC itself: no files of the image.
const HIDDEN: [&[u8]; 3] = [b".prefetch.landmark", b".no.prefetch.landmark", TOC_NAME];

/// Owners' names that are remembered; most layers have some tens.
const MAX_OWNERS: usize = 10_000;

/// How a layer's pieces are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pieces {
    /// Gzip members.
    Gzip,
    /// Zstandard frames.
    Zstd,
}

/// Reads a TOC as it arrives. Memory: what is kept of it, and one entry of its JSON.
pub struct TocParser {
    objects: Objects,
    state: State,
    failed: Option<Error>,
}

struct State {
    table: EntryTable,
    chunks: Chunks,
    file: Option<File>,
    /// Names of owners, which only the first entry of each tells.
    users: BTreeMap<u64, Vec<u8>>,
    groups: BTreeMap<u64, Vec<u8>>,
    /// Where the pieces end.
    data_end: u64,
    total: u64,
    limits: Limits,
}

/// The file whose chunks are arriving.
struct File {
    name: Vec<u8>,
    size: u64,
    /// Where the next chunk must begin.
    at: u64,
    /// Where its pieces end, as far as that is told.
    end: Option<u64>,
    hidden: bool,
}

impl TocParser {
    /// A parser for the TOC of a layer whose pieces end at `data_end`. With `verify`, chunks without a digest are
    /// refused when they are read.
    pub fn new(pieces: Pieces, data_end: u64, verify: bool, limits: &Limits) -> Self {
        let codec = match pieces {
            Pieces::Gzip => Codec::GzipMembers,
            Pieces::Zstd => Codec::Zstd,
        };
        TocParser {
            objects: Objects::new(limits),
            state: State {
                table: EntryTable::new(),
                chunks: Chunks { codec: Some(codec), verify, ..Chunks::default() },
                file: None,
                users: BTreeMap::new(),
                groups: BTreeMap::new(),
                data_end,
                total: 0,
                limits: limits.clone(),
            },
            failed: None,
        }
    }

    /// Takes the next bytes of the JSON. How they are cut changes nothing.
    ///
    /// # Errors
    /// `CORRUPT_LAYER` for what is no TOC or contradicts itself; `LIMIT_EXCEEDED`, also over `max_metadata_size`. After an
    /// error each further call gives it again.
    pub fn push(&mut self, data: &[u8]) -> Result<()> {
        let step = |it: &mut TocParser| {
            let state = &mut it.state;
            state.total = state.total.saturating_add(data.len() as u64);
            Limits::check("max_metadata_size", state.total, state.limits.max_metadata_size)?;
            it.objects.push(data, &mut |json| state.entry(json))
        };
        sticky(self, |it| &mut it.failed, step)
    }

    /// The end of the JSON: the layer's entries, and where their contents lie in `layer`.
    pub fn finish(self, layer: Descriptor) -> Result<Listing> {
        if let Some(e) = self.failed {
            return Err(e);
        }
        let mut state = self.state;
        check_frame(&self.objects.finish()?, &state.limits)?;
        state.end_file()?;
        state.end_piece(state.data_end)?;
        state.table.shrink();
        state.chunks.shrink();
        Ok(Listing { table: state.table, extents: Box::new(state.chunks), blobs: vec![layer] })
    }
}

/// Checks what is beside the entries.
fn check_frame(json: &[u8], limits: &Limits) -> Result<()> {
    let wrong = |e: Error| Error::new(Code::CorruptLayer, e.message().to_owned());
    let json = Json::parse(json, "layer's TOC", limits).map_err(wrong)?;
    let root = json.root("layer's TOC");
    match root.need("version").and_then(|v| v.integer()).map_err(wrong)? {
        1 => Ok(()),
        n => {
            Err(Error::new(Code::Unsupported, format!("the layer's TOC is of version {n}; only 1 is known")))
        }
    }
}

impl State {
    fn entry(&mut self, json: &[u8]) -> Result<()> {
        let e = entry::TocEntry::parse(json, &self.limits)?;
        match e.r#type {
            Type::Chunk => {
                let Some(file) = &self.file else {
                    return Err(corrupt("has a chunk that belongs to no file", &e.name));
                };
                if file.at >= file.size {
                    let name = file.name.clone();
                    return Err(corrupt("has a chunk behind the end of its file", &name));
                }
                self.chunk(&e)
            }
            Type::Node(kind) => {
                self.end_file()?;
                let hidden = HIDDEN.contains(&&*clean(&e.name));
                if !hidden {
                    self.push(&e, kind)?;
                }
                if kind != Kind::Regular || e.size == 0 {
                    return self.border(&e);
                }
                if !hidden {
                    let place = u32::try_from(self.table.len().saturating_sub(1)).ok();
                    let place = place.zip(u32::try_from(self.chunks.chunks.len()).ok());
                    self.chunks.files.push(place.ok_or_else(|| corrupt("has too many entries", &e.name))?);
                }
                let end = Some(e.end_offset).filter(|&end| end > 0);
                self.file = Some(File { name: e.name.clone(), size: e.size, at: 0, end, hidden });
                self.chunk(&e)
            }
        }
    }

    fn push(&mut self, e: &TocEntry, kind: Kind) -> Result<()> {
        let uname = owner(&mut self.users, e.uid, &e.uname);
        let gname = owner(&mut self.groups, e.gid, &e.gname);
        let device = matches!(kind, Kind::CharDevice | Kind::BlockDevice);
        let link = matches!(kind, Kind::Symlink | Kind::HardLink);
        let entry = Entry {
            name: &e.name,
            kind,
            size: if kind == Kind::Regular { e.size } else { 0 },
            mode: e.mode,
            uid: e.uid,
            gid: e.gid,
            uname,
            gname,
            mtime: e.mtime,
            link_name: if link { &e.link_name } else { b"" },
            dev_major: if device { e.dev_major } else { 0 },
            dev_minor: if device { e.dev_minor } else { 0 },
            header_offset: e.offset,
            offset: e.offset,
            xattrs: Xattrs(&e.xattrs),
        };
        self.table.push(&entry, &self.limits)
    }

    /// What has no content may tell where the piece before it ends all the same.
    fn border(&mut self, e: &TocEntry) -> Result<()> {
        match e.offset > 0 && e.inner_offset == 0 {
            true => self.end_piece(e.offset),
            false => Ok(()),
        }
    }

    /// The chunk that an entry tells of, the first or a further one of `self.file`.
    fn chunk(&mut self, e: &TocEntry) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let left = file.size.saturating_sub(file.at);
        let len = if e.chunk_size == 0 { left } else { e.chunk_size };
        if e.chunk_offset != file.at || len > left {
            return Err(corrupt("has a file with chunks that do not follow each other", &file.name));
        }
        let whole = len == file.size;
        let file_offset = file.at;
        file.at = file.at.saturating_add(len);
        let hidden = file.hidden;
        Limits::check("max_spans", self.chunks.chunks.len() as u64, self.limits.max_spans)?;
        if e.zeros {
            self.border(e)?;
            self.chunks.chunks.push(Chunk { file_offset, len, inner: 0, unit: ZEROS, digest: None });
            return Ok(());
        }
        if e.offset == 0 {
            return Err(corrupt("does not tell where a file is", &e.name));
        }
        if self.chunks.units.last().is_none_or(|last| last.start != e.offset) {
            self.end_piece(e.offset)?;
            self.chunks.units.push(Piece { start: e.offset, end: 0, decoded: 0 });
        }
        let unit = u32::try_from(self.chunks.units.len().saturating_sub(1)).unwrap_or(ZEROS);
        let until =
            e.inner_offset.checked_add(len).ok_or_else(|| corrupt("has numbers out of reach", &e.name))?;
        if let Some(piece) = self.chunks.units.last_mut() {
            piece.decoded = piece.decoded.max(until);
        }
        if !hidden {
            let digest = e.chunk_digest.or(e.digest.filter(|_| whole));
            self.chunks.chunks.push(Chunk { file_offset, len, inner: e.inner_offset, unit, digest });
        }
        Ok(())
    }

    /// The last file is complete.
    fn end_file(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        if file.at != file.size {
            return Err(corrupt("leaves out a part of a file", &file.name));
        }
        match file.end {
            Some(end) => self.end_piece(end),
            None => Ok(()),
        }
    }

    /// The last piece ends at `end` at the latest.
    fn end_piece(&mut self, end: u64) -> Result<()> {
        let Some(piece) = self.chunks.units.last_mut() else { return Ok(()) };
        if piece.end != 0 {
            // Told before.
            return match end >= piece.end {
                true => Ok(()),
                false => Err(corrupt("has pieces that overlap", b"")),
            };
        }
        if end <= piece.start || end > self.data_end {
            return Err(corrupt("has pieces that overlap, or lie outside of the layer", b""));
        }
        piece.end = end;
        Ok(())
    }
}

/// The name of an owner, which is remembered where an entry tells it.
fn owner<'a>(names: &'a mut BTreeMap<u64, Vec<u8>>, id: u64, told: &'a [u8]) -> &'a [u8] {
    if told.is_empty() {
        return names.get(&id).map_or(&[][..], Vec::as_slice);
    }
    if names.len() < MAX_OWNERS {
        names.insert(id, told.to_vec());
    }
    told
}

fn corrupt(what: &str, name: &[u8]) -> Error {
    let error = Error::new(Code::CorruptLayer, format!("the layer's TOC {what}"));
    if name.is_empty() { error } else { error.with_path(name) }
}
