//! Sightings → what was seen, where, and what of it can be forgotten. No lock,
//! no clock, no I/O: a memory puts one behind a lock and, if it is durable,
//! writes what changed.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::chunk::{CHUNK_BITS, Chunk};
use super::epoch::{Epoch, Seen};
use super::pages::tree_bytes;
use super::record::{Key, PageKey, ReplayRecord, put_time, take_time};
use super::span::{SPAN_BITS, Span};
use super::{Observed, Sighting};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::header::EpochId;
use crate::key::Thumbprint;

/// Runs that may be held one by one, in all open chunks together; beyond that
/// the chunk opened first is closed. At most 24 bytes each, twice that while a
/// list grows. Enough for 256 sealers at once whose messages are mixed in one log.
const OPEN_RUNS: usize = 1 << 15;

/// What a replay memory is made of: exact within its window, nothing forgotten
/// early.
///
/// Most messages that came in order cost well below a byte: positions are held
/// as runs and small differences, sequences without positions as a compressed
/// bitmap. A signer who numbers its messages as expensively as it can costs
/// about 300 bytes a message, and no more time than others.
///
/// [`InMemoryReplay`](super::InMemoryReplay) is one behind a lock. A durable
/// memory makes one with [`durable`](Self::durable), gives it what its store
/// has ([`restore`](Self::restore)), and writes what changed
/// ([`take_changes`](Self::take_changes)) when it is flushed.
#[derive(Debug)]
pub struct ReplayIndex {
    keep: Duration,
    signers: BTreeMap<[u8; 32], Signer>,
    /// Open chunks, in the order in which they were opened.
    open: VecDeque<PageKey>,
    open_runs: usize,
    /// When forgettable pages were last looked for.
    swept_at: Time,
    /// What was sealed before may have been forgotten.
    horizon: Time,
    /// What has changed, where that is asked for; each key once.
    changes: Option<Vec<Key>>,
}

#[derive(Debug, Default)]
struct Signer {
    epochs: BTreeMap<EpochId, Epoch>,
    logs: BTreeMap<u64, Log>,
}

/// What is known of one signer in one log.
#[derive(Debug, Default)]
struct Log {
    /// The latest sealing time seen in it.
    latest: Time,
    /// What was sealed before may have been forgotten, here.
    floor: Time,
    changed: bool,
}

impl ReplayIndex {
    /// Remembers every message for `window` and two `skew`s: one for a clock
    /// ahead at its sealing, one for a reader's that lags.
    #[must_use]
    pub const fn new(window: Duration, skew: Duration) -> Self {
        Self {
            keep: window.saturating_add(skew).saturating_add(skew),
            signers: BTreeMap::new(),
            open: VecDeque::new(),
            open_runs: 0,
            swept_at: Time::from_millis(0),
            horizon: Time::from_millis(0),
            changes: None,
        }
    }

    /// The same, and notes what changes, for [`take_changes`](Self::take_changes).
    #[must_use]
    pub const fn durable(window: Duration, skew: Duration) -> Self {
        let mut index = Self::new(window, skew);
        index.changes = Some(Vec::new());
        index
    }

    /// Looks a message up and marks it seen.
    pub fn observe(&mut self, sighting: &Sighting) -> Observed {
        self.sweep(sighting.now);
        let id = *sighting.signer.as_bytes();
        let signer = self.signers.entry(id).or_default();
        // What was forgotten could be anything.
        let forgettable = match sighting.position {
            None => sighting.sealed_at < self.horizon,
            Some(at) => {
                signer.logs.get(&at.log).is_some_and(|log| sighting.sealed_at < log.floor)
            }
        };
        let epoch = if forgettable {
            match signer.epochs.get_mut(&sighting.epoch) {
                Some(epoch) => epoch,
                None => return Observed::Replay,
            }
        } else {
            signer.epochs.entry(sighting.epoch).or_default()
        };
        let observed = match (epoch.find(sighting.sequence), sighting.position) {
            (Some(Seen::At(before)), Some(position)) if before == position => Observed::Redelivery,
            // A refused message is never marked seen.
            (Some(_), _) => return Observed::Replay,
            (None, _) if forgettable => return Observed::Replay,
            (None, _) => Observed::New,
        };
        let page = |number| PageKey { signer: id, epoch: sighting.epoch, number };
        match sighting.position {
            Some(at) => {
                if observed == Observed::New {
                    let number = sighting.sequence >> CHUNK_BITS;
                    let chunk = epoch.chunks.page(number);
                    let before = chunk.open_runs();
                    let [low, ..] = sighting.sequence.to_le_bytes();
                    chunk.insert(low, at, sighting.sealed_at);
                    self.open_runs += chunk.open_runs();
                    self.open_runs -= before;
                    if before == 0 {
                        self.open.push_back(page(number));
                    }
                    note(&mut self.changes, &mut chunk.changed, || Key::Chunk(page(number)));
                }
                let log = signer.logs.entry(at.log).or_default();
                if sighting.sealed_at > log.latest {
                    log.latest = sighting.sealed_at;
                    let key = || Key::Log { signer: id, log: at.log };
                    note(&mut self.changes, &mut log.changed, key);
                }
            }
            None => {
                let number = sighting.sequence >> SPAN_BITS;
                let span = epoch.spans.page(number);
                let [low, high, ..] = sighting.sequence.to_le_bytes();
                span.insert(u16::from_le_bytes([low, high]), sighting.sealed_at);
                note(&mut self.changes, &mut span.changed, || Key::Span(page(number)));
            }
        }
        self.close_oldest();
        observed
    }

