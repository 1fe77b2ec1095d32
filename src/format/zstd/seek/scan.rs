//! The one pass: compressed bytes in; entries, segments and the layer's digest out. Keeps no contents.

use sha2::{Digest as _, Sha256};

use super::headers::Packer;
use super::{LEAST, SEGMENT_SIZE, SeekIndex, Segment};
use crate::error::{Code, Error, Result};
use crate::format::tar::{EntryTable, TarWalker};
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;

/// A pass under way.
///
/// Memory: the decoder's window, the table of entries, 72 bytes a segment, and what is kept of headers. `max_spans` bounds
/// the segments, `max_streamed_layer_inflated` the tar.
pub struct Scan {
    decoder: ZstdDecoder,
    /// Bytes of the layer that the decoder has.
    taken: u64,
    out: Out,
}

/// Result of a pass.
pub struct Scanned {
    /// The tar's entries.
    pub table: EntryTable,
    /// Its segments.
    pub seek_index: SeekIndex,
    /// Its headers packed, where they are to be kept.
    pub headers: Option<Vec<u8>>,
}

struct Out {
    limits: Limits,
    walker: TarWalker,
    /// Bytes of the tar that came.
    total: u64,
    /// Offset in the tar of the next byte for the walker.
    at: u64,
    /// The header block that is arriving.
    block: Vec<u8>,
    headers: Option<Packer>,
    segments: Vec<Segment>,
    /// What `total` may come to.
    most: u64,
    /// Of the segment under way; `None` where nothing is to be checked by it.
    hasher: Option<Sha256>,
    /// Where in the layer and in the tar the frame starts that the segment under way is read from, and the latest.
    frame: (u64, u64),
    latest: (u64, u64),
    /// Where the segment under way begins.
    start: u64,
    /// Bytes of the layer that were needed for what came last.
    until: u64,
}

impl Scan {
    /// Begins a pass. With `hash`, each segment is hashed; with `keep`, headers are packed for [`to_bytes`](super::to_bytes).
    pub fn new(limits: &Limits, hash: bool, keep: bool) -> Self {
        Scan {
            decoder: ZstdDecoder::unbounded(limits),
            taken: 0,
            out: Out {
                limits: limits.clone(),
                walker: TarWalker::new(limits),
                total: 0,
                at: 0,
                block: Vec::new(),
                headers: keep.then(Packer::new),
                segments: Vec::new(),
                most: u64::MAX,
                hasher: hash.then(Sha256::new),
                frame: (0, 0),
                latest: (0, 0),
                start: 0,
                until: 0,
            },
        }
    }

    /// Takes the next bytes of the layer. `CORRUPT_LAYER` if it is no Zstandard of a tar, `UNSUPPORTED`,
    /// `LIMIT_EXCEEDED`. Of no use after an error.
    pub fn push(&mut self, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            if self.decoder.is_between_frames() {
                self.out.frame(self.taken)?;
            }
            let used = self.decoder.fill(data)?;
            data = data.get(used..).unwrap_or_default();
            self.taken = self.taken.saturating_add(used as u64);
            let (out, taken) = (&mut self.out, self.taken);
            self.decoder.advance(&mut |tar| out.push(tar, taken))?;
        }
        Ok(())
    }

    /// Bounds how many bytes more of the tar may come (`max_inflated_bytes`).
    pub fn allow(&mut self, bytes: u64) {
        self.out.most = self.out.total.saturating_add(bytes);
    }

    /// Bytes of the tar that came.
    pub fn total(&self) -> u64 {
        self.out.total
    }

    /// Ends the pass with the layer.
    pub fn finish(self) -> Result<Scanned> {
        self.decoder.finish()?;
        let mut out = self.out;
        if !out.block.is_empty() {
            out.header()?;
        }
        if out.total > out.start {
            out.seal()?;
        }
        let table = out.walker.finish(Some(out.total))?;
        out.segments.shrink_to_fit();
        Ok(Scanned { table, seek_index: SeekIndex(out.segments), headers: out.headers.map(Packer::finish) })
    }
}

impl Out {
    /// A frame starts at this byte of the layer.
    fn frame(&mut self, offset: u64) -> Result<()> {
        if self.total.saturating_sub(self.start) >= LEAST {
            self.seal()?;
        }
        self.latest = (offset, self.total);
        if self.total == self.start {
            self.frame = self.latest;
        }
        Ok(())
    }

    /// Takes bytes of the tar, for which `until` bytes of the layer were needed.
    fn push(&mut self, data: &[u8], until: u64) -> Result<()> {
        let total = self.total.saturating_add(data.len() as u64);
        let limit = self.limits.max_streamed_layer_inflated;
        Limits::check("max_streamed_layer_inflated", total, limit)?;
        Limits::check("max_inflated_bytes", total, self.most)?;
        self.until = until;
        self.walk(data)?;
        let mut rest = data;
        while !rest.is_empty() {
            let room = SEGMENT_SIZE.saturating_sub(self.total.saturating_sub(self.start));
            let (now, later) = rest.split_at(usize::try_from(room).unwrap_or(rest.len()).min(rest.len()));
            if let Some(hasher) = &mut self.hasher {
                hasher.update(now);
            }
            self.total = self.total.saturating_add(now.len() as u64);
            rest = later;
            if self.total.saturating_sub(self.start) >= SEGMENT_SIZE {
                self.seal()?;
            }
        }
        Ok(())
    }

    /// Ends the segment under way.
    fn seal(&mut self) -> Result<()> {
        let digest = self.hasher.as_mut().map_or([0; 32], |hasher| hasher.finalize_reset().into());
        let (frame, frame_start) = self.frame;
        self.segments.push(Segment { end: self.total, until: self.until, frame, frame_start, digest });
        self.frame = self.latest;
        self.start = self.total;
        Limits::check("max_spans", self.segments.len() as u64, self.limits.max_spans)
    }

    /// Gives the walker the headers, block by block, and drops contents.
    fn walk(&mut self, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() && !self.walker.is_done() {
            let skip = self.walker.wants().saturating_sub(self.at);
            if skip > 0 && self.block.is_empty() {
                let n = usize::try_from(skip).unwrap_or(usize::MAX).min(data.len());
                self.at = self.at.saturating_add(n as u64);
                data = data.get(n..).unwrap_or_default();
                continue;
            }
            let want = 512 - (self.at % 512) as usize;
            let n = want.saturating_sub(self.block.len()).min(data.len());
            self.block.extend_from_slice(data.get(..n).unwrap_or_default());
            data = data.get(n..).unwrap_or_default();
            if self.block.len() >= want {
                self.header()?;
            }
        }
        Ok(())
    }

    /// Gives the walker the block that arrived, which lies at `at`.
    fn header(&mut self) -> Result<()> {
        let used = self.walker.push(&self.block)?;
        if used == 0 && self.walker.wants() <= self.at {
            return Err(
                Error::new(Code::CorruptLayer, "the tar's headers do not advance").with_offset(self.at)
            );
        }
        if let Some(headers) = &mut self.headers {
            headers.push(&self.block, &self.limits)?;
        }
        self.at = self.at.saturating_add(self.block.len() as u64);
        self.block.clear();
        Ok(())
    }
}
