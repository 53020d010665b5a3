#![no_main]
//! See `coseal_fuzz::receipt`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| coseal_fuzz::receipt::check(input));
