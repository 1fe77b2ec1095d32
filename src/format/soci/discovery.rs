//! Annotations by which an image names its SOCI index.

use super::{IMAGE_MANIFEST_DIGEST, INDEX_DIGEST, V1_INDEX, V2_INDEX};
use crate::error::{Code, Error, Result};
use crate::format::oci::json::shown;
use crate::format::oci::{Descriptor, Digest, ImageIndex, ImageManifest};

/// The digest of the version 2 index that an image manifest names in its annotations. This decides; the
/// manifest's own digest vouches for it.
///
/// # Errors
/// `CORRUPT_MANIFEST` where the annotation is not a digest.
pub fn v2_index_digest(manifest: &ImageManifest) -> Result<Option<Digest>> {
    let Some(text) = manifest.annotations.get(INDEX_DIGEST) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let message =
            format!("the image's annotation {INDEX_DIGEST} is {}, which is not a digest", shown(text));
        Error::new(Code::CorruptManifest, message)
    })
}

/// The entry of an OCI index that says it is the version 2 index of an image manifest. With it both can be
/// fetched at once; what the manifest itself names ([`v2_index_digest`]) must then be the same. Nothing where it lists several
/// for one manifest: then only the manifest says which.
pub fn v2_index_in<'a>(index: &'a ImageIndex, image_manifest: &Digest) -> Option<&'a Descriptor> {
    let image = image_manifest.to_string();
    let mut found = index.manifests.iter().filter(|d| {
        // Some tools drop artifactType when they copy an index.
        d.artifact_type.as_deref().is_none_or(|t| t == V2_INDEX)
            && d.annotations.get(IMAGE_MANIFEST_DIGEST) == Some(&image)
    });
    found.next().filter(|first| found.all(|d| d.digest == first.digest))
}

/// The version 1 indexes among an image manifest's referrers, in the registry's order. The registry may not
/// have filtered.
pub fn v1_indexes(referrers: &[Descriptor]) -> impl Iterator<Item = &Descriptor> {
    referrers.iter().filter(|d| d.artifact_type.as_deref() == Some(V1_INDEX))
}

/// The tag under which a registry without the referrers API lists the referrers of `subject`: an OCI index
/// (distribution spec, "Referrers Tag Schema").
pub fn fallback_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}
