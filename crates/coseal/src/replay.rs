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
#[non_exhaustive]
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

    /// A message of `signer` in `log` was verified. It may still not open: its
    /// recipients are unsigned, its sealing time is not.
    fn verified(&self, log: u64, signer: &Thumbprint, sealed_at: Time);

    /// The latest sealing time of `signer` among what was verified in `log`:
    /// what age is measured against there.
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
        };
        Self { keep, state: Mutex::new(state) }
    }
}

impl ReplayMemory for InMemoryReplay {
    fn observe(&self, sighting: &Sighting) -> Result<Observed> {
        let mut state = self.state.lock();
        state.sweep(sighting.now, self.keep);
        let epoch = state.epochs.entry((sighting.signer, sighting.epoch)).or_default();
        epoch.newest = epoch.newest.max(sighting.sealed_at);
        Ok(match sighting.position {
            Some(position) => epoch.observe_at(sighting.sequence, position),
            None => epoch.observe(sighting.sequence),
        })
    }

    fn verified(&self, log: u64, signer: &Thumbprint, sealed_at: Time) {
        let mut state = self.state.lock();
        let latest = state.latest.entry((log, *signer)).or_default();
        *latest = (*latest).max(sealed_at);
    }

    fn latest(&self, log: u64, signer: &Thumbprint) -> Option<Time> {
        self.state.lock().latest.get(&(log, *signer)).copied()
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

impl State {
    /// Forgets epochs of which nothing could pass as fresh any more: not by
    /// the clock, nor, for those with positions, by the latest time in any
    /// log of their signer.
    fn sweep(&mut self, now: Time, keep: Duration) {
        if now.since(self.swept_at) < keep / 8 {
            return;
        }
        self.swept_at = now;
        let latest = &self.latest;
        self.epochs.retain(|(signer, _), epoch| {
            let reference = if epoch.at.is_empty() {
                now
            } else {
                // A log whose signer fell silent keeps its reference; the
                // earliest of them decides.
                let logs = epoch.at.values().map(|position| position.log);
                let times = logs.filter_map(|log| latest.get(&(log, *signer)).copied());
                times.min().unwrap_or(now)
            };
            reference.since(epoch.newest) <= keep
        });
    }
}

impl Epoch {
    fn observe_at(&mut self, sequence: u64, position: Position) -> Observed {
        match self.at.insert(sequence, position) {
            None if self.runs_hold(sequence) => Observed::Replay,
            None => Observed::New,
            Some(before) if before == position => Observed::Redelivery,
            Some(before) => {
                self.at.insert(sequence, before);
                Observed::Replay
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
