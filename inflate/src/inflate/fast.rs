//! The hot loop: symbols far from the ends of input and output, so that nothing needs to be checked for each bit.

use super::bits::{Ahead, Bits};
use super::table::{Distances, END, LITERAL, LitLens, SPECIAL, SUBTABLE, extra};

/// Longest match.
const MAX_MATCH: usize = 258;
/// A match is copied by as many bytes at a time.
const STEP: usize = 16;
/// Most matches are not longer.
const SHORT: usize = 2 * STEP;
/// A copy may write so much behind its end: a match of three bytes first up to a distance of less than `SHORT`, then `SHORT`.
const SLACK: usize = 2 * SHORT;
/// Room for two literals and a match.
const ROOM: usize = 2 + MAX_MATCH + SLACK;

/// Why the loop was left.
pub enum Exit {
    /// Close to an end of input or output.
    Border,
    BlockEnd,
    Broken,
}

/// Decodes symbols while 16 bytes of input (two refills take less) and `ROOM` are left. Writes nothing at or behind `end`.
///
/// By itself: inlined, it would share the registers with what surrounds it.
#[inline(never)]
pub fn run(
    litlens: &LitLens,
    distances: &Distances,
    bits: &mut Bits<'_>,
    out: &mut [u8],
    pos: &mut usize,
    end: usize,
) -> Exit {
    let Some(out) = out.get_mut(..end) else { return Exit::Border };
    let rest = bits.input.get(bits.pos..).unwrap_or_default();
    let mut b = Ahead { rest, bits: bits.bits, count: bits.count };
    let mut at = *pos;
    if !b.refill::<16>() {
        return Exit::Border;
    }
    // Each symbol is looked up before the match in front of it is copied, so that the two overlap.
    let mut entry = litlens.root(b.bits);
    let exit = loop {
        // One check for all that is written below; the compiler sees that the others hold.
        let Some(room) = out.get_mut(at..).and_then(|o| o.first_chunk_mut::<ROOM>()) else {
            break Exit::Border;
        };
        // Three literals take 33 bits of the 56 at most, two and a length 42; a distance (28) may need more.
        let mut n = 0;
        if entry & LITERAL != 0 {
            b.drop(entry);
            room[0] = (entry >> 16) as u8;
            n = 1;
            entry = litlens.root(b.bits);
            if entry & LITERAL != 0 {
                b.drop(entry);
                room[1] = (entry >> 16) as u8;
                n = 2;
                entry = litlens.root(b.bits);
                if entry & LITERAL != 0 {
                    b.drop(entry);
                    room[2] = (entry >> 16) as u8;
                    at += 3;
                    if !b.refill::<16>() {
                        break Exit::Border;
                    }
                    entry = litlens.root(b.bits);
                    continue;
                }
            }
        }
        at += n;
        if entry & SPECIAL != 0 {
            if entry & SUBTABLE != 0 {
                b.drop(entry);
                entry = litlens.sub(entry, b.bits);
                if entry & LITERAL != 0 {
                    b.drop(entry);
                    room[n] = (entry >> 16) as u8;
                    at += 1;
                    if !b.refill::<16>() {
                        break Exit::Border;
                    }
                    entry = litlens.root(b.bits);
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
        if b.count & 63 < 28 {
            b.refill::<8>();
        }
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
        let Some(from) = at.checked_sub(distance) else { break Exit::Broken };
        if !b.refill::<16>() {
            copy_exact(out, at, distance, len);
            at += len;
            break Exit::Border;
        }
        entry = litlens.root(b.bits);
        copy(out.get_mut(from..).unwrap_or_default(), distance, len);
        at += len;
    };
    *pos = at;
    (bits.pos, bits.bits, bits.count) = (bits.input.len() - b.rest.len(), b.bits, b.count & 63);
    exit
}

/// Copies a match from the beginning of `near` to `distance`, not zero; may write up to `SLACK` bytes more.
#[inline(always)]
fn copy(mut near: &mut [u8], mut distance: usize, len: usize) {
    let mut left = len;
    while distance < STEP {
        // What was written is the same bytes again: from here on the distance is twice as long.
        copy_step(near, 0, distance);
        left = left.saturating_sub(distance);
        distance *= 2;
    }
    while copy_step(near, 0, distance) && copy_step(near, STEP, distance) && left > SHORT {
        near = near.get_mut(SHORT..).unwrap_or_default();
        left -= SHORT;
    }
}

/// Copies `STEP` bytes at `from` to `distance` behind them. False, and nothing is written, if there is no room for `SHORT`
/// bytes from `distance` on: the second step's check is then the first one's.
#[inline(always)]
fn copy_step(near: &mut [u8], from: usize, distance: usize) -> bool {
    if let Some(&chunk) = near.get(from..).and_then(|n| n.first_chunk::<STEP>())
        && let Some(place) = near.get_mut(distance..).and_then(|n| n.first_chunk_mut::<SHORT>())
        && let Some(place) = place.get_mut(from..).and_then(|p| p.first_chunk_mut::<STEP>())
    {
        *place = chunk;
        return true;
    }
    false
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
