//! See `chirrup_fuzz::codec::updates::nuqsgd`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::updates::nuqsgd(bytes));
