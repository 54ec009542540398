//! See `chirrup_fuzz::object::progress`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::object::progress(bytes));
