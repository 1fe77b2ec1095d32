//! The hot loop: symbols far from the ends of input and output, so that nothing needs to be checked for each bit.

use super::bits::Bits;
use super::table::{Distances, END, LITERAL, LitLens, SPECIAL, SUBTABLE, extra};

/// Longest match.
const MAX_MATCH: usize = 258;
/// A copy may write so much behind its end.
const SLACK: usize = 16;

/// Why the loop was left.
pub enum Exit {
    /// Close to an end of input or output.
    Border,
    BlockEnd,
    Broken,
}

/// Decodes symbols while 16 bytes of input (three refills take less) and room for three literals and a match are left. Writes nothing at or behind `end`.
pub fn run(
    litlens: &LitLens,
    distances: &Distances,
    bits: &mut Bits<'_>,
    out: &mut [u8],
    pos: &mut usize,
    end: usize,
) -> Exit {
    let (Some(in_end), Some(out_end)) =
        (bits.input.len().checked_sub(16), end.checked_sub(MAX_MATCH + SLACK + 3))
    else {
        return Exit::Border;
    };
    let mut b = Bits { input: bits.input, pos: bits.pos, bits: bits.bits, count: bits.count };
    let mut at = *pos;
    if b.pos > in_end {
        return Exit::Border;
    }
    // Each symbol is looked up before the match in front of it is copied, so that the two overlap.
    let mut entry = next(litlens, &mut b);
    let exit = loop {
        if b.pos > in_end || at > out_end {
            break Exit::Border;
        }
        // Three literals take 33 bits of the 56 at most: not enough are left for a length and a distance (48).
        if entry & LITERAL != 0 {
            at = literal(out, at, entry, &mut b);
            entry = litlens.root(b.bits);
            if entry & LITERAL != 0 {
                at = literal(out, at, entry, &mut b);
                entry = litlens.root(b.bits);
                if entry & LITERAL != 0 {
                    at = literal(out, at, entry, &mut b);
                    entry = next(litlens, &mut b);
                    continue;
                }
            }
            b.refill_fast();
        }
        if entry & SPECIAL != 0 {
            if entry & SUBTABLE != 0 {
                b.drop(entry);
                entry = litlens.sub(entry, b.bits);
                if entry & LITERAL != 0 {
                    at = literal(out, at, entry, &mut b);
                    entry = next(litlens, &mut b);
                    continue;
                }
            }
            if entry & END != 0 {
                b.drop(entry);
                break Exit::BlockEnd;
            }
            if entry & SPECIAL != 0 {
                break Exit::Broken;
            }
        }
        let (more, _) = extra(entry, b.bits);
        b.drop(entry);
        let len = ((entry >> 16) + more) as usize;
        entry = distances.root(b.bits);
        if entry & SPECIAL != 0 {
            if entry & SUBTABLE == 0 {
                break Exit::Broken;
            }
            b.drop(entry);
            entry = distances.sub(entry, b.bits);
            if entry & SPECIAL != 0 {
                break Exit::Broken;
            }
        }
        let (more, _) = extra(entry, b.bits);
        b.drop(entry);
        let distance = ((entry >> 16) + more) as usize;
        if distance > at {
            break Exit::Broken;
        }
        entry = next(litlens, &mut b);
        copy(out, at, distance, len);
        at += len;
    };
    *pos = at;
    (bits.pos, bits.bits, bits.count) = (b.pos, b.bits, b.count);
    exit
}

/// Refills and looks up, but does not drop, the next symbol.
#[inline(always)]
fn next(litlens: &LitLens, bits: &mut Bits<'_>) -> u32 {
    bits.refill_fast();
    litlens.root(bits.bits)
}

/// Drops and writes a literal; gives the place behind it.
#[inline(always)]
fn literal(out: &mut [u8], at: usize, entry: u32, bits: &mut Bits<'_>) -> usize {
    bits.drop(entry);
    if let Some(slot) = out.get_mut(at) {
        *slot = (entry >> 16) as u8;
    }
    at + 1
}

/// Copies a match; may write up to `SLACK` bytes more.
#[inline(always)]
fn copy(out: &mut [u8], at: usize, distance: usize, len: usize) {
    if distance >= SLACK {
        chunks::<SLACK>(out, at, distance, len);
    } else if distance == 1 {
        let byte = out.get(at.wrapping_sub(1)).copied().unwrap_or(0);
        let mut to = at;
        while to < at + len {
            if let Some(chunk) = out.get_mut(to..).and_then(|o| o.first_chunk_mut::<SLACK>()) {
                *chunk = [byte; SLACK];
            }
            to += SLACK;
        }
    } else if distance >= 8 {
        chunks::<8>(out, at, distance, len);
    } else {
        copy_exact(out, at, distance, len);
    }
}

/// Copies `N` bytes at a time; `distance` is not less.
#[inline(always)]
fn chunks<const N: usize>(out: &mut [u8], at: usize, distance: usize, len: usize) {
    let mut to = at;
    while to < at + len {
        let chunk = out.get(to.wrapping_sub(distance)..).and_then(|o| o.first_chunk::<N>().copied());
        if let (Some(chunk), Some(place)) = (chunk, out.get_mut(to..).and_then(|o| o.first_chunk_mut::<N>()))
        {
            *place = chunk;
        }
        to += N;
    }
}

/// Copies a match byte by byte.
pub fn copy_exact(out: &mut [u8], at: usize, distance: usize, len: usize) {
    for to in at..at + len {
        let byte = out.get(to.wrapping_sub(distance)).copied().unwrap_or(0);
        if let Some(slot) = out.get_mut(to) {
            *slot = byte;
        }
    }
}
