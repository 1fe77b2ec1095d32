//! Inflates one span: from a checkpoint to the next.

use bytes::Bytes;

use super::engine::{Engine, MAX_RATIO, Stop, WINDOW};
use super::header::HeaderParser;
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// Length of a gzip member's trailer: CRC-32 and size.
const TRAILER: u8 = 8;

/// The buffer's first size beyond what the compressed bytes make likely.
const FIRST_ROOM: usize = 64 << 10;

/// How much output a compressed byte is believed to stand for before it has been inflated.
const LIKELY_RATIO: usize = 8;

/// What must be true where a span's declared output ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanEnd {
    /// Another span follows, whose checkpoint has so many `bits`. The declared output must end between two
    /// blocks, exactly that many bits before the end of the compressed range: there the next span starts.
    /// A span that would inflate to more, or that ends elsewhere, is `CORRUPT_LAYER`.
    Checkpoint {
        /// `bits` of the next span's checkpoint, 0 to 7.
        bits: u8,
    },
    /// The layer's last span. Its data may go on behind the declared output, because a zTOC's uncompressed size is
    /// where the builder's tar reader stopped; what is behind is not inflated.
    Last,
}

/// Resumable inflate of one span of a gzip layer.
///
/// Inflates only as far as it is asked to. What it gives does not depend on how far and in how many steps it
/// is asked: the first `n` bytes are there if and only if the compressed data holds them, and the whole span
/// is only given if its end is where [`SpanEnd`] says.
///
/// Where a gzip member ends inside the span, its trailer is skipped and the next member read on, matches
/// reaching back across the border as in the zTOC's windows. A member's CRC is not checked: a span seldom holds a whole
/// member, and the span's digest covers its bytes.
///
/// Memory: the compressed bytes until the end is reached, and a buffer that grows with what has been
/// inflated, never with what is merely declared.
pub struct SpanInflater {
    engine: Engine,
    input: Bytes,
    /// Bytes of `input` taken.
    read: usize,
    place: Place,
    /// The window, then the output, then room.
    buf: Vec<u8>,
    /// Length of the window in `buf`.
    base: usize,
    /// Bytes of output in `buf`.
    made: usize,
    out_len: usize,
    end: SpanEnd,
    /// The end has been reached and is as declared.
    complete: bool,
    failed: Option<Error>,
    /// Of what [`SpanInflater::memory`] tells.
    held: Reservation,
}

/// Where in the gzip stream the next input byte is.
enum Place {
    /// In a block.
    Block,
    /// Between two blocks, or before a member's first: bits of the last byte that belong to the next block.
    Border(u8),
    /// In a trailer: bytes still to skip.
    Trailer(u8),
    /// In the header of a further member.
    Header(Box<HeaderParser>),
}

