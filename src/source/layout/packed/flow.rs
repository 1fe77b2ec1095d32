//! Reading from a point on, and going on where an earlier read stopped.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use bytes::{Buf, Bytes, BytesMut};

use super::super::files::{RandomAccess, read_all};
use super::archive::Archive;
use crate::error::{Code, Error, Result};
use crate::format::packed::{Cursor, Packing};
use crate::limits::Limits;
use crate::net::stats::Stats;

/// Compressed bytes read at once: what they stand for is decompressed before others have their turn.
pub(super) const STEP: u64 = 128 << 10;
/// Most bytes that are given out at once.
const PIECE: usize = 256 << 10;

/// An archive that is open, and what reads it.
pub(super) struct Inner {
    pub(super) access: Rc<dyn RandomAccess>,
    /// Bytes of the file.
    pub(super) size: u64,
    pub(super) archive: Rc<Archive>,
    pub(super) limits: Limits,
    pub(super) stats: Stats,
    /// Decoders that stopped where a read ended: the next one may go on there.
    pub(super) idle: Rc<RefCell<Vec<Flow>>>,
}

/// A decoder with what it has and has not decoded.
pub(super) struct Flow {
    cursor: Cursor,
    /// What arrived and is not decoded.
    rest: Bytes,
    /// Decoded bytes that nobody took yet.
    out: BytesMut,
}

impl Flow {
    /// Offset in the tar of the next byte that it gives.
    fn at(&self) -> u64 {
        self.cursor.at().saturating_sub(self.out.len() as u64)
    }
}

/// A flow in use; it goes back to the idle ones.
pub(super) struct Lease {
    inner: Rc<Inner>,
    flow: Option<Flow>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(flow) = self.flow.take() else { return };
        // A window of Zstandard may be as large as `max_zstd_window`.
        let most = match self.inner.archive.packing {
            Packing::Gzip => 4,
            Packing::Zstd => 1,
        };
        let mut idle = self.inner.idle.borrow_mut();
        if idle.len() >= most {
            idle.remove(0);
        }
        idle.push(flow);
    }
}

impl Lease {
    /// For a read that begins at an offset of the tar: the idle flow that is nearest before it, unless a point is.
    pub fn new(inner: Rc<Inner>, start: u64) -> Self {
        let least = inner.archive.points.before(start).map_or(0, |point| point.output);
        let mut idle = inner.idle.borrow_mut();
        let useful = |flow: &Flow| (least..=start).contains(&flow.at());
        let best = idle.iter().enumerate().filter(|(_, flow)| useful(flow)).max_by_key(|(_, flow)| flow.at());
        let flow = best.map(|(i, _)| i).map(|i| idle.remove(i));
        drop(idle);
        Lease { inner, flow }
    }

    /// The first bytes of `wanted`, at least one; not before the end of an earlier call's.
    pub async fn next(&mut self, wanted: &Range<u64>) -> Result<Bytes> {
        // Of no use after an error.
        let mut flow = match self.flow.take() {
            Some(flow) => flow,
            None => self.begin(wanted.start)?,
        };
        let bytes = self.go_on(&mut flow, wanted).await?;
        self.flow = Some(flow);
        Ok(bytes)
    }

    fn begin(&self, start: u64) -> Result<Flow> {
        let Inner { archive, limits, .. } = &*self.inner;
        let point = archive.points.before(start).ok_or_else(ended)?;
        let cursor = Cursor::new(archive.packing, point, limits);
        Ok(Flow { cursor, rest: Bytes::new(), out: BytesMut::new() })
    }

    async fn go_on(&self, flow: &mut Flow, wanted: &Range<u64>) -> Result<Bytes> {
        loop {
            let skip = wanted.start.saturating_sub(flow.at()).min(flow.out.len() as u64);
            flow.out.advance(usize::try_from(skip).unwrap_or(flow.out.len()));
            if !flow.out.is_empty() && flow.at() == wanted.start {
                let left = wanted.end.saturating_sub(wanted.start);
                let count = usize::try_from(left).unwrap_or(PIECE).min(PIECE).min(flow.out.len());
                return Ok(flow.out.split_to(count).freeze());
            }
            if flow.rest.is_empty() {
                flow.rest = self.fetch(flow.cursor.wants()).await?;
            }
            let before = flow.cursor.at();
            // What is before the wanted bytes is not even kept.
            let (mut at, out) = (before, &mut flow.out);
            let used = flow.cursor.push(&flow.rest, &mut |bytes| {
                let skip = usize::try_from(wanted.start.saturating_sub(at)).unwrap_or(usize::MAX);
                out.extend_from_slice(bytes.get(skip.min(bytes.len())..).unwrap_or_default());
                at = at.saturating_add(bytes.len() as u64);
            })?;
            flow.rest.advance(used);
            self.inner.stats.inflated(flow.cursor.at().saturating_sub(before));
        }
    }

    /// The next compressed bytes.
    async fn fetch(&self, at: u64) -> Result<Bytes> {
        let inner = &self.inner;
        let end = at.saturating_add(STEP).min(inner.size);
        if at >= end {
            return Err(ended());
        }
        read_all(&*inner.access, at..end, &inner.stats).await
    }
}

fn ended() -> Error {
    Error::new(Code::CorruptLayer, "the archive is not what it was when it was listed")
}
