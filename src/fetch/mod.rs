//! Ranged, verified, shared fetching: what is asked for by several readers is fetched once.
#![forbid(unsafe_code)]

#[cfg(any(feature = "extent", feature = "zstd-stream"))]
pub(crate) mod buffer;
pub(crate) mod context;
#[cfg(feature = "extent")]
pub(crate) mod immutable;
pub(crate) mod owner;
pub(crate) mod requests;
pub(crate) mod shared_stream;
pub(crate) mod single_flight;
pub(crate) mod span_cache;
pub(crate) mod span_table;
pub(crate) mod spans;
#[cfg(feature = "extent")]
pub(crate) mod units;
