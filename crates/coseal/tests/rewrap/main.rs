//! Re-wrapping: the recipients change as asked, and nothing else does; nobody
//! gets a secret that the envelope does not prove.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../known/parts.rs"]
mod parts;
#[path = "../known/world.rs"]
mod world;

mod attacks;
mod changes;
mod desk;
mod epochs;
mod needed;
mod refusals;
