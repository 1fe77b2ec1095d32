//! The builder of zTOCs against the reader: what is built opens, and its spans are the layer.
//!
//! Input: flags (bit 0: uncompressed, bit 1: the rest is a tar to put into gzip), two bytes of span size, one of piece size, then
//! the layer or tar.

use bytes::Bytes;
use ocipeek::format::gzip::{GzipDecoder, SpanEnd, SpanInflater};
use ocipeek::format::oci::Digest;
use ocipeek::format::ztoc::create::{BuildOptions, BuiltZtoc, ZtocBuilder};
use ocipeek::format::ztoc::{Compression, Ztoc};
use ocipeek::limits::Limits;

/// One input.
pub fn run(data: &[u8]) {
    let Some((&[flags, s0, s1, piece], rest)) = data.split_first_chunk() else { return };
    let compression = if flags & 1 != 0 { Compression::Uncompressed } else { Compression::Gzip };
    let layer = if flags & 3 == 2 { stored(rest) } else { rest.to_vec() };
    let span_size = u64::from(u16::from_le_bytes([s0, s1])) + 1;
    let mut limits = Limits::default();
    (limits.max_build_inflated, limits.max_ztoc_size) = (4 << 20, 16 << 20);

    let whole = build(&layer, compression, span_size, layer.len().max(1), &limits);
    let cut = build(&layer, compression, span_size, usize::from(piece) + 1, &limits);
    let (built, cut) = match (whole, cut) {
        (Some(whole), Some(cut)) => (whole, cut),
        (None, None) => return,
        _ => panic!("how the layer is cut decides"),
    };
    let (ztoc, _) = built.to_bytes().expect("nothing was taken");
    assert!(ztoc == cut.to_bytes().expect("nothing was taken").0);
    assert_eq!(built.layer_digest, Digest::of(&layer));

    let parsed = Ztoc::parse(Bytes::from(ztoc), &limits).expect("what is built opens");
    parsed.check_layer(layer.len() as u64).expect("it is this layer's");
    let (table, spans) = parsed.into_parts();
    assert_eq!((table.len(), spans.len()), (built.entries.len(), built.spans));
    for (a, b) in table.iter().zip(built.entries.iter()) {
        assert_eq!((a.name, a.kind, a.size, a.offset), (b.name, b.kind, b.size, b.offset));
        assert_eq!((a.link_name, a.uname, a.gname, a.mode), (b.link_name, b.uname, b.gname, b.mode));
    }
    let tar = unpack(&layer, compression);
    assert_eq!(built.diff_id, Some(Digest::of(&tar)));
    for i in 0..spans.len() {
        let input = spans.input(i).expect("it is a span");
        let bytes = &layer[input.start as usize..input.end as usize];
        assert_eq!(spans.digest(i), Some(&Digest::of(bytes)));
        let output = spans.output(i).expect("it is a span");
        if compression == Compression::Uncompressed || output.is_empty() {
            continue;
        }
        let start = spans.start(i).expect("it is a span");
        let end = spans.start(i + 1).map_or(SpanEnd::Last, |next| SpanEnd::Checkpoint { bits: next.bits });
        let len = (output.end - output.start) as usize;
        let bytes = Bytes::copy_from_slice(bytes);
        let span = SpanInflater::new(start.bits, start.window, bytes, len, end, &limits);
        let got = span.and_then(SpanInflater::finish).expect("a span inflates");
        assert!(got == tar[output.start as usize..output.end as usize]);
    }
}

fn build(
    layer: &[u8],
    compression: Compression,
    span_size: u64,
    piece: usize,
    limits: &Limits,
) -> Option<BuiltZtoc> {
    let options = BuildOptions::default().span_size(span_size);
    let mut builder = ZtocBuilder::new(compression, options, limits).expect("the span size is in range");
    for piece in layer.chunks(piece) {
        builder.push(piece).ok()?;
    }
    builder.finish().ok()
}

fn unpack(layer: &[u8], compression: Compression) -> Vec<u8> {
    if compression == Compression::Uncompressed {
        return layer.to_vec();
    }
    let mut tar = Vec::new();
    let mut decoder = GzipDecoder::new(&Limits::default());
    let pushed = decoder.push(layer, &mut |part| {
        tar.extend_from_slice(part);
        Ok(())
    });
    pushed.and_then(|()| decoder.finish()).expect("the builder read it, too");
    tar
}

/// Gzip of stored blocks of 1000 bytes, so that what is fuzzed is the tar.
fn stored(tar: &[u8]) -> Vec<u8> {
    let mut out = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    for block in tar.chunks(1000) {
        let len = block.len() as u16;
        out.push(0);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    let mut crc = flate2::Crc::new();
    crc.update(tar);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&(tar.len() as u32).to_le_bytes());
    out
}
