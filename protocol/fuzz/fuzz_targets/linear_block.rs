//! See `chirrup_fuzz::codec::models::linear_block`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::models::linear_block(bytes));
