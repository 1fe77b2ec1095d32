//! Framing of gzip members around their deflate data: magic bytes, headers, trailers (RFC 1952, section 2.3).

use super::header::HeaderParser;
use crate::error::{Code, Error, Result};
use ocipeek_inflate::Crc32;

/// Where a reader of a stream is.
pub(super) enum Place {
    /// Between members, at least one of which was read: whether the byte 0x1F was seen.
    Between(bool),
    Header(Box<HeaderParser>),
    Data,
    /// CRC-32 and length, and how many of these bytes have come.
    Trailer([u8; 8], usize),
    /// Behind the last member.
    Junk,
}

impl Place {
    /// At the first byte of a stream.
    pub fn start() -> Self {
        Place::Header(Box::default())
    }

    /// Behind a member's deflate data.
    pub fn trailer() -> Self {
        Place::Trailer([0; 8], 0)
    }

    /// The end of the input. `CORRUPT_LAYER` if a member is not complete or there was none.
    pub fn finish(&self) -> Result<()> {
        match self {
            Place::Between(_) | Place::Junk => Ok(()),
            _ => Err(corrupt("the gzip data ends too early")),
        }
    }

    /// Takes bytes that are no deflate data from the front of `input`: how many. Where a member's data begins behind
    /// them, the place is `Data` then. `sums` are those of the member whose trailer this is.
    pub fn take(&mut self, input: &[u8], sums: &Sums) -> Result<usize> {
        match self {
            Place::Between(half) => {
                *self = match (*half, input.first()) {
                    (false, Some(0x1F)) => Place::Between(true),
                    (true, Some(0x8B)) => {
                        let mut parser = Box::<HeaderParser>::default();
                        parser.push(&[0x1F, 0x8B])?;
                        Place::Header(parser)
                    }
                    _ => Place::Junk,
                };
            }
            Place::Header(parser) => {
                let used = parser.push(input)?;
                if parser.is_done() {
                    *self = Place::Data;
                }
                return Ok(used);
            }
            Place::Data => return Ok(0),
            Place::Trailer(bytes, have) => {
                if let (Some(slot), Some(&byte)) = (bytes.get_mut(*have), input.first()) {
                    *slot = byte;
                    *have += 1;
                }
                if *have == bytes.len() {
                    sums.check(*bytes)?;
                    *self = Place::Between(false);
                }
            }
            Place::Junk => return Ok(input.len()),
        }
        Ok(1)
    }
}

/// What a member's trailer states of its output.
pub(super) struct Sums {
    crc: Crc32,
    /// Length modulo 2^32.
    len: u32,
    /// Not all of the output was seen.
    #[cfg(feature = "archive")]
    unknown: bool,
}

impl Sums {
    pub fn new() -> Self {
        Sums {
            crc: Crc32::new(),
            len: 0,
            #[cfg(feature = "archive")]
            unknown: false,
        }
    }

    /// Of a member that was entered in its middle.
    #[cfg(feature = "archive")]
    pub fn unknown() -> Self {
        Sums { unknown: true, ..Sums::new() }
    }

    /// Adds the next output.
    pub fn update(&mut self, made: &[u8]) {
        #[cfg(feature = "archive")]
        if self.unknown {
            return;
        }
        // Modulo 2^32, so the cast loses nothing that counts.
        self.len = self.len.wrapping_add(made.len() as u32);
        self.crc.update(made);
    }

    fn check(&self, [a, b, c, d, e, f, g, h]: [u8; 8]) -> Result<()> {
        #[cfg(feature = "archive")]
        if self.unknown {
            return Ok(());
        }
        if u32::from_le_bytes([a, b, c, d]) != self.crc.value() {
            return Err(corrupt("the CRC-32 of a gzip member is wrong"));
        }
        if u32::from_le_bytes([e, f, g, h]) != self.len {
            return Err(corrupt("the length of a gzip member is wrong"));
        }
        Ok(())
    }
}

pub(super) fn corrupt(message: &str) -> Error {
    Error::new(Code::CorruptLayer, message)
}
