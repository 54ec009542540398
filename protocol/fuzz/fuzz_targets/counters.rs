//! See `chirrup_fuzz::seal::counters`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::seal::counters(bytes));
