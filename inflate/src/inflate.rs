//! Raw inflate (RFC 1951), in safe Rust, as fast as that goes.
//!
//! Accepts exactly what zlib accepts.

mod bits;
mod fast;
mod table;

use bits::Bits;
use table::{
    DISTANCES, Distances, END, Fill, LENGTHS, LITERAL, LITLENS, LitLens, SPECIAL, SUBTABLE, Table, extra,
};

/// The order in which the lengths of the code of code lengths come.
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Why a call came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The output limit is reached and the data provably goes on.
    OutputFull,
    /// The input is used up.
    InputEnd,
    /// Between two blocks; only if asked for. So many high bits of the last byte taken belong to the next block.
    BlockEnd(u8),
    /// Behind the last block, at the next whole byte.
    StreamEnd,
    /// Not deflate data.
    Broken,
}

/// What one call did.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Bytes of the input that were taken.
    pub consumed: usize,
    /// Bytes of output that came of them.
    pub produced: usize,
    /// Why it ended.
    pub stop: Stop,
}

/// A decoder between two calls.
pub struct Inflate {
    state: State,
    /// The block is the stream's last.
    last: bool,
    bits: u64,
    count: u32,
    litlens: LitLens,
    distances: Distances,
    lengths: Table<7, 128>,
    /// The tables are those of the fixed codes.
    fixed: bool,
    /// Code lengths as they are read: literals and lengths, then distances.
    lens: [u8; 320],
    /// How many there are of each.
    litlen_count: usize,
    distance_count: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before a block.
    Header,
    /// Before a stored block's length.
    StoredLen,
    /// In a stored block: bytes left.
    Stored(usize),
    /// Before the numbers of codes.
    Counts,
    /// In the lengths of the code of code lengths: have, of.
    LengthLens(usize, usize),
    /// In the code lengths: have.
    Lens(usize),
    /// In a block's symbols.
    Symbols,
    /// In a match: bytes left, distance.
    Match(usize, usize),
    /// Behind the last block.
    Done,
    Broken,
}

/// What to do next.
enum Next {
    Go(State),
    Stop(Stop),
}

impl Inflate {
    /// Bytes of memory it takes.
    pub const SIZE: usize = size_of::<Self>() + 4 * (4096 + 512 + 128);

    /// Before a block; the first `count` (0 to 7) bits of input are these.
    pub fn new(bits: u64, count: u32) -> Self {
        Inflate {
            state: State::Header,
            last: false,
            bits,
            count,
            litlens: Table::new(),
            distances: Table::new(),
            lengths: Table::new(),
            fixed: false,
            lens: [0; 320],
            litlen_count: 0,
            distance_count: 0,
        }
    }

    /// Back to before the first block of a stream that begins at a whole byte.
    pub fn restart(&mut self) {
        (self.state, self.bits, self.count) = (State::Header, 0, 0);
    }

    /// Inflates `input` to `out[at..]`, at most `max` bytes.
    pub fn run(
        &mut self,
        input: &[u8],
        out: &mut [u8],
        at: usize,
        max: usize,
        stop_at_blocks: bool,
    ) -> Progress {
        let end = out.len().min(at.saturating_add(max));
        let mut bits = Bits { input, pos: 0, bits: self.bits, count: self.count };
        let mut pos = at;
        let stop = loop {
            match self.step(&mut bits, out, &mut pos, end) {
                Next::Go(State::Header) if stop_at_blocks => {
                    self.state = State::Header;
                    bits.give_back();
                    break Stop::BlockEnd((bits.count & 7) as u8);
                }
                Next::Go(state) => self.state = state,
                Next::Stop(stop) => break stop,
            }
        };
        match stop {
            // What is held is less than the next item needs, so it stays.
            Stop::InputEnd => bits.mask(),
            Stop::Broken => self.state = State::Broken,
            _ => bits.give_back(),
        }
        (self.bits, self.count) = (bits.bits, bits.count);
        Progress { consumed: bits.pos, produced: pos.saturating_sub(at), stop }
    }

