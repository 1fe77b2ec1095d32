//! wasm-bindgen classes, and transports over `fetch`.
//!
//! Two modules are made of them: the one for reading, with the feature `js-reader`, and the one for building indexes, with
//! the feature `js-builder`, which is loaded on demand.
#![allow(unsafe_code)] // what wasm-bindgen generates

#[cfg(feature = "js-reader")]
mod abort;
#[cfg(feature = "js-reader")]
mod body;
#[cfg(feature = "js-reader")]
mod callbacks;
#[cfg(feature = "js-reader")]
mod convert;
#[cfg(feature = "js-builder")]
mod create;
#[cfg(feature = "js-reader")]
mod descriptor;
mod error;
#[cfg(feature = "js-reader")]
mod fetch;
#[cfg(feature = "js-reader")]
mod files;
// The base module has it wherever the one for other formats is loaded.
#[cfg(all(feature = "js-reader", not(feature = "formats")))]
mod glob;
#[cfg(feature = "js-reader")]
mod handover;
#[cfg(feature = "js-reader")]
mod image;
#[cfg(feature = "js-reader")]
mod indexer;
mod js;
mod memory;
#[cfg(feature = "js-reader")]
mod meter;
#[cfg(feature = "js-reader")]
mod open;
#[cfg(feature = "js-reader")]
mod options;
#[cfg(feature = "js-reader")]
mod signed;
#[cfg(feature = "js-reader")]
mod source;
#[cfg(feature = "js-reader")]
mod timer;
#[cfg(feature = "js-reader")]
mod tree;
mod values;

#[cfg(feature = "js-reader")]
pub use fetch::FetchTransport;
