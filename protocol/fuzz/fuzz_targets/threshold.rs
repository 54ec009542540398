//! See `chirrup_fuzz::codec::updates::threshold`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::updates::threshold(bytes));
