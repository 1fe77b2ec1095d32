#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| ocipeek_fuzz::rafs_v6::run(data));
