#![no_main]
#[path = "../bodies/forged.rs"]
mod body;
#[path = "../bodies/forge.rs"]
#[allow(dead_code)]
mod forge;
#[path = "../../tests/memory/mod.rs"]
mod memory;
libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