    fn step(&mut self, bits: &mut Bits<'_>, out: &mut [u8], pos: &mut usize, end: usize) -> Next {
        let next = match self.state {
            State::Header => bits.take(3).map(|header| {
                self.last = header & 1 == 1;
                match header >> 1 {
                    0 => Some(State::StoredLen),
                    1 => self.fixed_tables().map(|()| State::Symbols),
                    2 => Some(State::Counts),
                    _ => None,
                }
            }),
            State::StoredLen => {
                // Idempotent, as it may be tried again with more input.
                bits.drop(bits.count & 7);
                bits.take(32).map(|n| (n & 0xFFFF == !n >> 16).then_some(State::Stored(n as usize & 0xFFFF)))
            }
            State::Stored(0) | State::Done => return self.block_end(bits),
            State::Stored(left) => return stored(left, bits, out, pos, end),
            State::Counts => bits.take(14).map(|n| {
                self.litlen_count = 257 + (n & 31) as usize;
                self.distance_count = 1 + (n >> 5 & 31) as usize;
                let lengths = 4 + (n >> 10) as usize;
                self.lens[..19].fill(0);
                let legal = self.litlen_count <= 286 && self.distance_count <= 30;
                legal.then_some(State::LengthLens(0, lengths))
            }),
            State::LengthLens(have, of) if have < of => bits.take(3).map(|len| {
                let at = self.lens.get_mut(usize::from(*ORDER.get(have)?))?;
                *at = len as u8;
                Some(State::LengthLens(have + 1, of))
            }),
            State::LengthLens(..) => {
                Some(self.lengths.build(&self.lens[..19], &LENGTHS, Fill::Whole).map(|()| State::Lens(0)))
            }
            State::Lens(have) => self.lens(have, bits),
            State::Symbols => return self.symbols(bits, out, pos, end),
            State::Match(left, distance) => {
                let n = left.min(end.saturating_sub(*pos));
                fast::copy_exact(out, *pos, distance, n);
                *pos += n;
                match left - n {
                    0 => Some(Some(State::Symbols)),
                    left => {
                        self.state = State::Match(left, distance);
                        return Next::Stop(Stop::OutputFull);
                    }
                }
            }
            State::Broken => Some(None),
        };
        match next {
            Some(Some(state)) => Next::Go(state),
            Some(None) => Next::Stop(Stop::Broken),
            None => Next::Stop(Stop::InputEnd),
        }
    }

    /// The code lengths and then the tables. `None` if the input ends first, `Some(None)` if they are broken.
    fn lens(&mut self, mut have: usize, bits: &mut Bits<'_>) -> Option<Option<State>> {
        let total = self.litlen_count + self.distance_count;
        // Copied, so that it may be held in registers.
        let mut b = *bits;
        while have < total {
            b.refill();
            let entry = self.lengths.root(b.bits);
            let (extra, drop) = extra(entry, b.bits);
            if drop > b.count {
                *bits = b;
                self.state = State::Lens(have);
                return None;
            }
            b.drop(drop);
            let (len, times) = match entry >> 16 {
                16 => match have.checked_sub(1).and_then(|i| self.lens.get(i)) {
                    Some(&before) => (before, 3 + extra as usize),
                    None => return Some(None),
                },
                17 => (0, 3 + extra as usize),
                18 => (0, 11 + extra as usize),
                len => (len as u8, 1),
            };
            match self.lens.get_mut(have..have + times) {
                Some(slots) if have + times <= total => slots.fill(len),
                _ => return Some(None),
            }
            have += times;
        }
        *bits = b;
        Some(self.dynamic_tables().map(|()| State::Symbols))
    }

