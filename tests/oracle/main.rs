//! The builder of zTOCs against C zlib, walked as zran walks it, and against what GNU tar and Python's tarfile list.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;
mod compare;
mod export;
mod gzip;
mod listed;
mod tars;
