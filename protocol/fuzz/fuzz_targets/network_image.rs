//! See `chirrup_fuzz::image::network`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::image::network(bytes));
