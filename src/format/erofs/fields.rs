//! Numbers out of bytes, and the error for what cannot be.

use crate::error::{Code, Error, Result};

pub(crate) fn corrupt(message: &str) -> Error {
    Error::new(Code::CorruptLayer, format!("EROFS: {message}"))
}

/// A size that is about to be read at once.
pub(super) fn size(n: u64) -> Result<usize> {
    usize::try_from(n).map_err(|_| corrupt("a size is more than there is memory for"))
}

/// The little-endian integer at `at`, which the caller has checked to be there: zero where it is not.
pub(crate) fn le<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|b| b.first_chunk()).copied().unwrap_or([0; N])
}
