//! Tar walker: from header to header, without reading contents.

use super::foreign;
use super::header::{Fed, HeaderReader, Need, padded};
use super::{Entry, EntryTable};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// A tar reader that is given bytes and asks for none by itself: for a whole layer that streams past, or
/// for an uncompressed tar of which only headers are fetched.
///
/// What it makes of a tar does not depend on how the bytes are cut.
#[derive(Debug)]
pub struct TarWalker {
    reader: HeaderReader,
    limits: Limits,
    table: EntryTable,
    /// Offset of the next byte wanted.
    wants: u64,
    /// What came of the part of a header that the reader needs at once.
    partial: Vec<u8>,
    /// Where the last entry's content ends, without padding.
    content_end: u64,
    zero_seen: bool,
    done: bool,
    #[cfg(feature = "build")]
    raw: Option<super::RawTable>,
}

/// Some of what is stored of an entry.
#[derive(Debug)]
pub struct Part<'a> {
    /// The entry's number.
    pub index: usize,
    /// The entry.
    pub entry: Entry<'a>,
    /// How many bytes are stored of it: fewer than its size, where it has holes.
    pub stored: u64,
    /// Where in these `bytes` begin.
    pub at: u64,
    /// They themselves, at least one.
    pub bytes: &'a [u8],
}

impl TarWalker {
    /// A walker at offset 0.
    pub fn new(limits: &Limits) -> Self {
        TarWalker {
            reader: HeaderReader::new(limits),
            limits: limits.clone(),
            table: EntryTable::new(),
            wants: 0,
            partial: Vec::new(),
            content_end: 0,
            zero_seen: false,
            done: false,
            #[cfg(feature = "build")]
            raw: None,
        }
    }

    /// Offset in the tar of the next byte it wants; it jumps over contents. The caller drops or does not
    /// fetch what is before.
    pub fn wants(&self) -> u64 {
        self.wants
    }
    /// True when the end of the archive (two zero blocks) was seen. What follows does not matter.
    pub fn is_done(&self) -> bool {
        self.done
    }
    /// The entries whose headers are complete.
    pub fn table(&self) -> &EntryTable {
        &self.table
    }

    /// Takes bytes that begin at [`TarWalker::wants`] and returns how many it has dealt with: all of them,
    /// contents among them included, unless the archive ends before. `CORRUPT_LAYER` if it is not a tar;
    /// after an error the walker is of no use.
    pub fn push(&mut self, data: &[u8]) -> Result<usize> {
        let base = self.wants;
        let mut used = 0;
        while !self.done && used < data.len() {
            let at = base.checked_add(used as u64).ok_or_else(too_far)?;
            if let Some(skip) = self.wants.checked_sub(at).filter(|n| *n > 0) {
                let left = data.len() - used;
                used += usize::try_from(skip).map_or(left, |skip| skip.min(left));
                continue;
            }
            match self.reader.need() {
                Need::Skip(n) => {
                    self.forward(n)?;
                    self.give(None)?;
                }
                Need::Bytes(need) => {
                    let rest = data.get(used..).unwrap_or_default();
                    let missing = need.saturating_sub(self.partial.len());
                    let take = rest.get(..missing.min(rest.len())).unwrap_or_default();
                    used += take.len();
                    self.forward(take.len() as u64)?;
                    if self.partial.is_empty() && take.len() == need {
                        self.give(Some(take))?;
                    } else {
                        self.partial.extend_from_slice(take);
                        if self.partial.len() == need {
                            let whole = std::mem::take(&mut self.partial);
                            self.give(Some(&whole))?;
                            self.partial = whole;
                            self.partial.clear();
                        }
                    }
                }
            }
        }
        Ok(used)
    }

