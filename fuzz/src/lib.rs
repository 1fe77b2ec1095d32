//! The bodies of the fuzz targets, each a `run` of any bytes that panics where a promise is broken. `cargo test` replays
//! their corpora by them (tests/corpus.rs).

pub mod blob_meta;
pub mod builder;
pub mod ddgzidx;
mod entry_line;
pub mod erofs;
pub mod ext4;
pub mod forge;
pub mod forged;
pub mod gzip_header;
pub mod lsmt;
pub mod manifest;
pub mod overlaybd_tar;
pub mod pack;
pub mod packed;
pub mod path;
mod promises;
mod rafs;
pub mod rafs_v5;
pub mod rafs_v6;
pub mod range_header;
pub mod reference;
pub mod rootfs;
pub mod seek_index;
pub mod span;
pub mod tar_header;
pub mod toc;
pub mod zfile;
pub mod zinfo;
pub mod zstd;
pub mod ztoc;
