//! The bootstrap's layer: a tar with `image/image.boot` and, of newer converters, each blob's contexts.

use bytes::Bytes;

use super::corrupt;
use crate::error::Result;
use crate::format::oci::Digest;
use crate::format::tar::path::clean;
use crate::format::unpack;
use crate::limits::Limits;

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
    /// Unpacks the layer. Over `max_metadata_size` of tar is `LIMIT_EXCEEDED`; without a bootstrap, `CORRUPT_LAYER`.
    pub fn of_layer(layer: Bytes, limits: &Limits) -> Result<Bundle> {
        let (mut boot, mut metas) = (None, Vec::new());
        for (name, content) in unpack::files(&layer, limits)? {
            let name = clean(&name);
            if BOOT.contains(&&*name) {
                boot = Some(content);
            } else if let Some(hex) = name.strip_prefix(META.0).and_then(|n| n.strip_suffix(META.1))
                && let Ok(digest) = super::blob::digest_of_id(hex)
            {
                metas.push((digest, content));
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
