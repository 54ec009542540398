//! See `chirrup_fuzz::seal::header`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::seal::header(bytes));
