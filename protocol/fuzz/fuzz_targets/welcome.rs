//! See `chirrup_fuzz::identity::welcome`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::identity::welcome(bytes));
