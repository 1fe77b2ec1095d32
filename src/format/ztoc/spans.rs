//! The spans of a layer: where each begins and ends, in the layer and in its tar, and how to start there.

use std::ops::Range;

use bytes::Bytes;

use super::flatbuffer::{Table, broken};
use crate::error::{Code, Error, Result};
use crate::format::oci::Digest;
use crate::limits::Limits;

/// How the layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Gzip, one or several members.
    Gzip,
    /// A plain tar; spans are equal parts of it.
    Uncompressed,
}

/// What an inflater needs to start at a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanStart<'a> {
    /// So many high bits of the span's first compressed byte come before the next whole byte; 0 to 7.
    pub bits: u8,
    /// The 32 KiB of output before the span; empty where there are none.
    pub window: &'a [u8],
}

const WINDOW: usize = 32 << 10;
/// `i64 in`, `i64 out`, `u8 bits`, window.
const RECORD: usize = 17 + WINDOW;
/// A gzip header has 10 bytes at least, and version 1 takes it for granted that it has no more.
const GZIP_HEADER: u64 = 10;
/// Deflate cannot do better: a length of 258 takes two bits.
const MAX_RATIO: u64 = 1032;

/// The spans of a layer.
#[derive(Debug)]
pub struct Spans {
    compression: Compression,
    span_size: u64,
    compressed: u64,
    uncompressed: u64,
    digests: Vec<Digest>,
    /// Gzip: where span 0 begins in the layer.
    first_input: u64,
    /// Gzip: the checkpoints from span 1 on, as they stand in the zTOC.
    records: Bytes,
    /// Bytes that `records` keeps from being freed.
    held: usize,
    /// Version 1: span 0 has no record.
    implied_first: bool,
}

