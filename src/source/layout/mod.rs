//! OCI image layouts (OCI image spec, image-layout.md), and what `docker save` writes: a folder, a tar, a URL base or a
//! Blob.
#![forbid(unsafe_code)]

mod docker;
mod files;
mod index;
mod members;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(feature = "archive")]
mod packed;
mod source;
mod tar;
mod url;

#[doc(hidden)]
pub use docker::{SavedImage, parse_saved};
pub use files::{Files, RandomAccess};
#[cfg(not(target_arch = "wasm32"))]
pub use native::{FileAccess, FolderFiles};
pub use source::Layout;
pub use tar::TarFiles;
#[cfg(all(target_arch = "wasm32", feature = "js-reader"))]
pub(crate) use tar::compressed;
pub use url::UrlFiles;

#[cfg(test)]
mod tests;
