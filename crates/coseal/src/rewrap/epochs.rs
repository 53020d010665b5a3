//! Epochs that were opened before: their secret, and the entries that were
//! made of it. One unwrap and one encapsulation an epoch, however many threads
//! and messages there are.
//!
//! As with a reader, a secret enters only after a message opened under it, and
//! is found only for the same signer, epoch, suite and entry.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::epoch::Key;
use crate::error::Result;
use crate::secret::Secret;
use crate::sync::BoundedMap;

/// Epochs remembered: thousands of producers may stand side by side in one
/// file, each with its present epoch.
const CAPACITY: usize = 4096;

/// Own entries remembered for one epoch: one is the rule, and each other costs
/// somebody an unwrap.
const ENTRIES: usize = 4;

/// What is made of an epoch once.
#[derive(Debug)]
pub(super) struct Epoch {
    pub(super) secret: Secret<32>,
    /// The entries of the additions.
    pub(super) fresh: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Known {
    epoch: Arc<Epoch>,
    /// Entries that this secret came out of.
    entries: Vec<Box<[u8]>>,
}

#[derive(Debug)]
struct State {
    known: BoundedMap<Key, Known>,
    /// Epochs that some thread is opening.
    busy: BTreeSet<Key>,
}

#[derive(Debug)]
pub(super) struct Epochs {
    state: Mutex<State>,
    idle: Condvar,
}

/// What was found.
pub(super) enum Found {
    /// The message at hand is still to be checked against it.
    Before(Arc<Epoch>),
    /// It was opened with the message at hand.
    Now(Arc<Epoch>),
}

impl Epochs {
    pub(super) const fn new() -> Self {
        let state = State { known: BoundedMap::new(CAPACITY), busy: BTreeSet::new() };
        Self { state: Mutex::new(state), idle: Condvar::new() }
    }

    /// The epoch of `key`, out of the reader's own `entry`. Where it is not
    /// known, `open` answers it, given what other entries gave before; others
    /// who want the same epoch wait meanwhile, and nobody else does: the lock is
    /// not held.
    pub(super) fn obtain(
        &self,
        key: Key,
        entry: &[u8],
        open: impl FnOnce(Option<&Arc<Epoch>>) -> Result<Arc<Epoch>>,
    ) -> Result<Found> {
        let mut state = self.lock();
        loop {
            if let Some(known) = state.known.find(&key)
                && known.entries.iter().any(|known| **known == *entry)
            {
                return Ok(Found::Before(Arc::clone(&known.epoch)));
            }
            if state.busy.insert(key) {
                break;
            }
            state = self.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let before = state.known.find(&key).map(|known| Arc::clone(&known.epoch));
        drop(state);
        let _busy = Busy { epochs: self, key };
        let epoch = open(before.as_ref())?;
        let mut state = self.lock();
        // Only the owner of `busy` writes this epoch.
        let mut entries = match state.known.find(&key) {
            Some(known) if Arc::ptr_eq(&known.epoch, &epoch) => known.entries.clone(),
            _ => Vec::new(),
        };
        if entries.len() >= ENTRIES {
            entries.remove(0);
        }
        entries.push(entry.into());
        state.known.insert(key, Known { epoch: Arc::clone(&epoch), entries });
        Ok(Found::Now(epoch))
    }

    /// A panic while the lock was held cannot leave more than a cache behind.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An epoch that is being opened; whatever happens, the next one may try.
struct Busy<'e> {
    epochs: &'e Epochs,
    key: Key,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.epochs.lock().busy.remove(&self.key);
        self.epochs.idle.notify_all();
    }
}
