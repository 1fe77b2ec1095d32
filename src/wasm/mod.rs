//! wasm-bindgen classes, and transports over `fetch`.
#![allow(unsafe_code)] // what wasm-bindgen generates

mod body;
mod fetch;
mod js;
mod timer;
