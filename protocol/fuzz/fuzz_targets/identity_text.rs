//! See `chirrup_fuzz::identity::identity_text`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::identity::identity_text(bytes));
