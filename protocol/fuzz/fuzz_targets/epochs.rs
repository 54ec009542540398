//! See `chirrup_fuzz::epoch::epochs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::epoch::epochs(bytes));
