//! See `chirrup_fuzz::codec::entropy::range`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::entropy::range(bytes));
