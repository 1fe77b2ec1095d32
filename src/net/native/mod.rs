//! HTTP for native programs, with the feature `native-http`.
//!
//! [`HttpTransport`] needs no async runtime: each request runs on a thread of its own, and futures and streams wake
//! whatever executor polls them (`futures_executor::block_on` will do).
//!
//! It stands on [`ureq`](https://docs.rs/ureq) and [`rustls`](https://docs.rs/rustls) with *ring*. Certificates are
//! checked by the platform's own verifier against the platform's roots, so no list of roots is compiled in; where
//! those come from files, `SSL_CERT_FILE` and `SSL_CERT_DIR` name others. All that this brings is under MIT,
//! Apache-2.0, ISC or BSD-3-Clause.
#![forbid(unsafe_code)]

mod bridge;
mod http;
mod proxy;
mod timer;

pub(crate) use bridge::block_on;
pub use http::HttpTransport;
