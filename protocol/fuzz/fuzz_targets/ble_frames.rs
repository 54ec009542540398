//! See `chirrup_fuzz::ble::frames`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::ble::frames(bytes));
