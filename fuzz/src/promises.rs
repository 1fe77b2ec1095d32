//! What holds for every zTOC that is accepted.

use ocipeek::format::ztoc::Ztoc;

/// Panics where it does not.
pub fn check(ztoc: Ztoc) {
    let (compressed, uncompressed) = (ztoc.compressed_size(), ztoc.uncompressed_size());
    let (table, spans) = ztoc.into_parts();
    let mut end = 0;
    for (i, e) in table.iter().enumerate() {
        assert!(e.header_offset >= end && e.header_offset + 512 <= e.offset && e.mode <= 0o7777);
        let stored = match table.sparse(i) {
            Some(runs) => runs.iter().map(|r| r.1).sum(),
            None if table.map_in_header(i) => 0,
            None => e.size,
        };
        end = e.offset + stored;
        assert!(end <= uncompressed);
        assert!(e.xattrs.count() <= 65536);
    }
    assert!(!spans.is_empty());
    let (mut input_end, mut output_end) = (0, 0);
    for i in 0..spans.len() {
        let (input, output) = (spans.input(i).unwrap(), spans.output(i).unwrap());
        assert!(input.start < input.end && input.end <= compressed && input.start + 1 >= input_end);
        assert!(output.start == output_end && output.end >= output.start);
        assert!(matches!(spans.start(i).unwrap().window.len(), 0 | 32768));
        assert!(spans.digest(i).is_some());
        for at in [output.start, output.end.saturating_sub(1)] {
            if let Some(found) = spans.find(at) {
                assert!(spans.output(found).unwrap().contains(&at));
            }
        }
        (input_end, output_end) = (input.end, output.end);
    }
    assert_eq!(input_end, compressed);
    assert!(spans.output(spans.len()).is_none());
}
