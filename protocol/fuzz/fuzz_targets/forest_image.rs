//! See `chirrup_fuzz::image::forest`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::image::forest(bytes));
