//! A cache of verified bytes in front of a source.

#[cfg(not(all(target_arch = "wasm32", feature = "js-reader")))]
mod timely;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use crate::error::Result;
use crate::format::oci::manifest_media_type;
use crate::format::oci::{Descriptor, Digest};
use crate::limits::Limits;
use crate::net::stats::Stats;
use crate::net::transport::{ByteStream, Later, Transport};
use crate::source::{Cache, RawManifest, Source, Target};

#[cfg(not(all(target_arch = "wasm32", feature = "js-reader")))]
pub use timely::TimelyCache;

/// Answers whole blobs and manifests by digest out of a cache, and keeps there what the source gives. A tag is
/// always asked for at the source. Ranges and streams pass through.
pub struct CachedSource {
    source: Rc<dyn Source>,
    cache: Rc<dyn Cache>,
}

impl fmt::Debug for CachedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CachedSource").field(&self.source.name()).finish()
    }
}

impl CachedSource {
    /// `cache` in front of `source`. One that may hang belongs into a [`TimelyCache`].
    pub fn new(source: Rc<dyn Source>, cache: Rc<dyn Cache>) -> Self {
        CachedSource { source, cache }
    }

    /// Verified bytes out of the cache; what does not fit its digest or size is a miss.
    async fn look_up(&self, digest: &Digest, size: Option<u64>) -> Option<Bytes> {
        let found = self.cache.get(&digest.to_string()).await.filter(|bytes| {
            let fits = size.is_none_or(|s| u64::try_from(bytes.len()).is_ok_and(|len| len == s));
            fits && Digest::of(bytes) == *digest
        });
        self.source.stats().cache(found.is_some());
        found
    }

    async fn manifest(&self, target: &Target) -> Result<RawManifest> {
        if let Target::Digest(digest) = target
            && let Some(bytes) = self.look_up(digest, None).await
        {
            // Without its Content-Type, what the document says of itself must do; readers check it anyway.
            return Ok(RawManifest { media_type: manifest_media_type("", &bytes), bytes, digest: *digest });
        }
        let raw = self.source.manifest(target).await?;
        self.cache.put(&raw.digest.to_string(), raw.bytes.clone()).await;
        Ok(raw)
    }

    async fn blob(&self, d: &Descriptor, limit_name: &'static str, limit: u64, keep: bool) -> Result<Bytes> {
        if d.data.is_none() {
            Limits::check(limit_name, d.size, limit).map_err(|e| e.with_digest(&d.digest))?;
            if let Some(bytes) = self.look_up(&d.digest, Some(d.size)).await {
                return Ok(bytes);
            }
        }
        let bytes = self.source.blob(d, limit_name, limit).await?;
        if keep && d.data.is_none() {
            self.cache.put(&d.digest.to_string(), bytes.clone()).await;
        }
        Ok(bytes)
    }
}

impl Source for CachedSource {
    fn name(&self) -> String {
        self.source.name()
    }
    fn manifest<'a>(&'a self, target: &'a Target) -> Later<'a, RawManifest> {
        Box::pin(self.manifest(target))
    }
    fn blob<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> Later<'a, Bytes> {
        Box::pin(self.blob(descriptor, limit_name, limit, true))
    }
    fn blob_unkept<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> Later<'a, Bytes> {
        Box::pin(self.blob(descriptor, limit_name, limit, false))
    }
    fn blob_range<'a>(&'a self, descriptor: &'a Descriptor, range: Range<u64>) -> Later<'a, ByteStream> {
        self.source.blob_range(descriptor, range)
    }
    fn blob_stream<'a>(&'a self, descriptor: &'a Descriptor) -> Later<'a, ByteStream> {
        self.source.blob_stream(descriptor)
    }
    fn referrers<'a>(&'a self, subject: &'a Digest, artifact_type: &'a str) -> Later<'a, Vec<Descriptor>> {
        self.source.referrers(subject, artifact_type)
    }
    fn stats(&self) -> &Stats {
        self.source.stats()
    }
    fn for_reader(
        &self,
        transport: &Rc<dyn Transport>,
        limits: &Limits,
        stats: &Stats,
    ) -> Option<Rc<dyn Source>> {
        let source = self.source.for_reader(transport, limits, stats)?;
        Some(Rc::new(CachedSource { source, cache: self.cache.clone() }))
    }
    fn is_steady(&self) -> bool {
        self.source.is_steady()
    }
    fn is_local(&self) -> bool {
        self.source.is_local()
    }
    fn computes_digests(&self) -> bool {
        self.source.computes_digests()
    }
}

/// A cache in memory, bounded in bytes: the least recently used goes first.
pub struct MemoryCache(RefCell<Lru>);

struct Lru {
    capacity: usize,
    used: usize,
    clock: u64,
    entries: HashMap<String, (Bytes, u64)>,
    /// Keys by last use.
    order: BTreeMap<u64, String>,
}

/// What an entry costs beside its bytes: keys, tree and map.
const OVERHEAD: usize = 256;

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lru = self.0.borrow();
        let mut out = f.debug_struct("MemoryCache");
        out.field("entries", &lru.entries.len())
            .field("used", &lru.used)
            .field("capacity", &lru.capacity)
            .finish()
    }
}

impl MemoryCache {
    /// A cache of at most `capacity` bytes, its own bookkeeping included. What is larger than half of it is not
    /// kept: it would drive out everything else.
    pub fn new(capacity: usize) -> Self {
        let (entries, order) = (HashMap::new(), BTreeMap::new());
        MemoryCache(RefCell::new(Lru { capacity, used: 0, clock: 0, entries, order }))
    }
    /// Bytes kept now.
    pub fn used(&self) -> usize {
        self.0.borrow().used
    }
}

impl Lru {
    fn get(&mut self, key: &str) -> Option<Bytes> {
        self.clock += 1;
        let (bytes, last) = self.entries.get_mut(key)?;
        if let Some(name) = self.order.remove(last) {
            self.order.insert(self.clock, name);
        }
        *last = self.clock;
        Some(bytes.clone())
    }

    fn put(&mut self, key: &str, value: Bytes) {
        let cost = value.len().saturating_add(OVERHEAD);
        self.remove(key);
        if cost > self.capacity / 2 {
            return;
        }
        while self.used.saturating_add(cost) > self.capacity {
            let Some((_, oldest)) = self.order.first_key_value() else { break };
            let oldest = oldest.clone();
            self.remove(&oldest);
        }
        self.clock += 1;
        self.used += cost;
        self.order.insert(self.clock, key.to_string());
        // A slice would keep the whole buffer alive that it was cut from.
        let value = if value.is_unique() { value } else { Bytes::copy_from_slice(&value) };
        self.entries.insert(key.to_string(), (value, self.clock));
    }

    fn remove(&mut self, key: &str) {
        if let Some((bytes, last)) = self.entries.remove(key) {
            self.used -= bytes.len() + OVERHEAD;
            self.order.remove(&last);
        }
    }
}

impl Cache for MemoryCache {
    fn get<'a>(&'a self, key: &'a str) -> LocalBoxFuture<'a, Option<Bytes>> {
        Box::pin(async move { self.0.borrow_mut().get(key) })
    }
    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move { self.0.borrow_mut().put(key, value) })
    }
    fn has_ranges(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
