//! Blobs that are at hand and cannot change: one look at all of it makes its ranges as good as the whole.

use futures_util::TryStreamExt;
use sha2::Digest as _;

use super::context::Context;
use crate::error::{Code, Error, Result};
use crate::format::oci::{Descriptor, Digest};

/// Reads a blob of a source that [is steady](crate::source::Source::is_steady) from end to end; none of it is kept.
/// `DIGEST_MISMATCH` if it is not the blob that it must be.
pub(crate) async fn verify(context: &Context, blob: &Descriptor) -> Result<()> {
    let mut hasher = sha2::Sha256::new();
    let mut body = context.source.blob_stream(blob).await?;
    while let Some(chunk) = body.try_next().await? {
        hasher.update(&chunk);
    }
    match Digest::from_sha256(hasher.finalize().into()) == blob.digest {
        true => Ok(()),
        false => {
            let text = "the layer does not have the digest that the image states; the file is damaged";
            Err(Error::new(Code::DigestMismatch, text).with_digest(&blob.digest))
        }
    }
}
