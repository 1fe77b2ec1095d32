//! What is measured: inflating a span from its checkpoint to its end, and opening a zTOC.

use bytes::Bytes;
use ocipeek::error::Result;
use ocipeek::format::gzip::{SpanEnd, SpanInflater};
use ocipeek::format::ztoc::Ztoc;
use ocipeek::limits::Limits;
use ocipeek::rootfs::PathIndex;

/// Inflates a span of a layer whose checkpoints fall on whole bytes.
///
/// # Errors
/// Those of [`SpanInflater`].
pub fn inflate(window: &[u8], compressed: Bytes, out_len: usize, last: bool) -> Result<Bytes> {
    let end = if last { SpanEnd::Last } else { SpanEnd::Checkpoint { bits: 0 } };
    SpanInflater::new(0, window, compressed, out_len, end, &Limits::default())?.finish()
}

/// A layer that is ready to be looked into.
pub struct Opened {
    /// Entries by path.
    pub index: PathIndex,
    /// Its spans. They hold on to the checkpoints' windows.
    pub spans: ocipeek::format::ztoc::Spans,
}

/// Opens a zTOC and sorts its paths, as the first look into a layer does.
///
/// # Errors
/// Those of [`Ztoc::parse`] and [`PathIndex::new`].
pub fn open_ztoc(bytes: Bytes) -> Result<Opened> {
    let limits = Limits::default();
    let (table, spans) = Ztoc::parse(bytes, &limits)?.into_parts();
    Ok(Opened { index: PathIndex::new(table, &limits)?, spans })
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use ocipeek::error::Error;
    use wasm_bindgen::prelude::*;

    fn js(e: Error) -> JsError {
        JsError::new(&e.to_string())
    }

    /// As the package does it: bytes in from JavaScript, the inflated bytes out into a buffer of JavaScript's.
    #[wasm_bindgen]
    pub fn inflate(
        window: &[u8],
        compressed: Vec<u8>,
        out_len: usize,
        last: bool,
    ) -> Result<Vec<u8>, JsError> {
        let out = super::inflate(window, compressed.into(), out_len, last).map_err(js)?;
        Ok(out.to_vec())
    }

    /// Opens a zTOC; gives the number of entries. It is kept, so that the memory can be read.
    #[wasm_bindgen]
    pub fn open_ztoc(bytes: Vec<u8>) -> Result<usize, JsError> {
        let opened = Box::leak(Box::new(super::open_ztoc(bytes.into()).map_err(js)?));
        Ok(opened.index.table().len())
    }
}
