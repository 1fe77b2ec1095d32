//! Makes checkpoints of a gzip stream as zTOC builders do.

use crate::format::gzip::header_len;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags as flag};

/// One checkpoint, as a zinfo holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub input: u64,
    pub output: u64,
    pub bits: u8,
    pub window: Vec<u8>,
}

fn window(out: &[u8]) -> Vec<u8> {
    let mut w = vec![0; (32usize << 10).saturating_sub(out.len())];
    w.extend_from_slice(&out[out.len().saturating_sub(32 << 10)..]);
    w
}

/// All checkpoints and the output. `after_headers`: whether a border may also lie behind a later member's header.
pub fn index(gz: &[u8], span_size: u64, after_headers: bool) -> (Vec<Checkpoint>, Vec<u8>) {
    let (mut points, mut out, mut read) = (Vec::<Checkpoint>::new(), Vec::new(), 0);
    let mut note = |read: usize, bits: u8, out: &[u8]| {
        let far = points.last().is_none_or(|last| out.len() as u64 - last.output > span_size);
        if far {
            let output = out.len() as u64;
            points.push(Checkpoint { input: read as u64, output, bits, window: window(out) });
        }
    };
    while gz[read..].starts_with(&[0x1F, 0x8B]) {
        read += header_len(&gz[read..]).unwrap().unwrap();
        if out.is_empty() || after_headers {
            note(read, 0, &out);
        }
        let mut engine = DecompressorOxide::new();
        let mut len = out.len();
        loop {
            out.resize(len + (64 << 10), 0);
            let flags =
                flag::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | flag::TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
            let (status, used, made) = decompress(&mut engine, &gz[read..], &mut out, len, flags);
            (read, len) = (read + used, len + made);
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::BlockBoundary => {
                    out.truncate(len);
                    note(read, engine.block_boundary_state().unwrap().num_bits, &out);
                }
                TINFLStatus::Done => break,
                other => panic!("not a valid stream: {other:?}"),
            }
        }
        out.truncate(len);
        read += 8;
    }
    (points, out)
}
