//! EROFS: the tree, and where flat files are.

use bytes::Bytes;
use ocipeek::format::erofs::{FileSystem, MAGIC};
use ocipeek::limits::Limits;
use ocipeek::rootfs::PathIndex;

/// One input: a volume, whose magic need not be guessed.
pub fn run(data: &[u8]) {
    let mut volume = data.to_vec();
    if let Some(magic) = volume.get_mut(1024..1028) {
        magic.copy_from_slice(&MAGIC.to_le_bytes());
    }
    let mut limits = Limits::default();
    limits.max_entries = 10_000;
    limits.max_name_bytes = 1 << 20;
    let Ok(fs) = FileSystem::open(Bytes::from(volume), &limits) else { return };
    let Ok(tree) = fs.tree() else { return };
    assert_eq!(tree.entries.len(), tree.nids.len());
    for nid in &tree.nids {
        let inode = fs.inode(*nid).expect("it is in the tree");
        let mut at = 0;
        // At most two pieces: blocks, and the tail behind the inode.
        for _ in 0..2 {
            if at < inode.size
                && let Ok((_, run)) = fs.place(&inode, at)
            {
                assert!(run > 0 && run <= inode.size - at);
                at += run;
            }
        }
    }
    drop(PathIndex::new(tree.entries, &limits));
}
