//! OCI image layouts: a folder, a tar, a URL base or a Blob.
#![forbid(unsafe_code)]

mod files;

pub use files::{Files, RandomAccess};
