//! See `chirrup_fuzz::codec::statistics::random_layer`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::statistics::random_layer(bytes));
