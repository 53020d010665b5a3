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
use crate::sync::{BoundedMap, Mutex};

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

#[derive(Debug)]
pub(crate) struct EpochCache(Mutex<BoundedMap<Key, Known>>);

impl EpochCache {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BoundedMap::new(CAPACITY)))
    }

    pub(crate) fn find(&self, key: &Key, entry: &[u8]) -> Option<Arc<Secret<32>>> {
        let epochs = self.0.lock();
        let known = epochs.find(key)?;
        (*known.entry == *entry).then(|| Arc::clone(&known.secret))
    }

    pub(crate) fn insert(&self, key: Key, entry: &[u8], secret: Arc<Secret<32>>) {
        self.0.lock().insert(key, Known { entry: entry.into(), secret });
    }
}
