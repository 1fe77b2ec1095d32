//! Alternate manifest: the place where an image is once more, in a format that makes one tree of its layers, while
//! its tag is the ordinary one.

use super::{Format, Reader};
use crate::format::oci::{Descriptor, ImageIndex};

/// Names a Nydus image in an index (nydusify since 2.3.5).
const NYDUS_MANIFEST: &str = "application/vnd.nydus.image.manifest.v1+json";
/// Did so before, in the platform.
const NYDUS_FEATURE: &str = "nydus.remoteimage.v1";

/// Types that referrers have which are the image once more. Those of Nydus may have no type of their own: then it is their
/// config's.
#[cfg(feature = "extent")]
const REFERRERS: [(Format, &str); 5] = [
    (Format::Nydus, NYDUS_MANIFEST),
    (Format::Nydus, "application/vnd.nydus.image.config.v1+json"),
    (Format::Nydus, crate::format::oci::media_type::OCI_CONFIG),
    (Format::OverlayBd, "application/vnd.containerd.overlaybd.native.v1+json"),
    (Format::TurboOci, "application/vnd.containerd.overlaybd.turbo.v1+json"),
];

/// Marks the entry of an index that is another one again with Zstandard layers, behind which may be zstd:chunked.
const ZSTD_ENTRY: &str = "io.github.containers.compression.zstd";

/// The entry of an index that is its entry `image` once more, in a format that is wanted. Only Nydus and zstd:chunked are kept
/// like this, and the latter is taken only where the caller names it.
pub fn beside<'a>(index: &'a ImageIndex, image: &Descriptor, reader: Reader) -> Option<&'a Descriptor> {
    // A .wasm that does not read it asks for the one that does. Of formats that are named, only those that are read get here.
    let can = Format::Nydus.is_built() || cfg!(all(target_arch = "wasm32", feature = "js-reader"));
    let zstd = cfg!(feature = "estargz") && reader == Reader::Format(Format::ZstdChunked);
    if !(reader == Reader::Auto && can || reader == Reader::Format(Format::Nydus) || zstd) {
        return None;
    }
    let of = |d: &Descriptor| d.platform.as_ref().map(|p| p.normalize());
    let platform = of(image)?;
    index.manifests.iter().find(|d| {
        let same = of(d).is_some_and(|p| {
            (&p.os, &p.architecture, &p.variant) == (&platform.os, &platform.architecture, &platform.variant)
        });
        let feature = d.platform.iter().flat_map(|p| &p.os_features).any(|f| f == NYDUS_FEATURE);
        if zstd {
            return same && d.annotations.get(ZSTD_ENTRY).is_some_and(|v| v == "true");
        }
        same && (d.artifact_type.as_deref() == Some(NYDUS_MANIFEST) || feature)
    })
}

/// The types of referrers in which the image may be once more. None where `reader` does not name a format, or the image
/// is in it already.
#[cfg(feature = "extent")]
pub fn referrers(manifest: &crate::format::oci::ImageManifest, reader: Reader) -> Vec<&'static str> {
    match reader {
        Reader::Format(format) if super::of_image(manifest) != Some(format) => {
            REFERRERS.iter().filter(|(of, _)| *of == format).map(|(_, t)| *t).collect()
        }
        _ => Vec::new(),
    }
}
