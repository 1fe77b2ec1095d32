//! Compares an entry that a zTOC tells with the tar header in front of its content.

use super::block::BLOCK;
use super::header::{Fed, HeaderReader, Need};
use super::{Entry, Mtime, SparseMap, Xattrs};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::sort::heap_sort;

/// Checks that the tar says of a file what the entry says: `header` is the tar's bytes from
/// `entry.header_offset` to `entry.offset`. `CORRUPT_LAYER`, with path and field, where they differ: a zTOC
/// may be made by somebody else than the layer.
///
/// Extended attributes are compared on demand only, since a zTOC may have been built without.
pub fn compare_header(header: &[u8], entry: &Entry<'_>, limits: &Limits, check_xattrs: bool) -> Result<()> {
    check_header(header, entry, limits, check_xattrs).map(drop)
}

/// The same, and for a sparse file its data runs.
pub fn check_header(
    header: &[u8],
    entry: &Entry<'_>,
    limits: &Limits,
    check_xattrs: bool,
) -> Result<Option<SparseMap>> {
    check(header, entry, limits, check_xattrs)
        .map_err(|e| e.with_path(entry.name).with_offset(entry.header_offset))
}

/// The data runs of a sparse file by its tar header alone; `None` where it is not sparse. A header that begins
/// before the bytes given, as behind a sparse file of which a zTOC does not tell, is read from its last block.
pub(crate) fn sparse_map(header: &[u8], limits: &Limits) -> Result<Option<SparseMap>> {
    let mut reader = read(header, limits).or_else(|e| match header.last_chunk::<BLOCK>() {
        Some(last) => read(last, limits).map_err(|_| e),
        None => Err(e),
    })?;
    Ok(reader.take_sparse())
}

/// Reads one header that takes all the bytes given.
fn read(header: &[u8], limits: &Limits) -> Result<HeaderReader> {
    let mut reader = HeaderReader::new(limits);
    let mut rest = header;
    loop {
        let n = match reader.need() {
            Need::Bytes(n) => n,
            Need::Skip(n) => usize::try_from(n).unwrap_or(usize::MAX),
        };
        let Some((bytes, after)) = rest.split_at_checked(n) else {
            return Err(differs("content", "begins inside its tar header"));
        };
        rest = after;
        match reader.feed(bytes)? {
            Fed::More => {}
            Fed::Zero => return Err(differs("content", "begins behind the end of the tar")),
            Fed::Entry => break,
        }
    }
    if !rest.is_empty() {
        return Err(differs("content", "does not begin where its tar header ends"));
    }
    Ok(reader)
}

fn check(header: &[u8], entry: &Entry<'_>, limits: &Limits, check_xattrs: bool) -> Result<Option<SparseMap>> {
    let mut reader = read(header, limits)?;
    let real = reader.header().entry(entry.header_offset, entry.offset);
    let same = [
        ("name", real.name == entry.name),
        ("type", real.kind == entry.kind),
        ("size", real.size == entry.size),
        ("mode", real.mode == entry.mode & 0o7777),
        ("uid", real.uid == entry.uid & 0xffff_ffff),
        ("gid", real.gid == entry.gid & 0xffff_ffff),
        ("uname", real.uname == entry.uname),
        ("gname", real.gname == entry.gname),
        ("mtime", real.mtime.is_some_and(|m| same_time(m, entry.mtime))),
        ("link name", real.link_name == entry.link_name),
        ("device", (real.dev_major, real.dev_minor) == (entry.dev_major, entry.dev_minor)),
        ("xattrs", !check_xattrs || same_xattrs(real.xattrs, entry.xattrs)),
    ];
    if let Some((field, _)) = same.iter().find(|(_, same)| !same) {
        return Err(differs(field, "differs between the zTOC and the layer's tar"));
    }
    Ok(reader.take_sparse())
}

fn differs(field: &str, how: &str) -> Error {
    Error::new(
        Code::CorruptLayer,
        format!("its {field} {how}; do not trust this index, or open the image without it"),
    )
}

/// A zTOC leaves out times that its text form cannot hold: years before 0 and past 9999, by the builder's
/// time zone.
fn same_time(real: Mtime, told: Option<Mtime>) -> bool {
    const DAY: i64 = 86_400;
    // 0000-01-01 and 10000-01-01, UTC.
    const FIRST: i64 = -62_167_219_200;
    const END: i64 = 253_402_300_800;
    match told {
        Some(told) => real == told,
        None => real.secs < FIRST + DAY || real.secs >= END - DAY,
    }
}

/// Equal as sets: order means nothing.
fn same_xattrs(a: Xattrs<'_>, b: Xattrs<'_>) -> bool {
    if a.0 == b.0 {
        return true;
    }
    let sorted = |x: Xattrs<'_>| {
        let mut all: Vec<(Vec<u8>, Vec<u8>)> = x.map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        heap_sort(&mut all, |a, b| a < b);
        all
    };
    sorted(a) == sorted(b)
}