    fn dynamic_tables(&mut self) -> Option<()> {
        self.fixed = false;
        let (litlens, rest) = self.lens.split_at_checked(self.litlen_count)?;
        // Without an end a block could not be left.
        litlens.get(256).filter(|&&len| len != 0)?;
        self.litlens.build(litlens, &LITLENS, Fill::WholeOrOne)?;
        self.distances.build(rest.get(..self.distance_count)?, &DISTANCES, Fill::WholeOrOne)
    }

    fn fixed_tables(&mut self) -> Option<()> {
        if self.fixed {
            return Some(());
        }
        let mut lens = [8; 288];
        lens[144..256].fill(9);
        lens[256..280].fill(7);
        self.litlens.build(&lens, &LITLENS, Fill::Whole)?;
        self.distances.build(&[5; 32], &DISTANCES, Fill::Whole)?;
        self.fixed = true;
        Some(())
    }

    fn block_end(&self, bits: &mut Bits<'_>) -> Next {
        if !self.last {
            return Next::Go(State::Header);
        }
        if let State::Done = self.state {
            return Next::Stop(Stop::StreamEnd);
        }
        bits.drop(bits.count & 7);
        Next::Go(State::Done)
    }

    fn symbols(&mut self, bits: &mut Bits<'_>, out: &mut [u8], pos: &mut usize, end: usize) -> Next {
        match fast::run(&self.litlens, &self.distances, bits, out, pos, end) {
            fast::Exit::Border => {}
            fast::Exit::BlockEnd => return self.block_end(bits),
            fast::Exit::Broken => return Next::Stop(Stop::Broken),
        }
        // Close to an end of input or output: symbol by symbol, each only if all its bits are there.
        bits.refill();
        let (mut ahead, mut used) = (bits.bits, 0);
        let mut drop = |entry: u32| {
            let (extra, n) = extra(entry, ahead);
            ahead >>= n;
            used += n;
            (extra, used, ahead)
        };
        let mut entry = self.litlens.root(bits.bits);
        if entry & SUBTABLE != 0 {
            entry = self.litlens.sub(entry, drop(entry & 63).2);
        }
        let (extra, used, ahead) = drop(entry);
        if used > bits.count {
            return Next::Stop(Stop::InputEnd);
        }
        if entry & END != 0 {
            bits.drop(used);
            return self.block_end(bits);
        }
        if entry & SPECIAL != 0 {
            return Next::Stop(Stop::Broken);
        }
        if *pos >= end {
            return Next::Stop(Stop::OutputFull);
        }
        if entry & LITERAL != 0 {
            if let Some(slot) = out.get_mut(*pos) {
                *slot = (entry >> 16) as u8;
            }
            *pos += 1;
            bits.drop(used);
            return Next::Go(State::Symbols);
        }
        let len = ((entry >> 16) + extra) as usize;
        let mut entry = self.distances.root(ahead);
        if entry & SUBTABLE != 0 {
            entry = self.distances.sub(entry, drop(entry & 63).2);
        }
        let (extra, used, _) = drop(entry);
        if used > bits.count {
            return Next::Stop(Stop::InputEnd);
        }
        let distance = ((entry >> 16) + extra) as usize;
        if entry & SPECIAL != 0 || distance > *pos {
            return Next::Stop(Stop::Broken);
        }
        bits.drop(used);
        Next::Go(State::Match(len, distance))
    }
}

/// Copies from a stored block.
fn stored(left: usize, bits: &mut Bits<'_>, out: &mut [u8], pos: &mut usize, end: usize) -> Next {
    bits.give_back();
    let input = bits.input.get(bits.pos..).unwrap_or_default();
    let n = left.min(input.len()).min(end.saturating_sub(*pos));
    if let (Some(to), Some(from)) = (out.get_mut(*pos..*pos + n), input.get(..n)) {
        to.copy_from_slice(from);
    }
    *pos += n;
    bits.pos += n;
    match n {
        0 if *pos >= end => Next::Stop(Stop::OutputFull),
        0 => Next::Stop(Stop::InputEnd),
        n => Next::Go(State::Stored(left - n)),
    }
}
