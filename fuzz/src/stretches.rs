//! What a cache keeps of a pass over a zstd layer, behind its head, whose digest nothing made up would have.

use ocipeek::format::zstd::seek::{STRETCH, parse_body};
use ocipeek::limits::Limits;

/// Layer size that is claimed.
const SIZE: u64 = 1 << 30;

/// Parses it and looks up every stretch.
pub fn run(data: &[u8]) {
    let mut limits = Limits::default();
    limits.max_entries = 10_000;
    let Ok((stretches, table)) = parse_body(data, SIZE, &limits) else { return };
    let (mut at, mut count) = (0, 0);
    while let Some((start, stretch)) = stretches.holding(at) {
        assert!(start == at && stretch.end > at && stretch.end - at <= STRETCH);
        assert!(stretch.frame_start <= start && stretch.frame < stretch.until && stretch.until <= SIZE);
        assert_eq!(stretches.holding(stretch.end - 1).map(|found| found.0), Some(start));
        let needed = stretches.needed(&(start..stretches.total())).expect("all of it is there");
        assert!(needed.start == stretch.frame && needed.end >= stretch.until);
        (at, count) = (stretch.end, count + 1);
    }
    assert_eq!((at, count), (stretches.total(), stretches.len()));
    assert!(stretches.needed(&(0..at + 1)).is_none());
    for entry in table.iter() {
        assert!(entry.offset <= at);
    }
}
