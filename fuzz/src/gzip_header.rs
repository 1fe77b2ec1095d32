//! Gzip headers and streams: however they are cut, and against flate2.
//!
//! Input: a byte that says how to cut, then the stream.

use std::io::Read;

use ocipeek::error::Result;
use ocipeek::format::gzip::{GzipDecoder, HeaderParser, header_len};
use ocipeek::limits::Limits;

const MAX_OUT: u64 = 4 << 20;

/// One input.
pub fn run(data: &[u8]) {
    let Some((&cut, gz)) = data.split_first() else { return };
    let piece = usize::from(cut) + 1;

    let whole = header_len(gz).map_err(|e| e.message().to_owned());
    let mut parser = HeaderParser::new();
    let (mut used, mut failed) = (0, None);
    for part in gz.chunks(piece) {
        match parser.push(part) {
            Ok(n) => used += n,
            Err(e) => failed = Some(e.message().to_owned()),
        }
        if parser.is_done() || failed.is_some() {
            break;
        }
    }
    match (whole, failed) {
        (Err(a), Some(b)) => assert_eq!(a, b),
        (Ok(Some(len)), None) => assert!(parser.is_done() && used == len && len <= gz.len()),
        (Ok(None), None) => assert!(!parser.is_done() && used == gz.len()),
        other => panic!("depends on the cut: {other:?}"),
    }

    let (out, end) = decode(gz, gz.len().max(1));
    let (out2, end2) = decode(gz, piece);
    assert_eq!(out, out2);
    assert_eq!(end.is_ok(), end2.is_ok());
    if end.is_ok() {
        let mut oracle = vec![0; out.len()];
        // flate2 takes what follows a member for another one, so only what comes before that counts.
        let mut read = flate2::read::MultiGzDecoder::new(gz);
        read.read_exact(&mut oracle).expect("flate2 reads it");
        assert_eq!(out, oracle);
    }
}

fn decode(gz: &[u8], piece: usize) -> (Vec<u8>, Result<()>) {
    let mut limits = Limits::default();
    limits.max_whole_layer_inflated = MAX_OUT;
    let (mut decoder, mut out) = (GzipDecoder::new(&limits), Vec::new());
    for part in gz.chunks(piece) {
        let pushed = decoder.push(part, &mut |made| {
            out.extend_from_slice(made);
            Ok(())
        });
        if let Err(e) = pushed {
            // How much came before a limit depends on the pieces.
            if e.limit_name().is_some() {
                out.clear();
            }
            return (out, Err(e));
        }
    }
    (out, decoder.finish())
}
