//! See `chirrup_fuzz::identity::keys_object`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::identity::keys_object(bytes));
