//! OCI image and distribution specifications: references, digests, manifests, platforms. Pure.
#![forbid(unsafe_code)]

mod descriptor;
mod digest;

pub use descriptor::Descriptor;
pub use digest::Digest;
