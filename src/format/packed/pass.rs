//! The one pass: compressed bytes in; the tar's entries, points, and the contents of small files out.

use bytes::Bytes;

use super::{Packing, Point, Points};
use crate::error::Result;
use crate::format::gzip::blocks::{BlockDecoder, BlockSink, Border};
use crate::format::tar::{EntryTable, Kind, TarWalker};
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;

/// Largest file that is kept whole: manifests, configs, small indexes. To open an image then takes the pass alone.
const SMALL: u64 = 256 << 10;
/// Bytes that are kept of larger ones: what they are is asked before they are read.
const START: u64 = 512;
/// Most bytes of all these.
const MOST_SMALL: u64 = 4 << 20;

/// A pass under way.
///
/// Memory: the decoder's, the table of entries, at most 8 MiB of windows and 4 MiB of small files. `max_build_inflated`
/// bounds the tar.
pub struct Pass {
    decoder: Decoder,
    /// Compressed bytes that the decoder has.
    taken: u64,
    out: Out,
}

enum Decoder {
    Gzip(Box<BlockDecoder>),
    Zstd(Box<ZstdDecoder>),
}

/// Result of a pass.
pub struct Passed {
    /// The tar's entries.
    pub table: EntryTable,
    /// Bytes of the tar.
    pub total: u64,
    /// Where reads can begin.
    pub points: Points,
    /// The stored bytes of small files, and the first ones of others, by their offset in the tar, in order.
    pub small: Vec<(u64, Bytes)>,
}

struct Out {
    walker: TarWalker,
    points: Points,
    /// Bytes of the tar that came.
    total: u64,
    max: u64,
    small: Vec<(u64, Vec<u8>)>,
    small_bytes: u64,
}

impl Pass {
    /// Begins a pass.
    pub fn new(packing: Packing, limits: &Limits) -> Self {
        let decoder = match packing {
            Packing::Gzip => Decoder::Gzip(Box::new(BlockDecoder::new())),
            Packing::Zstd => Decoder::Zstd(Box::new(ZstdDecoder::unbounded(limits))),
        };
        let out = Out {
            walker: TarWalker::new(limits),
            points: Points::new(packing),
            total: 0,
            max: limits.max_build_inflated,
            small: Vec::new(),
            small_bytes: 0,
        };
        Pass { decoder, taken: 0, out }
    }

    /// Takes the next compressed bytes. `CORRUPT_LAYER` if it is no such data, or not of a tar; `UNSUPPORTED`,
    /// `LIMIT_EXCEEDED`. Of no use after an error.
    pub fn push(&mut self, mut data: &[u8]) -> Result<()> {
        let zstd = match &mut self.decoder {
            Decoder::Gzip(gzip) => {
                self.taken = self.taken.saturating_add(data.len() as u64);
                return gzip.push(data, &mut self.out);
            }
            Decoder::Zstd(zstd) => zstd,
        };
        while !data.is_empty() {
            let (output, out) = (self.out.total, &mut self.out);
            if zstd.is_between_frames() && out.points.wants(output) {
                out.points.add(Point { input: self.taken, bits: 0, output, window: Bytes::new() });
            }
            let used = zstd.fill(data)?;
            data = data.get(used..).unwrap_or_default();
            self.taken = self.taken.saturating_add(used as u64);
            zstd.advance(&mut |tar| out.push(tar))?;
        }
        Ok(())
    }

    /// Bytes of the tar that came.
    pub fn total(&self) -> u64 {
        self.out.total
    }

    /// Bytes of heap that grow with the archive.
    pub fn heap_bytes(&self) -> usize {
        let Out { walker, points, small_bytes, .. } = &self.out;
        let small = usize::try_from(*small_bytes).unwrap_or(usize::MAX);
        walker.table().heap_bytes().saturating_add(points.heap_bytes()).saturating_add(small)
    }

    /// Ends the pass with the data.
    pub fn finish(self) -> Result<Passed> {
        match self.decoder {
            Decoder::Gzip(gzip) => drop(gzip.finish()?),
            Decoder::Zstd(zstd) => zstd.finish()?,
        }
        let Out { walker, points, total, small, .. } = self.out;
        let small = small.into_iter().map(|(start, bytes)| (start, bytes.into())).collect();
        Ok(Passed { table: walker.finish(Some(total))?, total, points, small })
    }
}

impl BlockSink for Out {
    fn output(&mut self, bytes: &[u8]) -> Result<()> {
        self.push(bytes)
    }
    fn border(&mut self, border: Border<'_>) -> Result<()> {
        if self.points.wants(border.output) {
            let window = Bytes::copy_from_slice(border.window);
            let Border { input, bits, output, .. } = border;
            self.points.add(Point { input, bits, output, window });
        }
        Ok(())
    }
}

impl Out {
    /// Takes bytes of the tar: headers go to the walker; contents of small files and the start of large ones are kept.
    fn push(&mut self, data: &[u8]) -> Result<()> {
        let at = self.total;
        self.total = at.saturating_add(data.len() as u64);
        Limits::check("max_build_inflated", self.total, self.max)?;
        let Out { walker, small, small_bytes, .. } = self;
        walker.feed(at, data, &mut |part| {
            let wanted = if part.stored > SMALL { START } else { part.stored };
            let left = usize::try_from(wanted.saturating_sub(part.at)).unwrap_or(usize::MAX);
            if part.entry.kind != Kind::Regular || left == 0 {
                return Ok(());
            }
            if part.at == 0 {
                let bytes = small_bytes.saturating_add(wanted);
                if bytes > MOST_SMALL {
                    return Ok(());
                }
                *small_bytes = bytes;
                small.push((part.entry.offset, Vec::new()));
            }
            if let Some((_, bytes)) = small.last_mut().filter(|(start, _)| *start == part.entry.offset) {
                bytes.extend_from_slice(part.bytes.get(..left).unwrap_or(part.bytes));
            }
            Ok(())
        })
    }
}
