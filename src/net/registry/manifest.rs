//! Manifests and indexes, by tag or digest.

use bytes::Bytes;

use super::client::Inner;
use crate::error::{Code, Error, Result};
use crate::format::oci::media_type::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::format::oci::{Digest, manifest_media_type};
use crate::format::oci::{RawManifest, Target};
use crate::net::http::{Retry, shown};
use crate::net::retry_damaged::twice;
use crate::net::transport::Purpose;

/// A manifest as it came, not verified yet.
pub(super) struct Fetched {
    pub(super) bytes: Bytes,
    pub(super) media_type: String,
    /// `Docker-Content-Digest`.
    claimed: Option<Digest>,
}

impl Inner {
    pub(crate) async fn manifest(&self, target: &Target) -> Result<RawManifest> {
        let (reference, wanted) = match target {
            Target::Tag(tag) => (check_tag(tag)?.to_string(), None),
            Target::Digest(digest) => (digest.to_string(), Some(*digest)),
            Target::Only => {
                let text = "a registry holds many images; name one by tag or digest";
                return Err(Error::new(Code::InvalidArgument, text).with_reference(&self.name));
            }
        };
        let named = match wanted {
            Some(_) => format!("{}@{reference}", self.name),
            None => format!("{}:{reference}", self.name),
        };
        let once = async || {
            let fetched = self.fetch_manifest(&reference).await.map_err(|e| e.with_reference(&named))?;
            let hash = self.client.transport.sha256(fetched.bytes.clone()).await;
            let digest = Digest::from_sha256(hash);
            let expected = wanted.or(fetched.claimed);
            if expected.is_none_or(|e| e == digest) {
                return Ok(RawManifest { bytes: fetched.bytes, media_type: fetched.media_type, digest });
            }
            let text = if wanted.is_some() {
                "the registry sent a manifest whose bytes do not have its digest; tried twice"
            } else {
                "the manifest does not have the digest that the registry states for it; tried twice"
            };
            let e = Error::new(Code::DigestMismatch, text).with_reference(&named);
            Err(expected.map_or(e.clone(), |d| e.with_digest(&d)))
        };
        twice(&self.client.stats, once).await
    }

    /// Fetches with retries. `reference`: a tag or digest.
    pub(super) async fn fetch_manifest(&self, reference: &str) -> Result<Fetched> {
        self.home.settle(&self.client).await;
        let mut retry = Retry::new();
        loop {
            match self.try_manifest(reference).await {
                Ok(fetched) => return Ok(fetched),
                Err(e) => retry.wait(&self.client, e).await?,
            }
        }
    }

    /// In a browser, an `Accept` of more than 128 bytes costs a CORS preflight, which many registries fail. So the
    /// OCI types alone are tried first there, until an answer shows that Docker's are needed.
    async fn try_manifest(&self, reference: &str) -> Result<Fetched> {
        let short =
            self.client.transport.follows_redirects() && self.auth.is_anonymous() && !self.docker_types.get();
        if short {
            match self.try_accept(reference, format!("{OCI_INDEX}, {OCI_MANIFEST}")).await {
                Ok(fetched) if fetched.media_type == OCI_INDEX || fetched.media_type == OCI_MANIFEST => {
                    return Ok(fetched);
                }
                Err(e) if !matches!(e.status(), Some(404 | 406)) => return Err(e),
                _ => {}
            }
        }
        let accept = format!("{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}");
        let fetched = self.try_accept(reference, accept).await?;
        if short {
            self.docker_types.set(true);
        }
        Ok(fetched)
    }

    async fn try_accept(&self, reference: &str, accept: String) -> Result<Fetched> {
        let url = self.url(&format!("manifests/{reference}"), None);
        let answer = self.get(&url, &[("accept", accept)], Purpose::Manifest, None).await?;
        if answer.status != 200 {
            return Err(self.failure(answer, "manifest").await);
        }
        let claimed = answer.header("docker-content-digest").and_then(|d| d.trim().parse().ok());
        let content_type = answer.header("content-type").unwrap_or_default().to_string();
        let limit = self.client.limits.max_manifest_size;
        let bytes = answer.read("max_manifest_size", limit).await?;
        let media_type = manifest_media_type(&content_type, &bytes);
        Ok(Fetched { bytes, media_type, claimed })
    }
}

/// A tag becomes part of a path, so it must be one (distribution specification: 128 characters).
fn check_tag(tag: &str) -> Result<&str> {
    let first = tag.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let rest = tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if first && rest && tag.len() <= 128 {
        return Ok(tag);
    }
    Err(Error::new(Code::InvalidReference, format!("{:?} is not a tag", shown(tag))))
}
