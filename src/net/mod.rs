//! Network: the transport that hosts provide, HTTP over it, and the client of registries.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod http;
pub(crate) mod inline;
#[cfg(all(feature = "native-http", not(target_arch = "wasm32")))]
pub mod native;
pub mod registry;
pub(crate) mod retry_damaged;
pub mod stats;
pub mod transport;
