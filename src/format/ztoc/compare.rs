//! Compares a zTOC that came from elsewhere with one that was built of the same layer: what differs in meaning, field by
//! field. The bytes may differ where the meaning does not: another version of the reference lays them out otherwise, or
//! worked in another time zone.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Ztoc;
use super::flatbuffer::{Table, Vector};
use super::spans::{Compression, Spans};
use super::time::rfc3339;
use super::toc::{File, file};
use crate::error::Result;
use crate::limits::Limits;
use crate::sort::sort_keys;

/// One thing that a zTOC says otherwise than its layer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, by the format's name; `entry` where there is one too many or too few, `order` where they are not in the
    /// tar's, `window` for what was inflated before a checkpoint.
    pub field: &'static str,
    /// The name of the entry that it is about, as the tar has it.
    pub entry: Option<Vec<u8>>,
    /// The number of the checkpoint, which is that of the span, that it is about.
    pub checkpoint: Option<u64>,
    /// What the zTOC says, as text for people.
    pub stated: String,
    /// What the layer says.
    pub actual: String,
}

/// What [`compare`] found: nothing where both say the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The first of the differences.
    pub differences: Vec<Difference>,
    /// How many there are.
    pub total: u64,
    told: usize,
}

/// Bytes of a value that are shown.
const SHOWN: usize = 120;

/// Compares the zTOC that is `stated` with the one that was `built` of the layer by the same span size. Lists at most
/// `told` differences, and counts all.
///
/// # Errors
/// Those of [`Ztoc::parse`] for either.
pub fn compare(stated: &Bytes, built: &Bytes, limits: &Limits, told: usize) -> Result<Comparison> {
    let mut out = Comparison { told, ..Comparison::default() };
    // All checks, the bounds on overlapping strings among them.
    let (stated_spans, built_spans) = (spans(stated, limits)?, spans(built, limits)?);
    let (stated, built) = (Table::root(stated, "Ztoc")?, Table::root(built, "Ztoc")?);
    out.bytes("version", stated.bytes(0, "version")?, built.bytes(0, "version")?, None);
    for (slot, field) in [(2, "compressed_archive_size"), (3, "uncompressed_archive_size")] {
        out.numbers(field, stated.i64(slot, field)?, built.i64(slot, field)?, None);
    }
    out.entries(&files(stated)?, &files(built)?)?;
    out.spans(&stated_spans, &built_spans);
    Ok(out)
}

/// Bytes for people.
fn shown_bytes(bytes: &[u8]) -> String {
    let dots = if bytes.len() > SHOWN { "…" } else { "" };
    format!("\"{}\"{dots}", bytes.get(..bytes.len().min(SHOWN)).unwrap_or_default().escape_ascii())
}

/// The fields of an entry that are compared as they stand.
impl<'a> File<'a> {
    fn texts(&self) -> Result<[(&'static str, &'a [u8]); 5]> {
        let text = |slot, field| Ok((field, self.0.bytes(slot, field)?));
        Ok([text(0, "name")?, text(1, "type")?, text(4, "linkname")?, text(8, "uname")?, text(9, "gname")?])
    }

    fn numbers(&self) -> Result<[(&'static str, i64); 7]> {
        let number = |slot, field| Ok((field, self.0.i64(slot, field)?));
        let short = |slot, field| Ok((field, i64::from(self.0.u32(slot, field)?)));
        Ok([
            number(2, "uncompressed_offset")?,
            number(3, "uncompressed_size")?,
            number(5, "mode")?,
            short(6, "uid")?,
            short(7, "gid")?,
            number(11, "devmajor")?,
            number(12, "devminor")?,
        ])
    }

    fn time(&self) -> Result<&'a [u8]> {
        self.0.bytes(10, "mod_time")
    }
}

