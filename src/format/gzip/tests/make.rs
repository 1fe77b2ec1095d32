//! Makes gzip streams: by C zlib, and block by block for what zlib never writes.

use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

/// A gzip member of `data` with the given optional header fields.
pub fn member(data: &[u8], raw: &[u8], extra: Option<&[u8]>, name: Option<&[u8]>, fhcrc: bool) -> Vec<u8> {
    let flags = u8::from(fhcrc) << 1 | u8::from(extra.is_some()) << 2 | u8::from(name.is_some()) << 3;
    let mut out = vec![0x1F, 0x8B, 8, flags, 1, 2, 3, 4, 0, 255];
    if let Some(extra) = extra {
        out.extend((extra.len() as u16).to_le_bytes());
        out.extend(extra);
    }
    if let Some(name) = name {
        out.extend(name);
        out.push(0);
    }
    if fhcrc {
        out.extend((crc(&out) as u16).to_le_bytes());
    }
    out.extend(raw);
    out.extend(crc(data).to_le_bytes());
    out.extend((data.len() as u32).to_le_bytes());
    out
}

/// A plain gzip member that C zlib compressed.
pub fn gzip(data: &[u8], level: u32) -> Vec<u8> {
    member(data, &deflate(data, level, &[]), None, None, false)
}

pub fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// Raw deflate data by C zlib, flushed at each of `flushes` (sorted offsets), which makes empty stored blocks.
pub fn deflate(data: &[u8], level: u32, flushes: &[usize]) -> Vec<u8> {
    let mut z = Compress::new(Compression::new(level), false);
    let mut out = Vec::with_capacity(data.len() + data.len() / 100 + 1000 + flushes.len() * 100);
    let mut from = 0;
    for (i, &to) in flushes.iter().enumerate() {
        let flush = if i % 2 == 0 { FlushCompress::Sync } else { FlushCompress::Partial };
        z.compress_vec(&data[from..to], &mut out, flush).unwrap();
        from = to;
    }
    z.compress_vec(&data[from..], &mut out, FlushCompress::Finish).unwrap();
    assert_eq!(z.total_in(), data.len() as u64);
    out
}

/// Data that compresses: pieces of noise, runs, and copies of what came before from near and far.
pub fn data(max_pieces: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = (0u8..4, any::<u64>(), 1usize..40_000);
    prop::collection::vec(piece, 0..max_pieces).prop_map(|pieces| {
        let mut out = Vec::<u8>::new();
        for (kind, seed, len) in pieces {
            match kind {
                0 => out.extend(noise(seed, len / 8)),
                1 => out.extend(noise(seed, len / 8).iter().map(|b| b % 11 + b'a')),
                2 => out.resize(out.len() + len, seed as u8),
                _ => {
                    let back = 1 + seed as usize % out.len().clamp(1, 33_000);
                    for _ in 0..len.min(4_000) {
                        out.push(out.len().checked_sub(back).map_or(7, |i| out[i]));
                    }
                }
            }
        }
        out
    })
}

/// Repeatable noise.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// One deflate block, as [`blocks`] writes it.
#[derive(Debug, Clone)]
pub enum Block {
    /// Stored; the bits before its length are padding.
    Stored(Vec<u8>),
    /// Fixed codes, literals only.
    Fixed(Vec<u8>),
    /// Fixed codes, one literal and runs of it: this many matches of 258 bytes.
    Run(u8, u16),
}

/// Raw deflate data of exactly these blocks, the last marked so, and what it inflates to.
pub fn blocks(blocks: &[Block]) -> (Vec<u8>, Vec<u8>) {
    let (mut bits, mut data) = (Bits::default(), Vec::new());
    for (i, block) in blocks.iter().enumerate() {
        bits.put(u32::from(i + 1 == blocks.len()), 1);
        match block {
            Block::Stored(bytes) => {
                bits.put(0, 2);
                bits.pad();
                let len = bytes.len() as u16;
                bits.put(u32::from(len) | u32::from(!len) << 16, 32);
                bytes.iter().for_each(|&b| bits.put(u32::from(b), 8));
                data.extend(bytes);
            }
            Block::Fixed(bytes) => {
                bits.put(1, 2);
                bytes.iter().for_each(|&b| bits.literal(b));
                bits.code(0, 7);
                data.extend(bytes);
            }
            Block::Run(byte, matches) => {
                bits.put(1, 2);
                bits.literal(*byte);
                for _ in 0..*matches {
                    // Length code 285 (258 bytes), distance code 0 (one byte back).
                    bits.code(0b1100_0101, 8);
                    bits.code(0, 5);
                }
                bits.code(0, 7);
                data.resize(data.len() + 1 + usize::from(*matches) * 258, *byte);
            }
        }
    }
    (bits.bytes, data)
}

/// A bit writer in deflate's order (RFC 1951 section 3.1.1).
#[derive(Default)]
pub struct Bits {
    pub bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    pub fn put(&mut self, value: u32, count: u32) {
        for i in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> i & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
    }
    /// A Huffman code: most significant bit first.
    pub fn code(&mut self, value: u32, count: u32) {
        (0..count).rev().for_each(|i| self.put(value >> i & 1, 1));
    }
    fn literal(&mut self, byte: u8) {
        match byte {
            0..144 => self.code(0b0011_0000 + u32::from(byte), 8),
            144.. => self.code(0b1_1001_0000 + u32::from(byte - 144), 9),
        }
    }
    fn pad(&mut self) {
        self.used = self.used.next_multiple_of(8);
    }
}

/// A few random blocks, so that borders fall on every bit and stored blocks start on every bit.
pub fn some_blocks() -> impl Strategy<Value = Vec<Block>> {
    let bytes = |max| prop::collection::vec(any::<u8>(), 0..max);
    let block = prop_oneof![
        bytes(300).prop_map(Block::Stored),
        bytes(300).prop_map(Block::Fixed),
        (any::<u8>(), 0u16..200).prop_map(|(b, n)| Block::Run(b, n)),
    ];
    prop::collection::vec(block, 1..12)
}
