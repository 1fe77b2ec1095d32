//! A whole gzip stream, pushed in pieces of any size.

use super::engine::{Engine, Stop, WINDOW};
use super::member::{Place, Sums, corrupt};
use crate::error::{Error, Result};
use crate::format::failure::sticky;
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
    sums: Sums,
    total: u64,
    max_total: u64,
    failed: Option<Error>,
}

impl GzipDecoder {
    /// A decoder whose output is bounded by `max_whole_layer_inflated`.
    pub fn new(limits: &Limits) -> Self {
        GzipDecoder {
            engine: Engine::new(),
            place: Place::start(),
            buf: Vec::new(),
            at: 0,
            sums: Sums::new(),
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
        sticky(self, |it| &mut it.failed, |it| it.decode(input, sink))
    }

    /// The end of the input. `CORRUPT_LAYER` if a member is not complete or there was none.
    pub fn finish(self) -> Result<()> {
        self.failed.map_or_else(|| self.place.finish(), Err)
    }

    fn decode(&mut self, mut input: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        loop {
            // The engine may have more output although the input is used up.
            if input.is_empty() && !matches!(self.place, Place::Data) {
                return Ok(());
            }
            let used = match self.place {
                Place::Junk => return Ok(()),
                Place::Data => match self.inflate(input, sink)? {
                    (used, false) => used,
                    (_, true) => return Ok(()),
                },
                _ => {
                    let used = self.place.take(input, &self.sums)?;
                    if matches!(self.place, Place::Data) {
                        self.engine.restart();
                        self.at = 0;
                        self.sums = Sums::new();
                    }
                    used
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
            self.total = self.total.saturating_add(made.len() as u64);
            Limits::check("max_whole_layer_inflated", self.total, self.max_total)?;
            self.sums.update(made);
            sink(made)?;
        }
        self.at = end;
        match progress.stop {
            Stop::StreamEnd => self.place = Place::trailer(),
            Stop::InputEnd => return Ok((progress.consumed, true)),
            Stop::OutputFull | Stop::BlockEnd(_) => {}
            Stop::Broken => return Err(corrupt("the compressed data of a gzip member is broken")),
        }
        Ok((progress.consumed, false))
    }
}
