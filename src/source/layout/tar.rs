//! A layout inside a tar (`oci-archive`, `docker save`): its headers are walked by ranged reads, its files are
//! read where they lie.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt;

use super::files::{Files, RandomAccess, read_all};
use super::members::{Members, part};
use crate::error::{Code, Error, Result};
use crate::format::tar::holes::{self, Piece};
use crate::format::tar::{EntryTable, TarWalker};
use crate::format::unpack::Packing;
use crate::limits::Limits;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later, Transport};
use crate::source::Cache;
use crate::source::sparse;

/// Bytes read at once for headers: enough for a few small files, little beside a layer.
const FIRST_READ: u64 = 16 << 10;
/// The same where one header follows another.
const MOST_READ: u64 = 256 << 10;

/// The files of a tar.
pub struct TarFiles {
    access: Rc<dyn RandomAccess>,
    members: Rc<Members>,
    /// `access` counts its reads.
    counts_reads: bool,
    stats: Stats,
}

impl fmt::Debug for TarFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TarFiles")
            .field("name", &self.access.name())
            .field("files", &self.members.list().len())
            .finish()
    }
}

impl TarFiles {
    /// Walks the tar's headers. The last of equal names counts, as when it is extracted. Links lead to files in the tar:
    /// old Dockers wrote equal layers so. A compressed tar is read from end to end for it (feature `archive`).
    ///
    /// # Errors
    /// `CORRUPT_LAYER` for what is no tar or is cut off, `UNSUPPORTED` for a compressed one that this build does not
    /// read, `LIMIT_EXCEEDED`.
    pub async fn open(access: Rc<dyn RandomAccess>, limits: &Limits, stats: &Stats) -> Result<TarFiles> {
        TarFiles::open_cached(access, &[], limits, stats).await
    }

    /// As [`open`](Self::open). Of a compressed tar, what that one pass finds is kept in each of `caches`, and looked for
    /// there before: nobody but their owner may be able to write to them.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub async fn open_cached(
        access: Rc<dyn RandomAccess>,
        caches: &[Rc<dyn Cache>],
        limits: &Limits,
        stats: &Stats,
    ) -> Result<TarFiles> {
        let name = access.name();
        let opened = TarFiles::open_here(access, caches, limits, stats).await?;
        opened.ok_or_else(|| compressed().with_reference(name))
    }

    /// As [`open_cached`](Self::open_cached). `None` for a compressed tar that this build does not read.
    pub(crate) async fn open_here(
        access: Rc<dyn RandomAccess>,
        caches: &[Rc<dyn Cache>],
        limits: &Limits,
        stats: &Stats,
    ) -> Result<Option<TarFiles>> {
        let name = access.name();
        let of = |access, members, counts_reads| TarFiles {
            access,
            members: Rc::new(members),
            counts_reads,
            stats: stats.clone(),
        };
        let opened = async {
            match walk(&*access, limits, stats).await? {
                Walked::Tar(table) => Ok(Some(of(access, Members::new(&table), false))),
                #[cfg(feature = "archive")]
                Walked::Compressed => {
                    let (access, members) = super::packed::open(access, caches, limits, stats).await?;
                    Ok(Some(of(access, members, true)))
                }
                #[cfg(not(feature = "archive"))]
                Walked::Compressed => Ok(None),
            }
        };
        #[cfg(not(feature = "archive"))]
        let _ = caches;
        opened.await.map_err(|e: Error| e.with_reference(name))
    }
}

impl Files for TarFiles {
    fn size<'a>(&'a self, path: &'a str) -> Later<'a, Option<u64>> {
        let size = self.members.find(path).map(|place| place.size);
        Box::pin(async move { Ok(size) })
    }
    fn read<'a>(&'a self, path: &'a str, range: Option<Range<u64>>) -> Later<'a, ByteStream> {
        Box::pin(async move {
            let Some(place) = self.members.find(path) else {
                let text = match self.members.has(path) {
                    true => format!(
                        "{path} in the archive is no file but a device, or a link that leads to no file in it"
                    ),
                    false => format!("the archive holds no {path}"),
                };
                return Err(Error::new(Code::NotFound, text));
            };
            let range = part(range, place.size).ok_or_else(|| {
                let text = format!("{path} in the archive is shorter than its descriptor says");
                Error::new(Code::DigestMismatch, text)
            })?;
            let pieces = match &place.runs {
                Some(runs) => holes::pieces(runs, range),
                None => vec![Piece::Data(range)],
            };
            let stored = holes::packed_range(&pieces);
            let body = if stored.is_empty() {
                futures_util::stream::empty().boxed_local()
            } else {
                // A member's end is inside the tar, so that this cannot overflow.
                let at = |offset: u64| place.start.saturating_add(offset);
                self.access.read(at(stored.start)..at(stored.end)).await?
            };
            Ok(if place.runs.is_some() { sparse::expand(body, pieces, &self.stats) } else { body })
        })
    }
    fn name(&self) -> String {
        self.access.name()
    }
    fn for_reader(&self, _: &Rc<dyn Transport>, _: &Limits, stats: &Stats) -> Option<Rc<dyn Files>> {
        let access = self.access.counted_by(stats).unwrap_or_else(|| self.access.clone());
        let (members, stats) = (self.members.clone(), stats.clone());
        Some(Rc::new(TarFiles { access, members, counts_reads: self.counts_reads, stats }))
    }
    fn counts_reads(&self) -> bool {
        self.counts_reads
    }
    fn is_steady(&self) -> bool {
        self.access.is_steady()
    }
}

/// Result of walking a file.
enum Walked {
    Tar(EntryTable),
    /// `docker save | gzip`, say.
    Compressed,
}

async fn walk(access: &dyn RandomAccess, limits: &Limits, stats: &Stats) -> Result<Walked> {
    let total = access.size().await?;
    let mut walker = TarWalker::new(limits);
    let mut window = Bytes::new();
    let mut start = 0;
    let mut step = FIRST_READ;
    while !walker.is_done() {
        let at = walker.wants();
        if at >= total {
            break;
        }
        let end = start + window.len() as u64;
        if at < start || at >= end {
            // Right behind the last read: small files in a row.
            step = if at == end && at > 0 { (step * 2).min(MOST_READ) } else { FIRST_READ };
            window = read_all(access, at..at.saturating_add(step).min(total), stats).await?;
            start = at;
            if at == 0 && Packing::of(&window).is_some() {
                return Ok(Walked::Compressed);
            }
        }
        let from = usize::try_from(at - start).unwrap_or(usize::MAX);
        let used = walker.push(window.get(from..).unwrap_or_default())?;
        if used == 0 && walker.wants() == at && !walker.is_done() {
            return Err(Error::new(Code::CorruptLayer, "the archive's headers lead nowhere").with_offset(at));
        }
    }
    walker.finish(Some(total)).map(Walked::Tar)
}

/// The error of builds that do not unpack archives.
pub(crate) fn compressed() -> Error {
    let e = Error::new(Code::Unsupported, "the archive is compressed, by gzip or zstd");
    e.with_remedy(crate::error::Remedy::OtherBuild("compressed archives"))
        .with_remedy(crate::error::Remedy::Unpack)
}