impl Spans {
    /// Reads `CompressionInfo`, of a zTOC that is `ztoc`.
    pub(super) fn read(
        info: Table<'_>,
        ztoc: &Bytes,
        compressed: u64,
        uncompressed: u64,
        limits: &Limits,
    ) -> Result<Self> {
        let compression = match info.i8(0, "compression_algorithm")? {
            None | Some(1) => Compression::Gzip,
            Some(2) => Compression::Uncompressed,
            Some(other) => {
                return Err(Error::new(
                    Code::Unsupported,
                    format!(
                        "the zTOC is for compression algorithm {other}; only gzip (1) and none (2) are read"
                    ),
                ));
            }
        };
        let max_id = info.i32(1, "max_span_id")?;
        let len = u64::try_from(i64::from(max_id) + 1)
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| broken(format!("the zTOC's max_span_id is {max_id}")))?;
        Limits::check("max_spans", len, limits.max_spans)?;
        let digests = info.vector(2, "span_digests")?;
        if digests.len() as u64 != len {
            return Err(broken(format!("the zTOC claims {len} spans and has digests of {}", digests.len())));
        }
        let checkpoints = info.bytes(3, "checkpoints")?;
        let mut spans = Spans {
            compression,
            span_size: 0,
            compressed,
            uncompressed,
            digests: Vec::new(),
            first_input: 0,
            records: Bytes::new(),
            held: 0,
            implied_first: false,
        };
        match compression {
            Compression::Gzip => spans.gzip(checkpoints, len, ztoc)?,
            Compression::Uncompressed => spans.tar(checkpoints, len)?,
        }
        // As many as there are strings in the zTOC.
        spans.digests.reserve_exact(digests.len());
        for i in 0..digests.len() {
            spans.digests.push(digest(digests.bytes(i, "span_digests")?)?);
        }
        Ok(spans)
    }

    fn gzip(&mut self, zinfo: &[u8], len: u64, ztoc: &Bytes) -> Result<()> {
        let short = || broken("the zTOC's checkpoints are cut off");
        let (count, rest) = zinfo.split_first_chunk::<4>().ok_or_else(short)?;
        let (span_size, records) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let count = i32::from_le_bytes(*count);
        if u64::try_from(count) != Ok(len) {
            return Err(broken(format!("the zTOC claims {len} spans and {count} checkpoints")));
        }
        self.span_size = positive(i64::from_le_bytes(*span_size))?;
        let present = records.len() / RECORD;
        self.implied_first = match len.checked_sub(present as u64) {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(short()),
        };
        if !records.len().is_multiple_of(RECORD) {
            return Err(short());
        }
        let mut records = records;
        self.first_input = GZIP_HEADER;
        if !self.implied_first {
            let (first, rest) = records.split_at_checked(RECORD).ok_or_else(short)?;
            let first = Record::read(first).ok_or_else(short)?;
            if first.output != 0 || first.bits != 0 || first.input < GZIP_HEADER.cast_signed() {
                return Err(broken("the zTOC's first checkpoint is not behind a gzip header"));
            }
            self.first_input = first.input.cast_unsigned();
            // Nothing comes before the first span: its window says nothing.
            records = rest;
        }
        // Windows are most of a zTOC with many spans and little of one with many entries: borrow them or
        // let the rest go.
        (self.records, self.held) = match records.len() {
            0 => (Bytes::new(), 0),
            len if len >= ztoc.len() / 2 => (ztoc.slice_ref(records), ztoc.len()),
            len => (Bytes::copy_from_slice(records), len),
        };
        self.check_offsets()
    }

    /// Checkpoints increase in both offsets, lie within the layer, and are not further apart than deflate
    /// can bring them.
    fn check_offsets(&self) -> Result<()> {
        let (mut last_input, mut last_output) = (self.first_input, 0);
        if last_input >= self.compressed {
            return Err(broken("the zTOC's first checkpoint is past the end of the layer"));
        }
        for (i, record) in self.records.chunks_exact(RECORD).enumerate() {
            let at = |message: &str| broken(format!("the zTOC's checkpoint {} {message}", i + 1));
            let r = Record::read(record).ok_or_else(|| at("is cut off"))?;
            let offset = |n: i64| u64::try_from(n).map_err(|_| at("has a negative offset"));
            let (input, output) = (offset(r.input)?, offset(r.output)?);
            if r.bits > 7 {
                return Err(at("has more than 7 bits"));
            }
            if input >= self.compressed {
                return Err(at("is past the end of the layer"));
            }
            // Before the first output, builders make one at each border: behind an empty block or member.
            if input <= last_input || output <= last_output && output != 0 {
                return Err(at("does not come after the one before"));
            }
            if output - last_output > most(input - last_input) {
                return Err(at("is further on than the layer's bytes can inflate to"));
            }
            (last_input, last_output) = (input, output);
        }
        if self.uncompressed.saturating_sub(last_output) > most(self.compressed - last_input) {
            return Err(broken("the zTOC's tar is larger than the layer's bytes can inflate to"));
        }
        Ok(())
    }

    fn tar(&mut self, zinfo: &[u8], len: u64) -> Result<()> {
        let zinfo = Table::root(zinfo, "TarZinfo")?;
        let version = zinfo.i32(0, "version")?;
        if !(1..=2).contains(&version) {
            return Err(Error::new(Code::Unsupported, format!("the zTOC's tar index has version {version}")));
        }
        self.span_size = positive(zinfo.i64(1, "span_size")?)?;
        let size = zinfo.size(2, "size")?;
        if size != self.compressed {
            return Err(broken("the zTOC states two sizes of one tar"));
        }
        if self.uncompressed > size {
            return Err(broken("the zTOC's tar is larger than its layer"));
        }
        if size.div_ceil(self.span_size) != len {
            return Err(broken(format!("the zTOC claims {len} spans of {} bytes in {size}", self.span_size)));
        }
        Ok(())
    }

    /// Size of the layer in bytes.
    pub(crate) fn compressed(&self) -> u64 {
        self.compressed
    }
    /// Size of the tar in bytes, as the zTOC states.
    pub(crate) fn uncompressed(&self) -> u64 {
        self.uncompressed
    }
    /// The compression of the layer.
    pub fn compression(&self) -> Compression {
        self.compression
    }
    /// The least bytes of output between two checkpoints, as the zTOC states; of a tar the size of a span.
    pub fn span_size(&self) -> u64 {
        self.span_size
    }
    /// Number of spans, at least 1.
    pub fn len(&self) -> usize {
        self.digests.len()
    }
    /// False.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }
    /// True for version 1 of the gzip index, which takes for granted that the gzip header has 10 bytes:
    /// where it has more, span 0 has to be started behind the real header.
    pub fn is_v1_first(&self) -> bool {
        self.implied_first
    }
    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        self.digests.capacity() * size_of::<Digest>() + self.held
    }

    /// The same without bytes of the zTOC that are not copied.
    pub(crate) fn own_bytes(&self) -> usize {
        let is_copy = self.held == self.records.len();
        self.heap_bytes().saturating_sub(if is_copy { 0 } else { self.held })
    }

    /// The checkpoint of span `i`, which is not the first.
    fn record(&self, i: usize) -> Option<Record<'_>> {
        let start = i.checked_sub(1)?.checked_mul(RECORD)?;
        Record::read(self.records.get(start..start.checked_add(RECORD)?)?)
    }

    /// Where span `i` begins: compressed (the first whole byte) and uncompressed. Checked to be positive.
    pub(super) fn offsets(&self, i: usize) -> Option<(u64, u64, u8)> {
        if i >= self.len() {
            return None;
        }
        match self.compression {
            Compression::Uncompressed => {
                let at = self.span_size.checked_mul(i as u64)?;
                Some((at, at, 0))
            }
            Compression::Gzip if i == 0 => Some((self.first_input, 0, 0)),
            Compression::Gzip => {
                let r = self.record(i)?;
                Some((u64::try_from(r.input).ok()?, u64::try_from(r.output).ok()?, r.bits))
            }
        }
    }

    /// The span that holds offset `offset` of the tar.
    pub fn find(&self, offset: u64) -> Option<usize> {
        let end = match self.compression {
            Compression::Gzip => self.uncompressed,
            Compression::Uncompressed => self.compressed,
        };
        if offset >= end {
            return None;
        }
        let (mut low, mut high) = (0, self.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.offsets(middle)?.1 <= offset {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// The part of the tar that span `i` holds. Empty for a last span past the end of the tar, which some
    /// builders write for an empty last gzip member.
    pub fn output(&self, i: usize) -> Option<Range<u64>> {
        let start = self.offsets(i)?.1;
        let end = match (self.offsets(i.checked_add(1)?), self.compression) {
            (Some((_, next, _)), _) => next,
            (None, Compression::Gzip) => self.uncompressed.max(start),
            (None, Compression::Uncompressed) => self.compressed,
        };
        Some(start..end)
    }

    /// The bytes of the layer that span `i` takes, which its digest covers. It begins one byte early, in
    /// the last byte of the span before, where its first bits are there.
    pub fn input(&self, i: usize) -> Option<Range<u64>> {
        let (start, _, bits) = self.offsets(i)?;
        let end = self.offsets(i.checked_add(1)?).map_or(self.compressed, |(next, ..)| next);
        Some(start.checked_sub(u64::from(bits != 0))?..end)
    }

    /// The digest of span `i`'s bytes in the layer.
    pub fn digest(&self, i: usize) -> Option<&Digest> {
        self.digests.get(i)
    }

    /// How to start inflating at span `i`; of a tar, nothing to know.
    pub fn start(&self, i: usize) -> Option<SpanStart<'_>> {
        let (_, _, bits) = self.offsets(i)?;
        Some(SpanStart { bits, window: self.record(i).map_or(&[], |r| r.window) })
    }
}

struct Record<'a> {
    input: i64,
    output: i64,
    bits: u8,
    window: &'a [u8],
}

impl<'a> Record<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (input, rest) = bytes.split_first_chunk::<8>()?;
        let (output, rest) = rest.split_first_chunk::<8>()?;
        let (bits, window) = rest.split_first()?;
        Some(Record {
            input: i64::from_le_bytes(*input),
            output: i64::from_le_bytes(*output),
            bits: *bits,
            window,
        })
    }
}

/// The most bytes that `compressed` bytes and a part of one more can inflate to.
fn most(compressed: u64) -> u64 {
    compressed.saturating_add(1).saturating_mul(MAX_RATIO)
}

fn positive(span_size: i64) -> Result<u64> {
    u64::try_from(span_size)
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| broken(format!("the zTOC's span size is {span_size}")))
}

fn digest(text: &[u8]) -> Result<Digest> {
    let parsed = std::str::from_utf8(text).ok().and_then(|t| t.parse::<Digest>().ok());
    parsed.ok_or_else(|| {
        let shown = text.get(..text.len().min(80)).unwrap_or_default();
        broken(format!("the zTOC has a span digest that is not sha256: \"{}\"", shown.escape_ascii()))
    })
}
