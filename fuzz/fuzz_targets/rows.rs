//! See `src/rows.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealtail_fuzz::rows::run(data));
