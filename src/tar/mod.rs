//! Tar: headers, PAX records, GNU names, and the table of a layer's entries. Pure.
#![forbid(unsafe_code)]

mod entry;
mod table;

pub use entry::{Entry, Kind, Mtime, Xattrs};
pub use table::EntryTable;
