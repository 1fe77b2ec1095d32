//! Zstandard frames (RFC 8878), streamed. Pure.
#![forbid(unsafe_code)]

mod decoder;
mod frame;

pub use decoder::ZstdDecoder;

#[cfg(test)]
mod tests;
