//! The command's contract, each promise by running the command itself.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod chain;
mod demo;
mod desk;
mod docs;
mod guard;
mod hearsay;
mod keys;
mod killed;
mod lines;
mod named;
mod needed;
mod openssl;
mod output;
mod passphrases;
mod refusals;
mod remembered;
mod resume;
mod rewrap;
mod revoked;
mod roots;
mod seal;
mod sequences;
mod sources;
mod state;
mod terminal;
mod times;
mod trust;
mod verdicts;
