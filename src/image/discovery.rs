//! A search for what is attached to an image.

use crate::error::Error;
use crate::format::oci::Descriptor;

/// How a search for what is attached to an image went. It is made where the caller agreed to an attached index, or asked
/// for one, and its failure does not keep anybody from reading.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Discovery {
    /// What the registry lists, in its order: whoever may write to the repository decides that.
    pub found: Vec<Descriptor>,
    /// Why the list, or the first thing on it that is of no use, could not be had.
    pub failed: Option<Error>,
}

impl Discovery {
    /// Notes a failure, unless there was one before.
    pub(super) fn note(&mut self, failed: Error) {
        self.failed.get_or_insert(failed);
    }
}
