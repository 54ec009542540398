//! See `chirrup_fuzz::codec::statistics::class_means`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::statistics::class_means(bytes));
