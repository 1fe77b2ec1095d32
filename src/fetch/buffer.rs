//! Bytes of a file that are here, of which readers give out pieces.

#[cfg(any(feature = "extent", feature = "zstd-stream"))]
use {bytes::Bytes, std::ops::Range};

/// Bytes that are given out at a time, at most.
pub(crate) const CHUNK: u64 = 256 << 10;

/// Checked bytes, and the offset that they begin at.
#[cfg(any(feature = "extent", feature = "zstd-stream"))]
pub(crate) struct Buffer(pub u64, pub Bytes);

#[cfg(any(feature = "extent", feature = "zstd-stream"))]
impl Buffer {
    /// What there is from the start of `range` on, up to its end and at most [`CHUNK`] bytes.
    pub(crate) fn piece(&self, range: Range<u64>) -> Option<Bytes> {
        let from = range.start.saturating_sub(self.0);
        let until = range.end.saturating_sub(self.0).min(self.1.len() as u64).min(from.saturating_add(CHUNK));
        // Inside of a buffer that is here.
        (from < until).then(|| self.1.slice(from as usize..until as usize))
    }
}
