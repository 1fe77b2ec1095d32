//! The builder against the reference's zTOCs, C zlib, and this crate's reader.

use super::*;
use crate::limits::Limits;
use test_support::demo;

mod corpus;
mod cut;
mod fixtures;

/// Builds with the layer cut into pieces of `piece` bytes.
fn build(layer: &[u8], compression: Compression, span_size: u64, piece: usize) -> Result<BuiltZtoc> {
    let options = BuildOptions { span_size, ..BuildOptions::default() };
    let mut builder = ZtocBuilder::new(compression, options, &Limits::default())?;
    for part in layer.chunks(piece) {
        builder.push(part)?;
    }
    assert_eq!(builder.wants(), layer.len() as u64);
    builder.finish()
}

fn compression(layer: &[u8]) -> Compression {
    if layer.starts_with(&[0x1f, 0x8b]) { Compression::Gzip } else { Compression::Uncompressed }
}
