//! Step 8: what has been seen, and where. Asked only about messages that
//! opened; a refused message is never marked seen.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::clock::Time;
use crate::error::Result;
use crate::header::EpochId;
use crate::key::Thumbprint;
use crate::sync::Mutex;

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

    /// Makes what was observed durable, before the carrier commits.
    ///
    /// # Errors
    ///
    /// `carrier` where the memory itself failed.
    fn flush(&self) -> Result<()>;
}

/// A memory that lives as long as its process. Exact within its window;
/// nothing is evicted early.
#[derive(Debug)]
pub struct InMemoryReplay {
    keep: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    epochs: BTreeMap<(Thumbprint, EpochId), Epoch>,
    latest: BTreeMap<(u64, Thumbprint), Time>,
    /// When forgotten epochs were last looked for.
    swept_at: Time,
    /// What was sealed before may have been forgotten.
    horizon: Time,
}

#[derive(Debug, Default)]
struct Epoch {
    /// The latest sealing time seen in it.
    newest: Time,
    at: BTreeMap<u64, Position>,
    /// Sequences without positions: first and last of each run.
    runs: BTreeMap<u64, u64>,
}

impl InMemoryReplay {
    /// Remembers every message for `window` and two `skew`s: one for a clock
    /// ahead at its sealing, one for a reader's that lags.
    #[must_use]
    pub const fn new(window: Duration, skew: Duration) -> Self {
        let keep = window.saturating_add(skew).saturating_add(skew);
        let state = State {
            epochs: BTreeMap::new(),
            latest: BTreeMap::new(),
            swept_at: Time::from_millis(0),
            horizon: Time::from_millis(0),
        };
        Self { keep, state: Mutex::new(state) }
    }
}

impl ReplayMemory for InMemoryReplay {
    fn observe(&self, sighting: &Sighting) -> Result<Observed> {
        let mut state = self.state.lock();
        state.sweep(sighting.now, self.keep);
        let horizon = state.horizon;
        let epoch = state.epochs.entry((sighting.signer, sighting.epoch)).or_default();
        epoch.newest = epoch.newest.max(sighting.sealed_at);
        let observed = match sighting.position {
            Some(position) => epoch.observe_at(sighting.sequence, position),
            // What was forgotten could be anything.
            None if sighting.sealed_at < horizon => Observed::Replay,
            None => epoch.observe(sighting.sequence),
        };
        if let Some(position) = sighting.position
            && observed != Observed::Replay
        {
            let latest = state.latest.entry((position.log, sighting.signer)).or_default();
            *latest = (*latest).max(sighting.sealed_at);
        }
        Ok(observed)
    }

    fn latest(&self, log: u64, signer: &Thumbprint) -> Option<Time> {
        self.state.lock().latest.get(&(log, *signer)).copied()
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

impl State {
    /// Forgets epochs of which nothing could pass as fresh any more: by the
    /// clock, or, where it came with positions, by the latest time of its
    /// signer in the log that lags most.
    fn sweep(&mut self, now: Time, keep: Duration) {
        if now.since(self.swept_at) < keep / 8 {
            return;
        }
        self.swept_at = now;
        // Should the clock go back, what was forgotten stays refused.
        self.horizon = self.horizon.max(now.minus(keep));
        let mut lagging: BTreeMap<Thumbprint, Time> = BTreeMap::new();
        for ((_, signer), latest) in &self.latest {
            let least = lagging.entry(*signer).or_insert(*latest);
            *least = (*least).min(*latest);
        }
        self.epochs.retain(|(signer, _), epoch| {
            let reference =
                if epoch.at.is_empty() { Some(now) } else { lagging.get(signer).copied() };
            reference.is_none_or(|reference| reference.since(epoch.newest) <= keep)
        });
    }
}

impl Epoch {
    fn observe_at(&mut self, sequence: u64, position: Position) -> Observed {
        // A refused message is never marked seen.
        match self.at.get(&sequence) {
            Some(before) if *before == position => Observed::Redelivery,
            Some(_) => Observed::Replay,
            None if self.runs_hold(sequence) => Observed::Replay,
            None => {
                self.at.insert(sequence, position);
                Observed::New
            }
        }
    }

    fn observe(&mut self, sequence: u64) -> Observed {
        if self.runs_hold(sequence) || self.at.contains_key(&sequence) {
            return Observed::Replay;
        }
        // Joins the run before, the run after, or both.
        let before = self.runs.range(..sequence).next_back().map(|(first, last)| (*first, *last));
        let (first, mut last) = match before {
            Some((first, last)) if last.checked_add(1) == Some(sequence) => (first, sequence),
            _ => (sequence, sequence),
        };
        if let Some(after) = sequence.checked_add(1).and_then(|next| self.runs.remove(&next)) {
            last = after;
        }
        self.runs.insert(first, last);
        Observed::New
    }

    fn runs_hold(&self, sequence: u64) -> bool {
        self.runs.range(..=sequence).next_back().is_some_and(|(_, last)| *last >= sequence)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
