//! Lengths in Zstandard headers, so that only whole headers and blocks reach the block decoder.

use crate::error::{Code, Error, Result};

/// Most bytes of a block, compressed or not.
pub(super) const MAX_BLOCK: usize = 128 << 10;

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE: u32 = 0x184D_2A50;

/// What the first bytes of a frame say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// Not decidable yet: so many bytes are needed in all.
    Needs(usize),
    /// A frame of data, whose header has this length; the window that it declares, if any.
    Frame { header: usize, checksum: bool, window: Option<u64> },
    /// A frame to skip: the bytes that follow the eight of its header.
    Skip(u32),
}

/// Reads the start of a frame.
pub(super) fn head(data: &[u8]) -> Result<Head> {
    let Some(&[a, b, c, d]) = data.first_chunk::<4>() else { return Ok(Head::Needs(4)) };
    let magic = u32::from_le_bytes([a, b, c, d]);
    if magic & !0xF == SKIPPABLE {
        return Ok(match data.get(4..8) {
            Some(&[a, b, c, d]) => Head::Skip(u32::from_le_bytes([a, b, c, d])),
            _ => Head::Needs(8),
        });
    }
    if magic != MAGIC {
        return Err(Error::new(Code::CorruptLayer, "no Zstandard frame where one must be"));
    }
    let Some(&descriptor) = data.get(4) else { return Ok(Head::Needs(5)) };
    let single_segment = descriptor & 0x20 != 0;
    if descriptor & 0x08 != 0 {
        return Err(Error::new(Code::CorruptLayer, "a Zstandard frame has its reserved bit set"));
    }
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => usize::from(single_segment),
        n => 1 << n,
    };
    let header = 5 + usize::from(!single_segment) + dictionary + content_size;
    if data.len() < header {
        return Ok(Head::Needs(header));
    }
    // A power of two, and up to seven eighths of it.
    let window = data.get(5).filter(|_| !single_segment).map(|&byte| {
        let base = 1u64 << (10 + (byte >> 3));
        base + base / 8 * u64::from(byte & 7)
    });
    Ok(Head::Frame { header, checksum: descriptor & 4 != 0, window })
}

/// The header of a block: how many bytes follow it, and whether it is the frame's last.
pub(super) fn block(header: [u8; 3]) -> Result<(usize, bool)> {
    let [a, b, c] = header.map(usize::from);
    let value = a | b << 8 | c << 16;
    let size = value >> 3;
    let kind = value >> 1 & 3;
    if kind == 3 || size > MAX_BLOCK {
        return Err(Error::new(Code::CorruptLayer, "a Zstandard block is of no known kind or too long"));
    }
    // A run of one byte states the run's length but holds the byte.
    Ok((if kind == 1 { 1 } else { size }, value & 1 == 1))
}
