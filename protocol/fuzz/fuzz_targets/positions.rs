//! See `chirrup_fuzz::codec::entropy::positions`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::entropy::positions(bytes));
