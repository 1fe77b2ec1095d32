//! The entries of a zTOC: sorted, checked against each other and against the archive's size.

use super::flatbuffer::{Table, Vector, broken};
use super::time::rfc3339;
use crate::error::{Code, Error, Result};
use crate::format::tar::pax::{Pax, XATTR};
use crate::format::tar::sparse::{self, PaxSparse};
use crate::format::tar::{self, Entry, EntryTable, Kind, Xattrs};
use crate::limits::Limits;
use crate::sort::sort_keys;
use crate::turns::{Turns, pause, pause_after};

/// Bytes of strings that an entry's tables may point at, for each byte of the zTOC. A builder writes each
/// string once or shares equal ones; only offsets that are made to overlap get far over 1.
const MAX_SHARING: u64 = 16;

const BLOCK: u64 = 512;

/// `FileMetadata`.
pub(super) struct File<'a>(pub(super) Table<'a>);

impl<'a> File<'a> {
    pub(super) fn name(&self) -> Result<&'a [u8]> {
        self.0.bytes(0, "name")
    }
    fn kind(&self) -> Result<Kind> {
        Ok(match self.0.bytes(1, "type")? {
            b"reg" => Kind::Regular,
            b"hardlink" => Kind::HardLink,
            b"symlink" => Kind::Symlink,
            b"dir" => Kind::Directory,
            b"char" => Kind::CharDevice,
            b"block" => Kind::BlockDevice,
            b"fifo" => Kind::Fifo,
            other => {
                let shown = other.get(..other.len().min(40)).unwrap_or_default();
                return Err(broken(format!(
                    "the zTOC has an unknown file type \"{}\"",
                    shown.escape_ascii()
                )));
            }
        })
    }
    pub(super) fn offset(&self) -> Result<u64> {
        self.0.size(2, "uncompressed_offset")
    }
    fn size(&self) -> Result<u64> {
        self.0.size(3, "uncompressed_size")
    }
    fn link_name(&self) -> Result<&'a [u8]> {
        self.0.bytes(4, "linkname")
    }
    fn mode(&self) -> Result<u32> {
        Ok((self.0.i64(5, "mode")? & 0o7777) as u32)
    }
    fn uname(&self) -> Result<&'a [u8]> {
        self.0.bytes(8, "uname")
    }
    fn gname(&self) -> Result<&'a [u8]> {
        self.0.bytes(9, "gname")
    }
    fn dev(&self) -> Result<(u64, u64)> {
        let number = |slot, field| self.0.i64(slot, field).map(i64::cast_unsigned);
        Ok((number(11, "devmajor")?, number(12, "devminor")?))
    }
    pub(super) fn records(&self) -> Result<Records<'a>> {
        Ok(Records(self.0.vector(13, "xattrs")?))
    }
}

/// The PAX records of an entry, which the format calls `xattrs`.
pub(super) struct Records<'a>(Vector<'a>);

impl<'a> Records<'a> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
    pub(super) fn get(&self, i: usize) -> Result<(&'a [u8], &'a [u8])> {
        let record = self.0.table(i, "Xattr")?;
        Ok((record.bytes(0, "key")?, record.bytes(1, "value")?))
    }
}

pub(super) fn file<'a>(files: &Vector<'a>, i: usize) -> Result<File<'a>> {
    files.table(i, "FileMetadata").map(File)
}

/// Reads `TOC.metadata` of a zTOC of `ztoc_len` bytes, for a tar of `tar_len` bytes, into tar order.
pub(super) async fn read(
    toc: Table<'_>,
    ztoc_len: usize,
    tar_len: u64,
    limits: &Limits,
    turns: &mut dyn Turns,
) -> Result<EntryTable> {
    let files = toc.vector(0, "metadata")?;
    Limits::check("max_entries", files.len() as u64, limits.max_entries.min(u64::from(u32::MAX) - 1))?;
    let sorted = survey(&files, ztoc_len, limits, turns).await?;
    let mut reader = Reader {
        table: EntryTable::new(),
        limits,
        tar_len,
        pax: Pax::default(),
        xattrs: Vec::new(),
        previous: Previous::End(0),
    };
    if sorted {
        for i in 0..files.len() {
            reader.add(&file(&files, i)?)?;
            pause_after(i, turns).await;
        }
    } else {
        let mut order = Vec::with_capacity(files.len());
        for i in 0..files.len() {
            order.push((file(&files, i)?.offset()?, u32::try_from(i).unwrap_or(u32::MAX)));
        }
        sort_keys(&mut order);
        pause(turns).await;
        for (at, (_, i)) in order.into_iter().enumerate() {
            reader.add(&file(&files, i as usize)?)?;
            pause_after(at, turns).await;
        }
    }
    let mut table = reader.table;
    table.shrink();
    Ok(table)
}

/// A first pass that keeps nothing: whether the entries are in order. Bounds both the memory and the work that overlapping
/// offsets could cause.
async fn survey(files: &Vector<'_>, ztoc_len: usize, limits: &Limits, turns: &mut dyn Turns) -> Result<bool> {
    let allowed = (ztoc_len as u64).saturating_mul(MAX_SHARING);
    let (mut seen, mut sorted, mut last) = (0_u64, true, 0);
    for i in 0..files.len() {
        let file = file(files, i)?;
        let offset = file.offset()?;
        sorted &= offset >= last;
        last = offset;
        for string in [file.name()?, file.link_name()?, file.uname()?, file.gname()?] {
            seen = seen.saturating_add(string.len() as u64);
        }
        let records = file.records()?;
        let mut own = 0_u64;
        for i in 0..records.len() {
            let (key, value) = records.get(i)?;
            own = own.saturating_add(8).saturating_add(key.len() as u64).saturating_add(value.len() as u64);
            Limits::check("max_tar_header_size", own, limits.max_tar_header_size)?;
        }
        seen = seen.saturating_add(own);
        Limits::check("max_name_bytes", seen, limits.max_name_bytes)?;
        if seen > allowed {
            return Err(broken("the zTOC's strings overlap"));
        }
        pause_after(i, turns).await;
    }
    Ok(sorted)
}

