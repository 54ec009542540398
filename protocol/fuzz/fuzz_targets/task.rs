//! See `chirrup_fuzz::task::task`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::task::task(bytes));
