//! Orders → sealed messages, in their order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coseal::{ChainEnd, Clock, Error, Message, Result};
use coseal_carrier::{Batch, Batcher, Draft, Next, Sealers};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::{Order, Published, Ready, Sealed};
use crate::Outgoing;
use crate::error::alike;
use crate::message::message_id;

/// A signer elsewhere that failed is asked again so often, so long apart:
/// what is longer than a hiccup is told to the caller.
const ATTEMPTS: u32 = 5;
const AGAIN: Duration = Duration::from_millis(200);

/// A message with whoever waits for it.
pub(super) struct Waiting {
    message: Outgoing,
    told: oneshot::Sender<Result<Published>>,
}

impl Draft for Waiting {
    fn channel(&self) -> &str {
        self.message.channel()
    }

    fn message(&self) -> Message<'_> {
        self.message.message()
    }

    fn size(&self) -> usize {
        self.message.size()
    }
}

/// The task that seals.
pub(super) struct Sealing {
    pub(super) batcher: Batcher<Waiting>,
    /// Lent to the thread that seals.
    pub(super) sealers: Option<Sealers>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) ready: mpsc::Sender<Sealed>,
}

/// The task has nothing more to do: it was closed, or nobody publishes.
struct Ended;

impl Sealing {
    pub(super) async fn run(mut self) {
        // It ends one way or the other; what was told, was told.
        let _: Result<(), Ended> = self.work().await;
    }

    async fn work(&mut self) -> Result<(), Ended> {
        // Nothing is put before what has no room.
        let mut refused = None;
        loop {
            // What came while a batch was sealed is the next one.
            while refused.is_none() {
                match self.orders.try_recv() {
                    Ok(order) => refused = self.take(order).await?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return self.close(None).await,
                }
            }
            let now = self.clock.now();
            let next = match self.batcher.take(now) {
                Next::Batch(batch) => {
                    self.seal(batch).await?;
                    None
                }
                Next::Wait(until) => timeout(until.since(now), self.orders.recv()).await.ok(),
                Next::Idle => Some(self.orders.recv().await),
            };
            if let Some(waiting) = refused.take() {
                refused = self.push(waiting);
            }
            match next {
                Some(Some(order)) => refused = self.take(order).await?,
                Some(None) => return self.close(None).await,
                None => {}
            }
        }
    }

    /// Answers the message itself, where it has no room.
    async fn take(&mut self, order: Order) -> Result<Option<Waiting>, Ended> {
        match order {
            Order::Message(message, told) => Ok(self.push(Waiting { message, told })),
            Order::Flush(told) => {
                self.empty().await?;
                self.send(Sealed::Flush(told)).await?;
                Ok(None)
            }
            Order::Close(told) => {
                // Clones may still be there: what they enqueue is not taken.
                self.orders.close();
                while let Ok(order) = self.orders.try_recv() {
                    drop(order);
                }
                self.close(Some(told)).await?;
                Err(Ended)
            }
        }
    }

    fn push(&mut self, waiting: Waiting) -> Option<Waiting> {
        self.batcher.push(self.clock.now(), waiting).err()
    }

    async fn empty(&mut self) -> Result<(), Ended> {
        while let Some(batch) = self.batcher.drain() {
            self.seal(batch).await?;
        }
        Ok(())
    }

    async fn close(
        &mut self,
        told: Option<oneshot::Sender<Vec<(String, ChainEnd)>>>,
    ) -> Result<(), Ended> {
        self.empty().await?;
        let ends = self.sealers.take().map(Sealers::close).unwrap_or_default();
        match told {
            Some(told) => self.send(Sealed::Close(told, ends)).await,
            None => Ok(()),
        }
    }

    /// Seals a batch where a signer may block, and passes it on.
    async fn seal(&mut self, mut batch: Batch<Waiting>) -> Result<(), Ended> {
        let mut attempt = 1;
        loop {
            let mut sealers = self.sealers.take().ok_or(Ended)?;
            let now = self.clock.now();
            let sealing = spawn_blocking(move || {
                let result = batch.seal(now, &mut sealers);
                (batch, sealers, result)
            });
            let (sealed, sealers, result) = sealing.await.map_err(|_| Ended)?;
            batch = sealed;
            self.sealers = Some(sealers);
            match result {
                Ok(()) => break,
                // What was encrypted is signed again, never encrypted again.
                Err(Error::Carrier(error)) if attempt < ATTEMPTS => {
                    tracing::warn!(attempt, "sealing is tried again: {error}");
                    sleep(AGAIN * attempt).await;
                    attempt += 1;
                }
                Err(error) => {
                    for waiting in batch.into_drafts() {
                        let _ = waiting.told.send(Err(alike(&error)));
                    }
                    return Ok(());
                }
            }
        }
        let Ok(sealed) = batch.into_sealed() else { return Err(Ended) };
        for (Waiting { message, told }, envelope) in sealed {
            let ready = envelope.and_then(|envelope| {
                let id = message_id(&envelope)?;
                Ok((id, message.into_nats(&id)?, Bytes::from(envelope)))
            });
            match ready {
                Ok((id, around, envelope)) => {
                    let ready = Ready { id, around, envelope, told };
                    self.send(Sealed::Message(ready)).await?;
                }
                Err(error) => {
                    let _ = told.send(Err(error));
                }
            }
        }
        Ok(())
    }

    async fn send(&self, sealed: Sealed) -> Result<(), Ended> {
        self.ready.send(sealed).await.map_err(|_| Ended)
    }
}
