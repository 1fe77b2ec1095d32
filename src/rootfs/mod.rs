//! The merge of an image's layers into one tree: paths, whiteouts, links. Pure.
#![forbid(unsafe_code)]
