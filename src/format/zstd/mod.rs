//! Zstandard frames (RFC 8878), streamed. Pure.
#![forbid(unsafe_code)]

mod decoder;
mod frame;
#[cfg(feature = "zstd-stream")]
pub mod seek;

pub use decoder::ZstdDecoder;

#[cfg(test)]
mod tests;