impl SpanInflater {
    /// Starts at a checkpoint.
    ///
    /// - `bits`: so many high bits of the first compressed byte come before the rest (0 to 7);
    /// - `window`: up to 32,768 bytes of output in front of the span, empty if there are none. (An all-zero window is
    ///   not the same as none: matches into it are then no error);
    /// - `compressed`: exactly the span's compressed range, so its first byte is shared with the span before
    ///   if `bits` is not 0, and its last byte with the one behind if that one's is not;
    /// - `out_len`: declared length of the span's output;
    /// - `end`: what must be true there.
    ///
    /// A first span starts behind the gzip header with `bits` 0 and no window.
    ///
    /// `CORRUPT_ZTOC` if these contradict each other or deflate (more output than so many bytes can stand for),
    /// `LIMIT_EXCEEDED` over `max_span_size`, or where the memory cannot be had.
    pub fn new(
        bits: u8,
        window: &[u8],
        compressed: Bytes,
        out_len: usize,
        end: SpanEnd,
        limits: &Limits,
    ) -> Result<Self> {
        Limits::check("max_span_size", u64::try_from(out_len).unwrap_or(u64::MAX), limits.max_span_size)?;
        if bits > 7 || matches!(end, SpanEnd::Checkpoint { bits: 8.. }) {
            return Err(corrupt_ztoc("a checkpoint splits a byte at a bit that bytes do not have"));
        }
        if window.len() > WINDOW {
            return Err(corrupt_ztoc("a checkpoint's window is longer than 32 KiB"));
        }
        if out_len > compressed.len().saturating_mul(MAX_RATIO) {
            return Err(corrupt_ztoc("a span declares more output than its compressed bytes can hold"));
        }
        let held = compressed.len().saturating_add(window.len()).saturating_add(Engine::SIZE);
        let held = Reservation::of(held)?;
        let (engine, read) = match compressed.first() {
            Some(&byte) if bits != 0 => (Engine::resume(bits, byte), 1),
            None if bits != 0 => return Err(corrupt_ztoc("a span has no compressed bytes")),
            _ => (Engine::new(), 0),
        };
        Ok(SpanInflater {
            engine,
            input: compressed,
            read,
            place: Place::Border(bits),
            buf: window.to_vec(),
            base: window.len(),
            made: 0,
            out_len,
            end,
            complete: false,
            failed: None,
            held,
        })
    }

    /// Inflates until the first `upto` bytes of the span's output exist; if that is all of them, checks the
    /// span's end too.
    ///
    /// `CORRUPT_LAYER` if the data is broken, ends before, or its end is not where it must be;
    /// `INVALID_ARGUMENT` if `upto` is more than the declared length. What exists already stays readable after an
    /// error, and the same call gives the same error again.
    pub fn inflate_to(&mut self, upto: usize) -> Result<()> {
        if upto > self.out_len {
            let message = format!("the span has {} bytes, not {upto}", self.out_len);
            return Err(Error::new(Code::InvalidArgument, message));
        }
        while self.made < upto && self.failed.is_none() {
            self.make_room(upto)?;
            self.failed = self.step(upto).err();
        }
        if upto == self.out_len && self.made == upto && !self.complete {
            self.check_end()?;
            self.complete = true;
            self.input = Bytes::new();
            self.held.resize(self.memory() as u64)?;
        }
        match &self.failed {
            Some(e) if self.made < upto => Err(e.clone()),
            // Broken behind what was asked for: not of interest yet.
            _ => Ok(()),
        }
    }

    /// The output that exists so far, from the span's first byte.
    pub fn output(&self) -> &[u8] {
        self.buf.get(self.base..self.base.saturating_add(self.made)).unwrap_or_default()
    }

    /// The declared length of the output.
    pub fn out_len(&self) -> usize {
        self.out_len
    }

    /// Inflates the rest, checks the end, and gives the whole output without a copy. The window in front of it
    /// stays allocated with it.
    pub fn finish(self) -> Result<Bytes> {
        Ok(self.finish_held()?.0)
    }

    /// With the right to hold it.
    pub(crate) fn finish_held(mut self) -> Result<(Bytes, Reservation)> {
        self.inflate_to(self.out_len)?;
        let mut held = std::mem::take(&mut self.held);
        held.resize(self.buf.capacity() as u64)?;
        if self.out_len == 0 {
            return Ok((Bytes::new(), Reservation::default()));
        }
        let mut all = Bytes::from(std::mem::take(&mut self.buf));
        // Both ends are inside: `made` bytes lie behind `base`.
        let mut out = all.split_off(self.base.min(all.len()));
        out.truncate(self.out_len);
        Ok((out, held))
    }

    /// Bytes of memory held, the compressed ones included.
    pub fn memory(&self) -> usize {
        self.buf.capacity().saturating_add(self.input.len()).saturating_add(Engine::SIZE)
    }

