//! Messages → sealed, published, acknowledged.
//!
//! Two tasks: one seals whatever queues, on a thread where a signer may block;
//! one publishes what is sealed, in the order in which it was enqueued, and
//! waits for the server's word on many messages at once.

mod builder;
mod publish;
mod seal;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use coseal::{ChainEnd, MessageId, Result};
use tokio::sync::{mpsc, oneshot};

use crate::Outgoing;
use crate::error::ended;
use crate::message::Around;
pub use builder::ProducerBuilder;

/// Seals messages and publishes them. Cheap to clone: all clones feed one queue.
#[derive(Clone)]
pub struct Producer {
    queue: mpsc::Sender<Order>,
}

/// A message that was published, as the server told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The message ID in the envelope.
    pub id: MessageId,
    /// In which stream it is, and where; not in core NATS, which keeps nothing.
    pub stored: Option<(String, u64)>,
    /// The server had a message with the same `Nats-Msg-Id` already, so this
    /// one is not stored. Where the caller chose no ID, that was an earlier
    /// attempt to publish this very message.
    pub duplicate: bool,
}

/// What the queue takes.
#[expect(clippy::large_enum_variant, reason = "it is the large one, but for the end")]
enum Order {
    Message(Outgoing, oneshot::Sender<Result<Published>>),
    /// Tell when everything before was published.
    Flush(oneshot::Sender<()>),
    /// As flush; then end.
    Close(oneshot::Sender<Vec<(String, ChainEnd)>>),
}

/// A message under way. Resolves when the server acknowledged it: `JetStream`
/// has stored it then; core NATS has been sent it. Dropping it recalls nothing.
#[derive(Debug)]
#[must_use = "only this tells whether the message was published"]
pub struct Delivery(oneshot::Receiver<Result<Published>>);

impl Future for Delivery {
    type Output = Result<Published>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|told| told.unwrap_or_else(|_| Err(ended())))
    }
}

impl Producer {
    /// Begins to describe a producer: who seals for which channel.
    #[must_use]
    pub fn builder(sealers: coseal_carrier::Sealers) -> ProducerBuilder {
        ProducerBuilder::new(sealers)
    }

    /// Takes a message into the queue; waits while there is no room. Messages
    /// are published in the order in which this was called.
    ///
    /// # Errors
    ///
    /// `misuse` where a header has a reserved name, `carrier` where the
    /// producer was closed. Everything else is told by the [`Delivery`]:
    /// `misuse` also where the sealed message is longer than the server takes,
    /// `carrier` where the server did not acknowledge it in time.
    pub async fn enqueue(&self, message: Outgoing) -> Result<Delivery> {
        let (told, delivery) = oneshot::channel();
        let order = Order::Message(message.settle()?, told);
        self.queue.send(order).await.map_err(|_| ended())?;
        Ok(Delivery(delivery))
    }

    /// Publishes one message and waits for the server: [`Self::enqueue`], and
    /// its delivery.
    ///
    /// # Errors
    ///
    /// Those of both.
    pub async fn publish(&self, message: Outgoing) -> Result<Published> {
        self.enqueue(message).await?.await
    }

    /// Waits until everything that was enqueued before was published, or given
    /// up.
    ///
    /// # Errors
    ///
    /// `carrier` where the producer was closed.
    pub async fn flush(&self) -> Result<()> {
        let (told, done) = oneshot::channel();
        self.queue.send(Order::Flush(told)).await.map_err(|_| ended())?;
        done.await.map_err(|_| ended())
    }

    /// Publishes what queues, takes nothing more, and ends all chains in order:
    /// what later sealers of each channel may continue.
    ///
    /// # Errors
    ///
    /// `carrier` where it was closed before.
    pub async fn close(self) -> Result<Vec<(String, ChainEnd)>> {
        let (told, done) = oneshot::channel();
        self.queue.send(Order::Close(told)).await.map_err(|_| ended())?;
        done.await.map_err(|_| ended())
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

/// A message that is sealed, or cannot be; or a mark between them.
enum Sealed {
    Message(Ready),
    Flush(oneshot::Sender<()>),
    Close(oneshot::Sender<Vec<(String, ChainEnd)>>, Vec<(String, ChainEnd)>),
}

/// The bytes that are published, the same at each attempt.
struct Ready {
    id: MessageId,
    around: Around,
    envelope: bytes::Bytes,
    told: oneshot::Sender<Result<Published>>,
}

/// Both tasks. They end with the last clone of the producer, when all is
/// published.
fn start(builder: ProducerBuilder, target: publish::Target) -> Result<Producer> {
    let ProducerBuilder { sealers, batcher, clock, give_up_after } = builder;
    // The batcher holds what waits; these are only the ways to it and from it.
    let (queue, orders) = mpsc::channel(256);
    let (ready, sealed) = mpsc::channel(256);
    let batcher = batcher.build()?;
    let sealing = seal::Sealing { batcher, sealers: Some(sealers), clock, orders, ready };
    tokio::spawn(sealing.run());
    tokio::spawn(publish::run(target, give_up_after, sealed));
    Ok(Producer { queue })
}
