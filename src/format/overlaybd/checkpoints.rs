//! `gzip.meta` ("ddgzidx"): checkpoints in a gzip layer, as a zTOC has them.
//!
//! `header 333 | windows | entries: 29 bytes each`. Entries, and each window, are zlib streams where the header says so.

use std::ops::Range;

use bytes::Bytes;

use super::crc::crc32c;
use super::{corrupt, unsupported};
use crate::error::Result;
use crate::format::ext4::bytes::{u32_at, u64_at};
use crate::format::gzip;
use crate::limits::Limits;

const HEADER: usize = 333;
const MAGIC: &[u8; 8] = b"ddgzidx\0";
const CRC: usize = 329;
const ENTRY: usize = 29;
const WINDOW: usize = 32 << 10;
/// The shortest gzip header: no checkpoint is in front of its end.
const FIRST_BYTE: u64 = 10;

#[derive(Debug, Clone)]
struct Checkpoint {
    output: u64,
    input: u64,
    bits: u8,
    window: Range<usize>,
}

/// The checkpoints of a layer.
#[derive(Debug)]
pub struct Checkpoints {
    data: Bytes,
    zlib: bool,
    list: Vec<Checkpoint>,
    gzip_size: u64,
    tar_size: u64,
}

impl Checkpoints {
    /// Reads a `gzip.meta`.
    ///
    /// `CORRUPT_LAYER` if it contradicts itself or its CRC, or its checkpoints are out of order; `UNSUPPORTED` for other
    /// versions and codings; `LIMIT_EXCEEDED` over `max_spans`.
    pub fn parse(data: Bytes, limits: &Limits) -> Result<Checkpoints> {
        let Some(header) = data.get(..HEADER).filter(|header| header.starts_with(MAGIC)) else {
            return Err(corrupt("a list of gzip checkpoints (gzip.meta) does not begin as one"));
        };
        if crc32c(0, header.get(..CRC).unwrap_or_default()) != u32_at(header, CRC) {
            return Err(corrupt("the CRC of a list of gzip checkpoints (gzip.meta) is wrong"));
        }
        let byte = |at: usize| header.get(at).copied().unwrap_or_default();
        if byte(8) != 1 || u32_at(header, 21) as usize != ENTRY || u32_at(header, 17) as usize != WINDOW {
            return Err(unsupported(format!("gzip.meta is of version {}, of which none is known", byte(8))));
        }
        let zlib = match byte(10) {
            0 => false,
            1 => true,
            n => {
                return Err(unsupported(format!(
                    "gzip.meta is compressed by algorithm {n}, which is not known"
                )));
            }
        };
        let count = u64_at(header, 25);
        Limits::check("max_spans", count, limits.max_spans)?;
        let (start, len) = (u64_at(header, 313), u64_at(header, 321));
        let entries =
            start.checked_add(len).filter(|&end| end == data.len() as u64 && start >= HEADER as u64);
        let entries = entries.and_then(|_| data.get(usize::try_from(start).ok()?..));
        let entries = entries.ok_or_else(|| corrupt("the checkpoints of gzip.meta are not inside of it"))?;
        let want = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(ENTRY);
        let unpacked = match zlib {
            true => inflate(entries, want)?,
            false => entries.to_vec(),
        };
        if unpacked.len() != want {
            return Err(corrupt("gzip.meta has another number of checkpoints than it says"));
        }
        let list = unpacked.as_chunks::<ENTRY>().0.iter().map(checkpoint).collect::<Result<Vec<_>>>()?;
        let all =
            Checkpoints { zlib, list, gzip_size: u64_at(header, 33), tar_size: u64_at(header, 49), data };
        all.check()?;
        Ok(all)
    }

