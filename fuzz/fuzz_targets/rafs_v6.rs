#![no_main]
#[path = "../bodies/rafs_v6.rs"]
mod body;
#[path = "../bodies/rafs.rs"]
mod rafs;
libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
