//! Codecs of units' bytes.

use std::rc::Rc;

use bytes::Bytes;

use crate::error::{Code, Error, Result};
use crate::format::gzip::{GzipDecoder, SpanEnd, SpanInflater};
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;

/// How a unit's bytes are coded.
#[derive(Clone)]
pub enum Codec {
    /// Not at all.
    Raw,
    /// Gzip members. What follows the wanted output is not looked at.
    GzipMembers,
    /// Zstandard frames; skippable ones are skipped. What follows the wanted output is not looked at.
    Zstd,
    /// One raw LZ4 block, whose output has exactly the declared length.
    #[cfg(any(feature = "nydus", feature = "overlaybd"))]
    Lz4Block,
    /// From a checkpoint in a gzip blob.
    Zran {
        /// So many high bits of the first byte come before the rest (0 to 7).
        bits: u8,
        /// Up to 32,768 bytes of output in front of it.
        window: Bytes,
    },
    /// Zeros, which have no coded bytes.
    Zeros,
    /// A format's own.
    Other(Rc<dyn Decode>),
}

/// A coding of one format.
pub trait Decode {
    /// Decodes `input` to exactly `len` bytes, allocating no more than it can hold. `CORRUPT_LAYER` if it does not hold
    /// them.
    fn decode(&self, input: Bytes, len: usize, limits: &Limits) -> Result<Bytes>;
}

/// How much output a coded byte is believed to stand for before it has been decoded.
const LIKELY_RATIO: usize = 8;

/// Windows that encoders declare at their highest levels, however little they compress.
pub(crate) const ZSTD_WINDOW: u64 = 32 << 20;

/// Most output bytes that a byte of an LZ4 block stands for.
#[cfg(any(feature = "nydus", feature = "overlaybd"))]
const LZ4_RATIO: usize = 255;

/// The first `len` bytes that `input` decodes to. Memory grows with what is decoded, not with what is declared.
///
/// # Errors
/// `CORRUPT_LAYER` where it is broken or holds less; `LIMIT_EXCEEDED` over `max_span_size`, or over `max_zstd_window` where a window is
/// declared that has more than 32 MiB too.
pub fn decode(codec: &Codec, input: Bytes, len: u64, limits: &Limits) -> Result<Bytes> {
    Limits::check("max_span_size", len, limits.max_span_size)?;
    let len = usize::try_from(len).map_err(|_| Error::limit("max_span_size", len, limits.max_span_size))?;
    match codec {
        Codec::Raw if input.len() >= len => Ok(input.slice(..len)),
        Codec::Raw => Err(corrupt("a stored piece is shorter than it must be")),
        Codec::GzipMembers => {
            let mut gzip = GzipDecoder::new(limits);
            collect(len, input.len(), |sink| gzip.push(&input, sink))
        }
        Codec::Zstd => {
            // Memory grows with the output, which is bounded; what a frame declares says nothing of it.
            let limits =
                Limits { max_zstd_window: limits.max_zstd_window.max(ZSTD_WINDOW), ..limits.clone() };
            let mut zstd = ZstdDecoder::new(&limits);
            collect(len, input.len(), |sink| zstd.push(&input, sink))
        }
        #[cfg(any(feature = "nydus", feature = "overlaybd"))]
        Codec::Lz4Block => {
            if len > input.len().saturating_mul(LZ4_RATIO) {
                return Err(corrupt("an LZ4 block declares more output than it can hold"));
            }
            let mut out = vec![0; len];
            match lz4_flex::block::decompress_into(&input, &mut out) {
                Ok(made) if made == len => Ok(out.into()),
                _ => Err(corrupt("an LZ4 block is broken or has another length than it must")),
            }
        }
        Codec::Zran { bits, window } => {
            SpanInflater::new(*bits, window, input, len, SpanEnd::Last, limits)?.finish()
        }
        Codec::Zeros => Ok(vec![0; len].into()),
        Codec::Other(codec) => {
            let out = codec.decode(input, len, limits)?;
            match out.len() == len {
                true => Ok(out),
                false => Err(corrupt("a piece decodes to another length than it must")),
            }
        }
    }
}

/// A place that decoded bytes go to.
type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<()>;

/// Collects the first `len` bytes that `push` gives, and stops it there.
fn collect(len: usize, input: usize, push: impl FnOnce(Sink<'_>) -> Result<()>) -> Result<Bytes> {
    let mut out = Vec::with_capacity(len.min(input.saturating_mul(LIKELY_RATIO)));
    let result = push(&mut |data| {
        let room = len.saturating_sub(out.len()).min(data.len());
        out.extend_from_slice(data.get(..room).unwrap_or_default());
        match room < data.len() {
            true => Err(corrupt("enough")),
            false => Ok(()),
        }
    });
    match result {
        _ if out.len() == len => Ok(out.into()),
        Ok(()) => Err(corrupt("a compressed piece holds less than it must")),
        Err(e) => Err(e),
    }
}

fn corrupt(message: &str) -> Error {
    Error::new(Code::CorruptLayer, message)
}
