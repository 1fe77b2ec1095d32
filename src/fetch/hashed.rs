//! Hashing while streaming.

use bytes::Bytes;
use futures_util::TryStreamExt;
use sha2::Digest as _;

use crate::error::{Code, Error, Result};
use crate::format::oci::Digest;
use crate::net::transport::ByteStream;

/// Streams a body through `sink` to its end. `DIGEST_MISMATCH` where it does not have its digest, whatever the sink said: maybe
/// only the transfer is broken; else what the sink failed with, for good. Limits that are exceeded end it at once, and so
/// does any failure where nothing is hashed.
pub(crate) async fn hashed(
    mut body: ByteStream,
    digest: Option<&Digest>,
    sink: &mut dyn FnMut(&Bytes) -> Result<()>,
) -> Result<()> {
    let (mut hasher, mut taken) = (sha2::Sha256::new(), Ok(()));
    while let Some(chunk) = body.try_next().await? {
        if digest.is_some() {
            hasher.update(&chunk);
        }
        if taken.is_ok() {
            taken = sink(&chunk);
        }
        match &taken {
            Err(e) if digest.is_none() || e.code() == Code::LimitExceeded => break,
            _ => {}
        }
    }
    let is_other = |digest: &&Digest| Digest::from_sha256(hasher.finalize().into()) != **digest;
    match digest.filter(|_| !matches!(&taken, Err(e) if e.code() == Code::LimitExceeded)).filter(is_other) {
        Some(digest) => {
            let text =
                "the layer does not have the digest that the image states; the copy that came is damaged";
            Err(Error::new(Code::DigestMismatch, text).with_digest(digest))
        }
        None => taken.map_err(Error::given_up),
    }
}
