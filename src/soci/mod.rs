//! SOCI index manifests, discovery rules and prefetch artifacts. Pure.
#![forbid(unsafe_code)]
