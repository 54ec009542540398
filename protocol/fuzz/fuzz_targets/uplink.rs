//! See `chirrup_fuzz::backhaul::uplink`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::backhaul::uplink(bytes));
