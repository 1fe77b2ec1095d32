//! Unpacking of what may be compressed: gzip, zstd or as it is, told by the first bytes as container runtimes do.

use crate::error::Result;
use crate::format::gzip::GzipDecoder;
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;
#[cfg(any(feature = "nydus", feature = "overlaybd"))]
use {
    crate::budget::Growing,
    crate::error::{Code, Error},
    crate::format::tar::{Kind, TarWalker},
    bytes::Bytes,
};

/// Compression of a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// RFC 1952, of one or more members.
    Gzip,
    /// RFC 8878, of one or more frames.
    Zstd,
}

impl Packing {
    /// First bytes that are enough to tell.
    pub const START: usize = 4;

    /// By the first bytes. Zstandard may begin with a skippable frame.
    pub fn of(start: &[u8]) -> Option<Packing> {
        match start {
            [0x1f, 0x8b, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
            _ => None,
        }
    }
}

/// Decoder that is chosen by the first bytes. What comes out is bounded by `max_whole_layer_inflated`, unless it is not
/// compressed at all.
pub struct Unpacker {
    decoder: Decoder,
    limits: Limits,
}

enum Decoder {
    /// Before the first bytes are here.
    Undecided(Vec<u8>),
    Plain,
    Gzip(Box<GzipDecoder>),
    Zstd(Box<ZstdDecoder>),
}

impl Unpacker {
    /// A decoder before the first byte.
    pub fn new(limits: &Limits) -> Self {
        Unpacker { decoder: Decoder::Undecided(Vec::new()), limits: limits.clone() }
    }

    /// Takes the next bytes and gives out what they unpack to.
    pub fn push(&mut self, data: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match &mut self.decoder {
            Decoder::Undecided(start) => {
                start.extend_from_slice(data);
                if start.len() < Packing::START { Ok(()) } else { self.decide(sink) }
            }
            Decoder::Plain => sink(data),
            Decoder::Gzip(gzip) => gzip.push(data, sink),
            Decoder::Zstd(zstd) => zstd.push(data, sink),
        }
    }

    fn decide(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Decoder::Undecided(start) = &mut self.decoder else { return Ok(()) };
        let start = std::mem::take(start);
        self.decoder = match Packing::of(&start) {
            Some(Packing::Gzip) => Decoder::Gzip(Box::new(GzipDecoder::new(&self.limits))),
            Some(Packing::Zstd) => Decoder::Zstd(Box::new(ZstdDecoder::new(&self.limits))),
            None => Decoder::Plain,
        };
        self.push(&start, sink)
    }

    /// Ends it with the data: an error where that is cut off.
    pub fn finish(mut self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.decide(sink)?;
        match self.decoder {
            Decoder::Plain | Decoder::Undecided(_) => Ok(()),
            Decoder::Gzip(gzip) => gzip.finish(),
            Decoder::Zstd(zstd) => zstd.finish(),
        }
    }
}

/// The regular files of a tar in memory, compressed or not: their names as they are, and their contents.
///
/// `CORRUPT_LAYER` if it is broken; `LIMIT_EXCEEDED` over `max_metadata_size`, unpacked.
#[cfg(any(feature = "nydus", feature = "overlaybd"))]
pub fn files(blob: &[u8], limits: &Limits) -> Result<Vec<(Vec<u8>, Bytes)>> {
    let tar = match Packing::of(blob) {
        None => Bytes::copy_from_slice(blob),
        Some(_) => {
            let mut tar = Growing::default();
            let keep = &mut |piece: &[u8]| {
                let len = tar.len().saturating_add(piece.len()) as u64;
                Limits::check("max_metadata_size", len, limits.max_metadata_size)?;
                tar.push(piece)
            };
            let mut unpacker = Unpacker::new(limits);
            unpacker.push(blob, keep)?;
            unpacker.finish(keep)?;
            tar.finish().into()
        }
    };
    let mut walker = TarWalker::new(limits);
    walker.push(&tar)?;
    let table = walker.finish(Some(tar.len() as u64))?;
    let file = |entry: crate::format::tar::Entry<'_>| {
        let start = usize::try_from(entry.offset).ok()?;
        let end = start.checked_add(usize::try_from(entry.size).ok()?).filter(|&end| end <= tar.len())?;
        Some((entry.name.to_vec(), tar.slice(start..end)))
    };
    let files = table.iter().filter(|e| e.kind == Kind::Regular).map(file).collect::<Option<_>>();
    files.ok_or_else(|| Error::new(Code::CorruptLayer, "a layer of metadata is cut off"))
}
