//! Blobs whose bytes are in their descriptor.

use std::ops::Range;

use super::transport::ByteStream;
use crate::error::{Code, Error, Result};
use crate::format::oci::Descriptor;

/// The part of a descriptor's inline `data` that is asked for; `None` where it has none.
pub(crate) fn inline_part(descriptor: &Descriptor, range: Option<&Range<u64>>) -> Option<Result<ByteStream>> {
    let data = descriptor.data.as_ref()?;
    let part = match range {
        None => Some(data.clone()),
        Some(range) => usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok())
            .filter(|&(start, end)| start <= end && end <= data.len())
            .map(|(start, end)| data.slice(start..end)),
    };
    Some(match part {
        Some(part) => Ok(Box::pin(futures_util::stream::once(async move { Ok(part) }))),
        None => Err(Error::new(Code::InvalidArgument, "the range is not inside the blob")
            .with_digest(&descriptor.digest)),
    })
}
