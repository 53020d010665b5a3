//! What every carrier of sealed messages does alike, whether Kafka, NATS or
//! shared memory lies below. A state machine that its caller drives: time,
//! bytes and acknowledgements come in, decisions go out. It knows no client
//! library and no async runtime, reads no clock and spawns nothing.
//!
//! - [`batcher`]: messages → signed batches, without waiting for more.
//! - [`inbox`]: what arrived → deliver, dead-letter, pause or stop; and what of
//!   it may be committed.
//! - [`redrive`]: dead letters → what passes now.
//! - [`dead_letter`]: the one format of a refused message.
//! - [`telemetry`]: every span and metric, named once.
//! - [`headers`], [`place`]: the signed headers that carriers write, and what they
//!   say of a message's place.
//!
//! Nothing that arrives is trusted, dead letters included.
#![forbid(unsafe_code)]

pub mod batcher;
pub mod dead_letter;
pub mod headers;
pub mod inbox;
pub mod place;
pub mod redrive;
pub mod telemetry;

pub use batcher::{Batch, Batcher, BatcherBuilder, Draft, Next, Sealers};
pub use dead_letter::RefusedMessage;
pub use inbox::{
    Arrived, Commit, Commits, Decision, Done, Inbox, InboxBuilder, LogStart, Rebuilt, Refused,
    Ticket, Written, log_id,
};
pub use redrive::{Redrive, Redriven};
