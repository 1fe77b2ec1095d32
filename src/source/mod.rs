//! Sources: a registry, an OCI image layout, or a cache in front of one.

pub mod cache;
pub mod indexer;
pub mod layout;
mod registry;
pub(crate) mod sparse;

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use crate::format::oci::{Descriptor, Digest};
pub use crate::format::oci::{RawManifest, Target};
use crate::limits::Limits;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later, Transport};

/// Something that holds an image's manifests and blobs. All bytes that it gives out whole are verified
/// (digest and size); ranges cannot be, and are verified by whoever knows what they must hold.
pub trait Source {
    /// How errors name this source, e.g. `ghcr.io/o/app`.
    fn name(&self) -> String;
    /// Fetches a manifest or index. By digest: verified, retried once on a mismatch, then `DIGEST_MISMATCH`.
    fn manifest<'a>(&'a self, target: &'a Target) -> Later<'a, RawManifest>;
    /// Fetches a whole blob of at most `limit` bytes (named `limit_name` in the error), verified, retried
    /// once on a mismatch.
    fn blob<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> Later<'a, Bytes>;
    /// As [`blob`](Source::blob), for what the caller keeps in a form of its own: a cache on the way may have it, but does
    /// not keep it.
    fn blob_unkept<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> Later<'a, Bytes> {
        self.blob(descriptor, limit_name, limit)
    }
    /// Exactly the bytes `range` of a blob, resumed where the connection breaks. `range.end` is at most the
    /// descriptor's size. Not verified.
    fn blob_range<'a>(&'a self, descriptor: &'a Descriptor, range: Range<u64>) -> Later<'a, ByteStream>;
    /// All of a blob as a stream, of exactly the descriptor's size, else an error. Not verified: the reader hashes.
    fn blob_stream<'a>(&'a self, descriptor: &'a Descriptor) -> Later<'a, ByteStream>;
    /// Manifests that name `subject`, of `artifact_type`: the referrers API with all its pages, else the
    /// fallback tag. None is an empty list.
    fn referrers<'a>(&'a self, subject: &'a Digest, artifact_type: &'a str) -> Later<'a, Vec<Descriptor>>;
    /// The counters that all requests of this source go to.
    fn stats(&self) -> &Stats;
    /// The same for another reader, with requests, limits and counters of its own. `None`: all readers share this one.
    fn for_reader(
        &self,
        _transport: &Rc<dyn Transport>,
        _limits: &Limits,
        _stats: &Stats,
    ) -> Option<Rc<dyn Source>> {
        None
    }
    /// Whether blobs are at hand and cannot change while they are in use, as a `Blob`'s: what was verified once can be
    /// read again by ranges, and need not be kept.
    fn is_steady(&self) -> bool {
        false
    }
    /// Whether it is a copy that may lack what its indexes list, such as the images of other platforms.
    fn is_local(&self) -> bool {
        false
    }
    /// Whether the digests of what it holds were computed of that when it was opened, because it states none.
    fn computes_digests(&self) -> bool {
        false
    }
}

/// A cache of verified bytes. Failures are misses.
///
/// Keys are digests (`sha256:…`: blobs, manifests, compressed spans; `sha256:…` or `blake3:…`: chunks of files), and what
/// comes out under one is verified again, so that a cache of these need not be trusted. A cache that also
/// [gives ranges](Cache::has_ranges) gets packed zTOCs (`pack-v1:sha256:…`) too. zTOCs that were built here of layers without
/// an index are kept by the layer's digest (`index-v1:sha256:…`; of a zstd layer what a pass over it left) in any cache, and taken out of one as
/// [`OpenOptions::kept_indexes`](crate::image::OpenOptions::kept_indexes) says. Both carry checksums against damage, but
/// nothing vouches for whoever can write them: such a cache must be one that only its owner writes to.
pub trait Cache {
    /// The bytes of `key`, or `None`.
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Option<Bytes>>;
    /// Keeps the bytes of `key`.
    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> LocalBoxFuture<'a, ()>;
    /// Whether [`get_range`](Cache::get_range) costs less than `get`, and the cache may hold packed zTOCs.
    fn has_ranges(&self) -> bool {
        false
    }
    /// Bytes `range` of the value of `key`, cut where the value ends; `None` where there is no such value.
    fn get_range<'a>(&'a self, key: &'a str, range: Range<u64>) -> LocalBoxFuture<'a, Option<Bytes>> {
        Box::pin(async move { Some(cut(&self.get(key).await?, &range)) })
    }
}

/// Bytes `range` of `value`, cut where it ends.
pub(crate) fn cut(value: &Bytes, range: &Range<u64>) -> Bytes {
    let clip = |n: u64| usize::try_from(n).map_or(value.len(), |n| n.min(value.len()));
    let (start, end) = (clip(range.start), clip(range.end));
    value.slice(start.min(end)..end)
}
