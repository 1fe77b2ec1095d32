//! Makes version 2 indexes part of an image, as the reference's `soci convert` does.

use std::collections::BTreeMap;

use super::write::{Document, index_document, manifest_document};
use super::{IMAGE_MANIFEST_DIGEST, INDEX_DIGEST, V2_INDEX};
use crate::error::{Code, Error, Result};
use crate::format::oci::media_type::{OCI_CONFIG, OCI_MANIFEST};
use crate::format::oci::{Descriptor, Digest, ImageIndex, ImageManifest, Platform};

/// The index of one platform's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformIndex {
    /// The image manifest that it was built for.
    pub image_manifest: Digest,
    /// That of [`index_v2`](super::index_v2).
    pub descriptor: Descriptor,
    /// The platform to state for it: what was asked for; where all were, as the image's index states it.
    pub platform: Platform,
}

/// A converted image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The image's new OCI index.
    pub index: Document,
    /// The image manifests that it names in place of those before, in its order. Layers and configs are the same.
    pub manifests: Vec<Document>,
}

/// The OCI index to convert for an image that is a single manifest: `platform` is that of its config, normalised.
pub fn index_of_one(manifest: &Descriptor, platform: Platform) -> ImageIndex {
    let mut only = Descriptor::new(manifest.media_type.clone(), manifest.digest, manifest.size);
    only.platform = Some(platform);
    ImageIndex { manifests: vec![only], artifact_type: None, subject: None, annotations: BTreeMap::new() }
}

/// Adds SOCI indexes to an image. Each image manifest is annotated with its index's digest, and manifests, configs and
/// index get OCI media types; layers keep theirs. `manifests`: what the index names, parsed; those that are missing,
/// as of platforms that nobody fetched, stay as they are.
///
/// `NOT_FOUND` if a manifest with a SOCI index is missing; `INVALID_ARGUMENT` without any SOCI index.
pub fn convert(
    index: &ImageIndex,
    manifests: &BTreeMap<Digest, ImageManifest>,
    soci: &[PlatformIndex],
) -> Result<Converted> {
    if soci.is_empty() {
        let message = "no layer of the image has a zTOC, so there is no SOCI index to add";
        return Err(Error::new(Code::InvalidArgument, message));
    }
    let mut out = index.clone();
    let mut documents = Vec::new();
    let mut soci: Vec<(Descriptor, &PlatformIndex)> =
        soci.iter().map(|s| (s.descriptor.clone(), s)).collect();
    for entry in &mut out.manifests {
        let own = soci.iter_mut().find(|(_, s)| s.image_manifest == entry.digest);
        if entry.artifact_type.as_deref() == Some(V2_INDEX) {
            // An index of an earlier conversion is no image; the reference would take its config for one.
            continue;
        }
        let Some(manifest) = manifests.get(&entry.digest) else {
            if own.is_some() {
                let message = "an image manifest to convert is missing";
                return Err(Error::new(Code::NotFound, message).with_digest(&entry.digest));
            }
            continue;
        };
        let mut manifest = manifest.clone();
        OCI_CONFIG.clone_into(&mut manifest.config.media_type);
        if let Some((descriptor, _)) = &own {
            manifest.annotations.insert(INDEX_DIGEST.to_owned(), descriptor.digest.to_string());
        }
        let document = manifest_document(&manifest);
        (entry.digest, entry.size) = (document.descriptor.digest, document.descriptor.size);
        OCI_MANIFEST.clone_into(&mut entry.media_type);
        entry.data = None;
        entry.annotations = manifest.annotations;
        if let Some((descriptor, _)) = own {
            descriptor.annotations.insert(IMAGE_MANIFEST_DIGEST.to_owned(), entry.digest.to_string());
        }
        documents.push(document);
    }
    for (mut descriptor, of) in soci {
        if !descriptor.annotations.contains_key(IMAGE_MANIFEST_DIGEST) {
            let message = "the image has no manifest that the SOCI index is for";
            return Err(Error::new(Code::NotFound, message).with_digest(&of.image_manifest));
        }
        let platform = of.platform.normalize();
        descriptor.platform = Some(of.platform.clone());
        let before = out.manifests.iter_mut().find(|d| {
            d.artifact_type.as_deref() == Some(V2_INDEX)
                && d.platform.as_ref().is_some_and(|p| p.normalize() == platform)
        });
        match before {
            Some(before) => *before = descriptor,
            None => out.manifests.push(descriptor),
        }
    }
    Ok(Converted { index: index_document(&out), manifests: documents })
}
