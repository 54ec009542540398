//! See `chirrup_fuzz::message::control`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::message::control(bytes));
