//! Step 8: what has been seen, and where. Asked only about messages that
//! opened; a refused message is never marked seen.

mod chunk;
mod coded;
mod epoch;
mod index;
mod pages;
mod record;
mod span;
mod sweep;

use alloc::sync::Arc;
use core::time::Duration;

use crate::clock::Time;
use crate::error::Result;
use crate::header::EpochId;
use crate::key::Thumbprint;
use crate::sync::Mutex;

pub use index::ReplayIndex;
pub use record::ReplayRecord;

/// Where a carrier holds a message: a log (a partition, a stream) and the
/// place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Which log of the channel.
    pub log: u64,
    /// The place in the log: an offset, a stream sequence.
    pub offset: u64,
}

/// A message that opened.
#[derive(Debug, Clone, Copy)]
pub struct Sighting {
    /// Who sealed it. With epoch and sequence, the message's identity.
    pub signer: Thumbprint,
    /// In which epoch.
    pub epoch: EpochId,
    /// Under which number.
    pub sequence: u64,
    /// When, as the signer claims.
    pub sealed_at: Time,
    /// Where it was found, if the carrier has positions.
    pub position: Option<Position>,
    /// The reader's time.
    pub now: Time,
}

/// What a memory answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// Not seen before; now it is.
    New,
    /// Seen before at the same position: the carrier delivers it again.
    Redelivery,
    /// Seen before, elsewhere: refused.
    Replay,
}

/// Remembers what has been seen for as long as it could be shown again.
///
/// Where the carrier is a log, a memory that was lost is rebuilt by reading the
/// log back, through every step before this one, and showing each message that
/// passes to [`observe`](Self::observe), in the order of the log, at the
/// position where it stands; what it answers does not matter then. Positions
/// that were dead-lettered are left out. Read back at least window and two
/// skews behind where the consumer stands in the log that lags most, in every
/// log, and begin with that one: what its signers show there keeps what the
/// others bring.
pub trait ReplayMemory: Send + Sync {
    /// Looks a message up and marks it seen.
    ///
    /// # Errors
    ///
    /// `carrier` where the memory itself failed.
    fn observe(&self, sighting: &Sighting) -> Result<Observed>;

    /// The latest sealing time of `signer` among what was observed in `log` and
    /// was no replay: what age is measured against there. A copy from elsewhere
    /// must not make what lies behind it too old.
    fn latest(&self, log: u64, signer: &Thumbprint) -> Option<Time>;

    /// Whether [`observe`](Self::observe) refuses this message only because
    /// what was sealed then may have been forgotten. Asked where a message is
    /// judged again that was set aside: whoever asks knows by other means that
    /// it was not delivered. A memory that cannot tell says no.
    fn may_have_forgotten(&self, sighting: &Sighting) -> bool {
        let _ = sighting;
        false
    }

    /// Makes what was observed durable, before the carrier commits.
    ///
    /// # Errors
    ///
    /// `carrier` where the memory itself failed.
    fn flush(&self) -> Result<()>;
}

/// A memory that lives as long as its process. Exact within its window;
/// nothing is evicted early. What it holds and costs: [`ReplayIndex`].
#[derive(Debug)]
pub struct InMemoryReplay {
    index: Mutex<ReplayIndex>,
}

impl InMemoryReplay {
    /// Remembers every message for `window` and two `skew`s: one for a clock
    /// ahead at its sealing, one for a reader's that lags.
    #[must_use]
    pub const fn new(window: Duration, skew: Duration) -> Self {
        Self { index: Mutex::new(ReplayIndex::new(window, skew)) }
    }

    /// The memory held, in bytes; see [`ReplayIndex::bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.index.lock().bytes()
    }
}

impl ReplayMemory for InMemoryReplay {
    fn observe(&self, sighting: &Sighting) -> Result<Observed> {
        Ok(self.index.lock().observe(sighting))
    }

    fn latest(&self, log: u64, signer: &Thumbprint) -> Option<Time> {
        self.index.lock().latest(log, signer)
    }

    fn may_have_forgotten(&self, sighting: &Sighting) -> bool {
        self.index.lock().may_have_forgotten(sighting)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

impl<M: ReplayMemory + ?Sized> ReplayMemory for Arc<M> {
    fn observe(&self, sighting: &Sighting) -> Result<Observed> {
        M::observe(self, sighting)
    }

    fn latest(&self, log: u64, signer: &Thumbprint) -> Option<Time> {
        M::latest(self, log, signer)
    }

    fn may_have_forgotten(&self, sighting: &Sighting) -> bool {
        M::may_have_forgotten(self, sighting)
    }

    fn flush(&self) -> Result<()> {
        M::flush(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
