//! Vectors of the envelope format: their reader, and their generator.
//!
//! The reader ([`case`], [`walk()`]) is for tests of any crate. The generator
//! ([`generate`]) builds every byte by itself, wrong ones included, and knows
//! nothing of the library that the vectors test.

#![forbid(unsafe_code)]

mod build;
pub mod case;
pub mod generate;
mod reference;
pub mod walk;

pub use case::Case;
pub use walk::walk;
