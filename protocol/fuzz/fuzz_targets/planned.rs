//! See `chirrup_fuzz::codec::updates::planned`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::updates::planned(bytes));