    /// Takes the bytes of the tar from `at` on, as it streams past from its start to its end: headers for itself, what is
    /// stored of entries for `contents`.
    pub fn feed(
        &mut self,
        mut at: u64,
        mut data: &[u8],
        contents: &mut dyn FnMut(Part<'_>) -> Result<()>,
    ) -> Result<()> {
        while !data.is_empty() && !self.done {
            let skip = self.wants.saturating_sub(at);
            // Up to the end of the block: contents, which it would pass over, begin with one.
            let most = if skip > 0 { skip } else { 512 - at % 512 };
            let (now, later) = data.split_at(usize::try_from(most).unwrap_or(usize::MAX).min(data.len()));
            let stored = usize::try_from(self.content_end.saturating_sub(at)).unwrap_or(usize::MAX);
            if skip == 0 {
                self.push(now)?;
            } else if stored > 0
                && let Some(index) = self.table.len().checked_sub(1)
                && let Some(entry) = self.table.get(index)
            {
                let bytes = now.get(..stored).unwrap_or(now);
                let stored = self.content_end.saturating_sub(entry.offset);
                contents(Part { index, stored, at: at.saturating_sub(entry.offset), entry, bytes })?;
            }
            at = at.saturating_add(now.len() as u64);
            data = later;
        }
        Ok(())
    }

    fn forward(&mut self, n: u64) -> Result<()> {
        self.wants = self.wants.checked_add(n).ok_or_else(too_far)?;
        Ok(())
    }

    /// Gives the reader what it needs; `wants` is already behind it.
    fn give(&mut self, bytes: Option<&[u8]>) -> Result<()> {
        // Where this entry's header begins, for errors: the part just given is not counted yet.
        let start = self.wants.saturating_sub(self.reader.len() + bytes.map_or(0, <[u8]>::len) as u64);
        let fed = self.reader.feed(bytes.unwrap_or_default()).map_err(|e| {
            let foreign = bytes.filter(|_| start == 0).and_then(foreign::refused);
            foreign.unwrap_or_else(|| e.with_offset(start))
        })?;
        match fed {
            Fed::Zero if self.zero_seen => self.done = true,
            Fed::Zero => self.zero_seen = true,
            _ if self.zero_seen => {
                return Err(Error::new(Code::CorruptLayer, "the tar goes on behind a block of zeros")
                    .with_offset(start));
            }
            Fed::More => {}
            Fed::Entry => self.entry()?,
        }
        Ok(())
    }

    fn entry(&mut self) -> Result<()> {
        let offset = self.wants;
        let header_offset = offset.saturating_sub(self.reader.len());
        let header = self.reader.header();
        let stored = header.stored;
        let entry = header.entry(header_offset, offset);
        self.content_end = offset.checked_add(stored).ok_or_else(too_far)?;
        #[cfg(feature = "build")]
        if let Some(raw) = &mut self.raw {
            raw.push(&header.raw, &self.limits)
                .map_err(|e| e.with_path(entry.name).with_offset(header_offset))?;
        }
        self.table.push(&entry, &self.limits).map_err(|e| e.with_offset(header_offset))?;
        if let Some(map) = self.reader.take_sparse() {
            self.table.set_sparse(map, &self.limits)?;
        }
        self.reader.next_entry();
        self.wants = padded(self.content_end).ok_or_else(too_far)?;
        Ok(())
    }

    /// Ends the walk: at the end of the archive, or of the input if the archive has no end blocks (the last
    /// block may then lack its padding). `total` is the tar's length where the caller knows it; content past
    /// it is `CORRUPT_LAYER`.
    pub fn finish(mut self, total: Option<u64>) -> Result<EntryTable> {
        let cut = |at| {
            Error::new(Code::CorruptLayer, "the tar is cut off: its last entry is not complete")
                .with_offset(at)
        };
        if !self.done {
            let rest_is_zero = self.partial.iter().all(|&b| b == 0);
            if !self.reader.at_start() || !rest_is_zero {
                let all = self.wants == self.partial.len() as u64;
                let foreign = Some(&*self.partial).filter(|_| all).and_then(foreign::refused);
                return Err(foreign.unwrap_or_else(|| cut(self.wants)));
            }
            if total.is_some_and(|total| total > self.wants) {
                return Err(Error::new(Code::CorruptLayer, "the tar's input ended before the tar")
                    .with_offset(self.wants));
            }
        }
        if total.is_some_and(|total| self.content_end > total) {
            return Err(cut(self.content_end));
        }
        self.table.shrink();
        Ok(self.table)
    }
}

#[cfg(feature = "build")]
impl TarWalker {
    /// A walker that also keeps what only a builder of zTOCs needs.
    pub(crate) fn with_raw(limits: &Limits) -> Self {
        TarWalker { raw: Some(super::RawTable::default()), ..TarWalker::new(limits) }
    }

    /// Bytes of heap that this takes.
    pub(crate) fn raw_heap_bytes(&self) -> usize {
        self.raw.as_ref().map_or(0, super::RawTable::heap_bytes)
    }

    /// As [`TarWalker::finish`], with what was kept.
    pub(crate) fn finish_raw(mut self, total: u64) -> Result<(EntryTable, super::RawTable)> {
        let raw = self.raw.take().unwrap_or_default();
        Ok((self.finish(Some(total))?, raw))
    }
}

fn too_far() -> Error {
    Error::new(Code::CorruptLayer, "a tar entry's size is out of range")
}
