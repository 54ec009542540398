//! See `chirrup_fuzz::codec::models::prototypes`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::models::prototypes(bytes));
