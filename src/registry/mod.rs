//! Distribution client: references, auth, manifests, ranged blobs, redirects, retries.
#![forbid(unsafe_code)]
