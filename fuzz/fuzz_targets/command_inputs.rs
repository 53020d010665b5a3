#![no_main]
//! See `coseal_fuzz::command_inputs`.

libfuzzer_sys::fuzz_target!(|input: &[u8]| coseal_fuzz::command_inputs::check(input));
