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
use crate::sync::{Lanes, Mutex};
use crate::wire::RawReceipt;
use table::Table;

/// Roots remembered. One batch is one root, so this covers readers that hop
/// between a thousand producers, in 200 KiB, and as much for each thread.
const ROOTS: usize = 1024;

/// Nodes that each thread remembers: 64 batches of 64, in 384 KiB.
const NODES: usize = 8192;

/// Proven roots and nodes.
#[derive(Debug)]
pub(crate) struct Proven {
    /// Roots that some thread verified, so that no other has to.
    verified: Mutex<Roots>,
    /// What each thread met.
    met: Lanes<Met>,
}

/// Roots, by the first bytes of their signatures.
#[derive(Debug)]
struct Roots {
    /// Digest of the trust bundle in use when they were verified.
    bundle: Hash,
    table: Table<Root>,
}

/// Trees, and nodes in them.
#[derive(Debug)]
struct Met {
    /// Digest of the trust bundle in use when all this was proven.
    bundle: Hash,
    trees: Table<Tree>,
    /// By their place: that of their tree, and then that in it.
    nodes: Table<Hash>,
    /// Where the next tree begins. No two share a place, so that nodes left
    /// behind by a tree that was forgotten are nobody's.
    next: u64,
}

#[derive(Debug)]
struct Tree {
    root: Root,
    place: u64,
}

/// A root, and everything its signature was verified with: the protected header
/// of a receipt is its algorithm and tree size, in the one encoding there is.
#[derive(Debug, Clone)]
struct Root {
    key: [u8; 32],
    algorithm: i64,
    tree_size: u64,
    signature: [u8; 64],
    root: Hash,
}

impl Root {
    fn of(receipt: &RawReceipt<'_>, key: &VerifyingKey, root: Hash) -> Option<Self> {
        let &RawReceipt { algorithm, tree_size, signature, .. } = receipt;
        let signature = signature.try_into().ok()?;
        Some(Self { key: *key.as_bytes(), algorithm, tree_size, signature, root })
    }

    fn is_of(&self, receipt: &RawReceipt<'_>, key: &VerifyingKey) -> bool {
        self.signature.as_slice() == receipt.signature
            && self.key == *key.as_bytes()
            && self.tree_size == receipt.tree_size
            && self.algorithm == receipt.algorithm
    }
}

/// A leaf's way to its root, as a receipt describes it.
pub(super) struct Way {
    /// The root that verified under the receipt's signature.
    root: Option<Hash>,
    /// Where its tree is remembered.
    place: Option<u64>,
    /// The node before each step: what was proven there, where `is_known` has
    /// the step's bit; below `climbed`, what was computed.
    nodes: [Hash; limits::PATH],
    is_known: u32,
    /// From this step on, all siblings of the path are proven.
    siblings_from: usize,
    climbed: usize,
}

/// Where a climb ended.
pub(super) enum Climbed {
    /// At what is proven.
    Proven,
    /// At this root, which has to be verified.
    Root(Hash),
}

impl Way {
    /// Climbs from `leaf` as far as it must.
    pub(super) fn climb(&mut self, receipt: &RawReceipt<'_>, leaf: &Hash) -> Climbed {
        let mut hash = *leaf;
        let way = steps(receipt.leaf_index, receipt.tree_size);
        for ((at, step), sibling) in way.enumerate().zip(receipt.path.iter()) {
            if let Some(node) = self.nodes.get_mut(at) {
                if at >= self.siblings_from && self.is_known & 1 << at != 0 && *node == hash {
                    return Climbed::Proven;
                }
                *node = hash;
                self.climbed = at + 1;
            }
            hash = step.parent(&hash, sibling);
        }
        if self.root == Some(hash) { Climbed::Proven } else { Climbed::Root(hash) }
    }
}

impl Proven {
    pub(crate) fn new() -> Self {
        Self { verified: Mutex::new(Roots::of([0; 32])), met: Lanes::new(|| Met::of([0; 32], 0)) }
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
            place: None,
            nodes: [[0; 32]; limits::PATH],
            is_known: 0,
            siblings_from: 0,
            climbed: 0,
        };
        let mut met = self.met.own().lock();
        met.follow(bundle);
        let slot = slot_of(receipt.signature);
        let Some(tree) = met.trees.get(slot).filter(|tree| tree.root.is_of(receipt, key)) else {
            let mut verified = self.verified.lock();
            verified.follow(bundle);
            if let Some(root) = verified.table.get(slot).filter(|root| root.is_of(receipt, key)) {
                way.root = Some(root.root);
                way.place = met.insert_tree(root.clone());
            }
            return way;
        };
        way.root = Some(tree.root.root);
        way.place = Some(tree.place);
        let known = steps(receipt.leaf_index, receipt.tree_size);
        for ((at, step), sibling) in known.enumerate().zip(receipt.path.iter()) {
            if met.nodes.get(tree.place + step.sibling) != Some(sibling) {
                way.siblings_from = at + 1;
            }
            let own = met.nodes.get(tree.place + step.own);
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
        let verified = verified.and_then(|root| Root::of(receipt, key, root));
        if let Some(root) = &verified {
            let mut verified = self.verified.lock();
            verified.follow(bundle);
            verified.table.insert(slot_of(receipt.signature), root.clone());
        }
        let mut met = self.met.own().lock();
        if met.bundle != *bundle {
            return;
        }
        let place = match verified {
            Some(root) => met.insert_tree(root),
            None => way.place,
        };
        let Some(place) = place else {
            return;
        };
        let known = steps(receipt.leaf_index, receipt.tree_size);
        let computed = way.nodes.iter().take(way.climbed);
        for ((step, sibling), node) in known.zip(receipt.path.iter()).zip(computed) {
            met.nodes.insert(place + step.own, *node);
            met.nodes.insert(place + step.sibling, *sibling);
        }
    }
}

impl Roots {
    const fn of(bundle: Hash) -> Self {
        Self { bundle, table: Table::new(ROOTS) }
    }

    /// Another bundle begins with nothing.
    fn follow(&mut self, bundle: &Hash) {
        if self.bundle != *bundle {
            *self = Self::of(*bundle);
        }
    }
}

impl Met {
    const fn of(bundle: Hash, next: u64) -> Self {
        Self { bundle, trees: Table::new(ROOTS), nodes: Table::new(NODES), next }
    }

    /// Another bundle begins with nothing, and in other places.
    fn follow(&mut self, bundle: &Hash) {
        if self.bundle != *bundle {
            *self = Self::of(*bundle, self.next);
        }
    }

    /// Answers the place of its tree. None is given twice: where they come to
    /// an end, no more trees are remembered.
    fn insert_tree(&mut self, root: Root) -> Option<u64> {
        let place = self.next;
        // A level has half the nodes of the one below, rounded up.
        let nodes = 2 * root.tree_size + limits::PATH as u64;
        self.next = place.checked_add(nodes)?;
        self.trees.insert(slot_of(&root.signature), Tree { root, place });
        Some(place)
    }
}

/// Where a root is looked for. An honest signature begins with random bytes.
fn slot_of(signature: &[u8]) -> u64 {
    signature.first_chunk().map_or(0, |start| u64::from_le_bytes(*start))
}

#[cfg(test)]
mod tests;
