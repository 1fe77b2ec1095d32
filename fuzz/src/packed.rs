//! Compressed archives: however they are cut, and from each point as from the start.
//!
//! Input: a byte that says how to cut, then the archive.

use ocipeek::format::gzip::GzipDecoder;
use ocipeek::format::packed::{Cursor, Packing, Pass, Passed};
use ocipeek::format::zstd::ZstdDecoder;
use ocipeek::limits::Limits;

const MAX_OUT: u64 = 4 << 20;

/// One input.
pub fn run(data: &[u8]) {
    let Some((&cut, packed)) = data.split_first() else { return };
    let Some(packing) = Packing::of(packed) else { return };
    let mut limits = Limits::default();
    (limits.max_build_inflated, limits.max_whole_layer_inflated) = (MAX_OUT, MAX_OUT);
    limits.max_zstd_window = 8 << 20;
    let whole = pass(packing, packed, packed.len(), &limits);
    let pieces = pass(packing, packed, usize::from(cut) + 1, &limits);
    let (Some(whole), Some(pieces)) = (&whole, &pieces) else {
        assert_eq!(whole.is_some(), pieces.is_some(), "depends on the cut");
        return;
    };
    assert_eq!((whole.total, &whole.points, &whole.small), (pieces.total, &pieces.points, &pieces.small));
    let tar = unpacked(packing, packed, &limits);
    assert_eq!(tar.len() as u64, whole.total);
    for (start, bytes) in &whole.small {
        assert_eq!(tar[*start as usize..][..bytes.len()], bytes[..]);
    }
    for point in whole.points.list() {
        let (mut cursor, mut out) = (Cursor::new(packing, point, &limits), Vec::new());
        while cursor.wants() < packed.len() as u64 {
            let input = &packed[cursor.wants() as usize..];
            let input = &input[..input.len().min(usize::from(cut) + 1)];
            cursor.push(input, &mut |bytes| out.extend_from_slice(bytes)).expect("the pass read it");
        }
        assert!(out == tar[point.output as usize..], "from {}", point.output);
    }
}

fn pass(packing: Packing, packed: &[u8], piece: usize, limits: &Limits) -> Option<Passed> {
    let mut pass = Pass::new(packing, limits);
    packed.chunks(piece).try_for_each(|part| pass.push(part)).ok()?;
    pass.finish().ok()
}

fn unpacked(packing: Packing, packed: &[u8], limits: &Limits) -> Vec<u8> {
    let mut out = Vec::new();
    let sink = &mut |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        Ok(())
    };
    match packing {
        Packing::Gzip => GzipDecoder::new(limits).push(packed, sink),
        Packing::Zstd => ZstdDecoder::new(limits).push(packed, sink),
    }
    .expect("the pass read it");
    out
}
