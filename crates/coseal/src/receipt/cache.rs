//! What was proven before: roots that a signature verified over, and nodes of
//! the trees below them. Only successes enter; emptied when the trust bundle
//! changes; bounded.
//!
//! A message is taken for proven without its root being computed only where
//! the computation could give no other: a node on its way stands proven at that
//! place under this very signature, and so does every sibling that is left of
//! its path. So no answer depends on what is in here, only its price.

mod table;

use super::tree::{Hash, steps};
use crate::key::VerifyingKey;
use crate::limits;
use crate::sync::Mutex;
use crate::wire::RawReceipt;
use table::Table;

/// Roots remembered. One batch is one root, so this covers readers that hop
/// between a thousand producers, in 200 KiB.
const ROOTS: usize = 1024;

/// Nodes remembered: 64 batches of 64, in 384 KiB.
const NODES: usize = 8192;

/// Proven roots and nodes.
#[derive(Debug)]
pub(crate) struct Proven(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Digest of the trust bundle in use when all this was proven.
    bundle: Hash,
    /// By the first bytes of their signatures.
    roots: Table<Root>,
    /// By their place: that of their tree, and then that in it.
    nodes: Table<Hash>,
    /// Where the next tree begins. No two share a place, so that nodes left
    /// behind by a root that was forgotten are nobody's.
    next: u64,
}

/// A root, and everything its signature was verified with: the protected header
/// of a receipt is its algorithm and tree size, in the one encoding there is.
#[derive(Debug)]
struct Root {
    key: [u8; 32],
    algorithm: i64,
    tree_size: u64,
    signature: [u8; 64],
    root: Hash,
    place: u64,
}

impl Root {
    fn is_of(&self, receipt: &RawReceipt<'_>, key: &VerifyingKey) -> bool {
        self.signature.as_slice() == receipt.signature
            && self.key == *key.as_bytes()
            && self.tree_size == receipt.tree_size
            && self.algorithm == receipt.algorithm
    }
}

/// A leaf's way to its root, as a receipt describes it.
pub(super) struct Way {
    /// The root that verified under the receipt's signature, and its place.
    root: Option<(Hash, u64)>,
    /// The node before each step: what was proven there, where `is_known` has
    /// the step's bit; below `climbed`, what was computed.
    nodes: [Hash; limits::PATH],
    is_known: u32,
    /// From this step on, all siblings of the path are proven.
    siblings_from: usize,
    climbed: usize,
}

impl Way {
    /// Climbs from `leaf` as far as it must. Answers the root, where that has
    /// to be verified; nothing, where all is proven.
    pub(super) fn climb(&mut self, receipt: &RawReceipt<'_>, leaf: &Hash) -> Option<Hash> {
        let mut hash = *leaf;
        let way = steps(receipt.leaf_index, receipt.tree_size);
        for ((at, step), sibling) in way.enumerate().zip(receipt.path.iter()) {
            let node = self.nodes.get_mut(at)?;
            if at >= self.siblings_from && self.is_known & 1 << at != 0 && *node == hash {
                return None;
            }
            *node = hash;
            self.climbed = at + 1;
            hash = step.parent(&hash, sibling);
        }
        (self.root.map(|(root, _)| root) != Some(hash)).then_some(hash)
    }
}

impl Proven {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State::of([0; 32], 0)))
    }

    /// What is known of the way that `receipt` describes, under `key`. `bundle`
    /// is the digest of the trust bundle in use.
    pub(super) fn look_up(
        &self,
        receipt: &RawReceipt<'_>,
        key: &VerifyingKey,
        bundle: &Hash,
    ) -> Way {
        let mut way = Way {
            root: None,
            nodes: [[0; 32]; limits::PATH],
            is_known: 0,
            siblings_from: 0,
            climbed: 0,
        };
        let mut state = self.0.lock();
        if state.bundle != *bundle {
            *state = State::of(*bundle, state.next);
        }
        let found = state.roots.get(slot_of(receipt.signature));
        let Some(root) = found.filter(|root| root.is_of(receipt, key)) else {
            return way;
        };
        way.root = Some((root.root, root.place));
        let known = steps(receipt.leaf_index, receipt.tree_size);
        for ((at, step), sibling) in known.enumerate().zip(receipt.path.iter()) {
            if state.nodes.get(root.place + step.sibling) != Some(sibling) {
                way.siblings_from = at + 1;
            }
            let own = state.nodes.get(root.place + step.own);
            if let (Some(own), Some(node)) = (own, way.nodes.get_mut(at)) {
                *node = *own;
                way.is_known |= 1 << at;
            }
        }
        way
    }

    /// Remembers a way that turned out right. `verified` is the root that had
    /// to be verified for it, if one had to.
    pub(super) fn insert(
        &self,
        receipt: &RawReceipt<'_>,
        key: &VerifyingKey,
        bundle: &Hash,
        way: &Way,
        verified: Option<Hash>,
    ) {
        if verified.is_none() && way.climbed == 0 {
            return;
        }
        let mut state = self.0.lock();
        if state.bundle != *bundle {
            return;
        }
        let place = match (verified, way.root) {
            (None, Some((_, place))) => place,
            (None, None) => return,
            (Some(root), _) => state.insert_root(receipt, key, root),
        };
        let known = steps(receipt.leaf_index, receipt.tree_size);
        let computed = way.nodes.iter().take(way.climbed);
        for ((step, sibling), node) in known.zip(receipt.path.iter()).zip(computed) {
            state.nodes.insert(place + step.own, *node);
            state.nodes.insert(place + step.sibling, *sibling);
        }
    }
}

impl State {
    const fn of(bundle: Hash, next: u64) -> Self {
        Self { bundle, roots: Table::new(ROOTS), nodes: Table::new(NODES), next }
    }

    /// Answers the place of its tree.
    fn insert_root(&mut self, receipt: &RawReceipt<'_>, key: &VerifyingKey, root: Hash) -> u64 {
        let Ok(signature) = receipt.signature.try_into() else {
            return self.next;
        };
        let place = self.next;
        // A level has half the nodes of the one below, rounded up.
        self.next += 2 * receipt.tree_size + limits::PATH as u64;
        let root = Root {
            key: *key.as_bytes(),
            algorithm: receipt.algorithm,
            tree_size: receipt.tree_size,
            signature,
            root,
            place,
        };
        self.roots.insert(slot_of(receipt.signature), root);
        place
    }
}

/// Where a root is looked for. An honest signature begins with random bytes.
fn slot_of(signature: &[u8]) -> u64 {
    signature.first_chunk().map_or(0, |start| u64::from_le_bytes(*start))
}

#[cfg(test)]
mod tests;
