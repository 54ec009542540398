//! See `chirrup_fuzz::identity::revocation`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::identity::revocation(bytes));
