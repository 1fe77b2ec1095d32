//! What a cache keeps of a pass over a zstd layer, behind its head, whose digest nothing made up would have.

use ocipeek::format::zstd::seek::{SEGMENT_SIZE, parse_body};
use ocipeek::limits::Limits;

/// Layer size that is claimed.
const SIZE: u64 = 1 << 30;

/// Parses it and looks up every segment.
pub fn run(data: &[u8]) {
    let mut limits = Limits::default();
    limits.max_entries = 10_000;
    let Ok((index, table)) = parse_body(data, SIZE, &limits) else { return };
    let (mut at, mut count) = (0, 0);
    while let Some((start, segment)) = index.holding(at) {
        assert!(start == at && segment.end > at && segment.end - at <= SEGMENT_SIZE);
        assert!(segment.frame_start <= start && segment.frame < segment.until && segment.until <= SIZE);
        assert_eq!(index.holding(segment.end - 1).map(|found| found.0), Some(start));
        let needed = index.needed(&(start..index.total())).expect("all of it is there");
        assert!(needed.start == segment.frame && needed.end >= segment.until);
        (at, count) = (segment.end, count + 1);
    }
    assert_eq!((at, count), (index.total(), index.len()));
    assert!(index.needed(&(0..at + 1)).is_none());
    for entry in table.iter() {
        assert!(entry.offset <= at);
    }
}
