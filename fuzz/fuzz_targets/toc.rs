#![no_main]
#[path = "../bodies/toc.rs"]
mod body;
libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