    fn check(&self) -> Result<()> {
        let (mut input, mut output) = (FIRST_BYTE, 0);
        for (i, c) in self.list.iter().enumerate() {
            let starts = i > 0 || c.output == 0;
            if c.bits > 7 || c.input < input || c.output < output || !starts {
                return Err(corrupt("the checkpoints of gzip.meta are out of order"));
            }
            if c.input > self.gzip_size || c.output > self.tar_size || c.window.end > self.data.len() {
                return Err(corrupt("a checkpoint of gzip.meta is outside of its layer"));
            }
            (input, output) = (c.input, c.output);
        }
        if self.list.is_empty() && self.tar_size > 0 {
            return Err(corrupt("gzip.meta has no checkpoint"));
        }
        Ok(())
    }

    /// Bytes of the layer, compressed.
    pub fn gzip_size(&self) -> u64 {
        self.gzip_size
    }

    /// Bytes of the layer's tar.
    pub fn tar_size(&self) -> u64 {
        self.tar_size
    }

    /// The checkpoint from which byte `offset` of the tar is reached.
    pub fn find(&self, offset: u64) -> Option<usize> {
        let behind = self.list.partition_point(|c| c.output <= offset);
        behind.checked_sub(1).filter(|_| offset < self.tar_size)
    }

    /// The bytes of the tar between checkpoint `i` and the next.
    pub fn output(&self, i: usize) -> Option<Range<u64>> {
        let end = self.list.get(i.checked_add(1)?).map_or(self.tar_size, |next| next.output);
        Some(self.list.get(i)?.output..end)
    }

    /// The bytes of the layer that inflate to these; the first is shared with those before unless `bits` is 0.
    pub fn input(&self, i: usize) -> Option<Range<u64>> {
        let end = self.list.get(i.checked_add(1)?).map_or(self.gzip_size, |next| next.input);
        let checkpoint = self.list.get(i)?;
        Some(checkpoint.input.saturating_sub(u64::from(checkpoint.bits > 0))..end)
    }

    /// High bits of the first of these bytes that belong to them.
    pub fn bits(&self, i: usize) -> Option<u8> {
        self.list.get(i).map(|c| c.bits)
    }

    /// The output in front of checkpoint `i`: 32 KiB. `CORRUPT_LAYER` if it is broken.
    pub fn window(&self, i: usize) -> Result<Bytes> {
        let stored = self.list.get(i).and_then(|c| self.data.get(c.window.clone()));
        let stored = stored.ok_or_else(|| corrupt("gzip.meta has no such checkpoint"))?;
        match self.zlib {
            true => Ok(inflate(stored, WINDOW)?.into()),
            false if stored.len() == WINDOW => Ok(Bytes::copy_from_slice(stored)),
            false => Err(corrupt("a window of gzip.meta is not 32 KiB long")),
        }
    }

    /// Bytes of memory held.
    pub fn heap_bytes(&self) -> usize {
        self.data.len().saturating_add(self.list.capacity().saturating_mul(size_of::<Checkpoint>()))
    }
}

fn checkpoint(entry: &[u8; ENTRY]) -> Result<Checkpoint> {
    let bits = entry.get(24).copied().unwrap_or_default();
    let window = usize::try_from(u64_at(entry, 16)).ok().and_then(|start| {
        let len = usize::try_from(u32_at(entry, 25)).ok()?;
        Some(start..start.checked_add(len)?)
    });
    let window = window.ok_or_else(|| corrupt("a window of gzip.meta is not inside of it"))?;
    Ok(Checkpoint { output: u64_at(entry, 0), input: u64_at(entry, 8), bits, window })
}

/// A zlib stream (RFC 1950) of exactly `len` bytes. Its own checksum is not looked at: the layer's digest covers it.
fn inflate(data: &[u8], len: usize) -> Result<Vec<u8>> {
    let broken = || corrupt("gzip.meta is compressed wrongly");
    let (&[method, flags], rest) = data.split_first_chunk::<2>().ok_or_else(broken)?;
    let sum = u16::from_be_bytes([method, flags]);
    if method & 0xf != 8 || sum % 31 != 0 || flags & 0x20 != 0 {
        return Err(broken());
    }
    gzip::inflate_to(rest, len).ok_or_else(broken)
}
