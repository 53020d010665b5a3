//! Messages → envelopes, many under one signature, without waiting: what comes
//! while a batch is signed is the next one.
//!
//! The caller drives it in a loop: [`push`](Batcher::push) what there is,
//! [`take`](Batcher::take) a batch, [`seal`](Batch::seal) it, publish what comes
//! out in its order. Whatever queues meanwhile is the next batch, so a lone
//! message is sealed alone at once, and a flood in large batches.

mod batch;
mod sealers;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use coseal::{Error, Message, Result, Time, limits};

pub use batch::Batch;
pub use sealers::Sealers;

/// Messages in a batch unless said otherwise: a signature costs as much as
/// encrypting some tens of small messages, and each doubling adds 33 bytes to
/// every envelope.
const MAX_BATCH: usize = 64;

/// Messages that may queue unless said otherwise: many batches, so that nobody
/// waits for room while one is published.
const MAX_QUEUED: usize = 4096;

/// Bytes that may queue unless said otherwise: the largest envelope.
const MAX_QUEUED_BYTES: usize = limits::ENVELOPE;

/// What is to be sealed, as its carrier keeps it.
pub trait Draft {
    /// The channel that it is for.
    fn channel(&self) -> &str;

    /// The message, with every header that the carrier signs. Asked for once or
    /// twice; the same each time.
    fn message(&self) -> Message<'_>;

    /// How many bytes it holds, roughly.
    fn size(&self) -> usize;
}

/// Makes a [`Batcher`].
#[derive(Debug, Clone)]
pub struct BatcherBuilder {
    carrier: &'static str,
    max_batch: usize,
    max_linger: Duration,
    max_queued: usize,
    max_queued_bytes: usize,
}

impl BatcherBuilder {
    /// The most messages under one signature; 64 unless said.
    #[must_use]
    pub const fn max_batch(mut self, messages: usize) -> Self {
        self.max_batch = messages;
        self
    }

    /// How long a message may wait for others, where fewer than a batch are
    /// there; no time unless said.
    #[must_use]
    pub const fn max_linger(mut self, linger: Duration) -> Self {
        self.max_linger = linger;
        self
    }

    /// The most messages that queue; 4096 unless said.
    #[must_use]
    pub const fn max_queued(mut self, messages: usize) -> Self {
        self.max_queued = messages;
        self
    }

    /// The most bytes that queue; 64 MiB unless said. A message that is larger
    /// than that is taken where nothing else queues.
    #[must_use]
    pub const fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.max_queued_bytes = bytes;
        self
    }

    /// The batcher.
    ///
    /// # Errors
    ///
    /// `misuse` where a batch has not 1..65,536 messages, or nothing may queue.
    pub fn build<D: Draft>(self) -> Result<Batcher<D>> {
        if !(1..=limits::BATCH).contains(&self.max_batch) {
            return Err(Error::Misuse("a batch has 1..65536 messages".into()));
        }
        if self.max_queued == 0 {
            return Err(Error::Misuse("a queue has room for a message".into()));
        }
        Ok(Batcher { queue: VecDeque::new(), bytes: 0, limits: self })
    }
}

/// A bounded queue of messages to be sealed.
pub struct Batcher<D> {
    queue: VecDeque<(Time, D)>,
    bytes: usize,
    limits: BatcherBuilder,
}

/// What to do next.
#[derive(Debug)]
#[must_use]
pub enum Next<D> {
    /// Seal these.
    Batch(Batch<D>),
    /// Come again at this time, or when more was pushed.
    Wait(Time),
    /// Nothing queues.
    Idle,
}

impl<D: Draft> Batcher<D> {
    /// Takes a message into the queue.
    ///
    /// # Errors
    ///
    /// The message itself, where there is no room: let whoever brought it wait
    /// until a batch was taken. Nothing is put before what waits so.
    pub fn push(&mut self, now: Time, draft: D) -> Result<(), D> {
        let size = draft.size();
        let full = self.queue.len() >= self.limits.max_queued
            || self.bytes.saturating_add(size) > self.limits.max_queued_bytes;
        if full && !self.queue.is_empty() {
            return Err(draft);
        }
        self.bytes += size;
        self.queue.push_back((now, draft));
        Ok(())
    }

    /// The next batch: whatever queues, up to the most that one takes.
    pub fn take(&mut self, now: Time) -> Next<D> {
        let Some((since, _)) = self.queue.front() else {
            return Next::Idle;
        };
        let ripe = since.plus(self.limits.max_linger);
        // A clock that was put back makes nobody wait longer.
        let waits = now < ripe && now >= *since;
        if self.queue.len() < self.limits.max_batch && waits {
            return Next::Wait(ripe);
        }
        Next::Batch(self.cut())
    }

    /// The next batch without waiting: for whoever ends. `None` where nothing
    /// queues.
    pub fn drain(&mut self) -> Option<Batch<D>> {
        (!self.queue.is_empty()).then(|| self.cut())
    }

    /// How many messages queue.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing queues.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn cut(&mut self) -> Batch<D> {
        let count = self.queue.len().min(self.limits.max_batch);
        let drafts: Vec<D> = self.queue.drain(..count).map(|(_, draft)| draft).collect();
        self.bytes -= drafts.iter().map(Draft::size).sum::<usize>();
        Batch::of(drafts, self.limits.carrier)
    }
}

impl Batcher<Never> {
    /// Begins to describe a batcher of a carrier of this name.
    #[must_use]
    pub const fn builder(carrier: &'static str) -> BatcherBuilder {
        BatcherBuilder {
            carrier,
            max_batch: MAX_BATCH,
            max_linger: Duration::ZERO,
            max_queued: MAX_QUEUED,
            max_queued_bytes: MAX_QUEUED_BYTES,
        }
    }
}

/// No message: what [`Batcher::builder`] is called on, so that the type of
/// messages need not be named there.
#[derive(Debug)]
pub enum Never {}

impl<D> fmt::Debug for Batcher<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("queued", &self.queue.len())
            .field("bytes", &self.bytes)
            .field("limits", &self.limits)
            .finish()
    }
}
