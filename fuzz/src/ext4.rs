//! An ext4 file system. A first byte of 0: the bytes are the disk. Else they are changes of a small one, three bytes
//! each: where (16 bits) and what.

use std::sync::OnceLock;

use bytes::Bytes;
use ocipeek::format::ext4::{Ext4, Stop};
use ocipeek::format::tar::Kind;
use ocipeek::format::zstd::ZstdDecoder;
use ocipeek::limits::Limits;

fn small() -> Vec<u8> {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    let load = || {
        let (mut image, mut decoder) = (Vec::new(), ZstdDecoder::new(&Limits::default()));
        let packed = include_bytes!("../../tests/fixtures/ext4/tiny.img.zst");
        decoder
            .push(packed, &mut |piece| {
                image.extend_from_slice(piece);
                Ok(())
            })
            .unwrap();
        image
    };
    IMAGE.get_or_init(load).clone()
}

/// Walks it all, and reads the start of each file.
pub fn run(data: &[u8]) {
    let Some((&mode, rest)) = data.split_first() else { return };
    let mut disk = rest.to_vec();
    if mode != 0 {
        disk = small();
        for [low, high, value] in rest.as_chunks::<3>().0 {
            if let Some(byte) = disk.get_mut(usize::from(u16::from_le_bytes([*low, *high]))) {
                *byte = *value;
            }
        }
    }
    let disk = Bytes::from(disk);
    let mut limits = Limits::default();
    (limits.max_directory_size, limits.max_entries) = (1 << 20, 10_000);
    let missing = |stop| assert!(!matches!(stop, Stop::Missing), "missing, of a disk that is all here");
    let Ok(fs) = Ext4::open(&disk, &limits).map_err(missing) else { return };
    let Ok(tree) = fs.tree(&disk).map_err(missing) else { return };
    assert_eq!(tree.entries.len(), tree.inodes.len());
    for (entry, &inode) in tree.entries.iter().zip(&tree.inodes) {
        if entry.kind != Kind::Regular {
            continue;
        }
        let Ok(inode) = fs.inode(&disk, inode).map_err(missing) else { continue };
        let range = 0..entry.size.min(1 << 18);
        if let Ok(runs) = fs.runs(&disk, &inode, range.clone()).map_err(missing) {
            let mut at = 0;
            for run in runs {
                assert!(run.start == at && run.len > 0);
                at += run.len;
            }
            assert_eq!(at, range.end);
        }
        if let Ok(content) = fs.content(&disk, &inode, range.clone()).map_err(missing) {
            assert_eq!(content.len() as u64, range.end);
        }
    }
}
