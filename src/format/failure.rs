//! First failure of a decoder, which each later call gives again.

use crate::error::{Error, Result};

/// A step of a decoder that keeps its failure where `failed` says: after one there are no more, only the failure again.
pub(crate) fn sticky<D>(
    decoder: &mut D,
    failed: fn(&mut D) -> &mut Option<Error>,
    step: impl FnOnce(&mut D) -> Result<()>,
) -> Result<()> {
    if let Some(e) = failed(decoder) {
        return Err(e.clone());
    }
    let result = step(decoder);
    *failed(decoder) = result.as_ref().err().cloned();
    result
}
