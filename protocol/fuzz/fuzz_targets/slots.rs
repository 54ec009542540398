//! See `chirrup_fuzz::epoch::slots`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::epoch::slots(bytes));
