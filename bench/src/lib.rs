//! The measured loop: inflate one span from its checkpoint to its end.

use bytes::Bytes;
use ocipeek::error::Result;
use ocipeek::gzip::{SpanEnd, SpanInflater};
use ocipeek::limits::Limits;

/// Inflates a span of a layer whose checkpoints fall on whole bytes.
///
/// # Errors
/// Those of [`SpanInflater`].
pub fn inflate(window: &[u8], compressed: Bytes, out_len: usize, last: bool) -> Result<Bytes> {
    let end = if last { SpanEnd::Last } else { SpanEnd::Checkpoint { bits: 0 } };
    SpanInflater::new(0, window, compressed, out_len, end, &Limits::default())?.finish()
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use wasm_bindgen::prelude::*;

    /// As the package does it: bytes in from JavaScript, the inflated bytes out into a buffer of JavaScript's.
    #[wasm_bindgen]
    pub fn inflate(window: &[u8], compressed: Vec<u8>, out_len: usize, last: bool) -> Result<Vec<u8>, JsError> {
        let out = super::inflate(window, compressed.into(), out_len, last).map_err(|e| JsError::new(&e.to_string()))?;
        Ok(out.to_vec())
    }
}
