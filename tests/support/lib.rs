//! Helpers of the tests, the fuzz targets and the benchmarks: images and registries in memory, made zTOCs, an oracle.
#![cfg(not(target_arch = "wasm32"))]

pub mod demo;
pub mod memory;
pub mod mock;
pub mod zlib;
pub mod zran;
pub mod ztoc_builder;
