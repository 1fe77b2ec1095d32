//! The zTOC of a layer that has no index of its own, as a cache keeps it: behind a head that says of what it is.

use bytes::Bytes;

use crate::oci::{Descriptor, Digest};
use crate::source::Cache;

const MAGIC: &[u8; 16] = b"ocipeek ztoc 1\n\0";
/// Magic, the layer's digest and size, the zTOC's digest and size.
const HEAD: usize = 16 + 2 * (32 + 8);
/// The zTOC's media type, which nothing depends on.
const MEDIA_TYPE: &str = "application/octet-stream";

/// Under which key.
pub(super) fn key(layer: &Digest) -> String {
    format!("index-v1:{layer}")
}

fn head(layer: &Descriptor, ztoc: &Digest, size: u64) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for (digest, size) in [(&layer.digest, layer.size), (ztoc, size)] {
        out.extend_from_slice(digest.as_bytes());
        out.extend_from_slice(&size.to_le_bytes());
    }
    out
}

/// The value for a zTOC of `layer`.
pub(super) fn value(layer: &Descriptor, ztoc: &Bytes) -> Bytes {
    let mut out = head(layer, &Digest::of(ztoc), ztoc.len() as u64);
    out.extend_from_slice(ztoc);
    out.into()
}

/// The zTOC that the cache keeps of `layer`: what its head says, without its bytes.
pub(super) async fn find(cache: &dyn Cache, layer: &Descriptor) -> Option<Descriptor> {
    let value = cache.get_range(&key(&layer.digest), 0..HEAD as u64).await?;
    let own = value.get(16 + 32 + 8..HEAD)?;
    let (digest, size) = own.split_first_chunk::<32>()?;
    let (digest, size) = (Digest::from_sha256(*digest), u64::from_le_bytes(size.try_into().ok()?));
    (value.get(..HEAD)? == head(layer, &digest, size)).then(|| Descriptor::new(MEDIA_TYPE, digest, size))
}

/// The bytes of the zTOC that [`find`] found, if they are still those.
pub(super) async fn read(cache: &dyn Cache, layer: &Descriptor, ztoc: &Descriptor) -> Option<Bytes> {
    let value = cache.get(&key(&layer.digest)).await?;
    let bytes = (value.len() >= HEAD).then(|| value.slice(HEAD..))?;
    (bytes.len() as u64 == ztoc.size && Digest::of(&bytes) == ztoc.digest).then_some(bytes)
}

/// The descriptor of a zTOC that is at hand.
pub(super) fn at_hand(ztoc: Bytes) -> Descriptor {
    let mut descriptor = Descriptor::new(MEDIA_TYPE, Digest::of(&ztoc), ztoc.len() as u64);
    descriptor.data = Some(ztoc);
    descriptor
}
