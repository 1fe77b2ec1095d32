//! A whole Zstandard stream, pushed in pieces of any size.

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::frame::{self, Head};
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::format::failure::sticky;
use crate::limits::Limits;

/// Streaming Zstandard decoder of a whole layer: any number of frames, skippable ones skipped, content
/// checksums checked where a frame has one. Frames that need a dictionary are `UNSUPPORTED`: layers have none.
///
/// Memory: the frame's window as it fills (`max_zstd_window` bounds what a frame may declare), and one block.
pub struct ZstdDecoder {
    place: Place,
    /// The header or block whose bytes are still arriving.
    pending: Vec<u8>,
    frames: bool,
    total: u64,
    max_total: u64,
    max_window: u64,
    failed: Option<Error>,
}

enum Place {
    /// At a frame's first byte, or in its header.
    Head,
    /// Bytes of a skippable frame still to come.
    Skip(u32),
    /// In the blocks of a frame.
    Blocks(Box<Frame>),
}

struct Frame {
    decoder: FrameDecoder,
    checksum: bool,
    /// The largest that it may need, and bytes that its blocks so far can have made: what is in the window is not given out.
    window: u64,
    made: u64,
    held: Reservation,
}

impl ZstdDecoder {
    /// A decoder bounded by `max_zstd_window` and `max_whole_layer_inflated`.
    pub fn new(limits: &Limits) -> Self {
        ZstdDecoder {
            place: Place::Head,
            pending: Vec::new(),
            frames: false,
            total: 0,
            max_total: limits.max_whole_layer_inflated,
            max_window: limits.max_zstd_window,
            failed: None,
        }
    }

    /// As [`new`](Self::new), of a stream whose output its caller bounds.
    #[cfg(any(feature = "archive", feature = "zstd-stream"))]
    pub(crate) fn unbounded(limits: &Limits) -> Self {
        ZstdDecoder { max_total: u64::MAX, ..ZstdDecoder::new(limits) }
    }

    /// Decodes `input`, giving the output to `sink` in pieces. How `input` is cut changes nothing of it.
    ///
    /// `CORRUPT_LAYER` if it is not Zstandard, broken, or fails a check; `UNSUPPORTED` for a frame with a
    /// dictionary; `LIMIT_EXCEEDED` before more memory or output than allowed is used; or the sink's error.
    /// After an error each further call gives it again.
    pub fn push(&mut self, input: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        sticky(self, |it| &mut it.failed, |it| it.decode(input, sink))
    }

    /// The end of the input. `CORRUPT_LAYER` if a frame is not complete or there was none.
    pub fn finish(self) -> Result<()> {
        match (self.failed, self.place) {
            (Some(e), _) => Err(e),
            (None, Place::Head) if self.pending.is_empty() && self.frames => Ok(()),
            _ => Err(corrupt("the Zstandard data ends too early")),
        }
    }

    fn decode(&mut self, mut input: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while !input.is_empty() {
            let used = self.fill(input)?;
            input = input.get(used..).unwrap_or_default();
            self.advance(sink)?;
        }
        Ok(())
    }

    /// Takes of `input` what completes the next header or block, and says how many bytes that is. To be followed by
    /// [`advance`](Self::advance), so that a caller knows how far the input was read for what comes out.
    pub(crate) fn fill(&mut self, input: &[u8]) -> Result<usize> {
        Ok(match &mut self.place {
            Place::Skip(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left = left.saturating_sub(u32::try_from(n).unwrap_or(*left));
                if *left == 0 {
                    self.place = Place::Head;
                }
                n
            }
            Place::Head => match self.head()? {
                Head::Needs(n) => self.take(input, n),
                // Decided by the byte that completed it, below.
                _ => 0,
            },
            Place::Blocks(_) => match self.block_len()? {
                Ok(n) | Err(n) if self.pending.len() < n => self.take(input, n),
                _ => 0,
            },
        })
    }

    /// What `pending` says of the frame that begins.
    fn head(&self) -> Result<Head> {
        frame::head(&self.pending).map_err(|e| {
            // Labelled as Zstandard, and compressed in another way.
            let foreign = Some(&*self.pending).filter(|_| !self.frames).and_then(crate::format::tar::refused);
            foreign.unwrap_or(e)
        })
    }

    /// Whether the next byte is a frame's first.
    #[cfg(any(feature = "archive", feature = "zstd-stream"))]
    pub(crate) fn is_between_frames(&self) -> bool {
        matches!(self.place, Place::Head) && self.pending.is_empty()
    }

