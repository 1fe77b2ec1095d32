//! Distribution client: auth, manifests, ranged blobs, redirects, retries (OCI distribution specification).
#![forbid(unsafe_code)]

mod auth;
mod blob;
mod challenge;
mod client;
mod credentials;
pub mod docker_config;
mod manifest;
mod options;
mod referrers;
mod scheme;
mod signed;
mod targets;
mod token;

pub use auth::Grant;
#[doc(hidden)]
pub use challenge::{Challenge, parse_challenges};
pub use client::Registry;
pub use credentials::{CredentialSource, Credentials};
pub use options::RegistryOptions;
pub use signed::{SignedAnswer, SignedRequest};
