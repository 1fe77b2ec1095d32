//! The zTOC of a layer as a cache keeps it, out of the cache and into it.

use bytes::Bytes;

use crate::format::oci::{Descriptor, Digest};
use crate::format::ztoc::cached::{HEAD, Kept, Origin, head, read_head};
use crate::source::Cache;

pub(super) use crate::format::ztoc::cached::key;

/// The zTOC's media type, which nothing depends on.
const MEDIA_TYPE: &str = "application/octet-stream";

/// Keeps a zTOC that was built here of `layer`.
pub(super) async fn keep(cache: &dyn Cache, layer: &Descriptor, ztoc: &Bytes) {
    let kept = Kept { digest: Digest::of(ztoc), size: ztoc.len() as u64, origin: Origin::Built };
    let mut value = head((&layer.digest, layer.size), &kept);
    value.extend_from_slice(ztoc);
    cache.put(&key(&layer.digest), value.into()).await;
}

/// The zTOC that the cache keeps of `layer`: what its head says, without its bytes; and how it is known.
pub(super) async fn find(cache: &dyn Cache, layer: &Descriptor) -> Option<(Descriptor, Origin)> {
    let value = cache.get_range(&key(&layer.digest), 0..HEAD as u64).await?;
    let kept = read_head(&value, (&layer.digest, layer.size))?;
    Some((Descriptor::new(MEDIA_TYPE, kept.digest, kept.size), kept.origin))
}

/// The bytes of the zTOC that [`find`] found, if they are still those. What is damaged is dropped: its head is all that the
/// next open would look at.
pub(super) async fn read(cache: &dyn Cache, layer: &Descriptor, ztoc: &Descriptor) -> Option<Bytes> {
    let key = key(&layer.digest);
    let value = cache.get(&key).await?;
    let bytes = (value.len() >= HEAD).then(|| value.slice(HEAD..));
    let good = bytes.filter(|b| b.len() as u64 == ztoc.size && Digest::of(b) == ztoc.digest);
    if good.is_none() {
        cache.put(&key, Bytes::new()).await;
    }
    good
}

/// The descriptor of a zTOC that is at hand.
pub(super) fn at_hand(ztoc: Bytes) -> Descriptor {
    let mut descriptor = Descriptor::new(MEDIA_TYPE, Digest::of(&ztoc), ztoc.len() as u64);
    descriptor.data = Some(ztoc);
    descriptor
}
