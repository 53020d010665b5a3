//! Bytes of envelopes and trust bundles, right ones and deliberately wrong
//! ones, from plain values and labelled seeds.
//!
//! Straightforward on purpose: no buffer is shared, nothing is fast, every
//! formula stands once, beside the name it has in the specification.

pub(crate) mod bundle;
pub(crate) mod cbor;
pub(crate) mod collide;
pub(crate) mod draft;
pub(crate) mod hpke;
pub(crate) mod keys;
pub(crate) mod merkle;
pub(crate) mod notary;
pub(crate) mod plan;
pub(crate) mod schedule;
pub(crate) mod weak;
