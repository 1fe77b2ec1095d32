//! Which lazy format an image is in, from its manifest alone. Pure, and in every build: one that cannot read a format says so.
#![forbid(unsafe_code)]

mod alternate;

pub(crate) use alternate::beside;
#[cfg(feature = "extent")]
pub(crate) use alternate::referrers;

use crate::format::oci::{Descriptor, ImageManifest};

named! {
    /// What made an image lazy, other than a SOCI index.
    #[derive(PartialOrd, Ord)]
    pub enum Format {
        /// Nydus, RAFS v5 or v6: the whole image.
        Nydus = "nydus",
        /// TurboOCI: the whole image.
        TurboOci = "turbooci",
        /// OverlayBD: the whole image.
        OverlayBd = "overlaybd",
        /// zstd:chunked: a layer.
        ZstdChunked = "zstd-chunked",
        /// eStargz: a layer.
        Estargz = "estargz",
        /// No format, but a zstd layer that is streamed rather than fetched whole.
        Zstd = "zstd",
    }
}

impl Format {
    /// Whether this build reads it.
    pub fn is_built(self) -> bool {
        match self {
            Format::Nydus => cfg!(feature = "nydus"),
            Format::TurboOci | Format::OverlayBd => cfg!(feature = "overlaybd"),
            Format::ZstdChunked | Format::Estargz => cfg!(feature = "estargz"),
            Format::Zstd => cfg!(feature = "zstd-stream"),
        }
    }

    /// Whether it makes one tree of all layers, so that the image is in it or is not.
    pub fn is_merged(self) -> bool {
        self <= Format::OverlayBd
    }
}

named! {
    /// How a layer's format was found.
    pub enum FormatFound {
        /// An annotation of the layer.
        Annotation = "annotation",
        /// The caller named it.
        Named = "named",
        /// The image's index lists the image once more, in that format.
        Index = "index",
        /// The image in that format is attached to the image: whoever may write to the repository can do that. Only where the
        /// caller named the format.
        Referrers = "referrers",
    }
}

/// How an image is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Reader {
    /// By the format that its manifest tells, else by SOCI indexes, else its layers as they are.
    #[default]
    Auto,
    /// By SOCI indexes, or its layers as they are, whatever formats these are in.
    Soci,
    /// By this format alone: an error where the image is not in it.
    Format(Format),
}

impl Reader {
    /// From the name that callers of every language use.
    pub fn parse(name: &str) -> Option<Reader> {
        match name {
            "auto" => Some(Reader::Auto),
            "soci" => Some(Reader::Soci),
            _ => Format::ALL.iter().find(|f| f.as_str() == name).map(|f| Reader::Format(*f)),
        }
    }
}

/// Annotations that tell a layer's format, in the order in which they decide.
const MARKS: [(&str, Format); 7] = [
    ("containerd.io/snapshot/nydus-bootstrap", Format::Nydus),
    ("containerd.io/snapshot/overlaybd/turbo-oci/target-digest", Format::TurboOci),
    ("containerd.io/snapshot/overlaybd/fastoci/target-digest", Format::TurboOci),
    ("containerd.io/snapshot/overlaybd/blob-digest", Format::OverlayBd),
    ("io.github.containers.zstd-chunked.manifest-position", Format::ZstdChunked),
    // Before November 2022, and stargz-snapshotter's still.
    ("io.containers.zstd-chunked.manifest-position", Format::ZstdChunked),
    ("containerd.io/snapshot/stargz/toc.digest", Format::Estargz),
];

/// The annotations of a layer that name a format.
pub fn of_layer(layer: &Descriptor) -> Option<Format> {
    MARKS.iter().find(|(key, _)| layer.annotations.contains_key(*key)).map(|&(_, format)| format)
}

/// The first format, in the order of [`Format`], that a layer is in.
pub fn of_image(manifest: &ImageManifest) -> Option<Format> {
    manifest.layers.iter().filter_map(of_layer).min()
}
