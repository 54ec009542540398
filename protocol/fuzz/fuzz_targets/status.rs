//! See `chirrup_fuzz::message::status`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::message::status(bytes));
