//! The header of a gzip member (RFC 1952 section 2.3), of any length, in pieces of any size.

use crate::error::{Code, Error, Result};
use ocipeek_inflate::Crc32;

const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xE0;

/// Incremental parser of one gzip member header. Keeps nothing of the header, so a long one costs no memory.
pub struct HeaderParser {
    state: State,
    flags: u8,
    crc: Crc32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The ten fixed bytes; how many are read.
    Fixed(u8),
    /// The length of the extra field: bytes read, value so far.
    ExtraLen(u8, u16),
    /// Bytes of the extra field still to come.
    Extra(u16),
    Name,
    Comment,
    /// The header's CRC-16: bytes read, value so far.
    Crc(u8, u16),
    Done,
}

impl HeaderParser {
    /// At the first byte of a member.
    pub fn new() -> Self {
        HeaderParser { state: State::Fixed(0), flags: 0, crc: Crc32::new() }
    }

    /// Takes what belongs to the header from the front of `data`; returns how many bytes that is. Ask
    /// [`is_done`](Self::is_done) whether the header is complete. `CORRUPT_LAYER` if it is none.
    pub fn push(&mut self, data: &[u8]) -> Result<usize> {
        let mut used = 0;
        while let Some(rest) = data.get(used..).filter(|r| !r.is_empty())
            && self.state != State::Done
        {
            used += self.step(rest)?;
        }
        Ok(used)
    }

    /// Whether the header is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes one field, or as much of it as `data` (not empty) has.
    fn step(&mut self, data: &[u8]) -> Result<usize> {
        let first = data.first().copied().unwrap_or(0);
        let (used, next) = match self.state {
            State::Fixed(n) => {
                self.fixed_byte(n, first)?;
                (1, if n < 9 { State::Fixed(n + 1) } else { self.after(State::Fixed(9)) })
            }
            State::ExtraLen(0, _) => (1, State::ExtraLen(1, u16::from(first))),
            State::ExtraLen(_, low) => match low | u16::from(first) << 8 {
                0 => (1, self.after(State::Extra(0))),
                len => (1, State::Extra(len)),
            },
            State::Extra(left) => {
                let n = usize::from(left).min(data.len());
                match left.saturating_sub(u16::try_from(n).unwrap_or(left)) {
                    0 => (n, self.after(State::Extra(0))),
                    left => (n, State::Extra(left)),
                }
            }
            State::Name | State::Comment => match data.iter().position(|&b| b == 0) {
                Some(end) => (end + 1, self.after(self.state)),
                None => (data.len(), self.state),
            },
            State::Crc(0, _) => return Ok(self.set(State::Crc(1, u16::from(first)))),
            State::Crc(_, low) => {
                if u32::from(low | u16::from(first) << 8) != self.crc.value() & 0xFFFF {
                    return Err(corrupt("the checksum of a gzip header is wrong"));
                }
                return Ok(self.set(State::Done));
            }
            State::Done => return Ok(0),
        };
        if self.flags & FHCRC != 0 || matches!(self.state, State::Fixed(_)) {
            self.crc.update(data.get(..used).unwrap_or(data));
        }
        self.state = next;
        Ok(used)
    }

    fn set(&mut self, state: State) -> usize {
        self.state = state;
        1
    }

    /// Which field follows `state`, by the flags.
    fn after(&self, state: State) -> State {
        let has = |flag| self.flags & flag != 0;
        match state {
            State::Fixed(_) if has(FEXTRA) => State::ExtraLen(0, 0),
            State::Fixed(_) | State::Extra(_) if has(FNAME) => State::Name,
            State::Fixed(_) | State::Extra(_) | State::Name if has(FCOMMENT) => State::Comment,
            _ if has(FHCRC) => State::Crc(0, 0),
            _ => State::Done,
        }
    }

    fn fixed_byte(&mut self, n: u8, byte: u8) -> Result<()> {
        match (n, byte) {
            (0, 0x1F) | (1, 0x8B) | (2, 8) => Ok(()),
            (0 | 1, _) => Err(corrupt("no gzip header where one must be")),
            (2, _) => Err(corrupt("a gzip member is compressed by another method than deflate")),
            (3, flags) if flags & RESERVED != 0 => Err(corrupt("a gzip header has reserved flags set")),
            (3, flags) => {
                self.flags = flags;
                Ok(())
            }
            // Time, extra flags and system say nothing about the data.
            _ => Ok(()),
        }
    }
}

impl Default for HeaderParser {
    fn default() -> Self {
        Self::new()
    }
}

/// Length of the gzip member header at the start of `data`; `None` while it is not complete.
/// `CORRUPT_LAYER` if `data` does not start with one. To try again with more data costs the whole length
/// again: where a header comes in many pieces use [`HeaderParser`].
pub fn header_len(data: &[u8]) -> Result<Option<usize>> {
    let mut parser = HeaderParser::new();
    let used = parser.push(data)?;
    Ok(parser.is_done().then_some(used))
}

fn corrupt(message: &str) -> Error {
    Error::new(Code::CorruptLayer, message)
}
