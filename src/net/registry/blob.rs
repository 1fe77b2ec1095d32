//! Blobs, whole and in ranges, wherever the registry says that they lie.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use super::client::{Inner, Registry};
use crate::error::{Code, Error, Result};
use crate::format::oci::{Descriptor, Digest};
use crate::limits::Limits;
use crate::net::http::{Answer, Client, Part, Resource, accept_encoding, read, read_limited};
use crate::net::inline::inline_part;
use crate::net::retry_damaged::twice;
use crate::net::transport::{ByteStream, Purpose};

struct Blob {
    registry: Rc<Inner>,
    digest: Digest,
}

impl Registry {
    /// A range of a blob, or all of it.
    pub(crate) async fn blob_part(
        &self,
        descriptor: &Descriptor,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        if let Some(part) = inline_part(descriptor, range.as_ref()) {
            return part;
        }
        self.0.home.settle(&self.0.client).await;
        let size = Some(descriptor.size);
        let part = match range {
            Some(range) => Part::Range(range, size),
            None => Part::Whole(size),
        };
        read(Rc::new(Blob { registry: self.0.clone(), digest: descriptor.digest }), part).await
    }

    /// A whole blob, verified; fetched once more if it is not what its digest says.
    pub(crate) async fn blob_whole(
        &self,
        descriptor: &Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> Result<Bytes> {
        Limits::check(limit_name, descriptor.size, limit).map_err(|e| e.with_digest(&descriptor.digest))?;
        if let Some(data) = &descriptor.data {
            return Ok(data.clone());
        }
        twice(&self.0.client.stats, async || self.try_whole(descriptor, limit_name, limit).await).await
    }

    async fn try_whole(
        &self,
        descriptor: &Descriptor,
        limit_name: &'static str,
        limit: u64,
    ) -> Result<Bytes> {
        let body = self.blob_part(descriptor, None).await?;
        let bytes = read_limited(body, Some(descriptor.size), limit_name, limit).await?;
        let hash = self.0.client.transport.sha256(bytes.clone()).await;
        if Digest::from_sha256(hash) == descriptor.digest {
            return Ok(bytes);
        }
        // Perhaps only one mirror is bad.
        self.0.targets.borrow_mut().forget(&descriptor.digest);
        let text = format!("{} sent a blob whose bytes do not have its digest; tried twice", self.0.name);
        Err(Error::new(Code::DigestMismatch, text).with_digest(&descriptor.digest))
    }
}

impl Resource for Blob {
    fn client(&self) -> &Client {
        &self.registry.client
    }
    fn get(&self, range: Option<Range<u64>>, as_is: bool) -> LocalBoxFuture<'_, Result<Answer>> {
        Box::pin(self.fetch(range, as_is))
    }
    fn what(&self) -> String {
        format!("blob of {}", self.registry.name)
    }
    fn concerns(&self, e: Error) -> Error {
        e.with_digest(&self.digest)
    }
}

impl Blob {
    async fn fetch(&self, range: Option<Range<u64>>, as_is: bool) -> Result<Answer> {
        let r = &*self.registry;
        let purpose = if range.is_some() { Purpose::Range } else { Purpose::Blob };
        let headers = [accept_encoding(as_is)];
        let remembered = r.targets.borrow().get(&self.digest);
        let mut fresh = remembered.is_none();
        if let Some(target) = remembered {
            let got = r.get(&target, &headers, purpose, range.clone()).await;
            if matches!(&got, Ok(answer) if answer.is_success()) {
                return got;
            }
            // Whatever it is, the registry may name a better place next time. (A browser shows an expired
            // target without CORS headers as a network error.)
            r.targets.borrow_mut().forget(&self.digest);
            let answer = got?;
            if !is_expired(answer.status) {
                return Err(r.failure(answer, &self.what()).await);
            }
        }
        let url = r.url(&format!("blobs/{}", self.digest), None);
        loop {
            let answer = r.get(&url, &headers, purpose, range.clone()).await?;
            let moved = answer.url != url;
            if answer.is_success() {
                if moved {
                    r.targets.borrow_mut().set(self.digest, answer.url.clone());
                }
                return Ok(answer);
            }
            // The target of a cached redirect may have expired; a second look resolves it anew.
            if fresh && moved && !answer.url.same_origin(r.home.base()) && is_expired(answer.status) {
                fresh = false;
                r.client.stats.retry();
                continue;
            }
            return Err(r.failure(answer, &self.what()).await);
        }
    }
}

/// How storage services answer a signed URL whose time is over (400: S3 and GCS, "ExpiredToken").
fn is_expired(status: u16) -> bool {
    matches!(status, 400 | 401 | 403 | 404 | 410)
}
