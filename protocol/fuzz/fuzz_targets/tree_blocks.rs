//! See `chirrup_fuzz::codec::models::tree_blocks`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chirrup_fuzz::codec::models::tree_blocks(bytes));
