//! The SOCI index of an image: the one that its manifest names, or one that is attached to it.

use super::discovery::Discovery;
use super::open::{Ahead, MAX_ATTACHED, Opening};
use super::open_image::Image;
use super::options::SociChoice;
use super::soci::{SociFound, SociInfo};
use crate::error::{Code, Error, Remedy, Result};
use crate::format::oci::{Descriptor, Digest, ImageManifest};
use crate::format::soci::{SociIndex, SociVersion, V1_INDEX, v1_indexes, v2_index_digest};
use crate::source::{RawManifest, Target};

impl Image {
    /// How the search for attached indexes went that opening the image took; `None` where it took none.
    pub fn discovery(&self) -> Option<&Discovery> {
        self.0.known.discovery.as_ref()
    }

    /// Asks the registry for SOCI indexes that are attached to the image (version 1). Nothing but whoever may write to the
    /// repository vouches for them; opening the image with
    /// [`attached_index`](super::OpenOptions::attached_index) reads by the first that fits.
    pub async fn find_attached_indexes(&self) -> Discovery {
        let listed: Result<Vec<Descriptor>> =
            self.0.context.source.referrers(&self.0.known.digest, V1_INDEX).await;
        match listed {
            Ok(listed) => Discovery { found: v1_indexes(&listed).cloned().collect(), failed: None },
            Err(e) => Discovery { found: Vec::new(), failed: Some(e) },
        }
    }
}

impl Opening<'_> {
    /// The SOCI index, in the specification's order of discovery.
    pub(super) async fn soci(
        &self,
        image: &Digest,
        manifest: &ImageManifest,
        ahead: Ahead,
    ) -> Result<Option<SociInfo>> {
        let (raw, found) = match &self.options.soci {
            SociChoice::None => return Ok(None),
            SociChoice::Digest(digest) => match ahead.named {
                Some(raw) => (raw?, SociFound::Named),
                None => (self.source.manifest(&Target::Digest(*digest)).await?, SociFound::Named),
            },
            SociChoice::Auto => match v2_index_digest(manifest).map_err(|e| e.with_digest(image))? {
                Some(named) => (self.own_index(image, named, ahead).await?, SociFound::Annotation),
                None if self.options.attached_index => {
                    return Ok(self.attached_index(image, manifest, ahead).await);
                }
                None => return Ok(None),
            },
        };
        self.parse(image, manifest, &raw, found)
            .map(Some)
            .map_err(|e| e.with_remedy(Remedy::WithoutIndex).with_digest(&raw.digest))
    }

    /// The index that the image's manifest names. That it is not there lets no other in: whoever may delete it, or answer in
    /// the registry's place, would choose that.
    async fn own_index(&self, image: &Digest, named: Digest, ahead: Ahead) -> Result<RawManifest> {
        let fetched = match ahead.listed {
            Some((listed, raw)) if listed == named => raw,
            Some((listed, _)) => {
                return Err(Error::new(
                    Code::CorruptManifest,
                    format!("the image names the SOCI index {named}, but its index lists {listed} for it"),
                )
                .with_digest(image));
            }
            None => self.source.manifest(&Target::Digest(named)).await,
        };
        fetched.map_err(|e| {
            if e.code() != Code::NotFound {
                return e;
            }
            e.with_message(
                "the image names a SOCI index that is not there, which happens where it was copied alone",
            )
            .with_remedy(Remedy::WithoutIndex)
            .with_digest(&named)
        })
    }

    /// The first attached index that is for the image. What fails on the way is noted, and keeps nobody from reading.
    async fn attached_index(
        &self,
        image: &Digest,
        manifest: &ImageManifest,
        ahead: Ahead,
    ) -> Option<SociInfo> {
        let mut discovery = Discovery::default();
        let listed = match ahead.referrers {
            Some(referrers) => referrers,
            None => self.source.referrers(image, V1_INDEX).await,
        };
        match listed {
            Ok(listed) => discovery.found = v1_indexes(&listed).cloned().collect(),
            Err(e) => discovery.note(e),
        }
        let mut info = None;
        for attached in discovery.found.clone().iter().take(MAX_ATTACHED) {
            let parsed = match self.fetch(attached).await {
                Ok(raw) => self.parse(image, manifest, &raw, SociFound::Referrers),
                Err(e) => Err(e),
            };
            match parsed {
                Ok(parsed) => {
                    info = Some(parsed);
                    break;
                }
                Err(e) => discovery.note(e.with_digest(&attached.digest)),
            }
        }
        *self.discovery.borrow_mut() = Some(discovery);
        info
    }

    /// Parses a SOCI index and checks that it is for this image. Layers that the image does not have are left out;
    /// if it has none of them, the index is another image's.
    fn parse(
        &self,
        image: &Digest,
        manifest: &ImageManifest,
        raw: &RawManifest,
        found: SociFound,
    ) -> Result<SociInfo> {
        let index = SociIndex::parse(&raw.bytes, &self.options.limits)?;
        index.check_subject(image)?;
        if found == SociFound::Referrers && index.version != SociVersion::V1 {
            return Err(Error::new(
                Code::CorruptManifest,
                "the SOCI index that is attached to the image is not of version 1, as its descriptor says",
            ));
        }
        let has = |digest: &Digest| manifest.layers.iter().any(|l| l.digest == *digest);
        let named = index.layers.len();
        let layers: Vec<_> = index.layers.into_iter().filter(|l| has(&l.layer_digest)).collect();
        if layers.is_empty() && named > 0 {
            return Err(Error::new(
                Code::CorruptManifest,
                "the SOCI index is for another image: no layer is the same",
            ));
        }
        Ok(SociInfo {
            digest: raw.digest,
            version: index.version,
            found,
            voucher: found.voucher(),
            build_tool: index.build_tool,
            layers,
            prefetch: index.prefetch.into_iter().filter(|p| has(&p.layer_digest)).collect(),
        })
    }
}
