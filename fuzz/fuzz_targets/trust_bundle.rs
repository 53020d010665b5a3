#![no_main]
//! See `coseal_fuzz::trust_bundle`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| coseal_fuzz::trust_bundle::check(input));
