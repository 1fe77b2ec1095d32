//! Ranged, verified, shared fetching: what is asked for by several readers is fetched once.
#![forbid(unsafe_code)]

pub(crate) mod body;
pub(crate) mod buffer;
pub(crate) mod context;
pub(crate) mod hashed;
#[cfg(feature = "extent")]
pub(crate) mod immutable;
pub(crate) mod owner;
pub(crate) mod scheduler;
pub(crate) mod shared_stream;
pub(crate) mod single_flight;
pub(crate) mod span_cache;
