//! Position of a zstd:chunked layer's TOC, as its annotations state it.

use std::collections::BTreeMap;

use crate::format::oci::Digest;

/// Keys begin with the first since November 2022, and with the second before and in stargz-snapshotter.
const PREFIXES: [&str; 2] = ["io.github.containers.zstd-chunked", "io.containers.zstd-chunked"];

/// Bytes of a skippable frame's header: magic number and length.
pub(super) const SKIPPABLE: u64 = 8;

/// Where the TOC is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its offset in the layer, behind the header of the skippable frame that it is in.
    pub offset: u64,
    /// Its compressed length.
    pub length: u64,
    /// Its length.
    pub unpacked: u64,
    /// The digest of its compressed bytes.
    pub digest: Digest,
}

/// Reads the annotations of a layer of `size` bytes; `None` where they say nothing, or what cannot be.
pub fn position(annotations: &BTreeMap<String, String>, size: u64) -> Option<Position> {
    PREFIXES.iter().find_map(|prefix| {
        let get = |name: &str| annotations.get(&format!("{prefix}.manifest-{name}"));
        let digest = get("checksum")?.parse().ok()?;
        let mut numbers = get("position")?.split(':').map(|n| n.parse::<u64>().ok());
        let (offset, length, unpacked, kind) =
            (numbers.next()??, numbers.next()??, numbers.next()??, numbers.next()??);
        let inside = offset.checked_add(length).is_some_and(|end| end <= size) && offset >= SKIPPABLE;
        // 1: the TOC of CRFS; there is no other.
        (kind == 1 && inside && numbers.next().is_none()).then_some(Position {
            offset,
            length,
            unpacked,
            digest,
        })
    })
}
