//! Checkpoints and span digests, as the layer streams past.

use super::flatbuffer::Writer;
use super::sum::Sum;
use super::toc::Toc;
use crate::budget::Reservation;
use crate::error::Result;
use crate::format::gzip::blocks::{BlockSink, Border};
use crate::format::oci::Digest;
use crate::limits::Limits;

/// `i64 in`, `i64 out`, `u8 bits`, window.
const RECORD: u64 = 17 + (32 << 10);

/// `CompressionInfo`, but for the checkpoints that were taken.
pub(super) struct Info {
    /// FlatBuffers' `CompressionAlgorithm`.
    pub algorithm: u8,
    pub digests: Vec<Digest>,
    /// Before the checkpoints.
    pub head: Vec<u8>,
    /// Bytes of checkpoints that were taken.
    pub taken: u64,
    /// The checkpoints that were not.
    pub rest: Vec<u8>,
}

/// The spans of a gzip layer.
pub(super) struct GzipSpans {
    span_size: u64,
    max_spans: u64,
    max_bytes: u64,
    /// Checkpoints that nobody took.
    records: Vec<u8>,
    taken: u64,
    count: u64,
    digests: Vec<Digest>,
    /// The output before the last checkpoint.
    last: u64,
    /// Of the current span's bytes; `None` before the first.
    hash: Option<Sum>,
    /// Of nothing; what others are made after.
    kind: Sum,
    /// The last byte that was pushed.
    byte_before: u8,
    /// Of the checkpoints that nobody took yet, and of the digests.
    held: Reservation,
}

impl GzipSpans {
    pub fn new(span_size: u64, limits: &Limits) -> Self {
        GzipSpans {
            span_size,
            // As their number is in 32 bits.
            max_spans: limits.max_spans.min(i32::MAX as u64),
            max_bytes: limits.max_ztoc_size,
            records: Vec::new(),
            taken: 0,
            count: 0,
            digests: Vec::new(),
            last: 0,
            hash: None,
            kind: Sum::new(),
            byte_before: 0,
            held: Reservation::default(),
        }
    }

    #[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
    pub fn hash_as(&mut self, kind: &Sum) {
        self.kind = kind.another();
    }

    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn heap_bytes(&self) -> usize {
        self.records.capacity() + self.digests.capacity() * size_of::<Digest>()
    }

    pub fn untaken(&self) -> usize {
        self.records.len()
    }

    pub fn take(&mut self) -> Vec<u8> {
        self.taken = self.taken.saturating_add(self.records.len() as u64);
        let taken = std::mem::take(&mut self.records);
        // Less than before, so that it cannot fail.
        let _ = self.held.resize(self.heap_bytes() as u64);
        taken
    }

    /// Reserves memory for one checkpoint more, before it is there.
    fn reserve(&mut self) -> Result<()> {
        let needed = self.records.len().saturating_add(RECORD as usize);
        if needed > self.records.capacity() {
            let doubled = needed.max(self.records.capacity().saturating_mul(2));
            self.held.grow(self.heap_bytes().saturating_add(doubled) as u64)?;
        }
        Ok(())
    }

    /// For one piece of the layer.
    pub fn pass<'a>(&'a mut self, input: &'a [u8], toc: &'a mut Toc) -> Pass<'a> {
        Pass { spans: self, toc, input, hashed: 0 }
    }

    pub fn finish(mut self) -> Result<Info> {
        if let Some(hash) = self.hash.take() {
            self.digests.push(hash.digest());
        }
        let mut head = (self.count as i32).to_le_bytes().to_vec();
        head.extend_from_slice(&self.span_size.to_le_bytes());
        Ok(Info { algorithm: 1, digests: self.digests, head, taken: self.taken, rest: self.records })
    }
}

/// What takes the output and the borders of one piece of a gzip layer.
pub(super) struct Pass<'a> {
    spans: &'a mut GzipSpans,
    toc: &'a mut Toc,
    input: &'a [u8],
    /// So many bytes of `input` are in the spans' digests, or before the first span.
    hashed: usize,
}

