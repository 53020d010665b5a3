//! Messages → envelopes, many under one signature, without waiting: what comes
//! while a batch is signed is the next one.
//!
//! The caller drives it in a loop: [`push`](Batcher::push) what there is,
//! [`take`](Batcher::take) a batch, [`seal`](Batch::seal) it, publish what comes
//! out in its order. Whatever queues meanwhile is the next batch, so a lone
//! message is sealed alone at once, and a flood in large batches.

mod sealers;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

use coseal::{Disposition, Error, Message, Result, Time, UnsignedBatch, limits};

use crate::telemetry;
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

/// Messages that are sealed together, in the order in which they came. Those
/// for one channel share a signature.
#[must_use = "what is not published is lost"]
pub struct Batch<D> {
    drafts: Vec<D>,
    /// Of each draft what became of it, in their order.
    outcomes: Vec<Outcome>,
    /// What is encrypted and lacks its signature, with the places of its
    /// messages. Whatever happens, none of it is encrypted again.
    unsigned: Vec<(Vec<usize>, UnsignedBatch)>,
    carrier: &'static str,
}

/// What became of a message.
enum Outcome {
    Waits,
    Encrypted,
    Sealed(Vec<u8>),
    Failed(Error),
}

impl<D: Draft> Batch<D> {
    fn of(drafts: Vec<D>, carrier: &'static str) -> Self {
        let outcomes = drafts.iter().map(|_| Outcome::Waits).collect();
        Self { drafts, outcomes, unsigned: Vec::new(), carrier }
    }

    /// How many messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.drafts.len()
    }

    /// Never: a batch has messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// Seals them. A message that breaks a rule fails alone. Where a signer
    /// fails, call this again: it is asked to sign the same again, and nothing
    /// is encrypted twice. May take as long as the signer; nothing else waits
    /// for this.
    ///
    /// # Errors
    ///
    /// `carrier` where the key provider failed, or the recipients could not be
    /// told; `entropy`; `no_key`. What is sealed already stays so.
    pub fn seal(&mut self, now: Time, sealers: &mut Sealers) -> Result<()> {
        let span = telemetry::seal_span(self.carrier, self.drafts.len());
        let _entered = span.enter();
        let begun = Instant::now();
        self.encrypt(now, sealers)?;
        let mut sealed = 0;
        while let Some((places, unsigned)) = self.unsigned.last_mut() {
            let envelopes = unsigned.sign()?;
            sealed += envelopes.len();
            for (place, envelope) in mem::take(places).into_iter().zip(envelopes) {
                set(&mut self.outcomes, place, Outcome::Sealed(envelope));
            }
            self.unsigned.pop();
        }
        sealers.meters().sealed(begun.elapsed(), sealed);
        Ok(())
    }

    /// What came out, in the order in which the messages came: an envelope, or
    /// why there is none. Publish in this order; where publishing is tried
    /// again, publish the same bytes.
    ///
    /// # Errors
    ///
    /// The batch itself, where it is not sealed yet.
    pub fn into_sealed(self) -> Result<impl Iterator<Item = (D, Result<Vec<u8>>)>, Self> {
        let open = |outcome: &Outcome| matches!(outcome, Outcome::Waits | Outcome::Encrypted);
        if self.outcomes.iter().any(open) {
            return Err(self);
        }
        let outcomes = self.outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Sealed(envelope) => Some(Ok(envelope)),
            Outcome::Failed(error) => Some(Err(error)),
            Outcome::Waits | Outcome::Encrypted => None,
        });
        Ok(self.drafts.into_iter().zip(outcomes))
    }

    /// Gives the messages back, unpublished, with nothing sealed.
    #[must_use]
    pub fn into_drafts(self) -> Vec<D> {
        self.drafts
    }

    fn encrypt(&mut self, now: Time, sealers: &mut Sealers) -> Result<()> {
        while let Some(first) =
            self.outcomes.iter().position(|outcome| matches!(outcome, Outcome::Waits))
        {
            let Some(channel) = self.drafts.get(first).map(Draft::channel) else { return Ok(()) };
            let waiting = self.drafts.iter().zip(&self.outcomes).enumerate().skip(first);
            let places: Vec<usize> = waiting
                .filter(|(_, (draft, outcome))| {
                    matches!(outcome, Outcome::Waits) && draft.channel() == channel
                })
                .map(|(place, _)| place)
                .collect();
            let sealer = match sealers.sealer(now, channel) {
                Ok(sealer) => sealer,
                Err(error) => {
                    // The caller's fault, each of them.
                    let Error::Misuse(detail) = error else { return Err(error) };
                    for place in places {
                        self.fail(place, Error::Misuse(detail.clone()), sealers);
                    }
                    continue;
                }
            };
            let message = |place: &usize| self.drafts.get(*place).map(Draft::message);
            let messages: Vec<Message<'_>> = places.iter().filter_map(message).collect();
            match sealer.encrypt_batch(&messages) {
                Ok(unsigned) => self.encrypted(places, unsigned),
                Err(error) if error.disposition() != Disposition::Stop => return Err(error),
                Err(Error::Misuse(_)) => {
                    // One of them breaks a rule: each alone, then.
                    let alone: Vec<_> = messages
                        .iter()
                        .map(|message| sealer.encrypt_batch(std::slice::from_ref(message)))
                        .collect();
                    for (place, result) in places.into_iter().zip(alone) {
                        match result {
                            Ok(unsigned) => self.encrypted(vec![place], unsigned),
                            Err(error @ Error::Misuse(_)) => self.fail(place, error, sealers),
                            Err(error) => return Err(error),
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn encrypted(&mut self, places: Vec<usize>, unsigned: UnsignedBatch) {
        for place in &places {
            set(&mut self.outcomes, *place, Outcome::Encrypted);
        }
        self.unsigned.push((places, unsigned));
    }

    fn fail(&mut self, place: usize, error: Error, sealers: &Sealers) {
        sealers.meters().failed(&error);
        set(&mut self.outcomes, place, Outcome::Failed(error));
    }
}

fn set(outcomes: &mut [Outcome], place: usize, outcome: Outcome) {
    if let Some(there) = outcomes.get_mut(place) {
        *there = outcome;
    }
}

impl<D> fmt::Debug for Batch<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("messages", &self.drafts.len())
            .field("unsigned", &self.unsigned.len())
            .finish_non_exhaustive()
    }
}
