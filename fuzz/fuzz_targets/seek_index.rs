#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| ocipeek_fuzz::seek_index::run(data));