    /// Makes room for at least one more byte, `made < upto <= out_len` given. Doubles, so that asking in small
    /// steps stays linear, but never to more than what was inflated so far or the compressed bytes make likely.
    fn make_room(&mut self, upto: usize) -> Result<()> {
        let have = self.buf.len().saturating_sub(self.base);
        if self.made < have {
            return Ok(());
        }
        let likely = self.input.len().saturating_mul(LIKELY_RATIO).saturating_add(FIRST_ROOM);
        let want = upto.max(have.saturating_mul(2)).min(self.out_len).min(likely.max(have.saturating_mul(2)));
        let len = self.base.saturating_add(want);
        // Old and new may be there for a moment.
        self.held.resize(self.memory().saturating_add(len) as u64)?;
        if have == 0 {
            // Zeroed by the allocator, which for fresh memory costs nothing.
            let mut buf = vec![0; len];
            if let Some(front) = buf.get_mut(..self.base) {
                front.copy_from_slice(&self.buf);
            }
            self.buf = buf;
        } else {
            self.buf.reserve_exact(len.saturating_sub(self.buf.len()));
            self.buf.resize(len, 0);
        }
        self.held.resize(self.memory() as u64)
    }

    /// Moves on by some input or output, making no output beyond `upto` or the buffer's room.
    fn step(&mut self, upto: usize) -> Result<()> {
        let input = self.input.get(self.read..).unwrap_or_default();
        match &mut self.place {
            Place::Block | Place::Border(_) => {
                let at = self.base.saturating_add(self.made);
                let room = self.buf.len().saturating_sub(at).min(upto.saturating_sub(self.made));
                let stop_at_blocks = self.end != SpanEnd::Last;
                let progress = self.engine.run(input, &mut self.buf, at, room, stop_at_blocks);
                self.read = self.read.saturating_add(progress.consumed);
                self.made = self.made.saturating_add(progress.produced);
                self.place = match progress.stop {
                    Stop::OutputFull => Place::Block,
                    Stop::BlockEnd(bits) => Place::Border(bits),
                    Stop::StreamEnd => Place::Trailer(TRAILER),
                    Stop::InputEnd => return Err(self.too_short()),
                    Stop::Broken => return Err(corrupt("the compressed data of a span is broken")),
                };
            }
            Place::Trailer(left) => {
                let skip = usize::from(*left).min(input.len());
                if skip == 0 {
                    return Err(self.too_short());
                }
                self.read = self.read.saturating_add(skip);
                *left = left.saturating_sub(u8::try_from(skip).unwrap_or(*left));
                if *left == 0 {
                    self.place = Place::Header(Box::default());
                }
            }
            Place::Header(parser) => {
                if input.is_empty() {
                    return Err(self.too_short());
                }
                let used = parser.push(input)?;
                if parser.is_done() {
                    self.engine.restart();
                    self.place = Place::Border(0);
                }
                self.read = self.read.saturating_add(used);
            }
        }
        Ok(())
    }

    /// All declared output exists: moves over what makes no output (a block's end, empty blocks, a trailer, a
    /// header, empty members) to the next checkpoint, which must be the end of the compressed range.
    fn check_end(&mut self) -> Result<()> {
        let SpanEnd::Checkpoint { bits } = self.end else { return Ok(()) };
        loop {
            if let Some(e) = &self.failed {
                return Err(e.clone());
            }
            match self.place {
                Place::Border(b) if b == bits && self.read == self.input.len() => return Ok(()),
                _ => self.failed = self.step(self.made).err(),
            }
            if matches!(self.place, Place::Block) && self.failed.is_none() {
                self.failed = Some(corrupt("a span inflates to more than the zTOC declares"));
            }
        }
    }

    fn too_short(&self) -> Error {
        if self.made < self.out_len {
            corrupt("a span inflates to less than the zTOC declares")
        } else {
            corrupt("a span does not end where the zTOC's next checkpoint is")
        }
    }
}

fn corrupt(message: &str) -> Error {
    Error::new(Code::CorruptLayer, message)
}

fn corrupt_ztoc(message: &str) -> Error {
    Error::new(Code::CorruptZtoc, message)
}
