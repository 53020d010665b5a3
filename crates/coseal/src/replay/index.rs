//! Sightings → what was seen, where, and what of it can be forgotten. No lock,
//! no clock, no I/O: a memory puts one behind a lock and, if it is durable,
//! writes what changed.

use alloc::collections::btree_map::Entry;
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
/// the chunk opened first is closed. Enough for 256 sealers at once whose
/// messages are mixed in one log. With their lists and their queue they take
/// about 1 MB, and never more than 7.
const OPEN_RUNS: usize = 1 << 15;

/// What a replay memory is made of: exact within its window, nothing forgotten
/// early.
///
/// With positions, a message that came in order costs one byte where a sealer
/// has its log to itself, and up to four where others' messages lie between;
/// without positions next to nothing, or half a byte where many are missing.
/// What is open to additions takes some megabytes more. A signer who numbers
/// its messages as expensively as it can costs at most 250 bytes and a few
/// microseconds a message. What is forgotten is looked for eight times in a
/// window, and so is held up to an eighth longer.
///
/// In a log where a signer fell silent, a copy of what it sealed since is never
/// too old. So that stays seen, only without its positions, until the signer is
/// heard there again.
///
/// [`InMemoryReplay`](super::InMemoryReplay) is one behind a lock. A durable
/// memory makes one with [`durable`](Self::durable), gives it what its store
/// has ([`restore`](Self::restore)), and writes what changed
/// ([`take_changes`](Self::take_changes)) when it is flushed.
#[derive(Debug)]
pub struct ReplayIndex {
    pub(super) keep: Duration,
    pub(super) signers: BTreeMap<[u8; 32], Signer>,
    /// Open chunks, in the order in which they were opened.
    pub(super) open: VecDeque<PageKey>,
    pub(super) open_runs: usize,
    pub(super) most_open_runs: usize,
    /// When forgettable pages were last looked for.
    pub(super) swept_at: Time,
    /// What was sealed before may have been forgotten.
    pub(super) horizon: Time,
    pub(super) horizon_changed: bool,
    /// What has changed, where that is asked for.
    pub(super) changes: Option<Vec<Key>>,
}

#[derive(Debug, Default)]
pub(super) struct Signer {
    pub(super) epochs: BTreeMap<EpochId, Epoch>,
    pub(super) logs: BTreeMap<u64, Log>,
}

impl Signer {
    fn may_have_forgotten(&self, sighting: &Sighting, horizon: Time) -> bool {
        match sighting.position {
            None => sighting.sealed_at < horizon,
            Some(at) => self.logs.get(&at.log).is_some_and(|log| sighting.sealed_at < log.floor),
        }
    }
}

