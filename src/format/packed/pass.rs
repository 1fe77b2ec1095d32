//! The one pass: compressed bytes in; the tar's entries, points, and the contents of small files out.

use bytes::Bytes;

use super::{Packing, Point, Points};
use crate::error::Result;
use crate::format::gzip::blocks::{BlockDecoder, BlockSink, Border};
use crate::format::tar::holes::packed_len;
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
    /// Takes bytes of the tar: headers go to the walker, contents of small files are kept.
    fn push(&mut self, mut data: &[u8]) -> Result<()> {
        let end = self.total.saturating_add(data.len() as u64);
        Limits::check("max_build_inflated", end, self.max)?;
        while !data.is_empty() && !self.walker.is_done() {
            let skip = self.walker.wants().saturating_sub(self.total);
            // Up to the end of the block: contents, which the walker would pass over, begin with one.
            let most = if skip > 0 { skip } else { 512 - self.total % 512 };
            let most = usize::try_from(most).unwrap_or(usize::MAX).min(data.len());
            let (now, later) = data.split_at(most);
            if skip > 0 {
                self.keep(now);
            } else {
                self.walker.push(now)?;
            }
            self.total = self.total.saturating_add(now.len() as u64);
            data = later;
        }
        self.total = end;
        Ok(())
    }

    /// Keeps what of `data`, the tar's next bytes, is content of a small file or the start of a large one, the last entry.
    fn keep(&mut self, data: &[u8]) {
        let table = self.walker.table();
        let Some((i, entry)) = table.len().checked_sub(1).and_then(|i| Some((i, table.get(i)?))) else {
            return;
        };
        let stored = table.sparse(i).map_or(entry.size, packed_len);
        let wanted = if stored > SMALL { START } else { stored };
        let left = entry.offset.saturating_add(wanted).saturating_sub(self.total);
        if entry.kind != Kind::Regular || left == 0 {
            return;
        }
        if self.total == entry.offset {
            let bytes = self.small_bytes.saturating_add(wanted);
            if bytes > MOST_SMALL {
                return;
            }
            self.small_bytes = bytes;
            self.small.push((entry.offset, Vec::new()));
        }
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
        if let Some((_, bytes)) = self.small.last_mut().filter(|(start, _)| *start == entry.offset) {
            bytes.extend_from_slice(data.get(..count).unwrap_or_default());
        }
    }
}
