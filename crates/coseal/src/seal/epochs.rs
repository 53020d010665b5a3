//! A sealer's epochs: the present one, the next one in preparation, and the
//! numbers in between.
//!
//! An epoch's number of messages and whether it is closed are one word, so
//! that nobody can seal in an epoch whose count was told already. Numbers whose
//! signature is still owed are counted apart: an epoch that ends with some is
//! not told by number at all.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use super::write::EpochParts;
use crate::clock::Time;
use crate::entropy;
use crate::error::Result;
use crate::header::{EpochId, Previous};
use crate::key::{Kek, RecipientKey, VerifyingKey};
use crate::recipient::{self, Binding};
use crate::secret::Secret;
use crate::suite::Suite;
use crate::sync::Mutex;
use crate::wire::write::Items;

/// Where a sealer's chain of epochs ended. A later sealer that continues it
/// names it in its first message, so that a reader can see a tail cut off.
/// Continue one only once, and only if the sealer was closed in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainEnd {
    /// The last epoch.
    pub epoch: EpochId,
    /// How many messages were sealed in it.
    pub messages: u64,
}

/// Set in an epoch's word when no more messages may be sealed in it.
const CLOSED: u64 = 1 << 63;

/// One epoch. Its secret is never stored and dies with it.
pub(super) struct Epoch {
    id: EpochId,
    secret: Secret<32>,
    /// The encoded array of recipients.
    recipients: Vec<u8>,
    previous: Option<Previous>,
    started_at: Time,
    process: u32,
    /// Numbers taken, and [`CLOSED`].
    word: AtomicU64,
    /// How many of them a remote signer has yet to sign for.
    unsigned: AtomicU64,
}

impl Epoch {
    pub(super) fn previous_of(&self, sequence: u64) -> Option<Previous> {
        self.previous.filter(|_| sequence == 0)
    }

    fn count(&self) -> u64 {
        self.word.load(Ordering::Acquire) & !CLOSED
    }

    /// Takes `messages` numbers from `first` on, if that is still where the
    /// epoch stands. `owed`: a remote signer has yet to sign for them.
    pub(super) fn reserve(&self, first: u64, messages: u64, owed: bool) -> bool {
        let owed = if owed { messages } else { 0 };
        // Owed before they are taken, so that no end can miss them.
        self.unsigned.fetch_add(owed, Ordering::AcqRel);
        let next = first + messages;
        let taken =
            self.word.compare_exchange(first, next, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !taken {
            self.signed(owed);
        }
        taken
    }

    /// The signature over `messages` that were owed is made.
    pub(super) fn signed(&self, messages: u64) {
        self.unsigned.fetch_sub(messages, Ordering::AcqRel);
    }

    /// Ends the epoch and answers where the chain stands. An epoch that stayed
    /// empty was named by nobody: the chain ends before it. Where a signature
    /// is owed the number sealed is not known, and nothing is told.
    fn end(&self) -> Option<Previous> {
        let messages = self.word.fetch_or(CLOSED, Ordering::AcqRel) & !CLOSED;
        if self.unsigned.load(Ordering::Acquire) != 0 {
            return None;
        }
        match messages {
            0 => self.previous,
            messages => Some(Previous { epoch: self.id, messages }),
        }
    }
}

/// What every epoch of a sealer has in common.
pub(super) struct Setup {
    pub(super) suite: Suite,
    pub(super) channel: alloc::string::String,
    pub(super) signer: VerifyingKey,
    pub(super) recipients: Vec<RecipientKey>,
    pub(super) keks: Vec<(Vec<u8>, Kek)>,
    pub(super) epoch_messages: u64,
    pub(super) epoch_lifetime: Duration,
    pub(super) max_len: usize,
}

impl Setup {
    pub(super) fn parts<'e>(&'e self, epoch: &'e Epoch) -> EpochParts<'e> {
        EpochParts {
            suite: self.suite,
            channel: &self.channel,
            signer: self.signer.key_id(),
            epoch: epoch.id,
            secret: &epoch.secret,
            recipients: &epoch.recipients,
        }
    }

    fn entries(&self) -> usize {
        self.recipients.len() + self.keks.len()
    }
}

/// An epoch in preparation: a secret, and the entries written so far.
struct Draft {
    id: EpochId,
    secret: Secret<32>,
    entries: Vec<u8>,
    written: usize,
    process: u32,
}

impl Draft {
    fn begin(setup: &Setup) -> Result<Self> {
        let mut id = [0; 8];
        entropy::fill(&mut id)?;
        let mut entries = Vec::new();
        entries.array(setup.entries());
        let (secret, process) = (entropy::secret()?, std::process::id());
        Ok(Self { id: EpochId::from_bytes(id), secret, entries, written: 0, process })
    }

    /// Writes the next entry, if there is one; true if none is left.
    fn step(&mut self, setup: &Setup) -> Result<bool> {
        if let Some(key) = setup.recipients.get(self.written) {
            let binding =
                Binding { suite: setup.suite, epoch: self.id, signer: *setup.signer.thumbprint() };
            let seed = entropy::secret()?;
            recipient::wrap_x25519(&mut self.entries, key, &self.secret, &binding, &seed)?;
        } else if let Some((id, kek)) = setup.keks.get(self.written - setup.recipients.len()) {
            recipient::wrap_kek(&mut self.entries, id, kek, &self.secret)?;
        } else {
            return Ok(true);
        }
        self.written += 1;
        Ok(self.written >= setup.entries())
    }

