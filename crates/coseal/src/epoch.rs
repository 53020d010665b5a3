//! Step 6: epoch secrets that opened a message before. A secret enters only
//! after a message opened under it, and is found again only for the same
//! signer, epoch and entry: an unsigned entry can neither plant nor borrow
//! one.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::header::EpochId;
use crate::key::Thumbprint;
use crate::secret::Secret;
use crate::sync::{BoundedMap, Mutex};

/// Epochs remembered: a few hundred producers, each with a present and a past
/// epoch.
const CAPACITY: usize = 1024;

type Key = (Thumbprint, EpochId);

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

    pub(crate) fn find(
        &self,
        signer: &Thumbprint,
        epoch: EpochId,
        entry: &[u8],
    ) -> Option<Arc<Secret<32>>> {
        let epochs = self.0.lock();
        let known = epochs.find(&(*signer, epoch))?;
        (*known.entry == *entry).then(|| Arc::clone(&known.secret))
    }

    pub(crate) fn insert(
        &self,
        signer: &Thumbprint,
        epoch: EpochId,
        entry: &[u8],
        secret: Arc<Secret<32>>,
    ) {
        let known = Known { entry: entry.into(), secret };
        self.0.lock().insert((*signer, epoch), known);
    }
}
