#![no_main]
//! See `coseal_fuzz::envelope_decode`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| coseal_fuzz::envelope_decode::check(input));
