//! Checkpoints of a zTOC that is sound otherwise. A first byte below 0x80: the bytes are the checkpoints of
//! gzip (0) or a tar (1). From 0x80 on: the bytes are 9-byte steps from one checkpoint to the next, so that
//! many fit into a small input.

use ocipeek::format::ztoc::Ztoc;
use ocipeek::limits::Limits;
use test_support::ztoc_builder as builder;

use crate::promises;

/// Parses a zTOC made from `data`.
pub fn run(data: &[u8]) {
    let Some((&mode, rest)) = data.split_first() else { return };
    let Some((sizes, rest)) = rest.split_first_chunk::<10>() else { return };
    let number = |at: usize| i64::from(u32::from_le_bytes(sizes[at..at + 4].try_into().unwrap()));
    let spans = usize::from(sizes[8]) % 40 + 1;
    let mut spec = builder::Ztoc::gzip(number(0), number(4), &[]);
    spec.max_span_id = spans as i32 - 1;
    spec.digests = (0..spans).map(builder::digest).collect();
    if mode < 0x80 {
        spec.algorithm = Some(1 + (mode & 1) as i8);
        spec.checkpoints = rest.to_vec();
    } else {
        let mut at = (0_i64, 0_i64);
        let records: Vec<_> = rest
            .as_chunks::<9>()
            .0
            .iter()
            .take(spans)
            .map(|step| {
                at.0 = at.0.wrapping_add(i64::from(i32::from_le_bytes(step[..4].try_into().unwrap())));
                at.1 = at.1.wrapping_add(i64::from(i32::from_le_bytes(step[4..8].try_into().unwrap())));
                (at.0, at.1, step[8])
            })
            .collect();
        spec.checkpoints = builder::zinfo(spans as i32, i64::from(sizes[9]), &records);
    }
    if let Ok(parsed) = Ztoc::parse(spec.build(&[]).into(), &Limits::default()) {
        promises::check(parsed);
    }
}
