//! See `chirrup_fuzz::epoch::key_id`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::epoch::key_id(bytes));
