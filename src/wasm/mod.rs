//! wasm-bindgen classes, and transports over `fetch`.
#![allow(unsafe_code)] // what wasm-bindgen generates

mod abort;
mod body;
mod callbacks;
mod convert;
mod error;
mod fetch;
mod files;
mod image;
mod js;
mod options;
mod timer;
mod tree;

pub use fetch::FetchTransport;
