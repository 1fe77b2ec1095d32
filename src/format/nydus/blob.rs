//! Blobs that chunks are in, as a bootstrap describes them.

use bytes::Bytes;

use super::{corrupt, unsupported};
use crate::error::Result;
use crate::format::erofs::le;
use crate::format::oci::Digest;

/// How a blob's chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compressor {
    /// Not at all.
    None,
    /// LZ4 blocks.
    Lz4,
    /// Gzip members.
    Gzip,
    /// Zstandard frames.
    Zstd,
}

impl Compressor {
    /// By its number in blob records.
    pub(super) fn from_id(id: u32) -> Result<Self> {
        Ok(match id {
            0 => Compressor::None,
            1 => Compressor::Lz4,
            2 => Compressor::Gzip,
            3 => Compressor::Zstd,
            _ => return Err(unsupported(&format!("the unknown compressor {id}"))),
        })
    }

    /// By a superblock's flags, of which exactly one must be set.
    pub(super) fn from_flags(flags: u64) -> Result<Self> {
        Ok(match flags & 0xc3 {
            0x1 => Compressor::None,
            0x2 => Compressor::Lz4,
            0x40 => Compressor::Gzip,
            0x80 => Compressor::Zstd,
            _ => return Err(corrupt("a superblock names no compressor, or several")),
        })
    }
}

/// What chunks are digested by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digester {
    /// BLAKE3.
    Blake3,
    /// SHA-256.
    Sha256,
}

impl Digester {
    pub(super) fn from_id(id: u32) -> Result<Self> {
        Ok(match id {
            0 => Digester::Blake3,
            1 => Digester::Sha256,
            _ => return Err(unsupported(&format!("the unknown digester {id}"))),
        })
    }

    pub(super) fn from_flags(flags: u64) -> Result<Self> {
        Ok(match flags & 0xc {
            0x4 => Digester::Blake3,
            0x8 => Digester::Sha256,
            _ => return Err(corrupt("a superblock names no digester, or several")),
        })
    }
}

pub(super) const FEATURE_V2: u32 = 0x4;
pub(super) const FEATURE_ZRAN: u32 = 0x8;
pub(super) const FEATURE_TARFS: u32 = 0x40;
pub(super) const FEATURE_BATCH: u32 = 0x80;
pub(super) const FEATURE_ENCRYPTED: u32 = 0x100;
/// Made of a dictionary of chunks: some of them are in no image.
const FEATURE_DICTIONARY: u32 = 0x200;
pub(super) const FEATURE_EXTERNAL: u32 = 0x800;
/// Features up to here change how blobs are read; those that have no name are refused.
const INCOMPATIBLE: u32 = 0xffff;
const KNOWN: u32 = 0xfff;

const FLAG_TARFS: u64 = 0x200;
const FLAG_AES: u64 = 0x200_0000;
/// The flags that superblocks may have: compressors, digesters, attributes, where digests are, that nothing is encrypted;
/// and those that are reserved for what readers may ignore.
const FLAGS: u64 = 0xfd00_01ff;

/// Refuses by name what a superblock's flags say of all blobs.
pub(super) fn check_flags(flags: u64) -> Result<()> {
    if flags & FLAG_TARFS != 0 {
        return Err(unsupported("blobs that are plain tars (TARFS)"));
    }
    if flags & FLAG_AES != 0 {
        return Err(unsupported("encrypted blobs"));
    }
    if flags & !FLAGS != 0 {
        return Err(unsupported(&format!("the unknown flags {:#x}", flags & !FLAGS)));
    }
    Ok(())
}

/// A blob that chunks are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its digest; of a zran blob, the digest of the OCI layer that the chunks are in.
    pub id: Digest,
    /// Feature bits.
    pub features: u32,
    /// How chunks are compressed that say that they are.
    pub compressor: Compressor,
    /// What chunks are digested by.
    pub digester: Digester,
    /// Bytes of it that hold chunks.
    pub data_size: u64,
    /// Chunks in it.
    pub chunk_count: u32,
    /// Where its [`BlobMeta`](super::BlobMeta) is.
    pub meta: MetaPlace,
}

/// Where a blob's compression contexts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaPlace {
    /// The blob that they are in; in the bootstrap's layer they are called after it.
    pub blob: Digest,
    /// Where they begin there.
    pub offset: u64,
    /// Bytes of them there. A header of [`HEADER_SIZE`](super::HEADER_SIZE) bytes follows.
    pub size: u64,
    /// Bytes of them, decompressed.
    pub unpacked: u64,
    /// How they are compressed.
    pub compressor: Compressor,
}

impl Blob {
    /// Whether its chunks can only be read with its [`BlobMeta`](super::BlobMeta).
    pub fn needs_meta(&self) -> bool {
        self.features & (FEATURE_BATCH | FEATURE_ZRAN) != 0
    }

    /// Whether contexts of so many chunks are this blob's.
    pub(super) fn tells_all(&self, chunks: u32) -> bool {
        chunks == self.chunk_count || self.features & FEATURE_DICTIONARY != 0
    }

    /// Whether its chunks are in an OCI layer's gzip stream.
    pub fn is_zran(&self) -> bool {
        self.features & FEATURE_ZRAN != 0
    }
}

