//! Zstandard frames, streamed. Pure.
#![forbid(unsafe_code)]
