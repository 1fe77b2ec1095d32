//! A made entry out of a line: `NAME -> TARGET` a symbolic link, `NAME => TARGET` a hard link, `NAME/` a directory, else a
//! file. Shared by the bodies that make layers.

use ocipeek::error::Result;
use ocipeek::format::tar::{Entry, EntryTable, Kind, Xattrs};
use ocipeek::limits::Limits;

/// Appends the entry of `line`.
pub fn push(table: &mut EntryTable, line: &[u8], limits: &Limits) -> Result<()> {
    let split = |separator: &[u8]| {
        let at = line.windows(separator.len()).position(|w| w == separator)?;
        Some((&line[..at], &line[at + separator.len()..]))
    };
    let (kind, name, link_name) = if let Some((name, target)) = split(b" -> ") {
        (Kind::Symlink, name, target)
    } else if let Some((name, target)) = split(b" => ") {
        (Kind::HardLink, name, target)
    } else if line.ends_with(b"/") {
        (Kind::Directory, line, &b""[..])
    } else {
        (Kind::Regular, line, &b""[..])
    };
    let entry = Entry {
        name,
        kind,
        size: 0,
        mode: 0o644,
        uid: 0,
        gid: 0,
        uname: b"",
        gname: b"",
        mtime: None,
        link_name,
        dev_major: 0,
        dev_minor: 0,
        header_offset: 0,
        offset: 0,
        xattrs: Xattrs::default(),
    };
    table.push(&entry, limits)
}
