//! The bootstrap's layer: a tar with `image/image.boot` and, of newer converters, each blob's contexts.

use bytes::Bytes;

use super::corrupt;
use crate::budget::Growing;
use crate::error::Result;
use crate::format::gzip::GzipDecoder;
use crate::format::oci::Digest;
use crate::format::tar::path::clean;
use crate::format::tar::{Kind, TarWalker};
use crate::format::zstd::ZstdDecoder;
use crate::limits::Limits;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The second is what the first converters called it.
const BOOT: [&[u8]; 2] = [b"image/image.boot", b"image.boot"];
const META: (&[u8], &[u8]) = (b"image/", b".blob.meta");

/// What a bootstrap's layer holds.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The bootstrap.
    pub boot: Bytes,
    /// Contexts of blobs, by the blob that they would otherwise be in: see [`BlobMeta`](super::BlobMeta).
    pub metas: Vec<(Digest, Bytes)>,
}

impl Bundle {
    /// Unpacks the layer, gzip, zstd or plain tar, as its first bytes say. Over `max_metadata_size` of tar is
    /// `LIMIT_EXCEEDED`.
    pub fn of_layer(layer: Bytes, limits: &Limits) -> Result<Bundle> {
        let mut tar = Growing::default();
        let mut keep = |piece: &[u8]| {
            let len = (tar.len() as u64).saturating_add(piece.len() as u64);
            Limits::check("max_metadata_size", len, limits.max_metadata_size)?;
            tar.push(piece)
        };
        if layer.starts_with(&GZIP) {
            let mut gzip = GzipDecoder::new(limits);
            gzip.push(&layer, &mut keep)?;
            gzip.finish()?;
        } else if layer.starts_with(&ZSTD) {
            let mut zstd = ZstdDecoder::new(limits);
            zstd.push(&layer, &mut keep)?;
            zstd.finish()?;
        } else {
            return Bundle::of_tar(&layer, limits);
        }
        Bundle::of_tar(&tar.finish().into(), limits)
    }

    /// Finds them in the layer's tar. `CORRUPT_LAYER` where there is no bootstrap.
    pub fn of_tar(tar: &Bytes, limits: &Limits) -> Result<Bundle> {
        let mut walker = TarWalker::new(limits);
        while !walker.is_done() {
            let at = usize::try_from(walker.wants()).unwrap_or(usize::MAX);
            match tar.get(at..) {
                Some(rest) if !rest.is_empty() && walker.push(rest)? > 0 => {}
                _ => break,
            }
        }
        let table = walker.finish(Some(tar.len() as u64))?;
        let (mut boot, mut metas) = (None, Vec::new());
        for entry in table.iter().filter(|e| e.kind == Kind::Regular) {
            let end = entry.offset.checked_add(entry.size);
            let range = usize::try_from(entry.offset).ok().zip(end.and_then(|end| usize::try_from(end).ok()));
            let Some((start, end)) = range.filter(|(_, end)| *end <= tar.len()) else {
                return Err(corrupt("the bootstrap's layer is cut off"));
            };
            let name = clean(entry.name);
            if BOOT.contains(&&*name) {
                boot = Some(tar.slice(start..end));
            } else if let Some(hex) = name.strip_prefix(META.0).and_then(|n| n.strip_suffix(META.1))
                && let Ok(digest) = super::blob::digest_of_id(hex)
            {
                metas.push((digest, tar.slice(start..end)));
            }
        }
        let boot = boot.ok_or_else(|| corrupt("the layer of the bootstrap holds no image/image.boot"))?;
        Ok(Bundle { boot, metas })
    }

    /// The contexts that would otherwise be in `blob`.
    pub fn meta(&self, blob: &Digest) -> Option<&Bytes> {
        self.metas.iter().find(|(digest, _)| digest == blob).map(|(_, meta)| meta)
    }
}
