use bytes::Bytes;

use super::*;
use crate::error::Code;
use crate::limits::Limits;

fn sample() -> Vec<u8> {
    (0..200_000u32).map(|i| (i % 251 * (i >> 9)) as u8).collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

fn run(codec: &Codec, input: &[u8], len: u64) -> Result<Bytes> {
    decode(codec, Bytes::copy_from_slice(input), len, &Limits::default())
}

#[test]
fn every_codec_gives_what_is_asked_and_no_more() {
    let data = sample();
    let two = [gzip(&data[..70_000]), gzip(&data[70_000..]), b"junk".to_vec()].concat();
    let frames =
        [zstd(&data[..70_000]), vec![0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9], zstd(&data[70_000..])]
            .concat();
    for len in [0, 1, 69_999, 70_000, 70_001, 200_000] {
        for (codec, input) in [(Codec::Raw, &data), (Codec::GzipMembers, &two), (Codec::Zstd, &frames)] {
            assert!(run(&codec, input, len).unwrap() == data[..len as usize], "{len}");
        }
        assert!(run(&Codec::Zeros, b"", len).unwrap().iter().all(|&b| b == 0));
    }
    for (codec, input) in [(Codec::Raw, &data), (Codec::GzipMembers, &two), (Codec::Zstd, &frames)] {
        assert_eq!(run(&codec, input, 200_001).unwrap_err().code(), Code::CorruptLayer);
        assert!(run(&codec, &input[..input.len() / 2], 200_000).is_err());
    }
}

#[test]
fn a_checkpoint_reads_on_with_its_window() {
    let data = sample();
    let packed = gzip(&data);
    let whole = Codec::Zran { bits: 0, window: Bytes::new() };
    assert!(run(&whole, &packed[10..], 150_000).unwrap() == data[..150_000]);
}

#[cfg(any(feature = "nydus", feature = "overlaybd"))]
#[test]
fn lz4_blocks_have_their_length() {
    // Literals "abcd", then a match of 12 at distance 4, then the last literals "wxyz!".
    let block = [0x48, b'a', b'b', b'c', b'd', 4, 0, 0x50, b'w', b'x', b'y', b'z', b'!'];
    assert_eq!(run(&Codec::Lz4Block, &block, 21).unwrap(), &b"abcdabcdabcdabcdwxyz!"[..]);
    for len in [0, 20, 22, 4000] {
        assert_eq!(run(&Codec::Lz4Block, &block, len).unwrap_err().code(), Code::CorruptLayer, "{len}");
    }
    assert_eq!(run(&Codec::Lz4Block, &block[..6], 21).unwrap_err().code(), Code::CorruptLayer);
}

#[test]
fn limits_come_first() {
    let limits = Limits { max_span_size: 10, ..Limits::default() };
    let e = decode(&Codec::Zeros, Bytes::new(), 11, &limits).unwrap_err();
    assert_eq!(e.limit_name(), Some("max_span_size"));
}

#[test]
fn checks_hold_for_their_bytes_alone() {
    let sha = Check::Sha256(*crate::format::oci::Digest::of(b"abc").as_bytes());
    assert!(sha.holds(b"abc") && !sha.holds(b"abd") && Check::None.holds(b""));
    #[cfg(feature = "nydus")]
    {
        let blake = Check::Blake3(*blake3::hash(b"abc").as_bytes());
        assert!(blake.holds(b"abc") && !blake.holds(b"abcd"));
    }
}
