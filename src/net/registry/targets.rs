//! Targets of redirects: where blobs were found.

use std::collections::VecDeque;

use crate::format::oci::Digest;
use crate::net::http::Url;

/// Redirect targets remembered; more blobs than one image has layers.
const MAX_TARGETS: usize = 4096;

/// By the blobs' digests, the latest last.
#[derive(Default)]
pub(super) struct Targets(VecDeque<(Digest, Url)>);

impl Targets {
    pub(super) fn get(&self, digest: &Digest) -> Option<Url> {
        self.0.iter().find(|t| t.0 == *digest).map(|t| t.1.clone())
    }

    pub(super) fn forget(&mut self, digest: &Digest) {
        self.0.retain(|t| t.0 != *digest);
    }

    pub(super) fn set(&mut self, digest: Digest, target: Url) {
        self.forget(&digest);
        if self.0.len() >= MAX_TARGETS {
            self.0.pop_front();
        }
        self.0.push_back((digest, target));
    }
}
