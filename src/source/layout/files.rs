//! Access to the files of a layout.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::net::http::Gather;
use crate::net::stats::{RequestRecord, Stats};
use crate::net::transport::{ByteStream, Later, Purpose, Transport};

/// Read access to the files of a layout by their names: `oci-layout`, `index.json`, `blobs/sha256/<hex>`. Names are
/// made by this library and never hold `..`, a leading `/` or a backslash.
pub trait Files {
    /// The file's size, or `None` if there is no such file.
    fn size<'a>(&'a self, path: &'a str) -> Later<'a, Option<u64>>;
    /// The file's bytes, or exactly those of `range`. A missing file is `NOT_FOUND`; a range past the end is an
    /// error. Does not read more than that.
    fn read<'a>(&'a self, path: &'a str, range: Option<Range<u64>>) -> Later<'a, ByteStream>;
    /// How errors name this place, e.g. the folder's path.
    fn name(&self) -> String;
    /// The same for another reader, with requests, limits and counters of its own. `None`: it has none of these.
    fn for_reader(
        &self,
        _transport: &Rc<dyn Transport>,
        _limits: &Limits,
        _stats: &Stats,
    ) -> Option<Rc<dyn Files>> {
        None
    }
    /// Whether it counts its reads itself, in the `Stats` that it was made with. Else the layout does.
    fn counts_reads(&self) -> bool {
        false
    }
    /// Whether the files cannot change while they are read: see [`Source::is_steady`](crate::source::Source::is_steady).
    fn is_steady(&self) -> bool {
        false
    }
}

/// Read access to one file, e.g. a tar: a file on disk, a browser's `Blob`.
pub trait RandomAccess {
    /// The file's size.
    fn size(&self) -> Later<'_, u64>;
    /// Exactly the bytes of `range`; a range past the end is an error.
    fn read(&self, range: Range<u64>) -> Later<'_, ByteStream>;
    /// How errors name it.
    fn name(&self) -> String;
    /// The same with counters of its own, where it counts its reads.
    #[doc(hidden)]
    fn counted_by(&self, _stats: &Stats) -> Option<Rc<dyn RandomAccess>> {
        None
    }
    /// What tells it from another state of the same file, such as its time, once its size was asked for; may be empty.
    fn version(&self) -> String {
        String::new()
    }
    /// Whether it cannot change while it is read.
    fn is_steady(&self) -> bool {
        false
    }
}

/// Reads, and counts it unless the files do so themselves.
pub(super) async fn read_counted(
    files: &dyn Files,
    stats: &Stats,
    path: &str,
    range: Option<Range<u64>>,
    purpose: Purpose,
) -> Result<ByteStream> {
    if files.counts_reads() {
        return files.read(path, range).await;
    }
    let status = if range.is_some() { 206 } else { 200 };
    let record = RequestRecord {
        purpose,
        method: "READ",
        target: path.to_string(),
        range: range.clone(),
        status: 0,
        bytes: 0,
    };
    let record = stats.request(record);
    let body = files.read(path, range).await?;
    record.set_status(status);
    let counted = body.inspect(move |chunk| {
        if let Ok(bytes) = chunk {
            record.add_bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
    });
    Ok(counted.boxed_local())
}

/// Bytes of a file, counted.
pub(super) async fn read_all(access: &dyn RandomAccess, range: Range<u64>, stats: &Stats) -> Result<Bytes> {
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
        record.add_bytes(chunk.len() as u64);
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
