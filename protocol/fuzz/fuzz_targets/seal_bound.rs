//! See `chirrup_fuzz::seal::bound`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::seal::bound(bytes));
