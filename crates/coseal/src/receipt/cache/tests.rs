//! What is remembered spares hashes, and never changes an answer.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::super::{leaf_of, verify};
use super::Proven;
use crate::hash::Sha256;
use crate::meter::measure;
use crate::wire;
use crate::{
    Message, NewRecord, Opener, Pattern, ReceivingKey, Sealer, SigningKey, Time, TrustAnchor,
    TrustBundle, TrustCell, Verifier,
};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use sha2::Digest;

const NODE: usize = 65;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// The keys of seeds 1 to 9, signed by the first.
fn trust(domain: &str) -> Arc<TrustBundle> {
    let now = Time::now();
    let valid_from = now.minus(core::time::Duration::from_secs(60));
    let mut edit = TrustBundle::make(domain);
    for seed in 1..=9 {
        edit.add(NewRecord {
            key: key(seed).verifying_key().clone().into(),
            subject: "spiffe://example.test/a".into(),
            valid_from,
            valid_until: None,
            channels: vec![Pattern::new(">").unwrap()],
        })
        .unwrap();
    }
    let bytes = edit.sign(&key(1), now, Time::from_secs(4_000_000_000)).unwrap();
    let anchor = TrustAnchor::pinned([key(1).verifying_key().clone()]);
    Arc::new(TrustBundle::load(&bytes, &anchor, now).unwrap())
}

fn batch(signer: u8, size: usize) -> Vec<Vec<u8>> {
    let recipient = ReceivingKey::from_bytes(&[7; 32]);
    let sealer = Sealer::builder(key(signer), "orders")
        .recipient(recipient.recipient_key())
        .build()
        .unwrap();
    sealer.seal_batch(&vec![Message::new(b"payload"); size]).unwrap()
}

/// Tree nodes hashed to verify each.
fn nodes(verifier: &Verifier, envelopes: &[Vec<u8>]) -> Vec<usize> {
    let of = |envelope: &Vec<u8>| measure(|| verifier.verify(envelope).map(drop).unwrap()).1;
    let work: Vec<_> = envelopes.iter().map(|envelope| of(envelope).hashed).collect();
    // All are of one length: the last, read again, hashes no node.
    let bare = of(envelopes.last().unwrap()).hashed;
    work.into_iter().map(|hashed| (hashed - bare) / NODE).collect()
}

/// Puts `items` in another order, the same each time.
fn shuffle<T>(items: &mut [T]) {
    let mut state = 1_u64;
    for last in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        items.swap(last, usize::try_from(state >> 33).unwrap() % (last + 1));
    }
}

#[test]
fn a_message_whose_neighbours_were_read_costs_less_than_its_path() {
    for size in [2, 3, 64, 100, 256] {
        let envelopes = batch(2, size);
        let verifier = Verifier::new(trust("a"));
        let costs = nodes(&verifier, &envelopes);
        assert_eq!(costs[0], size.next_power_of_two().ilog2() as usize, "{size}: the first");
        let sum: usize = costs.iter().sum();
        assert!(sum <= size, "{size} in order: {sum} nodes");
        assert_eq!(nodes(&verifier, &envelopes), vec![0; size], "{size}: again");
    }
}

#[test]
fn what_one_thread_verified_no_other_verifies_again() {
    let envelopes = batch(2, 64);
    let verifier = Verifier::new(trust("a"));
    let signatures = || {
        let verify =
            || envelopes.iter().for_each(|envelope| drop(verifier.verify(envelope).unwrap()));
        measure(verify).1.signatures
    };
    assert_eq!(signatures(), 1);
    // More of them than there are lanes.
    for thread in 0..20 {
        let again = std::thread::scope(|scope| scope.spawn(signatures).join().unwrap());
        assert_eq!(again, 0, "thread {thread}");
    }
}

