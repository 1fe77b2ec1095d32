//! Builds a zTOC and compares all it says with the oracles.

use bytes::Bytes;
use ocipeek::format::oci::Digest;
use ocipeek::format::tar::{EntryTable, Mtime};
use ocipeek::format::ztoc::create::{BuildOptions, BuiltZtoc, Piece, ZtocBuilder};
use ocipeek::format::ztoc::{Compression, Spans, Ztoc};
use ocipeek::limits::Limits;

use crate::tars::{File, Tar};
use test_support::zran::{Point, Zran};

/// Builds from pieces of `piece` bytes.
pub fn build(layer: &[u8], compression: Compression, span_size: u64, piece: usize) -> (BuiltZtoc, Vec<u8>) {
    let options = BuildOptions::default().span_size(span_size);
    let mut builder = ZtocBuilder::new(compression, options, &Limits::default()).unwrap();
    for piece in layer.chunks(piece.max(1)) {
        builder.push(piece).unwrap();
    }
    let built = builder.finish().unwrap();
    let (bytes, digest) = built.to_bytes().unwrap();
    assert_eq!(digest, Digest::of(&bytes));
    (built, bytes)
}

/// The layer through zran: checkpoints and the tar.
pub fn zran(layer: &[u8], span_size: u64) -> (Vec<Point>, Vec<u8>) {
    let (mut zran, mut tar) = (Zran::new(span_size), Vec::new());
    zran.push(layer, &mut |out| tar.extend_from_slice(out)).unwrap();
    assert!(zran.is_done());
    (std::mem::take(&mut zran.points), tar)
}

/// Checks the zTOC of a gzip layer against zran, and gives its entries.
pub fn gzip_layer(layer: &[u8], span_size: u64, piece: usize) -> (BuiltZtoc, EntryTable) {
    let (points, tar) = zran(layer, span_size);
    let (built, bytes) = build(layer, Compression::Gzip, span_size, piece);
    assert_eq!(built.layer_digest, Digest::of(layer));
    assert_eq!(built.diff_id, Some(Digest::of(&tar)));
    assert_eq!((built.layer_size, built.tar_size), (layer.len() as u64, tar.len() as u64));
    let (entries, spans) = parts(layer, bytes);
    assert_eq!((spans.len(), built.spans, spans.span_size()), (points.len(), points.len(), span_size));
    assert_eq!((spans.compression(), spans.is_v1_first()), (Compression::Gzip, false));
    let [Piece::Bytes(front), Piece::Taken(0), Piece::Bytes(records), Piece::Bytes(_)] = built.pieces()
    else {
        panic!("nothing was taken")
    };
    let head = [&(points.len() as u32).to_le_bytes()[..], &span_size.to_le_bytes()].concat();
    assert!(front.ends_with(&head) && records == points.iter().flat_map(record).collect::<Vec<u8>>());
    for (i, point) in points.iter().enumerate() {
        let (start, input) = (spans.start(i).unwrap(), spans.input(i).unwrap());
        let shared = u64::from(point.bits != 0);
        let end = points.get(i + 1).map_or(layer.len() as u64, |next| next.input);
        assert_eq!(start.bits, point.bits, "bits of {i}");
        assert_eq!(input, point.input - shared..end, "compressed range of {i}");
        assert_eq!(spans.output(i).unwrap().start, point.output, "output of {i}");
        let compressed = &layer[input.start as usize..input.end as usize];
        assert_eq!(spans.digest(i), Some(&Digest::of(compressed)), "digest of {i}");
    }
    (built, entries)
}

/// Checks the zTOC of a tar, whose spans are equal parts, and gives its entries.
pub fn tar_layer(layer: &[u8], span_size: u64, piece: usize) -> (BuiltZtoc, EntryTable) {
    let (built, bytes) = build(layer, Compression::Uncompressed, span_size, piece);
    assert_eq!(built.diff_id.as_ref(), Some(&built.layer_digest));
    let (entries, spans) = parts(layer, bytes);
    let parts: Vec<&[u8]> = layer.chunks(usize::try_from(span_size).unwrap()).collect();
    assert_eq!((spans.len(), spans.compression()), (parts.len(), Compression::Uncompressed));
    for (i, part) in parts.iter().enumerate() {
        assert_eq!(spans.digest(i), Some(&Digest::of(part)), "digest of {i}");
    }
    (built, entries)
}

/// A checkpoint as zTOCs hold it.
fn record(p: &Point) -> Vec<u8> {
    [&p.input.to_le_bytes()[..], &p.output.to_le_bytes(), &[p.bits], &p.window].concat()
}

fn parts(layer: &[u8], ztoc: Vec<u8>) -> (EntryTable, Spans) {
    let ztoc = Ztoc::parse(Bytes::from(ztoc), &Limits::default()).unwrap();
    ztoc.check_layer(layer.len() as u64).unwrap();
    ztoc.into_parts()
}

/// Checks entries against the files of a tar, and where it ends for its reader.
pub fn entries(built: &BuiltZtoc, entries: &EntryTable, files: &[&File], tar: &Tar) {
    assert_eq!(built.archive_size, tar.end);
    assert_eq!(entries.len(), files.len());
    for ((entry, file), &offset) in entries.iter().zip(files).zip(&tar.offsets) {
        assert_eq!((entry.name, entry.kind, entry.offset), (&*file.name, file.kind, offset));
        assert_eq!((entry.size, entry.mode), (file.data.len() as u64, file.mode));
        assert_eq!((entry.uid, entry.gid), (file.uid, file.gid));
        assert_eq!((entry.uname, entry.gname), (&*file.uname, &*file.gname));
        let (secs, nanos) = file.mtime;
        assert_eq!(entry.mtime, Some(Mtime { secs, nanos }));
        assert_eq!((entry.link_name, (entry.dev_major, entry.dev_minor)), (&*file.link, file.dev));
        let xattrs: Vec<_> = entry.xattrs.into_iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
        assert_eq!(xattrs, file.xattrs);
    }
    let xattrs = files.iter().any(|f| !f.xattrs.is_empty());
    assert_eq!(built.needs_xattrs, xattrs);
}

/// Checks that the files of a tar are what GNU tar lists of it: that the oracle's own tars are tars.
pub fn listing(files: &[&File], tar: &Tar) {
    let listed = crate::listed::listed(&tar.bytes);
    assert_eq!(listed.len(), files.len());
    for ((listed, at), (file, block)) in listed.iter().zip(files.iter().zip(&tar.listed)) {
        assert_eq!(at, block);
        let mut want = (*file).clone();
        if let (..0, 1..) = want.mtime {
            // It rounds to 1970 and then tells the fraction that is to be taken off.
            want.mtime = (want.mtime.0 + 1, 1_000_000_000 - want.mtime.1);
        }
        want.data.fill(0);
        want.xattrs.iter_mut().for_each(|x| x.1.fill(0));
        assert_eq!(*listed, want);
    }
}
