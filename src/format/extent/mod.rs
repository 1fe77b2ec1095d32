//! Extents: where files' contents lie, for formats whose metadata is all in memory. Pure.
//!
//! A [`Unit`] is what is fetched and decoded at once: bytes of a blob and how they are coded. An [`Extent`] is a part of a
//! file: so many bytes of a unit's output, and what vouches for exactly these. Several extents may be of one unit: small
//! files that were compressed together.
#![forbid(unsafe_code)]

mod codec;

use std::ops::Range;

use crate::error::Result;
use crate::format::oci::Descriptor;
use crate::format::tar::EntryTable;

#[cfg(feature = "estargz")]
pub(crate) use codec::ZSTD_WINDOW;
pub use codec::{Codec, Decode, decode};

/// A blob that contents lie in: its place in [`Listing::blobs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlobRef(pub u16);

/// What is fetched and decoded at once.
#[derive(Clone)]
pub struct Unit {
    /// Which blob. Ignored for [`Codec::Zeros`].
    pub blob: BlobRef,
    /// Where its coded bytes begin in the blob. Different units of a blob begin at different offsets.
    pub offset: u64,
    /// How many coded bytes it has. They may hold more than is decoded.
    pub length: u64,
    /// How these are coded.
    pub codec: Codec,
    /// Bytes that decoding gives: at least the ends of all extents that are of it.
    pub decoded: u64,
}

/// A part of a file's content.
#[derive(Clone)]
pub struct Extent {
    /// Where it begins in the file.
    pub file_offset: u64,
    /// How many bytes of the file it is.
    pub len: u64,
    /// What it is decoded from.
    pub unit: Unit,
    /// Bytes of the unit's output in front of it.
    pub skip: u64,
    /// What vouches for its bytes. The whole extent is checked before any of it is given out.
    pub check: Check,
}

impl Extent {
    /// Zeros, which are not fetched.
    pub fn zeros(file_offset: u64, len: u64) -> Self {
        let unit = Unit { blob: BlobRef(0), offset: 0, length: 0, codec: Codec::Zeros, decoded: len };
        Extent { file_offset, len, unit, skip: 0, check: Check::None }
    }
}

/// What vouches for the bytes of an extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Their SHA-256.
    Sha256([u8; 32]),
    /// Their BLAKE3.
    #[cfg(feature = "nydus")]
    Blake3([u8; 32]),
    /// Nothing, or what the codec itself checks.
    None,
}

impl Check {
    /// Whether `data` is what it vouches for.
    pub fn holds(&self, data: &[u8]) -> bool {
        match self {
            Check::Sha256(hash) => crate::format::oci::Digest::of(data).as_bytes() == hash,
            #[cfg(feature = "nydus")]
            Check::Blake3(hash) => blake3::hash(data).as_bytes() == hash,
            Check::None => true,
        }
    }

    /// What a cache keeps the bytes under, their digest; `None` where there is none.
    pub(crate) fn key(&self) -> Option<String> {
        match self {
            Check::Sha256(hash) => Some(crate::format::oci::Digest::from_sha256(*hash).to_string()),
            #[cfg(feature = "nydus")]
            Check::Blake3(hash) => {
                // The digits are those of any digest of this length.
                Some(format!("blake3:{}", crate::format::oci::Digest::from_sha256(*hash).hex()))
            }
            Check::None => None,
        }
    }
}

/// Where the contents of files lie.
pub trait Extents {
    /// The extents that hold bytes `range` of entry `entry`'s content, in order: without gaps, the first one holding
    /// `range.start` and the last one `range.end - 1`. `range` is inside of the file and not empty.
    ///
    /// # Errors
    /// `CORRUPT_LAYER` where the metadata leaves a gap.
    fn extents(&self, entry: usize, range: Range<u64>) -> Result<Vec<Extent>>;

    /// Bytes of heap held.
    fn heap_bytes(&self) -> usize;
}

/// All entries of a layer or of a whole image, and where their contents lie.
pub struct Listing {
    /// The entries, in an order in which hard links come behind what they lead to.
    pub table: EntryTable,
    /// Where their contents lie.
    pub extents: Box<dyn Extents>,
    /// The blobs that these are in.
    pub blobs: Vec<Descriptor>,
}

#[cfg(test)]
mod tests;
