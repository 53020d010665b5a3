//! Merkle proofs in envelopes, exhaustively up to 64 leaves: every false
//! index, size and path is refused, with the code that the reading order
//! demands, and nothing is released.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "known/parts.rs"]
mod parts;

use common::{CHANNEL, archive, epoch, kinds, place, verifier};
use coseal::{Error, Message, Opener, Suite, Verifier};
use parts::{Hash, Parts, Proof, Receipt};
use sha2::{Digest, Sha256};

const LEAVES: u64 = 64;

/// Every envelope of a batch of `size`.
fn batch(size: u64) -> Vec<Parts> {
    let messages: Vec<_> = (0..size).map(|i| (Message::new(b"payload"), place(i))).collect();
    let envelopes = epoch(Suite::A256Gcm, CHANNEL).seal(&messages).unwrap();
    envelopes.iter().map(|envelope| Parts::of(envelope)).collect()
}

/// RFC 9162 §2.1.3.1: the length of the path of `index` among `size`.
fn path_length(index: u64, size: u64) -> usize {
    if size == 1 {
        return 0;
    }
    let left = size.next_power_of_two() / 2;
    1 + if index < left { path_length(index, left) } else { path_length(index - left, size - left) }
}

/// RFC 9162 §2.1.3.2, over the bits of the index.
fn root(leaf: Hash, proof: &Proof) -> Hash {
    fn up(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Hash {
        let Some((top, below)) = path.split_last() else { return leaf };
        let left = size.next_power_of_two() / 2;
        let (one, two) = if index < left {
            (up(leaf, index, left, below), *top)
        } else {
            (*top, up(leaf, index - left, size - left, below))
        };
        Sha256::new().chain_update([1]).chain_update(one).chain_update(two).finalize().into()
    }
    up(leaf, proof.index, proof.size, &proof.path)
}

/// Who judges: an auditor, and a consumer that has opened the true envelope,
/// so that root and epoch secret are known to it.
struct Readers {
    verifier: Verifier,
    opener: Opener,
    refused: [usize; 2],
}

impl Readers {
    fn new() -> Self {
        Self { verifier: verifier(), opener: archive(), refused: [0; 2] }
    }

    fn accept(&self, parts: &Parts) {
        let envelope = parts.join();
        self.verifier.verify(&envelope).unwrap();
        assert_eq!(self.opener.open(&envelope).unwrap().payload(), b"payload");
    }

    /// Refused by the auditor, and every eighth time by the consumer, too: it
    /// goes the same way, and thrice as slowly.
    fn refuse(&mut self, parts: &Parts, well_shaped: bool) {
        let envelope = parts.join();
        let expected = ["malformed/structure", "untrusted/bad_signature"][usize::from(well_shaped)];
        let check = |found: Result<(), Error>| {
            let found = found.map_err(|error| kinds(&error));
            if found != Err(expected.into()) {
                let tree = parts.receipt.size();
                panic!("{:?} of a tree of {tree}: {found:?}", parts.receipt.proof);
            }
        };
        check(self.verifier.verify(&envelope).map(drop));
        let refused = &mut self.refused[usize::from(well_shaped)];
        *refused += 1;
        if refused.is_multiple_of(8) {
            let mut out = b"before".to_vec();
            check(self.opener.open_into(&envelope, &mut out).map(drop));
            assert_eq!(out, b"before", "something was released");
        }
    }
}

fn with(parts: &Parts, change: impl FnOnce(&mut Parts)) -> Parts {
    let mut changed = parts.clone();
    change(&mut changed);
    changed
}

fn proof(parts: &mut Parts) -> &mut Proof {
    parts.receipt.proof.as_mut().unwrap()
}

/// The formulas above are those of the library: every honest proof fits them.
#[test]
fn every_honest_proof_up_to_64_leaves_is_accepted() {
    for size in 2..=LEAVES {
        let readers = Readers::new();
        let batch = batch(size);
        let top = root(batch[0].leaf(), batch[0].receipt.proof.as_ref().unwrap());
        for (index, parts) in (0..).zip(&batch) {
            let proof = parts.receipt.proof.as_ref().unwrap();
            assert_eq!((proof.size, proof.index), (size, index));
            assert_eq!(proof.path.len(), path_length(index, size));
            assert_eq!(root(parts.leaf(), proof), top);
            readers.accept(parts);
        }
    }
}

#[test]
fn every_false_index_up_to_64_leaves_is_refused() {
    let mut readers = Readers::new();
    for size in 2..=LEAVES {
        for (index, parts) in (0..).zip(&batch(size)) {
            readers.accept(parts);
            for false_index in (0..=size).filter(|other| *other != index) {
                let changed = with(parts, |parts| proof(parts).index = false_index);
                let fits = false_index < size
                    && path_length(false_index, size) == path_length(index, size);
                readers.refuse(&changed, fits);
            }
        }
    }
    let pairs: usize = (2..=64).map(|size| size * size).sum();
    assert_eq!(readers.refused.iter().sum::<usize>(), pairs);
}

/// The size in the proof alone, the signed one alone, and both: then the
/// proof may well lead to the signed root, and only the signature over the
/// size is in the way.
#[test]
fn every_false_size_up_to_65_leaves_is_refused() {
    let mut readers = Readers::new();
    let mut same_root = 0;
    for size in 1..=LEAVES {
        for (index, parts) in (0..).zip(&batch(size)) {
            readers.accept(parts);
            for false_size in (1..=LEAVES + 1).filter(|other| *other != size) {
                let mut both = with(parts, |parts| {
                    parts.receipt.protected = Receipt::protected_of(false_size);
                });
                readers.refuse(&both, false);
                let Some(honest) = &parts.receipt.proof else {
                    // A proof of no length where there is none, too.
                    let proof = Some(Proof { size: false_size, index, path: vec![] });
                    readers.refuse(&with(&both, |parts| parts.receipt.proof = proof), false);
                    continue;
                };
                if false_size > 1 {
                    let alone = with(parts, |parts| proof(parts).size = false_size);
                    readers.refuse(&alone, false);
                    proof(&mut both).size = false_size;
                    let fits =
                        index < false_size && path_length(index, false_size) == honest.path.len();
                    if fits && root(parts.leaf(), proof(&mut both)) == root(parts.leaf(), honest) {
                        same_root += 1;
                    }
                    readers.refuse(&both, fits);
                } else {
                    // A tree of one leaf carries no proof; without it, the leaf
                    // would have to be the root.
                    both.receipt.proof = None;
                    readers.refuse(&both, true);
                }
            }
        }
    }
    assert!(same_root > 10_000, "RFC 9162 alone does not fix the size: {same_root}");
}

#[test]
fn every_false_path_up_to_64_leaves_is_refused() {
    let mut readers = Readers::new();
    for size in 2..=LEAVES {
        let batch = batch(size);
        let root = root(batch[0].leaf(), batch[0].receipt.proof.as_ref().unwrap());
        for (index, parts) in batch.iter().enumerate() {
            readers.accept(parts);
            let length = parts.receipt.proof.as_ref().unwrap().path.len();
            readers.refuse(&with(parts, |parts| proof(parts).path.clear()), false);
            readers.refuse(&with(parts, |parts| parts.receipt.proof = None), false);
            for at in 0..length {
                // Too short and too long, by each of the hashes.
                readers.refuse(
                    &with(parts, |parts| {
                        proof(parts).path.remove(at);
                    }),
                    false,
                );
                let double = |parts: &mut Parts| {
                    let hash = proof(parts).path[at];
                    proof(parts).path.insert(at, hash);
                };
                readers.refuse(&with(parts, double), false);
                // Another hash in its place.
                let bit = u8::try_from(1 << (index % 8)).unwrap();
                let others = [
                    flip(&proof(&mut parts.clone()).path[at], index % 32, bit),
                    root,
                    parts.leaf(),
                ];
                for other in others {
                    readers.refuse(&with(parts, |parts| proof(parts).path[at] = other), true);
                }
                // Two of them exchanged.
                if at > 0 {
                    readers.refuse(&with(parts, |parts| proof(parts).path.swap(at - 1, at)), true);
                }
            }
            // A neighbour's path, under its own index and under ours.
            let neighbour = &batch[(index + 1) % batch.len()];
            let theirs = neighbour.receipt.proof.clone().unwrap();
            let fits = theirs.path.len() == length;
            let under_ours = Proof { index: index as u64, ..theirs.clone() };
            readers.refuse(&with(parts, |parts| parts.receipt.proof = Some(theirs)), true);
            // In a tree of two the neighbour's path is our own leaf.
            readers.refuse(&with(parts, |parts| parts.receipt.proof = Some(under_ours)), fits);
        }
    }
    assert!(readers.refused.iter().all(|count| *count > 10_000), "{:?}", readers.refused);
}

fn flip(hash: &Hash, at: usize, bit: u8) -> Hash {
    let mut hash = *hash;
    hash[at] ^= bit;
    hash
}

/// 33 hashes are one more than any tree has.
#[test]
fn a_path_longer_than_any_tree_is_refused() {
    let mut readers = Readers::new();
    let parts = batch(2).remove(0);
    for size in [2, 1 << 32, (1 << 32) + 1, u64::MAX >> 1] {
        for length in [32, 33, 64, 300] {
            let changed = with(&parts, |parts| {
                parts.receipt.protected = Receipt::protected_of(size);
                *proof(parts) = Proof { size, index: 0, path: vec![[7; 32]; length] };
            });
            readers.refuse(&changed, size == 1 << 32 && length == 32);
        }
    }
}
