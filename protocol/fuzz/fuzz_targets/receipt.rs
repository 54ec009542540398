//! See `chirrup_fuzz::backhaul::receipt`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::backhaul::receipt(bytes));
