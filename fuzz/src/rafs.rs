//! A bootstrap's entries and the extents of its files: without gaps, however they are asked for.

use bytes::Bytes;
use ocipeek::format::extent::Extents;
use ocipeek::format::nydus::Rafs;
use ocipeek::format::tar::Kind;
use ocipeek::limits::Limits;
use ocipeek::rootfs::PathIndex;

/// One bootstrap.
pub fn run(data: &[u8]) {
    let mut limits = Limits::default();
    limits.max_entries = 10_000;
    limits.max_name_bytes = 1 << 20;
    limits.max_spans = 1000;
    let Ok(rafs) = Rafs::parse(Bytes::copy_from_slice(data), &limits) else { return };
    assert_eq!(rafs.entries.get(0).map(|e| e.kind), Some(Kind::Directory));
    for (i, entry) in rafs.entries.iter().enumerate() {
        let third = entry.size / 3;
        for range in [0..entry.size, third..entry.size, third..third.saturating_add(1).min(entry.size)] {
            if range.is_empty() {
                continue;
            }
            let Ok(extents) = rafs.chunks.extents(i, range.clone()) else { continue };
            let mut at = None;
            for extent in &extents {
                assert_eq!(*at.get_or_insert(extent.file_offset), extent.file_offset);
                assert!(extent.len > 0 && extent.skip + extent.len <= extent.unit.decoded);
                at = extent.file_offset.checked_add(extent.len);
            }
            assert!(extents.first().is_some_and(|x| x.file_offset <= range.start), "{range:?}");
            assert!(at.is_some_and(|end| end >= range.end), "{range:?}");
        }
    }
    drop(PathIndex::new(rafs.entries, &limits));
}