/// Refuses by name what cannot be read.
pub(super) fn check_features(features: u32) -> Result<()> {
    if features & FEATURE_ENCRYPTED != 0 {
        return Err(unsupported("encrypted blobs"));
    }
    if features & FEATURE_TARFS != 0 {
        return Err(unsupported("blobs that are plain tars (TARFS)"));
    }
    if features & FEATURE_EXTERNAL != 0 {
        return Err(unsupported("blobs in external storage"));
    }
    let unknown = features & INCOMPATIBLE & !KNOWN;
    if unknown != 0 {
        return Err(unsupported(&format!("the unknown blob features {unknown:#x}")));
    }
    let contexts = features & (FEATURE_BATCH | FEATURE_ZRAN);
    if contexts != 0 && features & FEATURE_V2 == 0 || contexts == FEATURE_BATCH | FEATURE_ZRAN {
        return Err(corrupt("a blob's features contradict each other"));
    }
    Ok(())
}

/// A blob's identity: the 64 hexadecimal digits of its SHA-256.
pub(super) fn digest_of_id(id: &[u8]) -> Result<Digest> {
    let text = std::str::from_utf8(id).ok().and_then(|hex| format!("sha256:{hex}").parse().ok());
    text.ok_or_else(|| unsupported("blobs whose identity is no SHA-256"))
}

const RECORD: usize = 256;
/// Device numbers are one byte, of which 0 is the bootstrap.
const MAX_BLOBS: usize = 254;
/// A chunk's number in its blob has 24 bits.
pub(super) const MAX_CHUNKS: u32 = 1 << 24;

/// Version 6's blob table.
pub(super) fn blobs_v6(table: &[u8], chunk_size: u32) -> Result<Vec<Blob>> {
    let (records, rest) = table.as_chunks::<RECORD>();
    if !rest.is_empty() || records.len() > MAX_BLOBS {
        return Err(corrupt("a blob table holds a part of a blob, or more than 254"));
    }
    let mut blobs = Vec::with_capacity(records.len());
    for (i, record) in (0u32..).zip(records) {
        let u32_at = |at| u32::from_le_bytes(le(record, at));
        let u64_at = |at| u64::from_le_bytes(le(record, at));
        let features = u32_at(84);
        check_features(features)?;
        if u32_at(216) != 0 {
            return Err(unsupported("encrypted blobs"));
        }
        if u32_at(64) != i || u32_at(68) != chunk_size || u32_at(72) > MAX_CHUNKS {
            return Err(corrupt("a blob's record is of another blob, or has other chunks than the image"));
        }
        let id = digest_of_id(&record[..64])?;
        let meta_digest: [u8; 32] = le(record, 168);
        let separate = meta_digest != [0; 32];
        blobs.push(Blob {
            id,
            features,
            compressor: Compressor::from_id(u32_at(76))?,
            digester: Digester::from_id(u32_at(80))?,
            data_size: u64_at(88),
            chunk_count: u32_at(72),
            meta: MetaPlace {
                blob: if separate { Digest::from_sha256(meta_digest) } else { id },
                offset: u64_at(112),
                size: u64_at(120),
                unpacked: u64_at(128),
                compressor: Compressor::from_id(u32_at(108))?,
            },
        });
    }
    Ok(blobs)
}

/// Version 5's: `u32, u32, identity`, a NUL between records; and per blob 64 bytes in another table, which old images
/// have not.
pub(super) fn blobs_v5(
    mut table: &[u8],
    extended: &[u8],
    compressor: Compressor,
    digester: Digester,
) -> Result<Vec<Blob>> {
    let mut blobs = Vec::new();
    let extended = extended.as_chunks::<64>().0;
    // What is left behind the last one is padding.
    while let Some((_, rest)) = table.split_at_checked(8).filter(|(_, rest)| !rest.is_empty()) {
        let len = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
        let (id, rest) = rest.split_at_checked(len).unwrap_or_default();
        table = rest.get(1..).unwrap_or_default();
        let more = match extended.get(blobs.len()) {
            None if !extended.is_empty() => return Err(corrupt("two tables of blobs differ in length")),
            more => more,
        };
        let features = more.map_or(0, |m| u32::from_le_bytes(le(m, 4)));
        check_features(features)?;
        if features & (FEATURE_BATCH | FEATURE_ZRAN) != 0 {
            return Err(unsupported("batches or checkpoints in version 5"));
        }
        if blobs.len() == usize::from(u16::MAX) {
            return Err(corrupt("more blobs than an image can have"));
        }
        let id = digest_of_id(id)?;
        let no_meta = MetaPlace { blob: id, offset: 0, size: 0, unpacked: 0, compressor: Compressor::None };
        blobs.push(Blob {
            id,
            features,
            compressor,
            digester,
            data_size: more.map_or(0, |m| u64::from_le_bytes(le(m, 16))),
            chunk_count: more.map_or(0, |m| u32::from_le_bytes(le(m, 0))),
            meta: no_meta,
        });
    }
    Ok(blobs)
}

/// A table of the bootstrap; empty ones may be anywhere.
pub(super) fn table(boot: &Bytes, offset: u64, len: u64) -> Result<Bytes> {
    if len == 0 {
        return Ok(Bytes::new());
    }
    let end = offset.checked_add(len).and_then(|end| usize::try_from(end).ok());
    match (usize::try_from(offset), end.filter(|end| *end <= boot.len())) {
        (Ok(start), Some(end)) => Ok(boot.slice(start..end)),
        _ => Err(corrupt("a table of the bootstrap is cut off")),
    }
}
