//! A whole gzip stream with a stop at each place where inflating can start anew: for the making of checkpoints.

use super::engine::{Engine, Stop, WINDOW};
use super::member::{Place, Sums, corrupt};
use crate::error::Result;

/// Most output of one step.
const STEP: usize = 96 << 10;

/// A place between two blocks, or between a member's header and its first block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Border<'a> {
    /// Offset in the stream of the first whole byte.
    pub input: u64,
    /// So many high bits of the byte before come first; 0 to 7.
    pub bits: u8,
    /// Offset in the output of all members.
    pub output: u64,
    /// The 32 KiB of output before it, also of members before; zeros in front where there is less.
    pub window: &'a [u8],
    /// Offset in the input that is being pushed of the first whole byte.
    #[cfg_attr(not(feature = "build"), allow(dead_code, reason = "for the digests of spans"))]
    pub pushed: usize,
}

/// What a stream is given to.
pub(crate) trait BlockSink {
    /// The next output, at most 96 KiB.
    fn output(&mut self, bytes: &[u8]) -> Result<()>;
    /// A border. None is behind the last block of a member.
    fn border(&mut self, border: Border<'_>) -> Result<()>;
}

/// As [`GzipDecoder`](super::GzipDecoder), but stops at borders.
pub(crate) struct BlockDecoder {
    engine: Engine,
    place: Place,
    /// The window, then this step's output.
    buf: Vec<u8>,
    /// End of the output in `buf`.
    at: usize,
    /// Where the member begins in `buf`: matches do not reach back further.
    member: usize,
    sums: Sums,
    input: u64,
    output: u64,
}

impl BlockDecoder {
    /// At the first byte of a stream.
    pub fn new() -> Self {
        BlockDecoder {
            engine: Engine::new(),
            place: Place::start(),
            buf: vec![0; WINDOW + STEP],
            at: WINDOW,
            member: WINDOW,
            sums: Sums::new(),
            input: 0,
            output: 0,
        }
    }

    /// Between two blocks of a member, or before its first: so many high `bits` of `byte` come before the rest, and matches
    /// may reach back into `window`, of 32 KiB at most. The sum of that member is not checked.
    #[cfg(feature = "archive")]
    pub fn resume(bits: u8, byte: u8, window: &[u8]) -> Self {
        let mut decoder = BlockDecoder::new();
        let place = decoder.buf.get_mut(WINDOW.saturating_sub(window.len())..WINDOW);
        if let Some(place) = place.filter(|place| place.len() == window.len()) {
            place.copy_from_slice(window);
        }
        decoder.engine = Engine::resume(bits, byte);
        (decoder.place, decoder.member, decoder.sums) = (Place::Data, 0, Sums::unknown());
        decoder
    }

    /// Decodes `input`. How it is cut changes where the output is cut and nothing else. `CORRUPT_LAYER` if it is not
    /// gzip, broken, or fails a check; or the sink's error. After an error it is of no use.
    pub fn push(&mut self, input: &[u8], sink: &mut impl BlockSink) -> Result<()> {
        let mut at = 0;
        loop {
            let rest = input.get(at..).unwrap_or_default();
            // The engine may have more output although the input is used up.
            if rest.is_empty() && !matches!(self.place, Place::Data) {
                return Ok(());
            }
            let (used, more) = self.step(rest, at, sink)?;
            at += used;
            self.input = self.input.saturating_add(used as u64);
            if !more {
                return Ok(());
            }
        }
    }

    /// The end of the input; gives how many bytes of output there are. `CORRUPT_LAYER` if a member is not complete.
    pub fn finish(&self) -> Result<u64> {
        self.place.finish().map(|()| self.output)
    }

    /// Takes what comes next from the front of `rest`, which is at `pushed` of what is pushed: how many bytes, and
    /// whether to go on.
    fn step(&mut self, rest: &[u8], pushed: usize, sink: &mut impl BlockSink) -> Result<(usize, bool)> {
        match self.place {
            Place::Junk => return Ok((rest.len(), false)),
            Place::Data => return self.inflate(rest, pushed, sink),
            _ => {}
        }
        let used = self.place.take(rest, &self.sums)?;
        if matches!(self.place, Place::Data) {
            self.engine.restart();
            self.member = self.at;
            self.sums = Sums::new();
            self.border(used, pushed, 0, sink)?;
        }
        Ok((used, true))
    }

    fn inflate(&mut self, rest: &[u8], pushed: usize, sink: &mut impl BlockSink) -> Result<(usize, bool)> {
        if self.at == self.buf.len() {
            let moved = self.at.saturating_sub(WINDOW);
            self.buf.copy_within(moved.., 0);
            self.at = WINDOW;
            self.member = self.member.saturating_sub(moved);
        }
        let out = self.buf.get_mut(self.member..).unwrap_or_default();
        let progress = self.engine.run(rest, out, self.at.saturating_sub(self.member), STEP, true);
        let end = self.at.saturating_add(progress.produced);
        if let Some(made) = self.buf.get(self.at..end).filter(|m| !m.is_empty()) {
            self.sums.update(made);
            self.output = self.output.saturating_add(made.len() as u64);
            sink.output(made)?;
        }
        self.at = end;
        let used = progress.consumed;
        match progress.stop {
            Stop::StreamEnd => self.place = Place::trailer(),
            Stop::BlockEnd(bits) => self.border(used, pushed, bits, sink)?,
            Stop::OutputFull => {}
            Stop::InputEnd => return Ok((used, false)),
            Stop::Broken => return Err(corrupt("the compressed data of a gzip member is broken")),
        }
        Ok((used, true))
    }

    fn border(&self, used: usize, pushed: usize, bits: u8, sink: &mut impl BlockSink) -> Result<()> {
        sink.border(Border {
            input: self.input.saturating_add(used as u64),
            bits,
            output: self.output,
            window: self.buf.get(self.at.saturating_sub(WINDOW)..self.at).unwrap_or_default(),
            pushed: pushed + used,
        })
    }
}
