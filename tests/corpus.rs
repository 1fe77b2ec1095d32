//! Replays the fuzz corpora on stable Rust, so that what fuzzing found stays found.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

use std::path::Path;

macro_rules! replay {
    ($($name:ident),*) => {$(
        #[test]
        fn $name() {
            replay(stringify!($name), ocipeek_fuzz::$name::run);
        }
    )*};
}

replay!(
    blob_meta,
    builder,
    ddgzidx,
    erofs,
    ext4,
    forged,
    gzip_header,
    lsmt,
    manifest,
    overlaybd_tar,
    pack,
    packed,
    path,
    rafs_v5,
    rafs_v6,
    range_header,
    reference,
    rootfs,
    seek_index,
    span,
    tar_header,
    toc,
    zfile,
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
