//! See `chirrup_fuzz::identity::base45`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::identity::base45(bytes));
