//! The tar that a layer of OverlayBD is wrapped in. The first byte times 64 is what the blob has more than is given.

use ocipeek::format::overlaybd::payload;
use ocipeek::limits::Limits;

/// Finds what is wrapped.
pub fn run(data: &[u8]) {
    let Some((&more, head)) = data.split_first() else { return };
    let size = head.len() as u64 + u64::from(more) * 64;
    if let Ok(range) = payload(head, size, &Limits::default()) {
        assert!(range.start <= range.end && range.end <= size);
    }
}
