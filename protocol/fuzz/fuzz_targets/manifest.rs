//! See `chirrup_fuzz::object::manifest`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::object::manifest(bytes));
