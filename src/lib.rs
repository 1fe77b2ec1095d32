#![doc = include_str!("../README.md")]

// The ground, which knows nothing of what stands on it.
pub mod budget;
pub mod error;
pub mod limits;
mod sort;

// Pure: bytes in, values out; no I/O, no clock.
pub mod format;
pub mod pack;
pub mod rootfs;

// What does I/O, over the traits in `net::transport` and `source`.
mod fetch;
pub mod image;
mod layer;
pub mod net;
pub mod source;

#[cfg(target_arch = "wasm32")]
pub mod wasm;
