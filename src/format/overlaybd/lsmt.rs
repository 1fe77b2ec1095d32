//! LSMT: a layer of a block device as the segments that it has of it, and layers stacked on each other.
//!
//! `header 4096 | data | index: 16 bytes a segment | trailer 4096`. Numbers in the index count sectors of 512 bytes. The
//! trailer counts, not the header.

use std::ops::Range;
use std::rc::Rc;

use super::{corrupt, unsupported};
use crate::error::Result;
use crate::format::ext4::bytes::{u32_at, u64_at};
use crate::limits::Limits;

/// Length of the header and of the trailer.
pub const HEADER: usize = 4096;

const SECTOR: u64 = 512;
const MAGIC: &[u8; 24] = b"LSMT\0\x01\x02\0\x65\x7e\x63\xd2\x94\x44\x08\x4c\xa2\xd2\xc8\xec\x4f\xcf\xae\x8a";
const FIELDS: u32 = 390;
const UUID: Range<usize> = 56..92;
const PARENT: Range<usize> = 93..129;

const IS_HEADER: u32 = 1;
const IS_DATA: u32 = 2;
const IS_SEALED: u32 = 4;

const ENTRY: usize = 16;
/// The start of a segment that is none: fills the index up.
const NOWHERE: u64 = (1 << 50) - 1;
const MAX_ENTRIES: u64 = 1_000_000;
const MAX_LAYERS: usize = 255;

/// What a layer's trailer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    index_offset: u64,
    entries: u64,
    virtual_size: u64,
    uuid: Vec<u8>,
    parent: Vec<u8>,
}

impl Trailer {
    /// Reads the last 4096 bytes of an LSMT file of `file_size` bytes.
    ///
    /// `CORRUPT_LAYER` if they are no trailer or the index is not inside the file; `LIMIT_EXCEEDED` over
    /// `max_lsmt_segments` or `max_disk_size`.
    pub fn parse(data: &[u8], file_size: u64, limits: &Limits) -> Result<Trailer> {
        if data.len() < HEADER || !data.starts_with(MAGIC) {
            return Err(corrupt("no LSMT trailer where one must be"));
        }
        let flags = u32_at(data, 28);
        if u32_at(data, 24) != FIELDS || flags & (IS_HEADER | IS_DATA | IS_SEALED) != IS_DATA | IS_SEALED {
            return Err(corrupt("an LSMT file is not a sealed layer of data"));
        }
        let text = |range: Range<usize>| data.get(range).unwrap_or_default().to_vec();
        let trailer = Trailer {
            index_offset: u64_at(data, 32),
            entries: u64_at(data, 40),
            virtual_size: u64_at(data, 48),
            uuid: text(UUID),
            parent: text(PARENT),
        };
        Limits::check("max_lsmt_segments", trailer.entries, limits.max_lsmt_segments.min(MAX_ENTRIES))?;
        Limits::check("max_disk_size", trailer.virtual_size, limits.max_disk_size)?;
        let index = trailer.index();
        if index.start < HEADER as u64 || index.end.saturating_add(HEADER as u64) > file_size {
            return Err(corrupt("the index of an LSMT file is not inside of it"));
        }
        Ok(trailer)
    }

    /// Where in the file the index is.
    pub fn index(&self) -> Range<u64> {
        let length = self.entries.saturating_mul(ENTRY as u64);
        self.index_offset..self.index_offset.saturating_add(length)
    }
}

/// One segment: sectors `start..start + len` of the disk.
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: u64,
    len: u16,
    zeroed: bool,
    tag: u8,
    /// The first sector in the file that the tag names.
    at: u64,
}

impl Segment {
    fn end(&self) -> u64 {
        self.start.saturating_add(u64::from(self.len))
    }
}

/// Which file a segment's bytes are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The LSMT file itself.
    Own,
    /// What the layer is an index of: for TurboOCI the tar of the image's original layer.
    Target,
}

/// A layer whose index is here.
#[derive(Debug)]
pub struct Layer {
    segments: Vec<Segment>,
    virtual_size: u64,
    uuid: Vec<u8>,
    parent: Vec<u8>,
}

impl Layer {
    /// A layer by its trailer and the bytes of its [index](Trailer::index). `has_target`: segments may be in a target.
    ///
    /// `CORRUPT_LAYER` if segments are not in order, overlap, or lie outside of the disk or of the file's data.
    pub fn new(trailer: Trailer, index: &[u8], has_target: bool) -> Result<Layer> {
        let range = trailer.index();
        if index.len() as u64 != range.end.saturating_sub(range.start) {
            return Err(corrupt("the index of an LSMT file has another length than the trailer says"));
        }
        let entries = index.as_chunks::<ENTRY>().0;
        let mut segments = Vec::with_capacity(entries.len());
        let data = HEADER as u64 / SECTOR..trailer.index_offset / SECTOR;
        let disk = trailer.virtual_size.div_ceil(SECTOR);
        let mut end = 0;
        for entry in entries {
            let Some(segment) = read(entry) else { continue };
            if segment.start < end || segment.end() > disk {
                return Err(corrupt(
                    "the segments of an LSMT file overlap, are out of order or leave the disk",
                ));
            }
            end = segment.end();
            segments.push(segment);
        }
        // Tags count from the least one: the file itself, where it has any segment at all.
        let least = segments.iter().map(|s| s.tag).min().unwrap_or_default();
        for segment in &mut segments {
            segment.tag = if has_target { segment.tag - least } else { 0 };
            let last = segment.at.saturating_add(u64::from(segment.len));
            let inside = segment.at >= data.start && last <= data.end;
            match segment.tag {
                _ if segment.zeroed => {}
                0 if inside => {}
                0 => return Err(corrupt("a segment of an LSMT file is outside of its data")),
                1 => {}
                n => {
                    let text = format!("a segment is in file {n} of its layer, which has no such file");
                    return Err(corrupt(text));
                }
            }
        }
        let Trailer { virtual_size, uuid, parent, .. } = trailer;
        Ok(Layer { segments, virtual_size, uuid, parent })
    }

