//! What is decided before anything is published.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, jetstream};
use coseal::{Clock, Result, SystemClock};
use coseal_carrier::{Batcher, BatcherBuilder, Sealers};

use super::publish::Target;
use super::{Producer, start};
use crate::CARRIER;

/// As Kafka's producers do: long enough for a server to be exchanged.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// Makes a [`Producer`].
pub struct ProducerBuilder {
    pub(super) sealers: Sealers,
    pub(super) batcher: BatcherBuilder,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) give_up_after: Duration,
}

impl ProducerBuilder {
    pub(super) fn new(sealers: Sealers) -> Self {
        Self {
            sealers,
            batcher: Batcher::builder(CARRIER),
            clock: Arc::new(SystemClock),
            give_up_after: GIVE_UP_AFTER,
        }
    }

    /// The most messages under one signature; 64 unless said.
    #[must_use]
    pub fn max_batch(mut self, messages: usize) -> Self {
        self.batcher = self.batcher.max_batch(messages);
        self
    }

    /// How long a message may wait for others to share its signature; no time
    /// unless said.
    #[must_use]
    pub fn max_linger(mut self, linger: Duration) -> Self {
        self.batcher = self.batcher.max_linger(linger);
        self
    }

    /// The most messages that queue before [`Producer::enqueue`] waits; 4096
    /// unless said.
    #[must_use]
    pub fn max_queued(mut self, messages: usize) -> Self {
        self.batcher = self.batcher.max_queued(messages);
        self
    }

    /// How long publishing is tried again where the server does not
    /// acknowledge; two minutes unless said.
    #[must_use]
    pub const fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = time;
        self
    }

    /// Another clock than the system's, for batches; sealers have their own.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Publishes to streams: a delivery resolves when the message is stored.
    /// Call it inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// `misuse` where a batch or the queue has no room for a message.
    pub fn jetstream(self, context: jetstream::Context) -> Result<Producer> {
        start(self, Target::JetStream(context))
    }

    /// Publishes to whoever listens: a delivery resolves when the message was
    /// sent. Nobody learns whether it arrived. Call it inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// `misuse` where a batch or the queue has no room for a message.
    pub fn core(self, client: Client) -> Result<Producer> {
        start(self, Target::Core(client))
    }
}

impl fmt::Debug for ProducerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerBuilder")
            .field("sealers", &self.sealers)
            .field("batcher", &self.batcher)
            .field("give_up_after", &self.give_up_after)
            .finish_non_exhaustive()
    }
}
