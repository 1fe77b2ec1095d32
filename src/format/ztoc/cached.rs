//! Cached form of a zTOC, under its layer's digest: behind a head that says of what it is, and how it is known to be
//! that layer's. Only a cache that its owner alone writes to may be believed.

use crate::format::oci::Digest;

const MAGIC: &[u8; 15] = b"ocipeek ztoc 1\n";
/// Bytes of the head: magic and origin, the layer's digest and size, the zTOC's digest and size.
pub const HEAD: usize = 16 + 2 * (32 + 8);

/// How a kept zTOC is known to be its layer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Built here of the whole layer.
    Built,
    /// It came from elsewhere; one that was built here of the whole layer had the same bytes.
    Checked,
    /// The same, but other bytes that say the same.
    CheckedMeaning,
}

impl Origin {
    fn byte(self) -> u8 {
        match self {
            Origin::Built => 0,
            Origin::Checked => b'c',
            Origin::CheckedMeaning => b'm',
        }
    }
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The zTOC's digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// How it is known.
    pub origin: Origin,
}

/// Under which key.
pub fn key(layer: &Digest) -> String {
    format!("index-v1:{layer}")
}

/// The head of a zTOC of a layer, given as digest and size.
pub fn head(layer: (&Digest, u64), kept: &Kept) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.push(kept.origin.byte());
    for (digest, size) in [layer, (&kept.digest, kept.size)] {
        out.extend_from_slice(digest.as_bytes());
        out.extend_from_slice(&size.to_le_bytes());
    }
    out
}

/// What a value that begins so keeps of this layer; `None` if that is nothing.
pub fn read_head(value: &[u8], layer: (&Digest, u64)) -> Option<Kept> {
    let origin = match value.get(MAGIC.len())? {
        0 => Origin::Built,
        b'c' => Origin::Checked,
        b'm' => Origin::CheckedMeaning,
        _ => return None,
    };
    let (digest, size) = value.get(16 + 32 + 8..HEAD)?.split_first_chunk::<32>()?;
    let size = u64::from_le_bytes(size.try_into().ok()?);
    let kept = Kept { digest: Digest::from_sha256(*digest), size, origin };
    (value.get(..HEAD)? == head(layer, &kept)).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let (layer, other) = (Digest::of(b"layer"), Digest::of(b"other"));
        for origin in [Origin::Built, Origin::Checked, Origin::CheckedMeaning] {
            let kept = Kept { digest: Digest::of(b"ztoc"), size: 4, origin };
            let mut head = head((&layer, 9), &kept);
            assert_eq!(head.len(), HEAD);
            assert_eq!(read_head(&head, (&layer, 9)), Some(kept));
            assert_eq!(read_head(&head, (&layer, 8)), None);
            assert_eq!(read_head(&head, (&other, 9)), None);
            assert_eq!(read_head(&head[..HEAD - 1], (&layer, 9)), None);
            head[15] = 3;
            assert_eq!(read_head(&head, (&layer, 9)), None);
        }
        assert_eq!(read_head(b"", (&layer, 9)), None);
    }
}
