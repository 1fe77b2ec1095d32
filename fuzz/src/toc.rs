//! TOCs of eStargz and zstd:chunked: how the JSON is cut changes nothing, and what is told of a file covers it.
//!
//! Input: flags (bit 0: zstd:chunked), one byte of piece size, two of where the pieces end, then the JSON.

use ocipeek::format::estargz::{Pieces, TocParser};
use ocipeek::format::extent::Listing;
use ocipeek::format::oci::{Descriptor, Digest};
use ocipeek::format::tar::Kind;
use ocipeek::limits::Limits;
use ocipeek::rootfs::PathIndex;

/// One input.
pub fn run(data: &[u8]) {
    let Some((&[flags, piece, e0, e1], json)) = data.split_first_chunk() else { return };
    let pieces = if flags & 1 != 0 { Pieces::Zstd } else { Pieces::Gzip };
    let data_end = u64::from(u16::from_le_bytes([e0, e1]));
    let whole = parse(json, json.len().max(1), pieces, data_end);
    let cut = parse(json, usize::from(piece) + 1, pieces, data_end);
    let (Some(listing), Some(cut)) = (&whole, &cut) else {
        assert!(whole.is_none() && cut.is_none(), "how the JSON is cut decides");
        return;
    };
    assert_eq!(listing.table.len(), cut.table.len());
    for (i, e) in listing.table.iter().enumerate() {
        if e.kind != Kind::Regular || e.size == 0 {
            continue;
        }
        for range in [0..e.size, e.size / 2..e.size, e.size - 1..e.size] {
            let found = listing.extents.extents(i, range.clone()).expect("chunks need no digests here");
            let mut at = found.first().map_or(u64::MAX, |x| x.file_offset);
            assert!(at <= range.start);
            for x in &found {
                assert_eq!(x.file_offset, at);
                at += x.len;
                assert!(x.unit.length == 0 || x.unit.offset + x.unit.length <= data_end);
                assert!(x.skip + x.len <= x.unit.decoded);
            }
            assert!(at >= range.end);
        }
    }
    let Some(listing) = whole else { return };
    drop(PathIndex::new(listing.table, &Limits::default()));
}

fn parse(json: &[u8], piece: usize, pieces: Pieces, data_end: u64) -> Option<Listing> {
    let mut parser = TocParser::new(pieces, data_end, false, &Limits::default());
    for data in json.chunks(piece) {
        parser.push(data).ok()?;
    }
    parser.finish(Descriptor::new("layer", Digest::of(b""), data_end)).ok()
}
