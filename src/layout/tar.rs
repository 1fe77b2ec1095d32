//! A layout inside a tar (`oci-archive`, `docker save`): its headers are walked by ranged reads, its files are
//! read where they lie.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;

use super::files::{Files, RandomAccess};
use crate::error::{Code, Error, Result};
use crate::http::Gather;
use crate::limits::Limits;
use crate::order::heap_sort;
use crate::stats::{RequestRecord, Stats};
use crate::tar::{EntryTable, Kind, TarWalker};
use crate::transport::{ByteStream, Purpose};

/// Bytes read at once for headers: enough for a few small files, little beside a layer.
const FIRST_READ: u64 = 16 << 10;
/// The same where one header follows another.
const MOST_READ: u64 = 256 << 10;

/// The files of a tar.
pub struct TarFiles {
    access: Rc<dyn RandomAccess>,
    /// Regular files, sorted by cleaned name, equal ones by place.
    files: Vec<(String, Range<u64>)>,
}

impl fmt::Debug for TarFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TarFiles")
            .field("name", &self.access.name())
            .field("files", &self.files.len())
            .finish()
    }
}

impl TarFiles {
    /// Walks the tar's headers. The last of equal names counts, as when it is extracted. Links lead to files in the tar
    /// (old Dockers wrote equal layers so); other links and sparse files are left out.
    ///
    /// # Errors
    /// `CORRUPT_LAYER` for what is no tar or is cut off, `UNSUPPORTED` for a compressed one, `LIMIT_EXCEEDED`.
    pub async fn open(access: Rc<dyn RandomAccess>, limits: &Limits, stats: &Stats) -> Result<TarFiles> {
        let table = walk(&*access, limits, stats).await.map_err(|e| e.with_reference(access.name()))?;
        let mut files = Vec::new();
        for (i, entry) in table.iter().enumerate() {
            if entry.kind != Kind::Regular || table.sparse(i).is_some() {
                continue;
            }
            let Some(name) = std::str::from_utf8(entry.name).ok().and_then(clean) else { continue };
            if let Some(end) = entry.offset.checked_add(entry.size) {
                files.push((name, entry.offset..end));
            }
        }
        let by_name =
            |a: &(String, Range<u64>), b: &(String, Range<u64>)| (&a.0, a.1.start) < (&b.0, b.1.start);
        heap_sort(&mut files, by_name);
        let mut out = TarFiles { access, files };
        let links = out.links(&table);
        if !links.is_empty() {
            out.files.extend(links);
            heap_sort(&mut out.files, by_name);
        }
        Ok(out)
    }

    /// The names that are links to files, with the places of those. Links to links are left out.
    fn links(&self, table: &EntryTable) -> Vec<(String, Range<u64>)> {
        let mut found = Vec::new();
        for entry in table.iter() {
            let Ok(link) = std::str::from_utf8(entry.link_name) else { continue };
            let Some(name) = std::str::from_utf8(entry.name).ok().and_then(clean) else { continue };
            let to = match entry.kind {
                Kind::HardLink => clean(link),
                Kind::Symlink => beside(&name, link),
                _ => None,
            };
            if let Some(place) = to.and_then(|to| self.place(&to))
                && self.place(&name).is_none()
            {
                found.push((name, place.clone()));
            }
        }
        found
    }

    /// Where the last file of this name is.
    fn place(&self, path: &str) -> Option<&Range<u64>> {
        let behind = self.files.partition_point(|(name, _)| name.as_str() <= path);
        let (name, place) = self.files.get(behind.checked_sub(1)?)?;
        (name == path).then_some(place)
    }
}

impl Files for TarFiles {
    fn size<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, Result<Option<u64>>> {
        let size = self.place(path).map(|r| r.end - r.start);
        Box::pin(async move { Ok(size) })
    }
    fn read<'a>(
        &'a self,
        path: &'a str,
        range: Option<Range<u64>>,
    ) -> LocalBoxFuture<'a, Result<ByteStream>> {
        Box::pin(async move {
            let Some(place) = self.place(path) else {
                return Err(Error::new(Code::NotFound, format!("the archive holds no {path}")));
            };
            let inner = match range {
                None => place.clone(),
                Some(r) => {
                    let (start, end) = (place.start.checked_add(r.start), place.start.checked_add(r.end));
                    match start.zip(end).filter(|&(start, end)| start <= end && end <= place.end) {
                        Some((start, end)) => start..end,
                        None => {
                            let text = format!("{path} in the archive is shorter than its descriptor says");
                            return Err(Error::new(Code::DigestMismatch, text));
                        }
                    }
                }
            };
            if inner.is_empty() {
                return Ok(futures_util::stream::empty().boxed_local());
            }
            self.access.read(inner).await
        })
    }
    fn name(&self) -> String {
        self.access.name()
    }
    fn is_steady(&self) -> bool {
        self.access.is_steady()
    }
}

/// `./blobs//x` → `blobs/x`; nothing that leaves the root.
pub(super) fn clean(name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            _ => parts.push(part),
        }
    }
    if parts.is_empty() { None } else { Some(parts.join("/")) }
}

/// Where a symbolic link at `name` leads inside the tar.
fn beside(name: &str, link: &str) -> Option<String> {
    if link.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    if parts.is_empty() { None } else { Some(parts.join("/")) }
}

async fn walk(access: &dyn RandomAccess, limits: &Limits, stats: &Stats) -> Result<EntryTable> {
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
        let end = start + len(&window);
        if at < start || at >= end {
            // Right behind the last read: small files in a row.
            step = if at == end && at > 0 { (step * 2).min(MOST_READ) } else { FIRST_READ };
            window = read_all(access, at..at.saturating_add(step).min(total), stats).await?;
            start = at;
            if at == 0 {
                refuse_compressed(&window)?;
            }
        }
        let from = usize::try_from(at - start).unwrap_or(usize::MAX);
        let used = walker.push(window.get(from..).unwrap_or_default())?;
        if used == 0 && walker.wants() == at && !walker.is_done() {
            return Err(Error::new(Code::CorruptLayer, "the archive's headers lead nowhere").with_offset(at));
        }
    }
    walker.finish(Some(total))
}

fn len(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

async fn read_all(access: &dyn RandomAccess, range: Range<u64>, stats: &Stats) -> Result<Bytes> {
    let wanted = range.end - range.start;
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
    let mut gathered = Gather::new(wanted);
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        record.add_bytes(len(&chunk));
        gathered.push(chunk)?;
        if gathered.len() > wanted {
            break;
        }
    }
    if gathered.len() != wanted {
        return Err(Error::new(
            Code::Network,
            "a read of the archive gave another number of bytes than asked for",
        ));
    }
    Ok(gathered.finish())
}

/// A hint for `docker save | gzip`.
fn refuse_compressed(start: &[u8]) -> Result<()> {
    let (kind, unpack) = match start {
        [0x1f, 0x8b, ..] => ("gzip", "gunzip FILE"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ("zstd", "unzstd FILE"),
        [b'B', b'Z', b'h', ..] => ("bzip2", "bunzip2 FILE"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => ("xz", "unxz FILE"),
        [b'P', b'K', 3, 4, ..] => ("zip", "unzip FILE"),
        _ => return Ok(()),
    };
    let text = format!(
        "the archive is compressed by {kind}, so nothing in it can be found without unpacking all of it; unpack it \
         first ({unpack}), and open the tar"
    );
    Err(Error::new(Code::Unsupported, text))
}
