//! Replays the fuzz corpora on stable Rust, so that what fuzzing found stays found.
#![cfg(not(target_arch = "wasm32"))]
// To panic is how a fuzz body tells.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

use std::path::Path;

#[cfg(feature = "nydus")]
#[path = "../fuzz/bodies/blob_meta.rs"]
mod blob_meta;
#[cfg(feature = "build")]
#[path = "../fuzz/bodies/builder.rs"]
mod builder;
#[cfg(feature = "overlaybd")]
#[path = "../fuzz/bodies/ddgzidx.rs"]
mod ddgzidx;
#[path = "../fuzz/bodies/entry_line.rs"]
mod entry_line;
#[cfg(feature = "nydus")]
#[path = "../fuzz/bodies/erofs.rs"]
mod erofs;
#[cfg(feature = "overlaybd")]
#[path = "../fuzz/bodies/ext4.rs"]
mod ext4;
#[cfg(feature = "build")]
#[path = "../fuzz/bodies/forge.rs"]
#[allow(dead_code)]
mod forge;
#[cfg(feature = "build")]
#[path = "../fuzz/bodies/forged.rs"]
mod forged;
#[path = "../fuzz/bodies/gzip_header.rs"]
mod gzip_header;
#[cfg(feature = "overlaybd")]
#[path = "../fuzz/bodies/lsmt.rs"]
mod lsmt;
#[path = "../fuzz/bodies/manifest.rs"]
mod manifest;
#[cfg(feature = "build")]
mod memory;
#[cfg(feature = "overlaybd")]
#[path = "../fuzz/bodies/overlaybd_tar.rs"]
mod overlaybd_tar;
#[path = "../fuzz/bodies/pack.rs"]
mod pack;
#[cfg(feature = "archive")]
#[path = "../fuzz/bodies/packed.rs"]
mod packed;
#[path = "../fuzz/bodies/path.rs"]
mod path;
#[cfg(feature = "nydus")]
#[path = "../fuzz/bodies/rafs.rs"]
mod rafs;
#[cfg(feature = "nydus")]
#[path = "../fuzz/bodies/rafs_v5.rs"]
mod rafs_v5;
#[cfg(feature = "nydus")]
#[path = "../fuzz/bodies/rafs_v6.rs"]
mod rafs_v6;
#[path = "../fuzz/bodies/range_header.rs"]
mod range_header;
#[path = "../fuzz/bodies/reference.rs"]
mod reference;
#[path = "../fuzz/bodies/rootfs.rs"]
mod rootfs;
#[path = "../fuzz/bodies/span.rs"]
mod span;
#[cfg(feature = "zstd-stream")]
#[path = "../fuzz/bodies/stretches.rs"]
mod stretches;
#[path = "../fuzz/bodies/tar_header.rs"]
mod tar_header;
#[cfg(feature = "estargz")]
#[path = "../fuzz/bodies/toc.rs"]
mod toc;
#[cfg(feature = "overlaybd")]
#[path = "../fuzz/bodies/zfile.rs"]
mod zfile;
#[path = "../fuzz/bodies/zinfo.rs"]
mod zinfo;
#[path = "../fuzz/bodies/zstd.rs"]
mod zstd;
#[path = "../fuzz/bodies/ztoc.rs"]
mod ztoc;

macro_rules! replay {
    ($($name:ident),*) => {$(
        #[test]
        fn $name() {
            replay(stringify!($name), $name::run);
        }
    )*};
}

#[cfg(feature = "build")]
replay!(builder, forged);
#[cfg(feature = "estargz")]
replay!(toc);
#[cfg(feature = "archive")]
replay!(packed);
#[cfg(feature = "zstd-stream")]
replay!(stretches);

#[cfg(feature = "nydus")]
replay!(blob_meta, erofs, rafs_v5, rafs_v6);

#[cfg(feature = "overlaybd")]
replay!(ddgzidx, ext4, lsmt, overlaybd_tar, zfile);

replay!(
    gzip_header,
    manifest,
    pack,
    path,
    range_header,
    reference,
    rootfs,
    span,
    tar_header,
    zinfo,
    zstd,
    ztoc
);

fn replay(name: &str, body: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", dir.display());
    for file in files {
        println!("{}", file.display());
        body(&std::fs::read(file).unwrap());
    }
}
