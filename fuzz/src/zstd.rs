//! Zstandard streams, however they are cut.
//!
//! Input: a byte that says how to cut, then the stream.

use ocipeek::error::Result;
use ocipeek::format::zstd::ZstdDecoder;
use ocipeek::limits::Limits;

const MAX_OUT: u64 = 4 << 20;

/// One input.
pub fn run(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let (out, end) = decode(stream, stream.len().max(1));
    let (out2, end2) = decode(stream, usize::from(cut) + 1);
    assert!(out.len() as u64 <= MAX_OUT);
    assert_eq!(out, out2);
    assert_eq!(end.map_err(|e| e.message().to_owned()), end2.map_err(|e| e.message().to_owned()));
}

fn decode(stream: &[u8], piece: usize) -> (Vec<u8>, Result<()>) {
    let mut limits = Limits::default();
    limits.max_whole_layer_inflated = MAX_OUT;
    limits.max_zstd_window = 8 << 20;
    let (mut decoder, mut out) = (ZstdDecoder::new(&limits), Vec::new());
    for part in stream.chunks(piece) {
        let pushed = decoder.push(part, &mut |made| {
            out.extend_from_slice(made);
            Ok(())
        });
        if let Err(e) = pushed {
            return (out, Err(e));
        }
    }
    (out, decoder.finish())
}
