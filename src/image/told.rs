//! Answers that an opening got from its source, so that another build of the library can go on from there.

use std::cell::RefCell;

use futures_util::future::LocalBoxFuture;

use super::open_image::Image;
use crate::error::{Error, Result};
use crate::format::oci::{Descriptor, Digest};
use crate::source::{RawManifest, Source, Target};

/// How an opening ends.
pub(crate) enum Opened {
    /// With an image.
    Image(Image),
    /// With why this build does not read it, which another one does, and what was told so far.
    Elsewhere(Error, Told),
}

/// The answers of a source.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub(crate) manifests: Vec<(Target, RawManifest)>,
    /// By subject and type.
    pub(crate) referrers: Vec<(Digest, String, Vec<Descriptor>)>,
}

/// A source that is asked nothing twice.
pub(super) struct Asked<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) told: RefCell<Told>,
}

// Boxed, so that each is compiled once.
impl Asked<'_> {
    /// See [`Source::manifest`].
    pub(super) fn manifest<'a>(&'a self, target: &'a Target) -> LocalBoxFuture<'a, Result<RawManifest>> {
        Box::pin(async move {
            let is_it = |it: &&(Target, _)| it.0 == *target;
            let told = self.told.borrow().manifests.iter().find(is_it).map(|it| it.1.clone());
            if let Some(raw) = told {
                return Ok(raw);
            }
            let raw = self.source.manifest(target).await?;
            self.told.borrow_mut().manifests.push((target.clone(), raw.clone()));
            Ok(raw)
        })
    }

    /// See [`Source::referrers`].
    pub(super) fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
        of_type: &'a str,
    ) -> LocalBoxFuture<'a, Result<Vec<Descriptor>>> {
        Box::pin(async move {
            let is_it = |it: &&(Digest, String, _)| it.0 == *subject && it.1 == of_type;
            let told = self.told.borrow().referrers.iter().find(is_it).map(|it| it.2.clone());
            if let Some(list) = told {
                return Ok(list);
            }
            let list = self.source.referrers(subject, of_type).await?;
            self.told.borrow_mut().referrers.push((*subject, of_type.to_owned(), list.clone()));
            Ok(list)
        })
    }
}
