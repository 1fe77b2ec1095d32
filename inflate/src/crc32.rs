//! CRC-32 as gzip uses it (RFC 1952 section 8), eight bytes a step; three steps at a time where indexes are built, for whom
//! it is a fifth of the work.
//!
//! The tables are computed once at run time: they do not compress, and would otherwise be in the `.wasm`.

use std::sync::OnceLock;

/// Bytes of a lane: a step waits for the one before it, so three runs of bytes are summed side by side.
const LANE: usize = 1024;

/// Small code first where it is only read.
const LANES: bool = cfg!(feature = "lanes");

/// Eight for the bytes of a step, four that move a sum past `LANE` zeros.
type Tables = [[u32; 256]; 12];

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Box<Tables>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut t = Box::new([[0u32; 256]; 12]);
        let (mut i, mut value) = (0usize, 0u32);
        while i < 256 {
            let mut crc = value;
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
            }
            t[0][i] = crc;
            i += 1;
            value += 1;
        }
        for k in 1..8 {
            for i in 0..256 {
                let prev = t[k - 1][i];
                t[k][i] = prev >> 8 ^ t[0][(prev & 0xFF) as usize];
            }
        }
        for bit in (0..32).filter(|_| LANES) {
            let moved = (0..LANE).fold(1u32 << bit, |crc, _| crc >> 8 ^ t[0][(crc & 0xFF) as usize]);
            // The operator is linear: of a byte's bits, it is the sum of theirs.
            for i in (0..256).filter(|i| i >> (bit & 7) & 1 == 1) {
                t[8 + bit / 8][i] ^= moved;
            }
        }
        t
    })
}

/// A running checksum.
pub struct Crc32 {
    state: u32,
    tables: &'static Tables,
}

impl Default for Crc32 {
    fn default() -> Self {
        Crc32::new()
    }
}

impl Crc32 {
    /// Of no bytes.
    pub fn new() -> Self {
        Crc32 { state: !0, tables: tables() }
    }

    /// Adds `data`.
    pub fn update(&mut self, data: &[u8]) {
        let t = self.tables;
        let mut crc = self.state;
        let (blocks, data) = if LANES { data.as_chunks::<{ 3 * LANE }>() } else { (&[][..], data) };
        for block in blocks {
            let (chunks, _) = block.as_chunks::<8>();
            let (first, rest) = chunks.split_at(LANE / 8);
            let (second, third) = rest.split_at(LANE / 8);
            let (mut b, mut c) = (0, 0);
            for ((x, y), z) in first.iter().zip(second).zip(third) {
                (crc, b, c) = (step(t, crc, x), step(t, b, y), step(t, c, z));
            }
            crc = past_lane(t, past_lane(t, crc) ^ b) ^ c;
        }
        let (chunks, rest) = data.as_chunks::<8>();
        for chunk in chunks {
            crc = step(t, crc, chunk);
        }
        for &byte in rest {
            crc = crc >> 8 ^ t[0][usize::from(crc.to_le_bytes()[0] ^ byte)];
        }
        self.state = crc;
    }

    /// The sum so far.
    pub fn value(&self) -> u32 {
        !self.state
    }
}

#[inline(always)]
fn step(t: &Tables, crc: u32, c: &[u8; 8]) -> u32 {
    let [a, b, d, e] = (u32::from_le_bytes([c[0], c[1], c[2], c[3]]) ^ crc).to_le_bytes();
    t[7][usize::from(a)]
        ^ t[6][usize::from(b)]
        ^ t[5][usize::from(d)]
        ^ t[4][usize::from(e)]
        ^ t[3][usize::from(c[4])]
        ^ t[2][usize::from(c[5])]
        ^ t[1][usize::from(c[6])]
        ^ t[0][usize::from(c[7])]
}

/// The sum after `LANE` zeros more.
fn past_lane(t: &Tables, crc: u32) -> u32 {
    let [a, b, c, d] = crc.to_le_bytes().map(usize::from);
    t[8][a] ^ t[9][b] ^ t[10][c] ^ t[11][d]
}

#[cfg(test)]
mod tests {
    use super::{Crc32, LANE};

    fn crc(parts: &[&[u8]]) -> u32 {
        let mut c = Crc32::new();
        parts.iter().for_each(|p| c.update(p));
        c.value()
    }

    #[test]
    fn check_value() {
        // The check value that the catalogue of CRC algorithms lists for CRC-32/ISO-HDLC.
        assert_eq!(crc(&[b"123456789"]), 0xCBF4_3926);
        assert_eq!(crc(&[]), 0);
        assert_eq!(crc(&[b"12", b"3456789"]), 0xCBF4_3926);
    }

    #[test]
    fn agrees_with_zlib_for_every_length_and_cut() {
        let data: Vec<u8> = (0u32..300).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for len in 0..data.len() {
            let mut oracle = flate2::Crc::new();
            oracle.update(&data[..len]);
            assert_eq!(crc(&[&data[..len / 3], &data[len / 3..len]]), oracle.sum(), "{len}");
        }
    }

    #[test]
    fn lanes_agree_with_zlib() {
        let data: Vec<u8> = (0u32..40_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for len in [3 * LANE - 1, 3 * LANE, 3 * LANE + 1, 6 * LANE, 9 * LANE + 9, 40_000] {
            for from in [0, 1, 5000] {
                let data = &data[from.min(len)..len];
                let mut oracle = flate2::Crc::new();
                oracle.update(data);
                assert_eq!(crc(&[data]), oracle.sum(), "{from} {len}");
            }
        }
    }
}
