//! OCI image and distribution specifications: references, digests, manifests, platforms. Pure.
#![forbid(unsafe_code)]

pub(crate) mod base64;
mod config;
pub(crate) mod descriptor;
mod digest;
pub(crate) mod json;
mod manifest;
mod matcher;
pub mod media_type;
mod platform;
mod raw_manifest;
mod reference;

pub use config::{History, ImageConfig, RootFs, RunConfig};
pub use descriptor::Descriptor;
pub use digest::Digest;
pub use manifest::{IMAGE_MANIFEST_DIGEST, ImageIndex, ImageManifest, ManifestDoc, parse_manifest};
pub use matcher::{PlatformMatcher, Rank};
pub use media_type::{LayerCompression, layer_compression};
pub use platform::Platform;
pub(crate) use raw_manifest::manifest_media_type;
pub use raw_manifest::{RawManifest, Target};
pub use reference::{Reference, is_loopback};
