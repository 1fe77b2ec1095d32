//! Deflate spans, gzip members and headers: inflate from a checkpoint. Pure.
#![forbid(unsafe_code)]
