//! The SOCI index in use.

use crate::format::oci::Digest;
use crate::format::soci::{SociLayer, SociPrefetch, SociVersion};
use crate::layer::IndexVoucher;

named! {
    /// How the SOCI index was found.
    #[non_exhaustive]
    pub enum SociFound {
        /// The caller named it.
        Named = "named",
        /// The image manifest's annotation names it (version 2).
        Annotation = "annotation",
        /// It is attached to the image (version 1): whoever may write to the repository can do that.
        Referrers = "referrers",
    }
}

impl SociFound {
    /// Who vouches for an index that was found so.
    pub fn voucher(self) -> IndexVoucher {
        match self {
            SociFound::Named => IndexVoucher::Named,
            SociFound::Annotation => IndexVoucher::Image,
            SociFound::Referrers => IndexVoucher::Attached,
        }
    }
}

/// The SOCI index in use.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SociInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its version.
    pub version: SociVersion,
    /// How it was found.
    pub found: SociFound,
    /// Who vouches for it.
    pub voucher: IndexVoucher,
    /// The tool that made it.
    pub build_tool: Option<String>,
    /// The layers that it covers, in its order. Layers that the image does not have are left out.
    pub layers: Vec<SociLayer>,
    /// What it says is wanted first.
    pub prefetch: Vec<SociPrefetch>,
}
