#![no_main]
#[path = "../bodies/rootfs.rs"]
mod body;
libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
