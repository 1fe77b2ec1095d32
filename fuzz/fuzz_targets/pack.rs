#![no_main]
#[path = "../bodies/pack.rs"]
mod body;
#[path = "../bodies/entry_line.rs"]
mod entry_line;
libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