    /// Adds bytes of `input` to `pending` until it has `want`; returns how many.
    fn take(&mut self, input: &[u8], want: usize) -> usize {
        let n = want.saturating_sub(self.pending.len()).min(input.len());
        self.pending.extend_from_slice(input.get(..n).unwrap_or_default());
        n
    }

    /// Length in all of the block in `pending` with its header and, behind a last one, the checksum; as an `Err` the
    /// length that is needed to tell.
    fn block_len(&self) -> Result<Result<usize, usize>> {
        let checksum = matches!(&self.place, Place::Blocks(f) if f.checksum);
        let Some(&header) = self.pending.first_chunk::<3>() else { return Ok(Err(3)) };
        let (size, last) = frame::block(header)?;
        Ok(Ok(3 + size + if last && checksum { 4 } else { 0 }))
    }

    /// Acts on `pending` if it is a whole header or block.
    pub(crate) fn advance(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match &mut self.place {
            Place::Skip(_) => {}
            Place::Head => match self.head()? {
                Head::Needs(_) => {}
                Head::Skip(len) => {
                    self.frames = true;
                    self.place = if len == 0 { Place::Head } else { Place::Skip(len) };
                    self.pending.clear();
                }
                Head::Frame { checksum, window, .. } => {
                    self.frames = true;
                    // A fresh decoder: a reused one allocates the window that a header claims at once.
                    let mut decoder = FrameDecoder::new();
                    decoder.set_max_window_size(self.max_window);
                    decoder.init(self.pending.as_slice()).map_err(error)?;
                    let window = window.unwrap_or(self.max_window);
                    let held = Reservation::default();
                    self.place = Place::Blocks(Box::new(Frame { decoder, checksum, window, made: 0, held }));
                    self.pending.clear();
                }
            },
            Place::Blocks(_) => {
                if self.block_len()?.is_ok_and(|n| self.pending.len() >= n) {
                    self.block(sink)?;
                }
            }
        }
        Ok(())
    }

    /// Decodes the whole block in `pending`.
    fn block(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Place::Blocks(frame) = &mut self.place else { return Ok(()) };
        // What it keeps is its window and the block; the buffer of that doubles, and both are there for a moment.
        let needed = frame.made.min(frame.window).saturating_add(2 * frame::MAX_BLOCK as u64);
        frame.held.grow(needed.saturating_mul(3))?;
        let decoder = &mut frame.decoder;
        decoder
            .decode_blocks(self.pending.as_slice(), BlockDecodingStrategy::UptoBlocks(1))
            .map_err(error)?;
        self.pending.clear();
        let out = &mut Sink { sink, total: &mut self.total, max_total: self.max_total, failed: None };
        if decoder.collect_to_writer(&mut *out).is_err() {
            return Err(out.failed.take().unwrap_or_else(|| corrupt("the Zstandard data is broken")));
        }
        frame.made = frame.made.saturating_add(frame::MAX_BLOCK as u64);
        if decoder.is_finished() {
            if frame.checksum && decoder.get_checksum_from_data() != decoder.get_calculated_checksum() {
                return Err(corrupt("the checksum of a Zstandard frame is wrong"));
            }
            self.place = Place::Head;
        }
        Ok(())
    }
}

/// Carries output from the frame decoder to the caller, counting it.
struct Sink<'a> {
    sink: &'a mut dyn FnMut(&[u8]) -> Result<()>,
    total: &'a mut u64,
    max_total: u64,
    failed: Option<Error>,
}

impl std::io::Write for &mut Sink<'_> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        *self.total = self.total.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        let result = Limits::check("max_whole_layer_inflated", *self.total, self.max_total)
            .and_then(|()| (self.sink)(data));
        match result {
            Ok(()) => Ok(data.len()),
            Err(e) => {
                self.failed = Some(e);
                Err(std::io::Error::other("stopped"))
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn error(e: FrameDecoderError) -> Error {
    match e {
        FrameDecoderError::WindowSizeTooBig { requested, max } => {
            Error::limit("max_zstd_window", requested, max)
        }
        FrameDecoderError::DictNotProvided { .. } => {
            Error::new(Code::Unsupported, "a Zstandard frame needs a dictionary; layers come without one")
        }
        // What the decoder says more is of no use to the user, and would add 12 KB to the .wasm.
        _ => corrupt("the Zstandard data is broken"),
    }
}

fn corrupt(message: &str) -> Error {
    Error::new(Code::CorruptLayer, message)
}
