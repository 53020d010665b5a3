//! Sealed messages over NATS: core, request-reply, and `JetStream`.
//!
//! It wraps a client that the caller made, with its TLS, credentials and
//! callbacks. Channels are subjects, unless the caller names others.
//!
//! - [`Producer`]: seals what is enqueued, many messages under one signature,
//!   and publishes it in order; a [`Delivery`] resolves when the server has it.
//! - [`Consumer`]: a stream of opened messages, from a subscription, a stream's
//!   durable consumer, or a stream read in order.
//! - [`Requester`], [`Replier`]: sealed both ways.
//! - [`DeadLetters`], [`Redrive`]: what was refused is kept, and judged again.
//! - [`TrustFeed`]: a key-value bucket that brings trust bundles.
//!
//! ```no_run
//! # use std::{sync::Arc, time::Duration};
//! # use coseal::{ReceivingKey, TrustSource};
//! # use coseal_carrier::Sealers;
//! use coseal_nats::{Consumer, DeadLetters, Outgoing, Producer};
//! use futures_util::StreamExt;
//!
//! # async fn produce(sealers: Sealers) -> Result<(), Box<dyn std::error::Error>> {
//! let client = async_nats::connect("nats://127.0.0.1:4222").await?;
//! let context = async_nats::jetstream::new(client);
//! let producer = Producer::builder(sealers).jetstream(context)?;
//! let published = producer.publish(Outgoing::new("orders.eu", "{}")).await?;
//! println!("{} is at {:?}", published.id, published.stored);
//! # Ok(())
//! # }
//!
//! # async fn consume(
//! #     context: async_nats::jetstream::Context,
//! #     durable: async_nats::jetstream::consumer::PullConsumer,
//! #     trust: Arc<dyn TrustSource>,
//! #     key: ReceivingKey,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let mut messages = Consumer::builder(trust, Duration::from_secs(600))
//!     .key(key)
//!     .dead_letters(DeadLetters::subject(context.clone(), "dead.orders"))
//!     .jetstream(&context, durable)
//!     .await?;
//! while let Some(message) = messages.next().await {
//!     let message = message?;
//!     println!("{}: {:?}", message.signed().signer, message.payload());
//!     message.ack().await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Nothing that arrives is trusted: neither subjects, headers, status lines nor
//! reply subjects. Positions are the server's word: who can act as the server
//! towards a client can have a copy taken for a redelivery, marked as one.
//!
//! A subscription in a group, and a durable consumer that several processes
//! share, give each message to one of them. Unless these share a memory, none
//! knows what the others were brought, and a copy may be delivered by another.
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