/// One refused envelope among others takes nothing from them.
#[test]
fn a_batch_is_opened_in_its_order_and_each_is_judged_alone() {
    let opener = Opener::builder(trust("a")).channel("orders").archive();
    let opener = opener.key(ReceivingKey::from_bytes(&[7; 32])).build().unwrap();
    let mut envelopes = batch(2, 64);
    let last = envelopes[5].len() - 1;
    envelopes[5][last] ^= 1;
    envelopes[6].truncate(last);
    let answers: Vec<_> = opener
        .open_batch(&envelopes)
        .into_iter()
        .map(|opened| match opened {
            Ok(opened) => {
                assert_eq!(opened.payload(), b"payload");
                Ok(opened.sequence())
            }
            Err(error) => Err(error.code()),
        })
        .collect();
    for (sequence, answer) in (0..64).zip(answers) {
        let expected = match sequence {
            5 => Err("undecryptable"),
            6 => Err("malformed"),
            _ => Ok(sequence),
        };
        assert_eq!(answer, expected, "{sequence}");
    }
}

#[test]
fn any_order_costs_at_most_the_tree_and_the_paths_that_meet_nothing() {
    let mut shuffled = batch(2, 256);
    shuffle(&mut shuffled);
    let sum: usize = nodes(&Verifier::new(trust("a")), &shuffled).iter().sum();
    assert!(sum <= 2 * 256, "shuffled: {sum} nodes");

    let batches: Vec<_> = (2..=9).map(|signer| batch(signer, 256)).collect();
    let interleaved: Vec<_> =
        (0..256).flat_map(|at| batches.iter().map(move |batch| batch[at].clone())).collect();
    let sum: usize = nodes(&Verifier::new(trust("a")), &interleaved).iter().sum();
    assert!(sum <= 2 * 8 * 256, "eight producers: {sum} nodes");
}

/// What is remembered is bounded: of a batch larger than all of it, and of
/// more batches than it holds, everything still verifies.
#[test]
fn more_than_can_be_remembered_is_computed() {
    let verifier = Verifier::new(trust("a"));
    let large = batch(2, 10_000);
    verifier.verify(&large[0]).unwrap();
    for envelope in large.iter().rev().step_by(7) {
        verifier.verify(envelope).unwrap();
    }
    let many: Vec<_> = (0..1500).flat_map(|_| batch(3, 2)).collect();
    for envelope in many.iter().chain(&many) {
        verifier.verify(envelope).unwrap();
    }
}

/// Every byte of an envelope changed, in a reader that has proven the whole
/// batch, in one that knows half of it, and in one that knows nothing.
#[test]
fn no_answer_depends_on_what_is_remembered() {
    let trust = trust("a");
    for size in [1, 2, 3, 7, 8, 13] {
        let envelopes = batch(2, size);
        let (all, half) = (Verifier::new(trust.clone()), Verifier::new(trust.clone()));
        for (at, envelope) in envelopes.iter().enumerate() {
            all.verify(envelope).unwrap();
            if at % 2 == 0 {
                half.verify(envelope).unwrap();
            }
        }
        for envelope in [&envelopes[0], &envelopes[size / 2], &envelopes[size - 1]] {
            for at in 0..envelope.len() {
                let mut changed = envelope.clone();
                changed[at] ^= 1;
                let answer = |verifier: &Verifier| {
                    verifier
                        .verify(&changed)
                        .map(drop)
                        .map_err(|error| (error.code(), error.kind()))
                };
                let expected = answer(&Verifier::new(trust.clone()));
                assert_eq!(answer(&all), expected, "byte {at}, one of {size}");
                assert_eq!(answer(&half), expected, "byte {at}, one of {size}");
            }
        }
    }
}

