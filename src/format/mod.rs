//! Formats: what the bytes of images, layers and indexes mean. Pure: bytes in, values out; no I/O, no clock.
#![forbid(unsafe_code)]

#[cfg(any(feature = "nydus", feature = "overlaybd"))]
pub mod erofs;
#[cfg(feature = "estargz")]
pub mod estargz;
#[cfg(feature = "overlaybd")]
pub mod ext4;
#[cfg(feature = "extent")]
pub mod extent;
pub(crate) mod failure;
pub mod gzip;
pub mod lazy;
#[cfg(feature = "nydus")]
pub mod nydus;
pub mod oci;
#[cfg(feature = "overlaybd")]
pub mod overlaybd;
#[cfg(feature = "archive")]
pub mod packed;
pub mod soci;
pub mod tar;
pub mod unpack;
pub mod zstd;
pub mod ztoc;