    /// Bytes of memory held.
    pub fn heap_bytes(&self) -> usize {
        self.segments.capacity().saturating_mul(size_of::<Segment>())
    }

    /// How far segments reach in the target.
    pub fn target_end(&self) -> u64 {
        let ends = self.segments.iter().filter(|s| s.tag == 1 && !s.zeroed);
        let end = ends.map(|s| s.at.saturating_add(u64::from(s.len))).max().unwrap_or_default();
        end.saturating_mul(SECTOR)
    }

    /// The segments that touch sectors `range`.
    fn touching(&self, range: &Range<u64>) -> &[Segment] {
        let first = self.segments.partition_point(|s| s.end() <= range.start);
        let rest = self.segments.get(first..).unwrap_or_default();
        let count = rest.partition_point(|s| s.start < range.end);
        rest.get(..count).unwrap_or_default()
    }
}

fn read(entry: &[u8; ENTRY]) -> Option<Segment> {
    let (a, b) = (u64_at(entry, 0), u64_at(entry, 8));
    let start = a & NOWHERE;
    let len = (a >> 50) as u16;
    let [.., tag] = b.to_le_bytes();
    let segment = Segment { start, len, zeroed: b >> 55 & 1 == 1, tag, at: b & ((1 << 55) - 1) };
    (start != NOWHERE && len > 0).then_some(segment)
}

/// Where bytes of the disk are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Offset on the disk.
    pub start: u64,
    /// Length in bytes.
    pub len: u64,
    /// The layer, the file and the offset in that file; `None`: zeros.
    pub from: Option<(usize, Holder, u64)>,
}

/// Layers on each other: of those that have a sector, the topmost counts.
#[derive(Debug, Default)]
pub struct Stack {
    layers: Vec<Rc<Layer>>,
    size: u64,
}

impl Stack {
    /// A stack of `layers`, the lowest first. `CORRUPT_LAYER` if one names another parent than the one below it.
    pub fn new(layers: Vec<Rc<Layer>>) -> Result<Stack> {
        if layers.len() > MAX_LAYERS {
            return Err(unsupported(format!("OverlayBD stacks {MAX_LAYERS} layers at most")));
        }
        for (below, above) in layers.iter().zip(layers.iter().skip(1)) {
            if named(&above.parent) && named(&below.uuid) && above.parent != below.uuid {
                return Err(corrupt("a layer was made for another layer than the one that it lies on"));
            }
        }
        let size = layers.iter().rev().map(|l| l.virtual_size).find(|&size| size > 0).unwrap_or_default();
        Ok(Stack { layers, size })
    }

    /// Bytes of the disk.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where bytes `range` of the disk are, in order and without gaps; cut to the disk's size.
    pub fn map(&self, range: Range<u64>) -> Vec<Piece> {
        let range = range.start..range.end.min(self.size);
        let mut pieces = Vec::new();
        if range.start < range.end {
            self.map_from(self.layers.len(), range, &mut pieces);
        }
        pieces
    }

    /// Maps `range` by the lowest `layers` layers. Not recursive: 255 layers deep would be much stack.
    fn map_from(&self, layers: usize, range: Range<u64>, pieces: &mut Vec<Piece>) {
        let mut todo = vec![(layers, range)];
        while let Some((layers, range)) = todo.pop() {
            let Some((i, layer)) = layers.checked_sub(1).and_then(|i| Some((i, self.layers.get(i)?))) else {
                push(pieces, Piece { start: range.start, len: range.end - range.start, from: None });
                continue;
            };
            let sectors = range.start / SECTOR..range.end.div_ceil(SECTOR);
            let touching = layer.touching(&sectors);
            let Some(segment) = touching.first() else {
                todo.push((i, range));
                continue;
            };
            // In front of the segment, the segment, and behind it; the last is pushed first.
            let start = segment.start.saturating_mul(SECTOR).clamp(range.start, range.end);
            let end = segment.end().saturating_mul(SECTOR).clamp(start, range.end);
            if end < range.end {
                todo.push((layers, end..range.end));
            }
            if start > range.start {
                // What is in front must come out first: put the rest of this segment back.
                todo.push((layers, start..end));
                todo.push((i, range.start..start));
                continue;
            }
            let skipped = start.saturating_sub(segment.start.saturating_mul(SECTOR));
            let at = segment.at.saturating_mul(SECTOR).saturating_add(skipped);
            let holder = if segment.tag == 0 { Holder::Own } else { Holder::Target };
            let from = (!segment.zeroed).then_some((i, holder, at));
            push(pieces, Piece { start, len: end - start, from });
        }
    }
}

/// Appends `piece`, joined with the last one where they are one.
fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    if let Some(last) = pieces.last_mut().filter(|last| last.start.saturating_add(last.len) == piece.start) {
        let joined = match (last.from, piece.from) {
            (None, None) => true,
            (Some((a, b, at)), Some((c, d, next))) => {
                (a, b) == (c, d) && at.checked_add(last.len) == Some(next)
            }
            _ => false,
        };
        if joined {
            last.len = last.len.saturating_add(piece.len);
            return;
        }
    }
    if piece.len > 0 {
        pieces.push(piece);
    }
}

/// Whether a UUID is one: tools write none as zeros of either kind.
fn named(uuid: &[u8]) -> bool {
    uuid.iter().any(|b| !matches!(b, 0 | b'0' | b'-'))
}
