//! Entries of zTOCs as the objects that `ocipeek_build.d.ts` describes, and the spans that a file lies in.

use js_sys::Array;
use serde::Serialize;

use super::super::values::{Raw, kind_name, to_js};
use crate::error::Result;
use crate::format::tar::{Entry, EntryTable, Kind};
use crate::rootfs::{Whiteout, clean};

/// Hard links that are followed, one to the other.
const MAX_LINKS: usize = 40;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsEntry<'a> {
    name: Raw<'a>,
    r#type: &'static str,
    size: f64,
    offset: f64,
    header_offset: f64,
    mode: u32,
    uid: f64,
    gid: f64,
    uname: Raw<'a>,
    gname: Raw<'a>,
    mtime_ms: Option<f64>,
    linkname: Option<Raw<'a>>,
    dev_major: f64,
    dev_minor: f64,
    xattrs: Vec<(Raw<'a>, Raw<'a>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whiteout: Option<&'static str>,
}

impl<'a> From<Entry<'a>> for JsEntry<'a> {
    fn from(e: Entry<'a>) -> Self {
        JsEntry {
            name: Raw(e.name),
            r#type: if e.kind == Kind::HardLink { "hardlink" } else { kind_name(e.kind) },
            size: e.size as f64,
            offset: e.offset as f64,
            header_offset: e.header_offset as f64,
            mode: e.mode,
            uid: e.uid as f64,
            gid: e.gid as f64,
            uname: Raw(e.uname),
            gname: Raw(e.gname),
            mtime_ms: e.mtime.map(|m| m.secs as f64 * 1e3 + (f64::from(m.nanos) / 1e6).floor()),
            linkname: matches!(e.kind, Kind::HardLink | Kind::Symlink).then_some(Raw(e.link_name)),
            dev_major: e.dev_major as f64,
            dev_minor: e.dev_minor as f64,
            xattrs: e.xattrs.map(|(name, value)| (Raw(name), Raw(value))).collect(),
            whiteout: Whiteout::of(e.name).map(Whiteout::as_str),
        }
    }
}

/// Up to `count` entries from `start` on.
pub fn entries(table: &EntryTable, start: usize, count: usize) -> Result<Array> {
    let out = Array::new();
    for i in start..start.saturating_add(count).min(table.len()) {
        let Some(entry) = table.get(i) else { break };
        out.push(&to_js(&JsEntry::from(entry))?);
    }
    Ok(out)
}

/// The content of a file, as the offsets of its first byte and of the one behind its last, by its cleaned path: of the
/// last entry with it, hard links followed. `None` for folders and where there is no such entry.
pub fn content(table: &EntryTable, path: &[u8]) -> Option<(u64, u64)> {
    let mut path = clean(path).into_owned();
    for _ in 0..MAX_LINKS {
        // Backwards: the last of equal names wins.
        let entry = (0..table.len()).rev().filter_map(|i| table.get(i)).find(|e| *clean(e.name) == *path)?;
        match entry.kind {
            Kind::HardLink => path = clean(entry.link_name).into_owned(),
            Kind::Directory => return None,
            _ => return Some((entry.offset, entry.offset.saturating_add(entry.size))),
        }
    }
    None
}
