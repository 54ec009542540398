//! See `chirrup_fuzz::backhaul::envelope`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::backhaul::envelope(bytes));
