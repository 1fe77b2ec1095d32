//! Base64 (RFC 4648, section 4), which embedded blobs and `Basic` credentials need: few and small, so that an
//! engine made for speed would not be worth its 6 KB of .wasm.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// With padding.
pub(crate) fn encode(data: &[u8]) -> String {
    let mut out = String::with_capacity(data.len().div_ceil(3).saturating_mul(4));
    for chunk in data.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, &b| bits << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// `None` for anything but the one spelling that [`encode`] gives.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (quads, []) = text.as_bytes().as_chunks::<4>() else { return None };
    let mut out = Vec::with_capacity(quads.len().saturating_mul(3));
    for (i, quad) in quads.iter().enumerate() {
        let is_last = i + 1 == quads.len();
        let digits = match quad {
            [_, _, b'=', b'='] if is_last => 2,
            [_, _, _, b'='] if is_last => 3,
            _ => 4,
        };
        let mut bits = 0u32;
        for &c in quad.get(..digits)? {
            bits = bits << 6 | u32::from(value(c)?);
        }
        // Bits behind the last whole byte would be lost.
        let [_, bytes @ ..] = (bits << (6 * (4 - digits))).to_be_bytes();
        let (kept, lost) = bytes.split_at_checked(digits - 1)?;
        if lost.iter().any(|&b| b != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    Some(out)
}

fn value(c: u8) -> Option<u8> {
    Some(match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn encodes_as_the_base64_crate_does(data in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = encode(&data);
            prop_assert_eq!(&text, &STANDARD.encode(&data));
            prop_assert_eq!(decode(&text), Some(data));
        }

        #[test]
        fn decodes_what_the_base64_crate_does(text in "[AQgwz+/=é]{0,12}") {
            prop_assert_eq!(decode(&text), STANDARD.decode(&text).ok());
        }
    }
}
