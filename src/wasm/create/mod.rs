//! Classes and functions that build SOCI indexes, for `ocipeek/build`.

mod builder;
mod compare;
mod entries;
mod hash;
mod manifests;
mod soci;
mod ztoc;
