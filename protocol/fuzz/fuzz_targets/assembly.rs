//! See `chirrup_fuzz::object::assembly`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::object::assembly(bytes));
