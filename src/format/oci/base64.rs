//! Base64 (RFC 4648, section 4), in embedded blobs and `Basic` credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// With padding.
pub(crate) fn encode(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// `None` for anything but the one spelling that [`encode`] gives.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
