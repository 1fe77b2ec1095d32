//! Cached form of a pass over a layer. A head says of which layer it is and carries a digest of the rest, so that
//! damage is a miss.

use bytes::Bytes;
use sha2::Digest as _;

use super::headers::unpack;
use super::{SEGMENT_SIZE, SeekIndex, Segment};
use crate::error::{Code, Error, Result};
use crate::format::oci::Descriptor;
use crate::format::tar::EntryTable;
use crate::limits::Limits;

const MAGIC: &[u8; 16] = b"ocipeek strch 1\n";
/// Magic, the layer's digest and size, the digest of what follows.
const HEAD: usize = 16 + 32 + 8 + 32;
/// Four numbers and a digest.
const SEGMENT_LEN: usize = 4 * 8 + 32;

fn head(layer: &Descriptor, body: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(layer.digest.as_bytes());
    out.extend_from_slice(&layer.size.to_le_bytes());
    out.extend_from_slice(&sha2::Sha256::digest(body));
    out
}

/// The value for a layer: the head, the number of segments (8 bytes), the segments, and the packed `headers`.
pub fn to_bytes(layer: &Descriptor, index: &SeekIndex, headers: &[u8]) -> Bytes {
    let mut body = (index.len() as u64).to_le_bytes().to_vec();
    for s in &index.0 {
        for number in [s.end, s.until, s.frame, s.frame_start] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(&s.digest);
    }
    body.extend_from_slice(headers);
    let mut out = head(layer, &body);
    out.append(&mut body);
    out.into()
}

/// Reads a value. `CORRUPT_LAYER` where it is damaged or another layer's; `LIMIT_EXCEEDED`.
pub fn parse(value: &[u8], layer: &Descriptor, limits: &Limits) -> Result<(SeekIndex, EntryTable)> {
    let (start, body) = value.split_at_checked(HEAD).ok_or_else(damaged)?;
    if start != head(layer, body) {
        return Err(damaged());
    }
    parse_body(body, layer.size, limits)
}

/// Reads what follows the head, of a layer of `size` bytes.
pub fn parse_body(body: &[u8], size: u64, limits: &Limits) -> Result<(SeekIndex, EntryTable)> {
    let (count, rest) = body.split_first_chunk::<8>().ok_or_else(damaged)?;
    let count = u64::from_le_bytes(*count);
    Limits::check("max_spans", count, limits.max_spans)?;
    let len = usize::try_from(count).ok().and_then(|n| n.checked_mul(SEGMENT_LEN)).ok_or_else(damaged)?;
    let (segments, headers) = rest.split_at_checked(len).ok_or_else(damaged)?;
    let mut list = Vec::<Segment>::with_capacity(len / SEGMENT_LEN);
    for record in segments.as_chunks::<SEGMENT_LEN>().0 {
        let number = |at: usize| {
            record.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        let digest = record.last_chunk().copied().ok_or_else(damaged)?;
        let [end, until, frame, frame_start] = [0, 8, 16, 24].map(number);
        let (start, least) = list.last().map_or((0, 0), |before| (before.end, before.until));
        if end <= start
            || end - start > SEGMENT_SIZE
            || frame_start > start
            || frame >= until
            || until < least
            || until > size
        {
            return Err(damaged());
        }
        // The next one is not read from an earlier frame.
        if list.last().is_some_and(|before| frame < before.frame || frame_start < before.frame_start) {
            return Err(damaged());
        }
        list.push(Segment { end, until, frame, frame_start, digest });
    }
    let index = SeekIndex(list);
    let table = unpack(headers, index.total(), limits)?;
    Ok((index, table))
}

fn damaged() -> Error {
    Error::new(Code::CorruptLayer, "the kept index of a layer is damaged")
}
