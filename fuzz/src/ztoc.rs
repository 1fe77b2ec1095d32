//! Any bytes as a zTOC: no panic, and what is accepted keeps its promises.

use ocipeek::format::ztoc::Ztoc;
use ocipeek::limits::Limits;

use crate::promises;

/// Parses `data`.
pub fn run(data: &[u8]) {
    if let Ok(ztoc) = Ztoc::parse(bytes::Bytes::copy_from_slice(data), &Limits::default()) {
        promises::check(ztoc);
    }
}
