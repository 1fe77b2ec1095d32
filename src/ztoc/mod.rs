//! zTOCs: read and verify. Pure.
#![forbid(unsafe_code)]
