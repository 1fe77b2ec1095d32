//! A compressed tar (`docker save | gzip`) as one that can be read anywhere: after one pass over it, a read begins at the
//! nearest point before.

mod cached;
mod flow;

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use sha2::{Digest as _, Sha256};

use super::files::RandomAccess;
use super::members::Members;
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::format::oci::Digest;
use crate::format::packed::{Packing, Pass, Passed, Points};
use crate::limits::Limits;
use crate::net::stats::{RequestRecord, Stats};
use crate::net::transport::{ByteStream, Purpose};
use crate::source::Cache;
use flow::{Flow, Lease};

/// Compressed bytes read at once: what they stand for is decompressed before others have their turn.
const STEP: u64 = 128 << 10;
/// Bytes at both ends of the file that tell it from another: of gzip, the last ones hold a sum of all.
const ENDS: u64 = 64 << 10;
/// Most bytes between two points where single ranges are to be read rather than kept.
const NEAR: u64 = 16 << 20;

/// What is known of the archive.
struct Archive {
    packing: Packing,
    /// Bytes of the tar.
    total: u64,
    points: Points,
    /// What is held of memory by what is here, and by the members.
    _held: Reservation,
    /// Stored bytes of small files, by their offset, in order.
    small: Vec<(u64, Bytes)>,
}

/// The tar inside.
struct Packed(Rc<Inner>);

struct Inner {
    access: Rc<dyn RandomAccess>,
    /// Bytes of the file.
    size: u64,
    archive: Archive,
    limits: Limits,
    stats: Stats,
    /// Decoders that stopped where a read ended: the next one may go on there.
    idle: RefCell<Vec<Flow>>,
}

/// Reads the archive once, unless one of `caches` knows it; gives the tar and its members.
pub(super) async fn open(
    access: Rc<dyn RandomAccess>,
    caches: &[Rc<dyn Cache>],
    limits: &Limits,
    stats: &Stats,
) -> Result<(Rc<dyn RandomAccess>, Members)> {
    let size = access.size().await?;
    let start = read(&*access, 0..size.min(ENDS), stats).await?;
    let end = read(&*access, size.saturating_sub(ENDS)..size, stats).await?;
    let packing = Packing::of(&start).ok_or_else(|| Error::new(Code::Network, "the archive changed"))?;
    let identity = identity(&*access, size, &[&start, &end]);
    let key = format!("archive-v1:{}", Digest::from_sha256(identity));
    let mut found = None;
    for cache in caches {
        let value = cache.get(&key).await;
        found = value.and_then(|value| cached::parse(&value, &identity, size));
        stats.cache(found.is_some());
        if found.is_some() {
            break;
        }
    }
    let (archive, members) = match found {
        Some(found) => found,
        None => {
            let (archive, members) = pass(&*access, packing, size, limits, stats).await?;
            if !caches.is_empty() {
                let value = cached::to_bytes(&archive, &members, &identity);
                for cache in caches {
                    cache.put(&key, value.clone()).await;
                }
            }
            (archive, members)
        }
    };
    let (limits, stats) = (limits.clone(), stats.clone());
    let inner = Inner { access, size, archive, limits, stats, idle: RefCell::default() };
    Ok((Rc::new(Packed(Rc::new(inner))), members))
}

/// What a kept index is known by.
fn identity(access: &dyn RandomAccess, size: u64, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(size.to_le_bytes());
    for part in parts.iter().copied().chain([access.version().as_bytes()]) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

async fn pass(
    access: &dyn RandomAccess,
    packing: Packing,
    size: u64,
    limits: &Limits,
    stats: &Stats,
) -> Result<(Archive, Members)> {
    let mut pass = Pass::new(packing, limits);
    let (mut held, mut at) = (Reservation::default(), 0);
    while at < size {
        let end = at.saturating_add(STEP).min(size);
        pass.push(&read(access, at..end, stats).await?)?;
        held.resize(pass.heap_bytes() as u64)?;
        at = end;
    }
    stats.inflated(pass.total());
    let passed = pass.finish()?;
    let members = Members::new(&passed.table);
    let Passed { total, points, small, .. } = passed;
    Ok((Archive { packing, total, points, small, _held: held }, members))
}

/// Bytes of the file, counted.
async fn read(access: &dyn RandomAccess, range: Range<u64>, stats: &Stats) -> Result<Bytes> {
    let wanted = range.end.saturating_sub(range.start);
    let record = stats.request(RequestRecord {
        purpose: Purpose::Range,
        method: "READ",
        target: access.name(),
        range: Some(range.clone()),
        status: 0,
        bytes: 0,
    });
    let mut body = access.read(range).await?;
    record.set_status(206);
    let mut out = Vec::new();
    while let Some(chunk) = body.try_next().await? {
        record.add_bytes(chunk.len() as u64);
        out.extend_from_slice(&chunk);
        if out.len() as u64 > wanted {
            break;
        }
    }
    if out.len() as u64 == wanted {
        return Ok(out.into());
    }
    Err(Error::new(Code::Network, "a read of the archive gave another number of bytes than asked for"))
}

impl RandomAccess for Packed {
    fn size(&self) -> LocalBoxFuture<'_, Result<u64>> {
        Box::pin(async { Ok(self.0.archive.total) })
    }
    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'_, Result<ByteStream>> {
        Box::pin(async move {
            if let Some(bytes) = self.0.archive.small_part(&range) {
                return Ok(stream::iter([Ok(bytes)]).boxed_local());
            }
            let lease = Lease::new(self.0.clone(), range.start);
            let pieces = stream::try_unfold((lease, range), |(mut lease, left)| async move {
                if left.is_empty() {
                    return Ok(None);
                }
                let bytes = lease.next(&left).await?;
                let start = left.start.saturating_add(bytes.len() as u64);
                Ok(Some((bytes, (lease, start..left.end))))
            });
            Ok(pieces.boxed_local())
        })
    }
    fn name(&self) -> String {
        self.0.access.name()
    }
    fn is_steady(&self) -> bool {
        self.0.access.is_steady() && self.0.archive.points.widest(self.0.archive.total) <= NEAR
    }
}

impl Archive {
    /// Bytes of the tar that are at hand.
    fn small_part(&self, range: &Range<u64>) -> Option<Bytes> {
        let behind = self.small.partition_point(|(start, _)| *start <= range.start);
        let (start, bytes) = self.small.get(behind.checked_sub(1)?)?;
        let from = usize::try_from(range.start.checked_sub(*start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(*start)?).ok()?;
        (from <= to && to <= bytes.len()).then(|| bytes.slice(from..to))
    }
}
