//! wasm-bindgen classes, and transports over `fetch`.
//!
//! Two modules are made of them: the one for reading, with the feature `reader`, and the one for building indexes, with
//! the feature `build`, which is loaded on demand.
#![allow(unsafe_code)] // what wasm-bindgen generates

#[cfg(feature = "reader")]
mod abort;
#[cfg(feature = "reader")]
mod body;
#[cfg(feature = "reader")]
mod callbacks;
#[cfg(feature = "reader")]
mod convert;
#[cfg(feature = "build")]
mod create;
#[cfg(feature = "reader")]
mod descriptor;
mod error;
#[cfg(feature = "reader")]
mod fetch;
#[cfg(feature = "reader")]
mod files;
// The base module has it wherever the one for other formats is loaded.
#[cfg(all(feature = "reader", not(feature = "formats")))]
mod glob;
#[cfg(feature = "reader")]
mod handover;
#[cfg(feature = "reader")]
mod image;
#[cfg(feature = "reader")]
mod indexer;
mod js;
mod memory;
#[cfg(feature = "reader")]
mod meter;
#[cfg(feature = "reader")]
mod open;
#[cfg(feature = "reader")]
mod options;
#[cfg(feature = "reader")]
mod signed;
#[cfg(feature = "reader")]
mod source;
#[cfg(feature = "reader")]
mod timer;
#[cfg(feature = "reader")]
mod tree;
mod values;

#[cfg(feature = "reader")]
pub use fetch::FetchTransport;
