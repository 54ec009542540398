//! See `chirrup_fuzz::message::contribution`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::message::contribution(bytes));
