#![no_main]
//! See `coseal_fuzz::differential_cbor`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| coseal_fuzz::differential_cbor::check(input));