/// What is known of one signer in one log.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The latest sealing time seen in it.
    pub(super) latest: Time,
    /// What was sealed before may have been forgotten, here.
    pub(super) floor: Time,
    pub(super) changed: bool,
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
            most_open_runs: OPEN_RUNS,
            swept_at: Time::from_millis(0),
            horizon: Time::from_millis(0),
            horizon_changed: false,
            changes: None,
        }
    }

    /// The same, and notes what changes, for [`take_changes`](Self::take_changes).
    #[must_use]
    pub fn durable(window: Duration, skew: Duration) -> Self {
        Self { changes: Some(Vec::new()), ..Self::new(window, skew) }
    }

    /// Looks a message up and marks it seen.
    pub fn observe(&mut self, sighting: &Sighting) -> Observed {
        self.sweep(sighting.now);
        let id = *sighting.signer.as_bytes();
        let signer = self.signers.entry(id).or_default();
        // What was forgotten could be anything.
        let forgettable = signer.may_have_forgotten(sighting, self.horizon);
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
                let key = || Key::Log { signer: id, log: at.log };
                match signer.logs.entry(at.log) {
                    Entry::Occupied(known) if known.get().latest >= sighting.sealed_at => {}
                    entry @ (Entry::Occupied(_) | Entry::Vacant(_)) => {
                        let log = entry.or_default();
                        log.latest = sighting.sealed_at;
                        note(&mut self.changes, &mut log.changed, key);
                    }
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

    /// Whether [`observe`](Self::observe) refuses this message only because
    /// what was sealed then may have been forgotten.
    #[must_use]
    pub fn may_have_forgotten(&self, sighting: &Sighting) -> bool {
        let Some(signer) = self.signers.get(sighting.signer.as_bytes()) else {
            return sighting.position.is_none() && sighting.sealed_at < self.horizon;
        };
        let epoch = signer.epochs.get(&sighting.epoch);
        let known = epoch.is_some_and(|epoch| epoch.find(sighting.sequence).is_some());
        !known && signer.may_have_forgotten(sighting, self.horizon)
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
        size_of::<Self>()
            + tree_bytes::<[u8; 32], Signer>(self.signers.len())
            + signers.sum::<usize>()
            + self.open.capacity() * size_of::<PageKey>()
            + self.changes.as_ref().map_or(0, Vec::capacity) * size_of::<Key>()
    }

    /// What changed since the last time, as it is now.
    pub fn take_changes(&mut self) -> Vec<ReplayRecord> {
        let keys = self.changes.as_mut().map(mem::take).unwrap_or_default();
        keys.iter().map(|key| ReplayRecord { key: key.encode(), value: self.value(key) }).collect()
    }

    /// Notes again what was taken and could not be written.
    pub fn put_back(&mut self, records: &[ReplayRecord]) {
        for key in records.iter().filter_map(|record| Key::decode(&record.key)) {
            let noted = self.flag(&key).is_some_and(|flag| mem::replace(flag, true));
            if let Some(changes) = &mut self.changes
                && !noted
            {
                changes.push(key);
            }
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
            Key::Chunk(key) if key.number >> (u64::BITS - CHUNK_BITS) == 0 => {
                *self.epoch(&key).chunks.page(key.number) = Chunk::restore(time, value)?;
                Some(())
            }
            Key::Span(key) if key.number >> (u64::BITS - SPAN_BITS) == 0 => {
                *self.epoch(&key).spans.page(key.number) = Span::restore(time, value)?;
                Some(())
            }
            // No sequence leads to such a page.
            Key::Chunk(_) | Key::Span(_) => None,
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
                let chunk = self.find(key)?.chunks.find(key.number)?;
                put_time(&mut out, chunk.newest);
                chunk.encode(&mut out);
            }
            Key::Span(key) => {
                let span = self.find(key)?.spans.find(key.number)?;
                put_time(&mut out, span.newest);
                span.encode(&mut out);
            }
        }
        Some(out)
    }

    /// Whether what lies under a key is noted as changed; `None` where nothing
    /// lies there.
    fn flag(&mut self, key: &Key) -> Option<&mut bool> {
        match key {
            Key::Horizon => Some(&mut self.horizon_changed),
            Key::Log { signer, log } => {
                Some(&mut self.signers.get_mut(signer)?.logs.get_mut(log)?.changed)
            }
            Key::Chunk(key) => Some(&mut self.find_mut(key)?.chunks.find_mut(key.number)?.changed),
            Key::Span(key) => Some(&mut self.find_mut(key)?.spans.find_mut(key.number)?.changed),
        }
    }

    pub(super) fn find(&self, key: &PageKey) -> Option<&Epoch> {
        self.signers.get(&key.signer)?.epochs.get(&key.epoch)
    }

    fn find_mut(&mut self, key: &PageKey) -> Option<&mut Epoch> {
        self.signers.get_mut(&key.signer)?.epochs.get_mut(&key.epoch)
    }

    fn close_oldest(&mut self) {
        while self.open_runs > self.most_open_runs
            && let Some(key) = self.open.pop_front()
        {
            let epoch = self.find_mut(&key);
            if let Some(chunk) = epoch.and_then(|epoch| epoch.chunks.find_mut(key.number)) {
                let runs = chunk.open_runs();
                chunk.close();
                self.open_runs -= runs;
            }
        }
    }
}

/// Notes a change, once until changes are taken.
pub(super) fn note(changes: &mut Option<Vec<Key>>, changed: &mut bool, key: impl FnOnce() -> Key) {
    if let Some(changes) = changes
        && !mem::replace(changed, true)
    {
        changes.push(key());
    }
}
