//! Decompressing from a point on.

use super::{Packing, Point};
use crate::error::Result;
use crate::format::gzip::blocks::{BlockDecoder, BlockSink, Border};
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;

/// Compressed bytes that a gzip decoder is given at once: they can stand for 2 MiB.
const PIECE: usize = 2 << 10;

/// A decoder that began at a point. What it gives is not checked by the gzip member's sum, of which it saw a part.
pub struct Cursor {
    decoder: Decoder,
    /// Offset in the compressed bytes of the next one it wants.
    wants: u64,
    /// Offset in the tar of the next byte that comes out.
    at: u64,
}

enum Decoder {
    /// Waits for the byte whose high bits come first.
    Split(Point),
    Gzip(Box<BlockDecoder>),
    Zstd(Box<ZstdDecoder>),
}

/// Takes output; borders are of no interest.
struct Sink<'a>(&'a mut dyn FnMut(&[u8]));

impl BlockSink for Sink<'_> {
    fn output(&mut self, bytes: &[u8]) -> Result<()> {
        (self.0)(bytes);
        Ok(())
    }
    fn border(&mut self, _: Border<'_>) -> Result<()> {
        Ok(())
    }
}

impl Cursor {
    /// Begins at a point.
    pub fn new(packing: Packing, point: &Point, limits: &Limits) -> Self {
        let (decoder, before) = match packing {
            Packing::Zstd => (Decoder::Zstd(Box::new(ZstdDecoder::unbounded(limits))), 0),
            Packing::Gzip if point.bits > 0 => (Decoder::Split(point.clone()), 1),
            Packing::Gzip => (Decoder::Gzip(Box::new(BlockDecoder::resume(0, 0, &point.window))), 0),
        };
        Cursor { decoder, wants: point.input.saturating_sub(before), at: point.output }
    }

    /// Offset in the compressed bytes of the next one it wants.
    pub fn wants(&self) -> u64 {
        self.wants
    }

    /// Offset in the tar of the next byte that comes out.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Takes some bytes from the front of `input`, which is not empty and begins at [`wants`](Self::wants): so many. What
    /// comes out of them, a few megabytes at most, goes to `sink`.
    ///
    /// # Errors
    /// `CORRUPT_LAYER`, `UNSUPPORTED`, `LIMIT_EXCEEDED`; it is of no use then.
    pub fn push(&mut self, input: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<usize> {
        let mut came = 0u64;
        let mut counted = |bytes: &[u8]| {
            came = came.saturating_add(bytes.len() as u64);
            sink(bytes);
        };
        let used = match &mut self.decoder {
            Decoder::Split(point) => {
                let first = input.first().copied().unwrap_or_default();
                let gzip = BlockDecoder::resume(point.bits, first, &point.window);
                self.decoder = Decoder::Gzip(Box::new(gzip));
                1.min(input.len())
            }
            Decoder::Gzip(gzip) => {
                let piece = input.get(..PIECE).unwrap_or(input);
                gzip.push(piece, &mut Sink(&mut counted))?;
                piece.len()
            }
            Decoder::Zstd(zstd) => {
                let used = zstd.fill(input)?;
                zstd.advance(&mut |bytes| {
                    counted(bytes);
                    Ok(())
                })?;
                used
            }
        };
        self.wants = self.wants.saturating_add(used as u64);
        self.at = self.at.saturating_add(came);
        Ok(used)
    }
}
