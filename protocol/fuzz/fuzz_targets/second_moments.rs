//! See `chirrup_fuzz::codec::statistics::second_moments`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::statistics::second_moments(bytes));
