//! Sealed messages over NATS.
#![forbid(unsafe_code)]

mod error;
mod message;
mod producer;

pub use message::{Outgoing, Signed, Unsigned};
pub use producer::{Delivery, Producer, ProducerBuilder, Published};

/// The carrier's name, in dead letters and telemetry.
const CARRIER: &str = "nats";
