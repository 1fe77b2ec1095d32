//! Choice of the image for a platform.

use std::rc::Rc;

use super::open::Opening;
use super::open_image::fetch_config;
use super::options::PlatformBy;
use crate::error::{Code, Error, Result};
use crate::format::oci::{
    Descriptor, ImageConfig, ImageIndex, ImageManifest, Platform, PlatformMatcher, media_type,
};
use crate::source::RawManifest;

/// Images of an index that are looked for where one of them is missing.
const MAX_LOOKED_FOR: usize = 64;

impl Opening<'_> {
    /// The entry of the platform; without one asked for, of the default one or the only one.
    pub(super) fn select<'a>(&self, index: &'a ImageIndex) -> Result<(&'a Descriptor, PlatformBy)> {
        let options = self.options;
        let asked = options.platform.clone();
        let by = if asked.is_some() { PlatformBy::Asked } else { PlatformBy::Default };
        let wanted = asked.or_else(|| options.default_platform.clone()).unwrap_or_else(Platform::host);
        index.select(&PlatformMatcher::only(&wanted)).map(|entry| (entry, by)).or_else(|e| {
            let mut images = index.images();
            let only = images.next().filter(|_| by == PlatformBy::Default);
            // One image may be listed for several platforms.
            let only = only.filter(|only| images.all(|other| other.digest == only.digest));
            only.map(|only| (only, PlatformBy::Only)).ok_or(e)
        })
    }

    /// The config of an image that came out of no index, where the caller asked for a platform: nothing else tells which one
    /// it is for. `NOT_FOUND` where it is for another.
    pub(super) async fn config_of_asked(
        &self,
        manifest: &ImageManifest,
        is_chosen: bool,
    ) -> Result<Option<Rc<ImageConfig>>> {
        let of_type = media_type::essence(&manifest.config.media_type);
        let is_image = of_type == media_type::OCI_CONFIG || of_type == media_type::DOCKER_CONFIG;
        let Some(asked) = self.options.platform.as_ref().filter(|_| is_image && !is_chosen) else {
            return Ok(None);
        };
        let config = fetch_config(self.source.source, &manifest.config, &self.options.limits).await?;
        let platform = config.platform();
        // Some tools state none.
        let is_stated = !platform.architecture.is_empty() && platform.architecture != "unknown";
        let matcher = PlatformMatcher::only(asked);
        if is_stated && !matcher.matches(&platform) {
            return Err(matcher.no_match(&[platform]));
        }
        Ok(Some(config))
    }

    /// The image of a copy that holds not all that its index lists: without a platform asked for, the only one that is
    /// there. Else `NOT_FOUND` names those.
    pub(super) async fn instead(
        &self,
        index: &ImageIndex,
        missing: &Descriptor,
    ) -> Result<(RawManifest, Option<Platform>)> {
        let (mut there, mut names) = (None, Vec::new());
        for entry in index.images().take(MAX_LOOKED_FOR) {
            match self.fetch(entry).await {
                Ok(raw) => {
                    names.push(
                        entry.platform.as_ref().map_or_else(|| raw.digest.to_string(), Platform::shown),
                    );
                    there = Some((raw, entry.platform.clone()));
                }
                Err(e) if e.code() == Code::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        match (there, &self.options.platform) {
            (Some(only), None) if names.len() == 1 => Ok(only),
            _ => {
                let what = missing.platform.as_ref().map_or_else(|| "any".to_owned(), Platform::shown);
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                let text = format!(
                    "the image for {what} is listed but not here; of its platforms there are here: {names}"
                );
                Err(Error::new(Code::NotFound, text).with_digest(&missing.digest))
            }
        }
    }
}