/// A proven message between siblings that are proven, too, but not there.
#[test]
fn proven_nodes_prove_nothing_in_another_place() {
    let envelopes = batch(2, 8);
    let verifier = Verifier::new(trust("a"));
    for envelope in &envelopes {
        verifier.verify(envelope).unwrap();
    }
    let path_of = |envelope: &[u8]| {
        // Three hashes, each behind `58 20`, after index and the array's head.
        let is_head = |at: usize| envelope.get(at..at + 2) == Some(&[0x58, 0x20]);
        let mut places = 0..envelope.len();
        let first = places.find(|at| [0, 34, 68].iter().all(|more| is_head(at + more))).unwrap();
        first..first + 3 * 34
    };
    for (from, to) in [(0, 1), (1, 0), (2, 6), (0, 7), (4, 5)] {
        let mut spliced = envelopes[to].clone();
        let (source, target) = (path_of(&envelopes[from]), path_of(&spliced));
        spliced[target].copy_from_slice(&envelopes[from][source]);
        let error = verifier.verify(&spliced).map(drop).unwrap_err();
        assert_eq!(error.code(), "untrusted", "the path of {from} in {to}");
    }
    // Two hashes of one path change places.
    let mut swapped = envelopes[3].clone();
    let path = path_of(&swapped);
    let (low, high) = swapped[path].split_at_mut(34);
    low.swap_with_slice(&mut high[..34]);
    assert_eq!(verifier.verify(&swapped).map(drop).unwrap_err().code(), "untrusted");
}

#[test]
fn another_bundle_begins_with_nothing() {
    let cell = Arc::new(TrustCell::new(trust("a")));
    let verifier = Verifier::new(cell.clone());
    let envelopes = batch(2, 64);
    let first = nodes(&verifier, &envelopes);
    cell.replace(trust("b"));
    assert_eq!(nodes(&verifier, &envelopes), first);
    let signatures = || measure(|| drop(verifier.verify(&envelopes[0]).unwrap())).1.signatures;
    assert_eq!(signatures(), 0, "the root is known");
    cell.replace(trust("c"));
    assert_eq!(signatures(), 1, "under another bundle it is not");
}

/// What is not known is zeros in the memory, and no leaf is proven by that.
#[test]
fn zeros_are_no_node_that_is_known() {
    let envelope = batch(2, 8).remove(3);
    let (frame, _) = wire::decode(&envelope, envelope.len()).unwrap();
    let receipt = &frame.receipts.sender;
    let mut way = Proven::new().look_up(receipt, key(2).verifying_key(), &[0; 32]);
    assert!(matches!(way.climb(receipt, &[0; 32]), super::Climbed::Root(_)));
}

/// Whoever signs trees of 2^32 leaves uses up places fast; then nothing new is
/// remembered, and everything is still answered.
#[test]
fn places_are_never_given_twice() {
    let mut met = super::Met::of([0; 32], u64::MAX - 100);
    let root = |tree_size| super::Root {
        key: [1; 32],
        algorithm: -8,
        tree_size,
        signature: [2; 64],
        root: [3; 32],
    };
    assert_eq!(met.insert_tree(root(1)), Some(u64::MAX - 100));
    assert_eq!(met.insert_tree(root(1 << 32)), None);
    assert_eq!(met.insert_tree(root(1)), Some(u64::MAX - 66));
    assert_eq!(met.insert_tree(root(1)), None);

    let proven = Proven::new();
    proven.met.own().lock().next = u64::MAX;
    let signer = key(2);
    for (at, envelope) in batch(2, 64).iter().enumerate() {
        let (frame, ciphertext) = wire::decode(envelope, envelope.len()).unwrap();
        let leaf = leaf_of(frame.protected, &Sha256::digest(ciphertext.unwrap()).into());
        let verify = || {
            let bundle = [0; 32];
            verify(&frame.receipts.sender, &leaf, signer.verifying_key(), &bundle, &proven)
                .unwrap();
        };
        let ((), work) = measure(verify);
        assert_eq!(work.hashed, 6 * NODE, "message {at}: the whole path");
        assert_eq!(work.signatures, usize::from(at == 0), "message {at}: the root is known");
    }
}
