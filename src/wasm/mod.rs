//! wasm-bindgen classes, and transports over `fetch`.
#![allow(unsafe_code)] // what wasm-bindgen generates
