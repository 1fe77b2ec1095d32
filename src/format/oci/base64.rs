//! Base64 (RFC 4648, section 4), in embedded blobs and `Basic` credentials.

use base64ct::{Base64, Encoding as _};

/// Base64 with padding.
pub(crate) fn encode(data: &[u8]) -> String {
    Base64::encode_string(data)
}

/// The bytes of `text`; `None` for anything but the one spelling that [`encode`] gives.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reads_and_writes_as_another_implementation(
            data in proptest::collection::vec(any::<u8>(), 0..64),
            text in "[A-Da-d0-3+/=_ ]{0,12}",
        ) {
            prop_assert_eq!(encode(&data), STANDARD.encode(&data));
            prop_assert_eq!(decode(&STANDARD.encode(&data)), Some(data));
            prop_assert_eq!(decode(&text), STANDARD.decode(&text).ok());
        }
    }
}
