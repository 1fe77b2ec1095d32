//! Open a container image where it lies and read single files out of it by HTTP Range, verified,
//! without pulling it.

// The fuzz bodies, which unit tests share, name the crate as its users do.
#[cfg(test)]
extern crate self as ocipeek;

// Pure: bytes in, values out; no I/O, no clock.
#[cfg(any(feature = "nydus", feature = "overlaybd"))]
pub mod erofs;
#[cfg(feature = "estargz")]
pub mod estargz;
#[cfg(feature = "overlaybd")]
pub mod ext4;
#[cfg(feature = "extent")]
pub mod extent;
pub mod formats;
pub mod gzip;
#[cfg(feature = "nydus")]
pub mod nydus;
pub mod oci;
#[cfg(feature = "overlaybd")]
pub mod overlaybd;
pub mod pack;
#[cfg(feature = "archive")]
pub mod packed;
pub mod rootfs;
pub mod soci;
#[cfg(feature = "zstd-stream")]
pub mod stretches;
pub mod tar;
pub mod zstd;
pub mod ztoc;

pub mod budget;
pub mod error;
pub mod limits;
mod order;

// What does I/O, over the traits in `transport` and `source`.
pub mod cache;
#[doc(hidden)]
pub mod http;
pub mod image;
pub mod layer;
pub mod layout;
#[cfg(all(feature = "native-http", not(target_arch = "wasm32")))]
pub mod native;
pub mod registry;
pub mod source;
mod sparse;
pub mod stats;
pub mod transport;

#[cfg(target_arch = "wasm32")]
pub mod wasm;
