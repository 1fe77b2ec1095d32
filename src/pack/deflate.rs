//! Compressed sections.

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::CompressionLevel;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output};

use crate::format::gzip;

/// Compresses one section after the other.
pub(super) struct Deflater(Box<CompressorOxide>);

impl Deflater {
    pub(super) fn new() -> Self {
        let level = CompressionLevel::DefaultLevel;
        Deflater(Box::new(CompressorOxide::with_format_and_level(DataFormat::Raw, level)))
    }

    /// Appends `data` to `out`, compressed if that makes it shorter, and gives the appended length: that of `data`
    /// means that it is not compressed.
    pub(super) fn append(&mut self, data: &[u8], out: &mut Vec<u8>) -> usize {
        let start = out.len();
        self.0.reset();
        let (status, _) = compress_to_output(&mut self.0, data, TDEFLFlush::Finish, |piece| {
            out.extend_from_slice(piece);
            // No use to go on.
            out.len() - start < data.len()
        });
        if status != TDEFLStatus::Done || out.len() - start >= data.len() {
            out.truncate(start);
            out.extend_from_slice(data);
        }
        out.len() - start
    }
}

/// What was compressed to `data` and had `len` bytes. `None` for anything else.
pub(super) fn inflate(data: &[u8], len: usize) -> Option<Vec<u8>> {
    if data.len() == len { Some(data.to_vec()) } else { gzip::inflate_to(data, len) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_back() {
        let mut deflater = Deflater::new();
        let noise: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for data in [&b""[..], b"a", &[7; 100_000], &noise, b"abcabcabcabcabcabcabcabcabcabcabcabcabcabc"] {
            let mut out = b"before".to_vec();
            let len = deflater.append(data, &mut out);
            assert_eq!(out.len(), 6 + len);
            assert!(len <= data.len());
            let packed = &out[6..];
            assert_eq!(inflate(packed, data.len()).unwrap(), data);
            if len < data.len() {
                assert!(inflate(packed, data.len() - 1).is_none());
                assert!(inflate(packed, data.len() + 1).is_none());
                assert!(inflate(&packed[..len - 1], data.len()).is_none());
            }
        }
        assert!(inflate(b"\xff\xff", 10).is_none());
        assert!(inflate(b"", usize::MAX).is_none());
    }
}
