//! See `chirrup_fuzz::codec::models::one_versus_one`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::models::one_versus_one(bytes));
