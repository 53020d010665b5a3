//! What the fuzz targets check. Each target is a module with a function
//! `check` that takes any bytes and panics where a rule of the specification
//! is broken; `fuzz_targets/` hands it to libFuzzer, `tests/corpus.rs` runs it
//! over the committed inputs without a fuzzer.
//!
//! Beside the targets stands what they compare with, written from the
//! specification and not from the library: [`item`] reads CBOR, [`shape`]
//! judges envelopes, [`bundle`] judges trust bundles, [`sign`] signs.

#![forbid(unsafe_code)]

pub mod command_inputs;
pub mod differential_cbor;
pub mod envelope_decode;
pub mod open;
pub mod receipt;
pub mod trust_bundle;

pub mod bundle;
pub mod fixture;
pub mod item;
pub mod refusal;
pub mod shape;
pub mod sign;
mod state;
pub mod verbs;

/// The most memory that a target may hold at a time. Inputs have 4096 bytes: a
/// length that is believed before it was checked shows here, on any platform
/// and with any sanitizer or none.
#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, 64 << 20);

/// A target's name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("command_inputs", command_inputs::check),
    ("differential_cbor", differential_cbor::check),
    ("envelope_decode", envelope_decode::check),
    ("open", open::check),
    ("receipt", receipt::check),
    ("trust_bundle", trust_bundle::check),
];

#[cfg(test)]
mod tests {
    #[test]
    fn more_memory_than_allowed_is_not_to_be_had() {
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve_exact(1 << 20).expect("a little");
        bytes.try_reserve_exact(64 << 20).expect_err("more than all");
    }
}