/// Where the previous entry's content ends, padded.
enum Previous {
    End(u64),
    /// At this offset or behind: how much is stored of a sparse file of PAX format 1.0 only the tar tells.
    Sparse(u64),
}

struct Reader<'l> {
    table: EntryTable,
    limits: &'l Limits,
    tar_len: u64,
    pax: Pax,
    xattrs: Vec<u8>,
    previous: Previous,
}

impl Reader<'_> {
    fn add(&mut self, file: &File<'_>) -> Result<()> {
        let name = file.name()?;
        self.entry(file).map_err(|e| e.with_path(name))
    }

    fn entry(&mut self, file: &File<'_>) -> Result<()> {
        let (kind, offset) = (file.kind()?, file.offset()?);
        // Directories and links may state a size, but nothing follows their headers.
        let size = if tar::header_only(kind) { 0 } else { file.size()? };
        let (dev_major, dev_minor) = file.dev()?;
        let record_bytes = self.records(&file.records()?)?;
        let entry = Entry {
            name: file.name()?,
            kind,
            size,
            mode: file.mode()?,
            uid: u64::from(file.0.u32(6, "uid")?),
            gid: u64::from(file.0.u32(7, "gid")?),
            uname: file.uname()?,
            gname: file.gname()?,
            mtime: match file.0.bytes(10, "mod_time")? {
                b"" => None,
                text => Some(rfc3339(text).ok_or_else(|| broken("a time in the zTOC is not RFC 3339"))?),
            },
            link_name: file.link_name()?,
            dev_major,
            dev_minor,
            header_offset: 0,
            offset,
            xattrs: Xattrs::default(),
        };
        let header_offset = match self.previous {
            Previous::End(end) => end,
            Previous::Sparse(end) => offset.saturating_sub(header_len(&entry, record_bytes)).max(end),
        };
        let header_len = offset.checked_sub(header_offset).filter(|n| *n >= BLOCK && n.is_multiple_of(BLOCK));
        let header_len = header_len.ok_or_else(|| {
            broken("the zTOC's entries overlap: no room for a tar header before one's content")
                .with_offset(offset)
        })?;
        Limits::check("max_tar_header_size", header_len, self.limits.max_tar_header_size)?;

        let (mut stored, mut map) = (size, None);
        let format = if kind == Kind::Regular { sparse::pax_format(&self.pax) } else { PaxSparse::No };
        match format {
            PaxSparse::No => {}
            PaxSparse::Records => {
                let (runs, len) = sparse::ztoc_map(&self.pax, size)
                    .map_err(|e| Error::new(Code::CorruptZtoc, e.message()))?;
                (stored, map) = (len, Some(runs));
            }
            PaxSparse::Content => stored = 0,
        }
        let end = offset
            .checked_add(stored)
            .filter(|end| *end <= self.tar_len)
            .ok_or_else(|| broken("the zTOC has an entry that ends past the tar").with_offset(offset))?;
        let padded = tar::padded(end).unwrap_or(u64::MAX);
        self.previous =
            if format == PaxSparse::Content { Previous::Sparse(padded) } else { Previous::End(padded) };
        self.table.push(&Entry { header_offset, xattrs: Xattrs(&self.xattrs), ..entry }, self.limits)?;
        match format {
            PaxSparse::Content => self.table.set_map_in_header(),
            _ => map.map_or(Ok(()), |map| self.table.set_sparse(map, self.limits))?,
        }
        Ok(())
    }

    /// Takes what matters of an entry's PAX records: the attributes into `xattrs`, the sparse form into
    /// `pax`. Gives the length of the records in a tar.
    fn records(&mut self, records: &Records<'_>) -> Result<u64> {
        self.pax.clear();
        self.xattrs.clear();
        let mut bytes = 0_u64;
        for i in 0..records.len() {
            let (key, value) = records.get(i)?;
            bytes = bytes.saturating_add(record_len(key.len() as u64, value.len() as u64));
            if key.starts_with(XATTR) || key.starts_with(b"GNU.sparse.") {
                self.pax.insert(key, value).map_err(|e| Error::new(Code::CorruptZtoc, e.message()))?;
            }
        }
        self.pax.xattrs(&mut self.xattrs);
        Ok(bytes)
    }
}

/// Length of a PAX record, `LENGTH SP KEY = VALUE LF`, its own digits included.
fn record_len(key: u64, value: u64) -> u64 {
    let rest = key.saturating_add(value).saturating_add(3);
    let digits = |n: u64| u64::from(n.checked_ilog10().unwrap_or(0)) + 1;
    rest.saturating_add(digits(rest.saturating_add(digits(rest))))
}

/// How long the tar header of an entry most likely is: needed only behind a sparse file whose stored length
/// a zTOC does not tell. Where it is not so, the comparison with the tar fails for this entry alone.
fn header_len(entry: &Entry<'_>, record_bytes: u64) -> u64 {
    let special = |len: u64| tar::padded(len).unwrap_or(0).saturating_add(BLOCK);
    let long = |s: &[u8]| if s.len() > 100 { special(s.len() as u64 + 1) } else { 0 };
    BLOCK + if record_bytes > 0 { special(record_bytes) } else { long(entry.name) + long(entry.link_name) }
}
