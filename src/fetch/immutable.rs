//! Blobs that are at hand and cannot change: one look at all of it makes its ranges as good as the whole.

use super::context::Context;
use super::hashed::hashed;
use crate::error::Result;
use crate::format::oci::Descriptor;

/// Reads a blob of a source that [is steady](crate::source::Source::is_steady) from end to end; none of it is kept.
/// `DIGEST_MISMATCH` if it is not the blob that it must be.
pub(crate) async fn verify(context: &Context, blob: &Descriptor) -> Result<()> {
    let body = context.source.blob_stream(blob).await?;
    hashed(body, Some(&blob.digest), &mut |_| Ok(())).await
}
