//! A whole gzip stream, pushed in pieces of any size.

use super::crc32::Crc32;
use super::engine::{Engine, Stop, WINDOW};
use super::header::HeaderParser;
use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// Most output of one step.
const STEP: usize = 96 << 10;

/// Streaming gzip decoder of a whole layer: any number of members, each one's CRC-32 and length checked.
///
/// What follows the last member and does not begin with gzip's magic bytes is ignored, be it zero padding or
/// anything else, as gzip(1) does (it warns about what is not zero). The layer's digest covers it.
///
/// Memory: 128 KiB of buffer and the engine's tables, whatever the input.
pub struct GzipDecoder {
    engine: Engine,
    place: Place,
    /// The window, then this step's output. Matches never reach back before the member's start.
    buf: Vec<u8>,
    /// End of the output in `buf`.
    at: usize,
    crc: Crc32,
    /// Length of the member, modulo 2^32 as its trailer states it.
    len: u32,
    total: u64,
    max_total: u64,
    failed: Option<Error>,
}

enum Place {
    /// Between members, at least one of which was read: whether the byte 0x1F was seen.
    Between(bool),
    Header(Box<HeaderParser>),
    Data,
    /// CRC-32 and length, and how many of these bytes have come.
    Trailer([u8; 8], usize),
    /// Behind the last member.
    Junk,
}

impl GzipDecoder {
    /// A decoder whose output is bounded by `max_whole_layer_inflated`.
    pub fn new(limits: &Limits) -> Self {
        GzipDecoder {
            engine: Engine::new(),
            place: Place::Header(Box::default()),
            buf: Vec::new(),
            at: 0,
            crc: Crc32::new(),
            len: 0,
            total: 0,
            max_total: limits.max_whole_layer_inflated,
            failed: None,
        }
    }

    /// Decodes `input`, giving the output to `sink` in pieces of at most 96 KiB. How `input` is cut changes where
    /// the pieces are cut and nothing else.
    ///
    /// `CORRUPT_LAYER` if it is not gzip, broken, or fails a check; `LIMIT_EXCEEDED` before more output than
    /// allowed is given out; or the sink's error. After an error each further call gives it again.
    pub fn push(&mut self, input: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(e) = &self.failed {
            return Err(e.clone());
        }
        let result = self.decode(input, sink);
        self.failed = result.as_ref().err().cloned();
        result
    }

    /// The end of the input. `CORRUPT_LAYER` if a member is not complete or there was none.
    pub fn finish(self) -> Result<()> {
        match (self.failed, self.place) {
            (Some(e), _) => Err(e),
            (None, Place::Between(_) | Place::Junk) => Ok(()),
            _ => Err(corrupt("the gzip data ends too early")),
        }
    }

    fn decode(&mut self, mut input: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        loop {
            // The engine may have more output although the input is used up.
            if input.is_empty() && !matches!(self.place, Place::Data) {
                return Ok(());
            }
            let used = match &mut self.place {
                Place::Junk => return Ok(()),
                Place::Between(half) => {
                    self.place = match (*half, input.first()) {
                        (false, Some(0x1F)) => Place::Between(true),
                        (true, Some(0x8B)) => {
                            let mut parser = Box::<HeaderParser>::default();
                            parser.push(&[0x1F, 0x8B])?;
                            Place::Header(parser)
                        }
                        _ => Place::Junk,
                    };
                    1
                }
                Place::Header(parser) => {
                    let used = parser.push(input)?;
                    if parser.is_done() {
                        self.engine.restart();
                        self.at = 0;
                        self.crc = Crc32::new();
                        self.len = 0;
                        self.place = Place::Data;
                    }
                    used
                }
                Place::Data => match self.inflate(input, sink)? {
                    (used, false) => used,
                    (_, true) => return Ok(()),
                },
                Place::Trailer(bytes, have) => {
                    if let (Some(slot), Some(&byte)) = (bytes.get_mut(*have), input.first()) {
                        *slot = byte;
                        *have += 1;
                    }
                    if *have == bytes.len() {
                        let [a, b, c, d, e, f, g, h] = *bytes;
                        if u32::from_le_bytes([a, b, c, d]) != self.crc.value() {
                            return Err(corrupt("the CRC-32 of a gzip member is wrong"));
                        }
                        if u32::from_le_bytes([e, f, g, h]) != self.len {
                            return Err(corrupt("the length of a gzip member is wrong"));
                        }
                        self.place = Place::Between(false);
                    }
                    1
                }
            };
            input = input.get(used..).unwrap_or_default();
        }
    }

    /// One step of the engine: bytes of `input` taken, and whether it needs more of them.
    fn inflate(&mut self, input: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<(usize, bool)> {
        if self.buf.is_empty() {
            self.buf = vec![0; WINDOW + STEP];
        }
        if self.at == self.buf.len() {
            self.buf.copy_within(self.at.saturating_sub(WINDOW).., 0);
            self.at = WINDOW;
        }
        let progress = self.engine.run(input, &mut self.buf, self.at, STEP, false);
        let end = self.at.saturating_add(progress.produced);
        if let Some(made) = self.buf.get(self.at..end).filter(|m| !m.is_empty()) {
            // At most STEP bytes, so neither cast nor sum loses anything that counts.
            self.total = self.total.saturating_add(made.len() as u64);
            Limits::check("max_whole_layer_inflated", self.total, self.max_total)?;
            self.len = self.len.wrapping_add(made.len() as u32);
            self.crc.update(made);
            sink(made)?;
        }
        self.at = end;
        match progress.stop {
            Stop::StreamEnd => self.place = Place::Trailer([0; 8], 0),
            Stop::InputEnd => return Ok((progress.consumed, true)),
            Stop::OutputFull | Stop::BlockEnd(_) => {}
            Stop::Broken => return Err(corrupt("the compressed data of a gzip member is broken")),
        }
        Ok((progress.consumed, false))
    }
}

fn corrupt(message: &str) -> Error {
    Error::new(Code::CorruptLayer, message)
}