    fn finish(mut self, setup: &Setup, previous: Option<Previous>, now: Time) -> Result<Epoch> {
        while self.written < setup.entries() {
            self.step(setup)?;
        }
        Ok(Epoch {
            id: self.id,
            secret: self.secret,
            recipients: self.entries,
            previous,
            started_at: now,
            process: self.process,
            word: AtomicU64::new(0),
            unsigned: AtomicU64::new(0),
        })
    }
}

/// The epochs of one sealer.
pub(super) struct Epochs {
    current: Mutex<Arc<Epoch>>,
    next: Mutex<Option<Draft>>,
}

impl Epochs {
    pub(super) fn begin(setup: &Setup, chain: Option<ChainEnd>, now: Time) -> Result<Self> {
        let previous = chain.map(|ChainEnd { epoch, messages }| Previous { epoch, messages });
        let first = Draft::begin(setup)?.finish(setup, previous, now)?;
        Ok(Self { current: Mutex::new(Arc::new(first)), next: Mutex::new(None) })
    }

    /// The epoch to seal `messages` more in, at `now`, and where it stands: the
    /// present one, or a new one if that is full, old, or another process's.
    pub(super) fn current(
        &self,
        setup: &Setup,
        messages: u64,
        now: Time,
    ) -> Result<(Arc<Epoch>, u64)> {
        let epoch = Arc::clone(&self.current.lock());
        match room(&epoch, setup, messages, now) {
            Some(first) => Ok((epoch, first)),
            None => self.replace(setup, &epoch, messages, now),
        }
    }

    fn replace(
        &self,
        setup: &Setup,
        old: &Arc<Epoch>,
        messages: u64,
        now: Time,
    ) -> Result<(Arc<Epoch>, u64)> {
        let process = std::process::id();
        let draft = self.next.lock().take().filter(|draft| draft.process == process);
        let draft = draft.map_or_else(|| Draft::begin(setup), Ok)?;
        let mut epoch = draft.finish(setup, None, now)?;
        let mut current = self.current.lock();
        if !Arc::ptr_eq(&current, old)
            && let Some(first) = room(&current, setup, messages, now)
        {
            // Another thread was faster; what was prepared here is not used.
            return Ok((Arc::clone(&current), first));
        }
        // In a forked process the chain is the parent's to continue.
        if current.process == process {
            epoch.previous = current.end();
        }
        *current = Arc::new(epoch);
        Ok((Arc::clone(&current), 0))
    }

    /// Prepares a part of the next epoch's entries once this one is past its
    /// half, so that no call pays for all of them: one, or as many as a call
    /// that sealed `messages` has to prepare for the rest to be done in time.
    pub(super) fn prepare(&self, setup: &Setup, epoch: &Epoch, messages: u64, now: Time) {
        let half = epoch.count() >= setup.epoch_messages / 2
            || now.since(epoch.started_at) >= setup.epoch_lifetime / 2;
        if !half {
            return;
        }
        // Taken out while it is worked on: the lock is not held meanwhile. What
        // fails here is tried again, and told, when the epoch is needed.
        let draft = self.next.lock().take();
        let draft = draft.filter(|draft| draft.process == epoch.process);
        let Ok(mut draft) = draft.map_or_else(|| Draft::begin(setup), Ok) else { return };
        let entries = setup.entries() as u64;
        let share = messages.saturating_mul(entries) / (setup.epoch_messages / 4).max(1);
        for _ in 0..share.clamp(1, entries) {
            match draft.step(setup) {
                Ok(false) => (),
                Ok(true) => break,
                Err(_) => return,
            }
        }
        *self.next.lock() = Some(draft);
    }

    /// Ends the chain. Nothing where this process is not the one that began
    /// the epoch.
    pub(super) fn close(&self) -> Option<ChainEnd> {
        let current = self.current.lock();
        let end = current.end().filter(|_| current.process == std::process::id())?;
        Some(ChainEnd { epoch: end.epoch, messages: end.messages })
    }
}

/// A clock that went back by more than this starts a new epoch: how long the
/// present one lasts could not be told any more.
const SETBACK: Duration = Duration::from_secs(60);

/// Where the epoch stands, if it can take `messages` more: one look at its word
/// decides, and the number is taken only if the word is still the same.
fn room(epoch: &Epoch, setup: &Setup, messages: u64, now: Time) -> Option<u64> {
    let word = epoch.word.load(Ordering::Acquire);
    // A batch lies in one epoch, so an empty epoch takes any.
    let room = word == 0 || word.saturating_add(messages) <= setup.epoch_messages;
    let young = now.since(epoch.started_at) < setup.epoch_lifetime
        && epoch.started_at.since(now) <= SETBACK;
    let ours = epoch.process == std::process::id();
    (word & CLOSED == 0 && room && young && ours).then_some(word)
}

impl core::fmt::Debug for Epochs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Epochs").field("current", &self.current.lock().id).finish_non_exhaustive()
    }
}
