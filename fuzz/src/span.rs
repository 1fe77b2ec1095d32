//! Span inflate against C zlib.
//!
//! Input: flags (bits 0-2: bits of the start, 3: last span, 4-6: bits of the end, 7: small steps), two bytes of window
//! length, three of output length, the window, the compressed bytes.

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use ocipeek::format::gzip::{SpanEnd, SpanInflater, header_len};
use ocipeek::limits::Limits;

const MAX_OUT: usize = 1 << 20;

/// One input.
pub fn run(data: &[u8]) {
    let Some((&[flags, w0, w1, l0, l1, l2], rest)) = data.split_first_chunk() else { return };
    let bits = flags & 7;
    let end = if flags & 8 != 0 { SpanEnd::Last } else { SpanEnd::Checkpoint { bits: flags >> 4 & 7 } };
    let window_len = usize::from(u16::from_le_bytes([w0, w1])).min(32 << 10).min(rest.len());
    let (window, compressed) = rest.split_at(window_len);
    let out_len = u32::from_le_bytes([l0, l1, l2, 0]) as usize % (MAX_OUT + 1);
    let new = || {
        let compressed = Bytes::copy_from_slice(compressed);
        SpanInflater::new(bits, window, compressed, out_len, end, &Limits::default())
    };
    let Ok(mut span) = new() else { return };

    let whole = span.inflate_to(out_len);
    assert!(span.output().len() <= out_len);
    assert!(whole.is_err() || span.output().len() == out_len);

    // In steps: the same bytes, and the same verdict.
    let step = if flags & 128 != 0 { 1 + out_len / 50 } else { 1 + out_len / 3 };
    let mut stepped = new().expect("it worked before");
    let mut upto = 0;
    while upto < out_len && stepped.inflate_to(upto).is_ok() {
        upto = (upto + step).min(out_len);
    }
    let last = stepped.inflate_to(out_len);
    assert_eq!(stepped.output(), span.output());
    assert_eq!(last.map_err(|e| e.message().to_owned()), whole.clone().map_err(|e| e.message().to_owned()));

    // Against zlib: the same bytes, be it all of them or those in front of where it breaks.
    assert_eq!(zlib(bits, window, compressed, out_len), span.output());
    assert!(end != SpanEnd::Last || whole.is_ok() == (span.output().len() == out_len));
}

/// What C zlib makes of the span, up to `out_len` bytes, going on over members.
fn zlib(bits: u8, window: &[u8], compressed: &[u8], out_len: usize) -> Vec<u8> {
    let (input, mut out) = (aligned(bits, compressed), window.to_vec());
    let (mut at, end) = (0, window.len() + out_len);
    loop {
        let mut z = Decompress::new(false);
        let window = out[out.len().saturating_sub(32 << 10)..].to_vec();
        if !window.is_empty() {
            z.set_dictionary(&window).expect("a raw stream takes one at any time");
        }
        let from = at;
        let status = loop {
            let mut room = vec![0; (end - out.len()).clamp(1, 1 << 16)];
            let (before_in, before_out) = (z.total_in(), z.total_out());
            let status = z.decompress(&input[at..], &mut room, FlushDecompress::None);
            let made = (z.total_out() - before_out) as usize;
            at = from + z.total_in() as usize;
            out.extend_from_slice(&room[..made]);
            if out.len() >= end
                || !matches!(status, Ok(Status::Ok))
                || (made == 0 && z.total_in() == before_in)
            {
                break status;
            }
        };
        let next = at + 8;
        match (status, input.get(next..).map(header_len)) {
            (Ok(Status::StreamEnd), Some(Ok(Some(len)))) if out.len() < end => at = next + len,
            _ => break,
        }
    }
    out.truncate(end);
    out.split_off(window.len())
}

/// `compressed` without the low bits of its first byte that are not the span's: empty blocks take their place, as
/// many as make the span's first bit fall where it was.
fn aligned(bits: u8, compressed: &[u8]) -> Vec<u8> {
    let Some((&first, rest)) = compressed.split_first().filter(|_| bits != 0) else {
        return compressed.to_vec();
    };
    let (mut out, mut used) = (Vec::new(), 0usize);
    let mut put = |value: u64, count: usize| {
        for i in 0..count {
            if used % 8 == 0 {
                out.push(0u8);
            }
            if let Some(last) = out.last_mut() {
                *last |= ((value >> i & 1) as u8) << (used % 8);
            }
            used += 1;
        }
        used % 8
    };
    let wanted = usize::from(8 - bits);
    let mut have = 0;
    if wanted % 2 == 1 {
        // An empty block with dynamic codes, 93 bits: all 19 code lengths given, those of 18 and 1 being 1 bit.
        put(0b100, 3);
        put(0, 5 + 5);
        put(15, 4);
        for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
            put(u64::from(symbol == 18 || symbol == 1), 3);
        }
        // Code 1 for symbol 18: 138 and 118 zeros; code 0 for symbol 1: the end of block's and a distance's length.
        put(1 | (138 - 11) << 1, 8);
        put(1 | (118 - 11) << 1, 8);
        put(0, 2);
        // End of block.
        have = put(0, 1);
    }
    while have != wanted {
        // An empty block with fixed codes, ten bits.
        have = put(0b010, 10);
    }
    if let Some(last) = out.last_mut() {
        *last |= first & !(0xFF >> bits);
    }
    out.extend_from_slice(rest);
    out
}
