//! One file per way to read a layer, behind one trait.
#![forbid(unsafe_code)]
