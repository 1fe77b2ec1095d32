//! The registry client against a registry in memory that misbehaves on purpose.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod auth;
mod blobs;
mod discovery;
mod idle;
mod images;
mod layouts;
mod manifests;
mod names;
mod redirects;
mod referrers;
mod scheme;
mod signed;
mod tokens;

use bytes::Bytes;
use futures_util::TryStreamExt;
use ocipeek::error::Result;
use ocipeek::format::oci::Descriptor;
use ocipeek::source::Source;
use std::ops::Range;

/// Bytes that are all over the place but always the same.
fn noise(len: usize) -> Bytes {
    let mut state: u32 = 7;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

async fn read(source: &dyn Source, d: &Descriptor, range: Range<u64>) -> Result<Vec<u8>> {
    Ok(source.blob_range(d, range).await?.try_collect::<Vec<_>>().await?.concat())
}

async fn read_all(source: &dyn Source, d: &Descriptor) -> Result<Vec<u8>> {
    Ok(source.blob_stream(d).await?.try_collect::<Vec<_>>().await?.concat())
}

/// `#` and 8 digits, as the mock's lines show a digest.
fn short(d: &Descriptor) -> String {
    format!("#{}", &d.digest.hex()[..8])
}
