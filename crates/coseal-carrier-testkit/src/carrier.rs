//! How a carrier is driven, by those who use it and by whoever attacks it.
#![expect(async_fn_in_trait, reason = "cases run on one thread")]

use std::sync::Arc;

use coseal::Result;

use crate::World;

/// What a carrier does with a message that was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// It comes again, at the same position: Kafka, `JetStream`.
    UntilDone,
    /// Nothing: what was delivered is gone. NATS, shared memory.
    Nothing,
}

/// A carrier, with everything around it: started for one case, with nothing in
/// it, and ended when dropped.
pub trait Carrier: Sized {
    /// What consumes.
    type Consumer: Consumer;

    /// What it does with what was not acknowledged.
    const KEEPS: Keeps;

    /// Starts one.
    async fn start(world: &Arc<World>) -> Self;

    /// Subscribes where that has to be done before anything is published, and
    /// begins to consume a channel: as the same consumer each time, where the
    /// carrier knows such a thing, so that it goes on where the last one stood.
    /// Its trust, keys, window and clock are the world's; where it asks the
    /// feed, that is [`World::refresh`].
    async fn consumer(&self, world: &Arc<World>, channel: &str) -> Self::Consumer;

    /// Seals a message as the world's producer, and publishes it. Answers when
    /// the carrier acknowledged it.
    async fn publish(&self, world: &Arc<World>, channel: &str, payload: &[u8]) -> Result<()>;

    /// Publishes bytes as whoever attacks.
    async fn publish_raw(&self, channel: &str, bytes: &[u8]);

    /// Everything that was published on a channel: whoever attacks can read it.
    async fn recorded(&self, channel: &str) -> Vec<Vec<u8>>;

    /// What was dead-lettered, whole: see
    /// [`Parts`](coseal_carrier::dead_letter::Parts).
    async fn dead_letters(&self) -> Vec<Vec<u8>>;

    /// From now on dead letters cannot be written; or they can again.
    async fn block_dead_letters(&self, blocked: bool);

    /// The broker ends and starts again, with what it keeps.
    async fn restart(&self);

    /// The longest message that it takes.
    fn max_message(&self) -> usize;
}

/// What a consumer got.
#[derive(Debug)]
pub struct Received<M> {
    /// What was sealed.
    pub payload: Vec<u8>,
    /// It is marked as one that came before.
    pub redelivered: bool,
    /// What the adapter gives its callers.
    pub message: M,
}

/// A consumer of one channel.
pub trait Consumer {
    /// What it gives its callers. Dropping it acknowledges nothing.
    type Message;

    /// The next message: refused ones are dead-lettered on the way. Waits for
    /// one. May be dropped at any time without losing anything.
    ///
    /// # Errors
    ///
    /// Where it has to stop.
    async fn next(&mut self) -> Result<Received<Self::Message>>;

    /// The caller is done with a message, and it is committed.
    async fn acknowledge(&mut self, message: Self::Message);

    /// The process ends here and now, as by −9, with whatever it held.
    async fn kill(self);
}

/// A carrier of requests and replies.
pub trait Replies: Carrier {
    /// A request that was sent, and waits.
    type Request;

    /// Sends a request.
    async fn request(&self, world: &Arc<World>, channel: &str, payload: &[u8]) -> Self::Request;

    /// What the service answers to it, as it travels.
    async fn answer(&self, world: &Arc<World>, request: &Self::Request, payload: &[u8]) -> Vec<u8>;

    /// Brings bytes to whoever waits for the reply: its payload.
    ///
    /// # Errors
    ///
    /// Why they are refused: code and kind.
    async fn bring(
        &self,
        world: &Arc<World>,
        request: &Self::Request,
        reply: &[u8],
    ) -> Result<Vec<u8>, String>;
}