impl Pass<'_> {
    /// The end of the piece.
    pub fn end(mut self) {
        self.hash_to(self.input.len());
        if let Some(&last) = self.input.last() {
            self.spans.byte_before = last;
        }
    }

    fn hash_to(&mut self, end: usize) {
        if let (Some(hash), Some(bytes)) = (&mut self.spans.hash, self.input.get(self.hashed..end)) {
            hash.update(bytes);
        }
        self.hashed = end;
    }
}

impl BlockSink for Pass<'_> {
    fn output(&mut self, bytes: &[u8]) -> Result<()> {
        self.toc.push(bytes)
    }

    /// The reference's rule: at the start of the tar, and where more than a span has come since the last one. While
    /// there is no output, each border is one.
    fn border(&mut self, border: Border<'_>) -> Result<()> {
        let spans = &mut *self.spans;
        if border.output != 0 && border.output.saturating_sub(spans.last) <= spans.span_size {
            return Ok(());
        }
        let count = spans.count.saturating_add(1);
        Limits::check("max_spans", count, spans.max_spans)?;
        Limits::check("max_ztoc_size", count.saturating_mul(RECORD), spans.max_bytes)?;
        spans.reserve()?;
        (spans.count, spans.last) = (count, border.output);
        spans.records.extend_from_slice(&border.input.to_le_bytes());
        spans.records.extend_from_slice(&border.output.to_le_bytes());
        spans.records.push(border.bits);
        spans.records.extend_from_slice(border.window);

        self.hash_to(border.pushed);
        let mut next = self.spans.kind.another();
        if border.bits != 0 {
            // The byte that holds them is of both spans.
            let shared = border.pushed.checked_sub(1).and_then(|i| self.input.get(i));
            next.update(&[*shared.unwrap_or(&self.spans.byte_before)]);
        }
        if let Some(hash) = self.spans.hash.replace(next) {
            self.spans.digests.push(hash.digest());
        }
        Ok(())
    }
}

/// The spans of a tar: equal parts.
pub(super) struct TarSpans {
    span_size: u64,
    max_spans: u64,
    digests: Vec<Digest>,
    hash: Sum,
    /// Bytes of the current span still to come.
    left: u64,
    size: u64,
}

impl TarSpans {
    pub fn new(span_size: u64, limits: &Limits) -> Self {
        TarSpans {
            span_size,
            max_spans: limits.max_spans.min(i32::MAX as u64),
            digests: Vec::new(),
            hash: Sum::new(),
            left: span_size,
            size: 0,
        }
    }

    #[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
    pub fn hash_as(&mut self, kind: &Sum) {
        self.hash = kind.another();
    }

    pub fn len(&self) -> usize {
        self.digests.len() + usize::from(self.left < self.span_size)
    }

    pub fn heap_bytes(&self) -> usize {
        self.digests.capacity() * size_of::<Digest>()
    }

    pub fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        while !bytes.is_empty() {
            Limits::check("max_spans", self.digests.len() as u64 + 1, self.max_spans)?;
            let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            let (part, rest) = bytes.split_at(n);
            self.hash.update(part);
            self.left -= n as u64;
            bytes = rest;
            if self.left == 0 {
                self.digests.push(self.hash.digest());
                self.hash = self.hash.another();
                self.left = self.span_size;
            }
        }
        Ok(())
    }

    pub fn finish(mut self) -> Info {
        if self.left < self.span_size {
            self.digests.push(self.hash.digest());
        }
        let mut w = Writer::default();
        w.start();
        w.u32_field(0, 2);
        w.i64_field(1, self.span_size.cast_signed());
        w.i64_field(2, self.size.cast_signed());
        let root = w.end();
        Info { algorithm: 2, digests: self.digests, head: w.finish(root), taken: 0, rest: Vec::new() }
    }
}
