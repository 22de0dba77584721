//! See `src/page.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealtail_fuzz::page::run(data));
