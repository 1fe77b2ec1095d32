// Its example opens an image by name, which takes that feature.
#![cfg_attr(any(feature = "native-http", not(doctest)), doc = include_str!("../README.md"))]

#[macro_use]
mod named;
#[macro_use]
mod setters;

// The ground, which knows nothing of what stands on it.
pub mod budget;
pub mod error;
pub mod limits;
mod sort;
mod turns;

// Pure: bytes in, values out; no I/O, no clock. Hidden: no API, but what tests, fuzz targets and benchmarks reach for.
#[doc(hidden)]
pub mod format;
#[doc(hidden)]
pub mod pack;
#[doc(hidden)]
pub mod rootfs;

// What does I/O, over the traits in `net::transport` and `source`.
mod fetch;
pub mod image;
mod layer;
pub mod net;
pub mod source;

// The faces.
#[cfg(all(feature = "native-http", not(target_arch = "wasm32")))]
pub mod native;
#[cfg(all(target_arch = "wasm32", feature = "js"))]
#[doc(hidden)]
pub mod wasm;

#[cfg(all(feature = "native-http", not(target_arch = "wasm32")))]
#[doc(inline)]
pub use native::{open, open_with};

/// Names and documents of images (OCI image specification).
pub mod oci {
    pub use crate::format::oci::{
        Descriptor, Digest, History, ImageConfig, ImageManifest, Platform, Reference, RootFs, RunConfig,
    };
}

/// Building of SOCI indexes: the zTOC of a layer as its bytes come, the index of an image, images that carry theirs.
#[cfg(feature = "build")]
pub mod build {
    pub use crate::format::soci::{
        Converted, Document, PlatformIndex, SociLayer, convert, index_of_one, index_v1, index_v2, prefetch,
        ztoc_descriptor,
    };
    pub use crate::format::ztoc::create::{BuildOptions, BuiltZtoc, ZtocBuilder};
}
