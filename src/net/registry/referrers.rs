//! Referrers of a manifest: the referrers API, else the fallback tag (distribution specification).

use super::client::Inner;
use crate::error::{Code, Error, Result};
use crate::format::oci::media_type::OCI_INDEX;
use crate::format::oci::{Descriptor, Digest, ManifestDoc, parse_manifest};
use crate::format::oci::{Target, manifest_media_type};
use crate::net::http::{Retry, Url};
use crate::net::transport::Purpose;

/// One page.
struct Page {
    manifests: Vec<Descriptor>,
    next: Option<Url>,
}

impl Inner {
    pub(crate) async fn referrers(&self, subject: &Digest, artifact_type: &str) -> Result<Vec<Descriptor>> {
        self.home.settle(&self.client).await;
        let mut query = "artifactType=".to_string();
        crate::net::http::encode_into(&mut query, artifact_type);
        let mut next = Some(self.url(&format!("referrers/{subject}"), Some(query)));
        let mut found = Vec::new();
        let mut pages = 0;
        let mut listed: u64 = 0;
        while let Some(url) = next {
            pages += 1;
            if pages > self.client.limits.max_referrers_pages {
                let most = u64::from(self.client.limits.max_referrers_pages);
                return Err(self.about(Error::limit("max_referrers_pages", u64::from(pages), most), subject));
            }
            let Some(page) = self.page(&url, pages == 1).await.map_err(|e| self.about(e, subject))? else {
                if pages > 1 {
                    let text = "the registry's list of referrers breaks off at a page that it does not have";
                    return Err(self.about(Error::new(Code::NotFound, text), subject));
                }
                return self.fallback(subject, artifact_type).await;
            };
            listed = listed.saturating_add(u64::try_from(page.manifests.len()).unwrap_or(u64::MAX));
            let most = self.client.limits.max_index_entries;
            if listed > most {
                return Err(self.about(Error::limit("max_index_entries", listed, most), subject));
            }
            // Whether the registry has filtered (`OCI-Filters-Applied`) or not makes no difference so.
            found.extend(
                page.manifests.into_iter().filter(|d| d.artifact_type.as_deref() == Some(artifact_type)),
            );
            next = page.next;
        }
        Ok(found)
    }

    fn about(&self, e: Error, subject: &Digest) -> Error {
        e.with_reference(&self.name).with_digest(subject)
    }

    /// `None` where the registry has no such API.
    async fn page(&self, url: &Url, first: bool) -> Result<Option<Page>> {
        let mut retry = Retry::new();
        loop {
            match self.try_page(url, first).await {
                Ok(page) => return Ok(page),
                Err(e) => retry.wait(&self.client, e).await?,
            }
        }
    }

    async fn try_page(&self, url: &Url, first: bool) -> Result<Option<Page>> {
        let accept = [("accept", OCI_INDEX.to_string())];
        let answer = match self.get(url, &accept, Purpose::Referrers, None).await {
            Ok(answer) => answer,
            // A browser shows no answer that CORS does not allow, and registries from before the API put no such
            // header on their 404 (docker-registry 2.8). The fallback tag tells whether the registry is there.
            Err(e) if first && is_hidden(&e) && self.client.transport.follows_redirects() => return Ok(None),
            Err(e) => return Err(e),
        };
        // Registries from before the API: most say 404, some that they know no such method, name or type, or nothing at all.
        if matches!(answer.status, 204 | 400 | 404 | 405 | 406 | 410 | 415 | 422 | 501) {
            return Ok(None);
        }
        if answer.status != 200 {
            return Err(self.failure(answer, "referrers").await);
        }
        let next = self.next_page(url, &answer)?;
        let content_type = answer.header("content-type").unwrap_or_default().to_string();
        let limit = self.client.limits.max_manifest_size;
        let bytes = answer.read("max_manifest_size", limit).await?;
        // Some answer unknown paths with a page for people, or with nothing.
        if bytes.is_empty() || manifest_media_type(&content_type, &bytes) != OCI_INDEX {
            return Ok(None);
        }
        match parse_manifest(&bytes, OCI_INDEX, &self.client.limits)? {
            ManifestDoc::Index(index) => Ok(Some(Page { manifests: index.manifests, next })),
            ManifestDoc::Image(_) => Ok(None),
        }
    }

    /// The tag `sha256-<hex>`, an index of the referrers. None is an empty list.
    async fn fallback(&self, subject: &Digest, artifact_type: &str) -> Result<Vec<Descriptor>> {
        let target = Target::Tag(format!("sha256-{}", subject.hex()));
        let raw = match self.manifest(&target).await {
            Ok(raw) => raw,
            Err(e) if e.code() == Code::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let doc = parse_manifest(&raw.bytes, &raw.media_type, &self.client.limits)
            .map_err(|e| self.about(e, subject))?;
        Ok(match doc {
            ManifestDoc::Index(index) => index
                .manifests
                .into_iter()
                .filter(|d| d.artifact_type.as_deref() == Some(artifact_type))
                .collect(),
            // Signing tools use the same form of tag for other things.
            ManifestDoc::Image(_) => Vec::new(),
        })
    }
}

/// No answer at all, as far as can be seen.
fn is_hidden(e: &Error) -> bool {
    e.code() == Code::Network && e.status().is_none() && !e.is_given_up()
}
