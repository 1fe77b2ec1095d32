//! Content digests, `sha256:<64 hex>` (OCI image spec, descriptor.md).

use std::fmt;
use std::str::FromStr;

use super::json::shown;
use crate::error::{Code, Error, Result};

/// A SHA-256 content digest. Other algorithms parse to `UNSUPPORTED`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// From the raw hash.
    pub fn from_sha256(hash: [u8; 32]) -> Self {
        Digest(hash)
    }
    /// The digest of `data`.
    pub fn of(data: &[u8]) -> Self {
        use sha2::Digest as _;
        Digest(sha2::Sha256::digest(data).into())
    }
    /// The raw hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// The 64 lower-case hex digits.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = String::with_capacity(64);
        for b in self.0 {
            out.push(DIGITS[usize::from(b >> 4)] as char);
            out.push(DIGITS[usize::from(b & 15)] as char);
        }
        out
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        let bad = || {
            let message = format!("{} is not a digest; want sha256:<64 lower-case hex digits>", shown(s));
            Error::new(Code::InvalidReference, message)
        };
        let Some((algorithm, hex)) = s.split_once(':') else { return Err(bad()) };
        if matches!(algorithm, "sha384" | "sha512" | "blake3") {
            let message = format!("{algorithm} digests are not supported; only sha256 is");
            return Err(Error::new(Code::Unsupported, message));
        }
        if algorithm != "sha256" || hex.len() != 64 {
            return Err(bad());
        }
        let mut out = [0; 32];
        for (o, pair) in out.iter_mut().zip(hex.as_bytes().as_chunks::<2>().0) {
            let digit = |c: u8| match c {
                b'0'..=b'9' => Some(c - b'0'),
                b'a'..=b'f' => Some(c - b'a' + 10),
                _ => None,
            };
            *o = digit(pair[0]).zip(digit(pair[1])).map(|(h, l)| h << 4 | l).ok_or_else(bad)?;
        }
        Ok(Digest(out))
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn of_nothing() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::of(b""));
        assert_eq!(serde_json::to_string(&Digest::of(b"")).unwrap(), format!("\"{EMPTY}\""));
    }

    #[test]
    fn refused() {
        let hex = &EMPTY[7..];
        for bad in [
            "",
            ":",
            "sha256",
            "sha256:",
            hex,
            &EMPTY[..70],
            &format!("{EMPTY}0"),
            &EMPTY.to_uppercase(),
            &format!("sha256:{}", hex.to_uppercase()),
            &format!("SHA256:{hex}"),
            &format!("sha256:{}g", &hex[1..]),
            &format!("sha256:{}é", &hex[2..]),
            &format!(" {EMPTY}"),
            &format!("{EMPTY}\n"),
            &format!("md5:{}", &hex[..32]),
        ] {
            assert_eq!(bad.parse::<Digest>().unwrap_err().code(), Code::InvalidReference, "{bad:?}");
        }
        let sha512 = format!("sha512:{hex}{hex}");
        assert_eq!(sha512.parse::<Digest>().unwrap_err().code(), Code::Unsupported);
    }
}
