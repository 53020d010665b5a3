//! Step 6: epoch secrets that opened a message before. A secret enters only
//! after a message opened under it, and is found again only for the same
//! signer, epoch and entry: an unsigned entry can neither plant nor borrow
//! one.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::header::EpochId;
use crate::key::Thumbprint;
use crate::secret::Secret;
use crate::suite::Suite;
use crate::sync::{BoundedMap, Lanes, Mutex};

/// Epochs remembered: a few hundred producers, each with a present and a past
/// epoch.
const CAPACITY: usize = 1024;

/// The suite belongs to it, as it does to what an X25519 entry is bound to: a
/// reader that knows an epoch answers no other way than one that does not.
pub(crate) type Key = (Thumbprint, EpochId, Suite);

#[derive(Debug)]
struct Known {
    entry: Box<[u8]>,
    secret: Arc<Secret<32>>,
}

type Epochs = BoundedMap<Key, Known>;

/// What any thread unwrapped, and for each thread what it used.
#[derive(Debug)]
pub(crate) struct EpochCache {
    all: Mutex<Epochs>,
    used: Lanes<Epochs>,
}

impl EpochCache {
    pub(crate) fn new() -> Self {
        let empty = || Epochs::new(CAPACITY);
        Self { all: Mutex::new(empty()), used: Lanes::new(empty) }
    }

    pub(crate) fn find(&self, key: &Key, entry: &[u8]) -> Option<Arc<Secret<32>>> {
        let find = |epochs: &Mutex<Epochs>, found: fn(&Arc<Secret<32>>) -> Arc<Secret<32>>| {
            let epochs = epochs.lock();
            let known = epochs.find(key).filter(|known| *known.entry == *entry);
            known.map(|known| found(&known.secret))
        };
        let own = self.used.own();
        find(own, Arc::clone).or_else(|| {
            // Not the same: then all threads would count in one place who uses it.
            let secret = find(&self.all, |secret| Arc::new(secret.copy()))?;
            own.lock().insert(*key, Known { entry: entry.into(), secret: Arc::clone(&secret) });
            Some(secret)
        })
    }

    pub(crate) fn insert(&self, key: Key, entry: &[u8], secret: Secret<32>) {
        let copy = Known { entry: entry.into(), secret: Arc::new(secret.copy()) };
        self.all.lock().insert(key, copy);
        let known = Known { entry: entry.into(), secret: Arc::new(secret) };
        self.used.own().lock().insert(key, known);
    }
}
