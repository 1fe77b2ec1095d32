//! The bytes of a zTOC.

use super::built::BuiltZtoc;
use super::flatbuffer::{MAX, Offset, Writer};
use super::options::BuildOptions;
use super::spans::Info;
use super::time::rfc3339;
use super::toc::Contents;
use crate::error::Result;
use crate::format::oci::Digest;
use crate::format::tar::pax::XATTR;
use crate::format::tar::{Entry, Kind, RawTable, padded};
use crate::limits::Limits;

/// The version that the reference writes.
const VERSION: &[u8] = b"0.9";

/// Writes the zTOC, in the reference's order of calls.
pub(super) fn write(
    contents: Contents,
    info: Info,
    layer_digest: Digest,
    layer_size: u64,
    options: &BuildOptions,
    limits: &Limits,
) -> Result<BuiltZtoc> {
    let max = limits.max_ztoc_size.min(MAX);
    let mut w = Writer::default();
    let version = w.string(VERSION);
    let build_tool = w.string(options.build_tool.as_bytes());

    let mut metadata = Vec::with_capacity(contents.entries.len());
    let (mut needs_xattrs, mut next_header, mut loads) = (false, None, true);
    for i in (0..contents.entries.len()).rev() {
        let Some(entry) = contents.entries.get(i) else { break };
        let file = file(&mut w, &entry, &contents.raw, i);
        Limits::check("max_ztoc_size", w.len(), max)?;
        needs_xattrs |= file.needs_xattrs;
        // What the reference's reader refuses: that a file seems to reach into what follows.
        loads &= next_header.is_none_or(|next| file.end <= next);
        next_header = Some(file.offset);
        metadata.push(file.table);
    }
    metadata.reverse();
    let metadata = w.references(&metadata);
    w.start();
    w.offset_field(0, metadata);
    let toc = w.end();

    let checkpoints = [info.head.len() as u64, info.taken, info.rest.len() as u64];
    let len = checkpoints.iter().fold(0_u64, |n, part| n.saturating_add(*part));
    // A digest takes 80 bytes and its reference 4; 512 are more than enough for the tables.
    let front = (info.digests.len() as u64).saturating_mul(84).saturating_add(512);
    Limits::check("max_ztoc_size", w.len().saturating_add(len).saturating_add(front), max)?;
    let (checkpoints, back) = w.foreign_bytes(len);
    let digests: Vec<Offset> = info.digests.iter().map(|d| w.string(d.to_string().as_bytes())).collect();
    let spans = digests.len();
    let digests = w.references(&digests);
    w.start();
    // The limit on spans keeps them below 2^31.
    w.u32_field(1, (spans as u32).saturating_sub(1));
    w.offset_field(2, digests);
    w.offset_field(3, checkpoints);
    w.u8_field(0, info.algorithm, 1);
    let compression_info = w.end();

    w.start();
    w.offset_field(0, version);
    w.offset_field(1, build_tool);
    w.offset_field(4, toc);
    w.i64_field(2, layer_size.cast_signed());
    w.i64_field(3, contents.archive_size.cast_signed());
    w.offset_field(5, compression_info);
    let root = w.end();
    let mut front = w.finish(root);
    front.extend_from_slice(&info.head);
    Ok(BuiltZtoc {
        layer_digest,
        layer_size,
        diff_id: contents.diff_id,
        tar_size: contents.tar_size,
        archive_size: contents.archive_size,
        spans,
        entries: contents.entries,
        needs_xattrs,
        loads_in_reference: loads,
        front,
        taken: info.taken,
        checkpoints: info.rest,
        back,
    })
}

struct File {
    table: Offset,
    needs_xattrs: bool,
    offset: u64,
    /// Where the next header is by offset and size.
    end: u64,
}

/// Writes `FileMetadata` of entry `i`.
fn file(w: &mut Writer, entry: &Entry<'_>, raw: &RawTable, i: usize) -> File {
    let size = match raw.unused_size(i) {
        0 => entry.size.cast_signed(),
        unused => unused,
    };
    let name = w.string(entry.name);
    let kind = w.string(kind(entry.kind));
    let link_name = w.string(entry.link_name);
    let uname = w.string(entry.uname);
    let gname = w.string(entry.gname);
    let time = w.string(entry.mtime.map(rfc3339).unwrap_or_default().as_bytes());
    let mut needs_xattrs = entry.name.ends_with(b".wh..wh..opq");
    let records: Vec<Offset> = raw
        .records(i)
        .map(|(key, value)| {
            needs_xattrs |= key.starts_with(XATTR);
            let (key, value) = (w.string(key), w.string(value));
            w.start();
            w.offset_field(0, key);
            w.offset_field(1, value);
            w.end()
        })
        .collect();
    let records = w.references(&records);
    w.start();
    w.offset_field(0, name);
    w.offset_field(1, kind);
    w.i64_field(2, entry.offset.cast_signed());
    w.i64_field(3, size);
    w.offset_field(4, link_name);
    w.i64_field(5, raw.mode(i));
    // The table holds what fits these fields.
    w.u32_field(6, entry.uid as u32);
    w.u32_field(7, entry.gid as u32);
    w.offset_field(8, uname);
    w.offset_field(9, gname);
    w.offset_field(10, time);
    w.i64_field(11, entry.dev_major.cast_signed());
    w.i64_field(12, entry.dev_minor.cast_signed());
    w.offset_field(13, records);
    let table = w.end();
    let end = entry.offset.saturating_add(u64::try_from(size).unwrap_or(0));
    File { table, needs_xattrs, offset: entry.offset, end: padded(end).unwrap_or(u64::MAX) }
}

fn kind(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Regular => b"reg",
        Kind::HardLink => b"hardlink",
        Kind::Symlink => b"symlink",
        Kind::Directory => b"dir",
        Kind::CharDevice => b"char",
        Kind::BlockDevice => b"block",
        Kind::Fifo => b"fifo",
    }
}
