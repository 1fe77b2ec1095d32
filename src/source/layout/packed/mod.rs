//! A compressed tar (`docker save | gzip`) as one that can be read anywhere: after one pass over it, a read begins at the
//! nearest point before.

mod archive;
mod cached;
mod flow;

use std::ops::Range;
use std::rc::Rc;

use futures_util::stream::{self, StreamExt};
use sha2::{Digest as _, Sha256};

use super::files::{RandomAccess, read_all};
use super::members::Members;
use crate::budget::Reservation;
use crate::error::{Code, Error, Result};
use crate::format::oci::Digest;
use crate::format::packed::{Packing, Pass, Passed};
use crate::limits::Limits;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later};
use crate::source::Cache;
use archive::Archive;
use flow::{Inner, Lease, STEP};

/// Bytes at both ends of the file that tell it from another: of gzip, the last ones hold a sum of all.
const ENDS: u64 = 64 << 10;
/// Most bytes between two points where single ranges are to be read rather than kept.
const NEAR: u64 = 16 << 20;

/// The tar inside.
struct Packed(Rc<Inner>);

/// Reads the archive once, unless one of `caches` knows it; gives the tar and its members.
pub(super) async fn open(
    access: Rc<dyn RandomAccess>,
    caches: &[Rc<dyn Cache>],
    limits: &Limits,
    stats: &Stats,
) -> Result<(Rc<dyn RandomAccess>, Members)> {
    let size = access.size().await?;
    let start = read_all(&*access, 0..size.min(ENDS), stats).await?;
    let end = read_all(&*access, size.saturating_sub(ENDS)..size, stats).await?;
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
    let (archive, limits, stats) = (Rc::new(archive), limits.clone(), stats.clone());
    let inner = Inner { access, size, archive, limits, stats, idle: Rc::default() };
    Ok((Rc::new(Packed(Rc::new(inner))), members))
}

/// Identity of an archive, by which its cached index is known.
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
        pass.push(&read_all(access, at..end, stats).await?)?;
        held.resize(pass.heap_bytes() as u64)?;
        at = end;
    }
    stats.inflated(pass.total());
    let passed = pass.finish()?;
    let members = Members::new(&passed.table);
    let Passed { total, points, small, .. } = passed;
    Ok((Archive { packing, total, points, small, _held: held }, members))
}

impl RandomAccess for Packed {
    fn size(&self) -> Later<'_, u64> {
        Box::pin(async { Ok(self.0.archive.total) })
    }
    fn read(&self, range: Range<u64>) -> Later<'_, ByteStream> {
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
    fn counted_by(&self, stats: &Stats) -> Option<Rc<dyn RandomAccess>> {
        let Inner { access, size, archive, limits, idle, .. } = &*self.0;
        let (access, archive, limits) = (access.clone(), archive.clone(), limits.clone());
        let (size, stats, idle) = (*size, stats.clone(), idle.clone());
        Some(Rc::new(Packed(Rc::new(Inner { access, size, archive, limits, stats, idle }))))
    }
    fn is_steady(&self) -> bool {
        self.0.access.is_steady() && self.0.archive.points.widest(self.0.archive.total) <= NEAR
    }
}
