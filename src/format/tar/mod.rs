//! Tar: headers, PAX records, GNU names, sparse maps, and the table of a layer's entries. Pure.
#![forbid(unsafe_code)]

mod block;
mod compare;
mod entry;
mod foreign;
mod header;
pub(crate) mod holes;
mod number;
pub(crate) mod path;
pub(crate) mod pax;
#[cfg(feature = "build")]
mod raw;
mod segments;
pub(crate) mod sparse;
mod table;
mod walker;

pub(crate) use compare::sparse_map;
pub use compare::{check_header, compare_header};
pub use entry::{Entry, Kind, Mtime, Xattrs};
pub(crate) use foreign::refused;
pub(crate) use header::{header_only, padded};
#[cfg(feature = "build")]
pub(crate) use raw::RawTable;
pub use sparse::SparseMap;
pub use table::EntryTable;
pub use walker::{Part, TarWalker};

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod tests;
