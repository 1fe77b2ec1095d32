//! SHA-256 of what streams past, by this crate or by a runtime that is faster at it.

use sha2::{Digest as _, Sha256};

use crate::format::oci::Digest;

/// SHA-256 by someone else, such as a JavaScript runtime whose own knows the CPU's instructions.
#[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
pub(crate) trait Hasher {
    /// More bytes.
    fn update(&mut self, bytes: &[u8]);
    /// Of all bytes so far.
    fn digest(&self) -> [u8; 32];
    /// One of the same kind, of nothing yet.
    fn another(&self) -> Box<dyn Hasher>;
}

/// A running sum.
pub(super) enum Sum {
    Own(Sha256),
    #[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
    Other(Box<dyn Hasher>),
}

impl Sum {
    pub fn new() -> Self {
        Sum::Own(Sha256::new())
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Sum::Own(hash) => hash.update(bytes),
            #[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
            Sum::Other(hasher) => hasher.update(bytes),
        }
    }

    /// Of all bytes so far.
    pub fn digest(&self) -> Digest {
        Digest::from_sha256(match self {
            Sum::Own(hash) => hash.clone().finalize().into(),
            #[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
            Sum::Other(hasher) => hasher.digest(),
        })
    }

    /// One of the same kind, of nothing yet.
    pub fn another(&self) -> Self {
        match self {
            Sum::Own(_) => Sum::new(),
            #[cfg(all(target_arch = "wasm32", feature = "js-builder"))]
            Sum::Other(hasher) => Sum::Other(hasher.another()),
        }
    }
}