fn files(root: Table<'_>) -> Result<Vector<'_>> {
    root.table(4, "toc", "TOC")?.vector(0, "metadata")
}

fn spans(ztoc: &Bytes, limits: &Limits) -> Result<Spans> {
    Ok(Ztoc::parse(ztoc.clone(), limits)?.into_parts().1)
}

impl Comparison {
    /// Whether both say the same.
    pub fn is_same(&self) -> bool {
        self.total == 0
    }

    fn add(&mut self, difference: impl FnOnce() -> Difference) {
        self.total = self.total.saturating_add(1);
        if self.differences.len() < self.told {
            self.differences.push(difference());
        }
    }

    fn bytes(&mut self, field: &'static str, stated: &[u8], actual: &[u8], entry: Option<&[u8]>) {
        if stated != actual {
            let (stated, actual) = (shown_bytes(stated), shown_bytes(actual));
            self.add(|| Difference {
                field,
                entry: entry.map(<[u8]>::to_vec),
                checkpoint: None,
                stated,
                actual,
            });
        }
    }

    fn numbers(&mut self, field: &'static str, stated: i64, actual: i64, entry: Option<&[u8]>) {
        if stated != actual {
            self.add(|| Difference {
                field,
                entry: entry.map(<[u8]>::to_vec),
                checkpoint: None,
                stated: stated.to_string(),
                actual: actual.to_string(),
            });
        }
    }

    /// The entries, in the tar's order: both lists side by side.
    fn entries(&mut self, stated: &Vector<'_>, built: &Vector<'_>) -> Result<()> {
        let mut order = Vec::with_capacity(stated.len());
        let mut last = 0;
        let mut misplaced = None;
        for i in 0..stated.len() {
            let offset = file(stated, i)?.offset()?;
            if offset < last && misplaced.is_none() {
                misplaced = Some(i);
            }
            last = offset;
            order.push((offset, u32::try_from(i).unwrap_or(u32::MAX)));
        }
        if let Some(i) = misplaced {
            let name = file(stated, i)?.name()?;
            self.add(|| Difference {
                field: "order",
                entry: Some(name.to_vec()),
                checkpoint: None,
                stated: format!("at place {i}, behind an entry that comes later in the tar"),
                actual: "in the order of the tar".to_owned(),
            });
            sort_keys(&mut order);
        }
        let (mut i, mut k) = (0, 0);
        loop {
            let left = order.get(i).map(|(_, at)| file(stated, *at as usize)).transpose()?;
            let right = if k < built.len() { Some(file(built, k)?) } else { None };
            match (left, right) {
                (None, None) => return Ok(()),
                (Some(left), Some(right))
                    if left.offset()? == right.offset()? || left.name()? == right.name()? =>
                {
                    self.entry(&left, &right)?;
                    (i, k) = (i + 1, k + 1);
                }
                (Some(left), Some(right)) if left.offset()? > right.offset()? => {
                    self.only(&right, false)?;
                    k += 1;
                }
                (Some(left), _) => {
                    self.only(&left, true)?;
                    i += 1;
                }
                (None, Some(right)) => {
                    self.only(&right, false)?;
                    k += 1;
                }
            }
        }
    }

    /// An entry that one of them lacks.
    fn only(&mut self, file: &File<'_>, is_stated: bool) -> Result<()> {
        let name = file.name()?;
        let there = format!("there, at {}", file.offset()?);
        let none = "not there".to_owned();
        let (stated, actual) = if is_stated { (there, none) } else { (none, there) };
        self.add(|| Difference {
            field: "entry",
            entry: Some(name.to_vec()),
            checkpoint: None,
            stated,
            actual,
        });
        Ok(())
    }

    fn entry(&mut self, stated: &File<'_>, actual: &File<'_>) -> Result<()> {
        let name = Some(actual.name()?);
        for ((field, stated), (_, actual)) in stated.texts()?.into_iter().zip(actual.texts()?) {
            self.bytes(field, stated, actual, name);
        }
        for ((field, stated), (_, actual)) in stated.numbers()?.into_iter().zip(actual.numbers()?) {
            self.numbers(field, stated, actual, name);
        }
        let (then, now) = (stated.time()?, actual.time()?);
        // In the builder's time zone.
        if then != now && !matches!((rfc3339(then), rfc3339(now)), (Some(a), Some(b)) if a == b) {
            self.bytes("mod_time", then, now, name);
        }
        self.records(stated, actual, name)
    }

    fn records(&mut self, stated: &File<'_>, actual: &File<'_>, name: Option<&[u8]>) -> Result<()> {
        let (stated, actual) = (stated.records()?, actual.records()?);
        if stated.len() == 0 && actual.len() == 0 {
            return Ok(());
        }
        // Of one key the last counts, and their order says nothing.
        let mut values = BTreeMap::<&[u8], [Option<&[u8]>; 2]>::new();
        for i in 0..stated.len() {
            let (key, value) = stated.get(i)?;
            values.entry(key).or_default()[0] = Some(value);
        }
        for i in 0..actual.len() {
            let (key, value) = actual.get(i)?;
            values.entry(key).or_default()[1] = Some(value);
        }
        for (key, [stated, actual]) in values {
            if stated != actual {
                let text = |value: Option<&[u8]>| match value {
                    Some(value) => format!("{} = {}", shown_bytes(key), shown_bytes(value)),
                    None => format!("no {}", shown_bytes(key)),
                };
                self.add(|| Difference {
                    field: "xattrs",
                    entry: name.map(<[u8]>::to_vec),
                    checkpoint: None,
                    stated: text(stated),
                    actual: text(actual),
                });
            }
        }
        Ok(())
    }

    fn spans(&mut self, stated: &Spans, actual: &Spans) {
        let name = |spans: &Spans| match spans.compression() {
            Compression::Gzip => "gzip",
            Compression::Uncompressed => "none",
        };
        self.bytes("compression_algorithm", name(stated).as_bytes(), name(actual).as_bytes(), None);
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.numbers("span_size", number(stated.span_size()), number(actual.span_size()), None);
        self.numbers("max_span_id", number(stated.len() as u64) - 1, number(actual.len() as u64) - 1, None);
        for i in 0..stated.len().min(actual.len()) {
            self.checkpoint(i, stated, actual);
        }
    }

    fn checkpoint(&mut self, i: usize, stated: &Spans, actual: &Spans) {
        let mut add = |field, stated: String, actual: String| {
            self.add(|| Difference { field, entry: None, checkpoint: Some(i as u64), stated, actual });
        };
        let text = |n: Option<u64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let offsets = |spans: &Spans| {
            let (input, output, bits) =
                spans.offsets(i).map_or((None, None, None), |(input, output, bits)| {
                    (Some(input), Some(output), Some(u64::from(bits)))
                });
            [("in", input), ("out", output), ("bits", bits)]
        };
        for ((field, stated), (_, actual)) in offsets(stated).into_iter().zip(offsets(actual)) {
            if stated != actual {
                add(field, text(stated), text(actual));
            }
        }
        let (a, b) = (stated.start(i).map(|s| s.window), actual.start(i).map(|s| s.window));
        let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
        if a != b {
            let at = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(0);
            let count = a.iter().zip(b).filter(|(a, b)| a != b).count();
            let byte = |window: &[u8]| window.get(at).copied().unwrap_or_default();
            add(
                "window",
                format!("{:#04x} at {at}, {count} bytes differ", byte(a)),
                format!("{:#04x}", byte(b)),
            );
        }
        if stated.digest(i) != actual.digest(i) {
            let text = |spans: &Spans| spans.digest(i).map(ToString::to_string).unwrap_or_default();
            add("span_digests", text(stated), text(actual));
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