    /// The latest sealing time of `signer` among what was observed in `log` and
    /// was no replay.
    #[must_use]
    pub fn latest(&self, log: u64, signer: &Thumbprint) -> Option<Time> {
        Some(self.signers.get(signer.as_bytes())?.logs.get(&log)?.latest)
    }

    /// The memory held, in bytes: what was asked of the allocator, where trees
    /// are estimated. Looks at everything held: for gauges and tests, not for
    /// every message.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let signers = self.signers.values().map(|signer| {
            tree_bytes::<u64, Log>(signer.logs.len())
                + tree_bytes::<EpochId, Epoch>(signer.epochs.len())
                + signer.epochs.values().map(Epoch::bytes).sum::<usize>()
        });
        mem::size_of::<Self>()
            + tree_bytes::<[u8; 32], Signer>(self.signers.len())
            + signers.sum::<usize>()
            + self.open.capacity() * mem::size_of::<PageKey>()
            + self.changes.as_ref().map_or(0, Vec::capacity) * mem::size_of::<Key>()
    }

    /// What changed since the last time, as it is now.
    pub fn take_changes(&mut self) -> Vec<ReplayRecord> {
        let keys = self.changes.as_mut().map(mem::take).unwrap_or_default();
        keys.iter().map(|key| ReplayRecord { key: key.encode(), value: self.value(key) }).collect()
    }

    /// Notes again what was taken and could not be written.
    pub fn put_back(&mut self, records: &[ReplayRecord]) {
        for key in records.iter().filter_map(|record| Key::decode(&record.key)) {
            let mut gone = false;
            let flag = self.flag(&key);
            note(&mut self.changes, flag.unwrap_or(&mut gone), || key);
        }
    }

    /// Takes up what a store has. To be done before anything is observed.
    ///
    /// # Errors
    ///
    /// `malformed/structure` where it is no record of a replay memory.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.take_up(key, value)
            .ok_or_else(|| Error::structure("a record of the replay memory cannot be read"))
    }

    fn take_up(&mut self, key: &[u8], mut value: &[u8]) -> Option<()> {
        let time = take_time(&mut value)?;
        match Key::decode(key)? {
            Key::Horizon => {
                self.horizon = time;
                value.is_empty().then_some(())
            }
            Key::Log { signer, log } => {
                let floor = take_time(&mut value)?;
                let signer = self.signers.entry(signer).or_default();
                signer.logs.insert(log, Log { latest: time, floor, changed: false });
                value.is_empty().then_some(())
            }
            Key::Chunk(key) => {
                let chunk = Chunk::restore(time, value)?;
                *self.epoch(&key).chunks.page(key.number) = chunk;
                (key.number >> (u64::BITS - CHUNK_BITS) == 0).then_some(())
            }
            Key::Span(key) => {
                let span = Span::restore(time, value)?;
                *self.epoch(&key).spans.page(key.number) = span;
                (key.number >> (u64::BITS - SPAN_BITS) == 0).then_some(())
            }
        }
    }

    fn epoch(&mut self, key: &PageKey) -> &mut Epoch {
        self.signers.entry(key.signer).or_default().epochs.entry(key.epoch).or_default()
    }

    /// The value under a key, which no longer counts as changed then.
    fn value(&mut self, key: &Key) -> Option<Vec<u8>> {
        *self.flag(key)? = false;
        let mut out = Vec::new();
        match key {
            Key::Horizon => put_time(&mut out, self.horizon),
            Key::Log { signer, log } => {
                let log = self.signers.get(signer)?.logs.get(log)?;
                put_time(&mut out, log.latest);
                put_time(&mut out, log.floor);
            }
            Key::Chunk(key) => {
                let epoch = self.signers.get(&key.signer)?.epochs.get(&key.epoch)?;
                let chunk = epoch.chunks.find(key.number)?;
                put_time(&mut out, chunk.newest);
                chunk.encode(&mut out);
            }
            Key::Span(key) => {
                let epoch = self.signers.get(&key.signer)?.epochs.get(&key.epoch)?;
                let span = epoch.spans.find(key.number)?;
                put_time(&mut out, span.newest);
                span.encode(&mut out);
            }
        }
        Some(out)
    }
}
