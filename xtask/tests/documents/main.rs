//! What the documents of the project promise, held against what it does: the
//! schemas against real bytes, the specification against the vectors, the README
//! against the command.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]
#![forbid(unsafe_code)]

// The core's own tests read cases with these.
#[path = "../../../crates/coseal/tests/cases/mod.rs"]
mod cases;
mod cddl;
mod command;
mod dead_letter;
mod json;
mod readme;
mod specification;
#[path = "../../../crates/coseal/tests/cases/verifier.rs"]
mod verifier;
