//! What coseal is measured with: messages of stated sizes, a producer, a
//! consumer and an auditor, and the floor: the same cryptography with the same
//! crates in the fewest lines, and nothing else.

#![forbid(unsafe_code)]

pub mod floor;
pub mod ratios;
pub mod rig;
pub mod shape;
pub mod turns;
