//! Decoding tables of Huffman codes: one look-up gives the symbol, its length in bits and that of its extra bits.
//!
//! An entry, from the low bits: bits to drop in all (6), unused (2), bits of the code alone (4), flags (4), value (16). A code
//! longer than the table's root takes a second look-up, in a sub-table behind the root that the first one names.

/// Longest code (RFC 1951 section 3.2.7).
const MAX_LEN: usize = 15;

/// The value is a literal byte.
pub const LITERAL: u32 = 1 << 15;
/// Not a literal, length or distance: see the flags below, or no code at all if none is set.
pub const SPECIAL: u32 = 1 << 14;
/// The value is where a sub-table begins; the bits of the code are the sub-table's index bits.
pub const SUBTABLE: u32 = 1 << 13;
/// End of block.
pub const END: u32 = 1 << 12;

/// A table with `1 << ROOT` entries at its root. `SIZE`, a power of two, has room for all sub-tables too.
pub struct Table<const ROOT: usize, const SIZE: usize>(Box<[u32; SIZE]>);

/// Of literals and lengths.
pub type LitLens = Table<11, 4096>;
/// Of distances.
pub type Distances = Table<8, 512>;

/// What an alphabet's codes must fill.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Every code that the lengths leave room for.
    Whole,
    /// As above, or one code of one bit, or none at all, as zlib allows for lengths and distances.
    WholeOrOne,
}

impl<const ROOT: usize, const SIZE: usize> Table<ROOT, SIZE> {
    pub fn new() -> Self {
        Table(Box::new([SPECIAL; SIZE]))
    }

    /// The entry for the next bits of the input; of the bits, those above the root's do not matter.
    #[inline(always)]
    pub fn root(&self, bits: u64) -> u32 {
        self.0[bits as usize & ((1 << ROOT) - 1)]
    }

    /// The entry that a `SUBTABLE` entry leads to; `bits` are those behind the root's.
    #[inline(always)]
    pub fn sub(&self, entry: u32, bits: u64) -> u32 {
        let index = bits as usize & ((1usize << (entry >> 8 & 15)) - 1);
        self.0[((entry >> 16) as usize + index) & (SIZE - 1)]
    }

    /// Fills the table from the symbols' code lengths (0 to 15). `symbols[i]` is the entry of symbol `i` with the number of
    /// its extra bits where the bits to drop go. `None` if that is no code that may be.
    pub fn build(&mut self, lens: &[u8], symbols: &[u32], fill: Fill) -> Option<()> {
        let mut counts = [0u16; MAX_LEN + 1];
        for &len in lens {
            *counts.get_mut(usize::from(len))? += 1;
        }
        counts[0] = 0;
        let longest = counts.iter().rposition(|&n| n != 0).unwrap_or(0);
        // Codes left over at each length: none below zero, none at the end.
        let mut left = 1i32;
        for &n in &counts[1..] {
            left = left * 2 - i32::from(n);
            if left < 0 {
                return None;
            }
        }
        if left > 0 && (fill == Fill::Whole || longest > 1) {
            return None;
        }
        // Symbols by code, that is by length and then value.
        let mut starts = [0u16; MAX_LEN + 2];
        for len in 1..=MAX_LEN {
            starts[len + 1] = starts[len] + counts[len];
        }
        let mut sorted = [0u16; 288];
        for (symbol, &len) in (0u16..).zip(lens) {
            if len != 0 {
                let at = starts.get_mut(usize::from(len))?;
                *sorted.get_mut(usize::from(*at))? = symbol;
                *at += 1;
            }
        }
        // The next code, its first bit lowest, as the input has it.
        let (mut code, mut len) = (0usize, 1);
        // Codes of up to `len` bits are in the first `1 << len` entries of the root, which repeat for longer ones.
        self.0[..2].fill(SPECIAL);
        // The sub-table being filled: its prefix, start and end.
        let (mut prefix, mut start, mut end) = (usize::MAX, 0, 1 << ROOT);
        for &symbol in sorted.get(..usize::from(starts[MAX_LEN]))? {
            while counts[len] == 0 {
                len += 1;
                self.double(len);
            }
            let entry = *symbols.get(usize::from(symbol))?;
            if len <= ROOT {
                self.0[code & (SIZE - 1)] = entry + len as u32 + ((len as u32) << 8);
            } else {
                let low = code & ((1 << ROOT) - 1);
                if low != prefix {
                    (prefix, start) = (low, end);
                    let mut bits = len - ROOT;
                    let mut room = 1i32 << bits;
                    while ROOT + bits < longest {
                        room -= i32::from(counts[ROOT + bits]);
                        if room <= 0 {
                            break;
                        }
                        bits += 1;
                        room <<= 1;
                    }
                    end = start + (1 << bits);
                    self.0[low] =
                        (start as u32) << 16 | SPECIAL | SUBTABLE | (bits as u32) << 8 | ROOT as u32;
                }
                let own = len - ROOT;
                let entry = entry + own as u32 + ((own as u32) << 8);
                for slot in self.0.get_mut(start + (code >> ROOT)..end)?.iter_mut().step_by(1 << own) {
                    *slot = entry;
                }
            }
            counts[len] -= 1;
            // Adds one at the code's last bit: the highest zero becomes a one, the ones above it zeros.
            if let Some(zero) = (code ^ ((1 << len) - 1)).checked_ilog2() {
                code = code & ((1 << zero) - 1) | 1 << zero;
            }
        }
        for len in len + 1..=ROOT {
            self.double(len);
        }
        Some(())
    }

    /// Repeats the root's entries of codes shorter than `len`, if it has room for codes of `len` bits.
    fn double(&mut self, len: usize) {
        if len <= ROOT {
            self.0.copy_within(..1 << (len - 1), 1 << (len - 1));
        }
    }
}

/// Entries of the literal and length alphabet.
pub const LITLENS: [u32; 288] = {
    let mut table = [SPECIAL; 288];
    let mut i = 0;
    while i < 256 {
        table[i] = (i as u32) << 16 | LITERAL;
        i += 1;
    }
    table[256] = SPECIAL | END;
    let (mut base, mut i) = (3, 0);
    while i < 28 {
        let extra = if i < 8 { 0 } else { i as u32 / 4 - 1 };
        table[257 + i] = base << 16 | extra;
        base += 1 << extra;
        i += 1;
    }
    table[285] = 258 << 16;
    table
};

/// Entries of the distance alphabet.
pub const DISTANCES: [u32; 32] = {
    let mut table = [SPECIAL; 32];
    let (mut base, mut i) = (1, 0);
    while i < 30 {
        let extra = if i < 4 { 0 } else { i as u32 / 2 - 1 };
        table[i] = base << 16 | extra;
        base += 1 << extra;
        i += 1;
    }
    table
};

/// Entries of the alphabet of code lengths: the symbol as the value, extra bits of the repeats.
pub const LENGTHS: [u32; 19] = {
    let mut table = [0; 19];
    let mut i = 0;
    while i < 19 {
        table[i] = (i as u32) << 16;
        i += 1;
    }
    table[16] |= 2;
    table[17] |= 3;
    table[18] |= 7;
    table
};

/// The value of an entry's extra bits, and how many bits to drop for code and extra bits.
#[inline(always)]
pub fn extra(entry: u32, bits: u64) -> (u32, u32) {
    let drop = entry & 63;
    ((bits & ((1 << drop) - 1)) as u32 >> (entry >> 8 & 15), drop)
}
