//! Roots that verified before. Only successes enter; emptied when the trust
//! bundle changes.

use sha2::Digest;

use super::tree::Hash;
use super::with_to_be_signed;
use crate::hash::Sha256;
use crate::key::VerifyingKey;
use crate::sync::{BoundedMap, Mutex};

/// Roots remembered. One batch is one root, so this covers readers that hop
/// between a thousand producers, in 100 KiB.
const CAPACITY: usize = 1024;

#[derive(Debug)]
pub(crate) struct RootCache(Mutex<State>);

#[derive(Debug)]
struct State {
    bundle: Hash,
    roots: BoundedMap<Hash, ()>,
}

impl RootCache {
    pub(crate) const fn new() -> Self {
        let state = State { bundle: [0; 32], roots: BoundedMap::new(CAPACITY) };
        Self(Mutex::new(state))
    }

    /// Forgets everything if `bundle`, the digest of the trust bundle in use,
    /// is another than before.
    pub(crate) fn of_bundle(&self, bundle: &Hash) {
        let mut state = self.0.lock();
        if state.bundle != *bundle {
            state.bundle = *bundle;
            state.roots.clear();
        }
    }

    pub(super) fn holds(&self, id: &Hash) -> bool {
        self.0.lock().roots.find(id).is_some()
    }

    pub(super) fn insert(&self, id: Hash) {
        self.0.lock().roots.insert(id, ());
    }
}

/// SHA-256(public key || Sig_structure || signature). Nothing where the header
/// is too long for a signature that we could verify.
pub(super) fn root_id(
    key: &VerifyingKey,
    protected: &[u8],
    root: &Hash,
    signature: &[u8],
) -> Option<Hash> {
    let hash = Sha256::new().chain_update(key.as_bytes());
    let hash = with_to_be_signed(protected, root, |message| Some(hash.chain_update(message)))?;
    Some(hash.chain_update(signature).finalize().into())
}
