//! Sealed messages over NATS.
#![forbid(unsafe_code)]

mod consumer;
mod dead_letters;
mod error;
mod message;
mod producer;
mod request;
mod trust_feed;

pub use consumer::{Consumer, ConsumerBuilder, OrderedStart, Passed, Received, Redrive, Redriven};
pub use dead_letters::DeadLetters;
pub use message::{Outgoing, Signed, Unsigned};
pub use producer::{Delivery, Producer, ProducerBuilder, Published};
pub use request::{Replier, Requester};
pub use trust_feed::TrustFeed;

/// The carrier's name, in dead letters and telemetry.
const CARRIER: &str = "nats";
