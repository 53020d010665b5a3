#![no_main]
//! See `coseal_fuzz::open`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| coseal_fuzz::open::check(input));
