//! See `src/config/mod.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealtail_fuzz::config::run(data));
