//! Bytes → receipts, in the place of the sender's and behind it.
//!
//! An even first byte: the rest is a receipt as it is. It verifies only where
//! it is one that the sender made; as a later one it changes nothing.
//! An odd first byte: the rest says how to build a receipt that is properly
//! signed over a tree of any shape. It verifies exactly where the tree is one.

use arbitrary::{Arbitrary, Unstructured};
use coseal::OtherReceipt;

use crate::envelope_decode;
use crate::fixture::{ENVELOPES, key_id, seed, verifier};
use crate::item::{self, Item};
use crate::refusal::name;
use crate::shape::{is_sender_receipt, path_length};
use crate::sign::{self, Hash, Proof, leaf_of, receipts_mut};

/// Runs the target on `input`.
pub fn check(input: &[u8]) {
    match input.split_first() {
        Some((mode, rest)) if mode % 2 == 0 => check_bytes(rest),
        Some((_, rest)) => {
            if let Ok(built) = Built::arbitrary_take_rest(Unstructured::new(rest)) {
                if built.later {
                    check_later(&built);
                } else {
                    check_sender(&built).ok();
                }
            }
        }
        None => (),
    }
}

/// The envelope that everything is tried on.
fn envelope() -> Item {
    Item::read(&ENVELOPES[0].bytes, item::DEPTH).expect("our own envelope").0
}

fn with_receipts(receipts: Vec<Item>) -> Vec<u8> {
    let mut envelope = envelope();
    *receipts_mut(&mut envelope).expect("our own envelope") = Item::Array(receipts);
    envelope.encode()
}

fn genuine() -> Item {
    Item::bytes(&ENVELOPES[0].signed.receipt)
}

fn leaf() -> Hash {
    leaf_of(
        &ENVELOPES[0].signed.protected,
        ENVELOPES[0].signed.ciphertext.as_deref().unwrap_or_default(),
    )
}

fn check_bytes(receipt: &[u8]) {
    let bytes = with_receipts(vec![Item::bytes(receipt)]);
    envelope_decode::check(&bytes);
    let verified = verifier().verify(&bytes).map(drop).map_err(|error| name(&error));
    let sound = item::deterministic(receipt).ok().is_some_and(|receipt| {
        !receipt.has_foreign_value() && is_sender_receipt(&receipt).is_some()
    });
    match verified.as_ref().map_err(String::as_str) {
        Ok(()) => assert!(is_genuine(receipt), "a forged receipt verifies"),
        Err("untrusted/bad_signature" | "unsupported/receipt") => assert!(sound),
        Err(refusal) => {
            assert!(!sound, "{refusal}, though the receipt has the right shape");
            assert!(refusal.starts_with("malformed/"), "{refusal}");
        }
    }

    let bytes = with_receipts(vec![genuine(), Item::bytes(receipt)]);
    envelope_decode::check(&bytes);
    if (1..=16384).contains(&receipt.len()) {
        let verifier = verifier();
        let verified = verifier.verify(&bytes).expect("a later receipt changes nothing");
        let found = verified.other_receipts();
        assert_eq!(found.len(), 1);
        assert!(!matches!(found[0], OtherReceipt::Trusted { .. }), "a forged receipt is trusted");
    }
}

/// Whether the sender made this receipt for this message, alone or in a batch.
fn is_genuine(receipt: &[u8]) -> bool {
    let message = &ENVELOPES[0].signed;
    let mut known = ENVELOPES.iter().map(|sealed| &sealed.signed);
    known.any(|signed| signed.is_of_same_message(message) && signed.receipt == receipt)
}

/// How to build a receipt.
#[derive(Arbitrary, Debug)]
struct Built {
    later: bool,
    signer: u8,
    algorithm: Algorithm,
    /// The tree size, of any magnitude.
    size: (u64, u8),
    index: (u64, u8),
    /// Hashes in the path beyond those that index and size demand.
    surplus: i8,
    /// What the proof says of the tree size, where it is not the signed one.
    proof_size: Option<u64>,
    /// A proof where none belongs, none where one belongs.
    misplaced: bool,
    spoilt: Spoilt,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Algorithm {
    EdDsa,
    Ed25519,
    Other(i64),
}

/// What is wrong with the signature or what it is over.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Spoilt {
    Nothing,
    Signature(u16),
    /// S + L: the same scalar, which a lax verifier takes.
    Malleable,
    Path(u16),
}

impl Built {
    fn size(&self) -> u64 {
        self.size.0 >> (self.size.1 & 63)
    }

    fn proof(&self) -> Proof {
        let size = self.size();
        let index = self.index.0 >> (self.index.1 & 63);
        let demanded = if index < size { path_length(index, size) } else { 0 };
        let length = demanded.saturating_add_signed(self.surplus.into()).min(40);
        let path = (0..length).map(|level| [u8::try_from(level).unwrap_or(0); 32]).collect();
        Proof { size: self.proof_size.unwrap_or(size), index, path }
    }

    fn algorithm(&self) -> i64 {
        match self.algorithm {
            Algorithm::EdDsa => -8,
            Algorithm::Ed25519 => -19,
            Algorithm::Other(number) => number,
        }
    }

    /// Spoils what was signed. Answers whether that changed anything.
    fn spoil(&self, receipt: &mut Item) -> bool {
        let Item::Tag(_, array) = receipt else { return false };
        let Item::Array(parts) = &mut **array else { return false };
        match self.spoilt {
            Spoilt::Nothing => false,
            Spoilt::Signature(bit) => flip(&mut parts[3], bit),
            Spoilt::Malleable => {
                let Item::Bytes(signature) = &mut parts[3] else { return false };
                add_order(&mut signature[32..]);
                true
            }
            Spoilt::Path(bit) => {
                parts[1].expand();
                first_hash(&mut parts[1]).is_some_and(|hash| flip(hash, bit))
            }
        }
    }
}

fn flip(item: &mut Item, bit: u16) -> bool {
    let Item::Bytes(bytes) = item else { return false };
    let at = usize::from(bit / 8) % bytes.len();
    bytes[at] ^= 1 << (bit % 8);
    true
}

fn first_hash(item: &mut Item) -> Option<&mut Item> {
    match item {
        Item::Bytes(bytes) => (bytes.len() == 32).then_some(item),
        Item::Array(items) => items.iter_mut().find_map(first_hash),
        Item::Map(entries) => entries.iter_mut().find_map(|(_, value)| first_hash(value)),
        Item::Embedded(item) => first_hash(item),
        _ => None,
    }
}

/// Adds L = 2^252 + 27742317777372353535851937790883648493, little-endian.
fn add_order(scalar: &mut [u8]) {
    const LOW: u128 = 27_742_317_777_372_353_535_851_937_790_883_648_493;
    let mut order = [0; 32];
    order[..16].copy_from_slice(&LOW.to_le_bytes());
    order[31] = 0x10;
    let mut carry = 0;
    for (digit, added) in scalar.iter_mut().zip(order) {
        let sum = u16::from(*digit) + u16::from(added) + carry;
        *digit = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

/// Answers what the specification demands of it, which is what came of it.
fn check_sender(built: &Built) -> Result<(), &'static str> {
    let leaf = leaf();
    let (size, proof) = (built.size(), built.proof());
    let proof = ((size > 1) != built.misplaced).then_some(proof);
    // A tree that is none has no root; something has to be signed.
    let over = proof.clone().unwrap_or(Proof { size: 1, ..Proof::default() });
    let root = over.root_of(&leaf);
    let signed = root.unwrap_or(leaf);
    let signer: Hash = seed::SIGNERS[usize::from(built.signer) % seed::SIGNERS.len()];
    let algorithm = built.algorithm();
    let mut receipt = sign::sender_receipt(&signer, algorithm, size, proof.as_ref(), &signed);
    let spoilt = built.spoil(&mut receipt);

    let shaped = (1..=1 << 32).contains(&size)
        && root.is_some()
        && proof.as_ref().map_or(size == 1, |proof| size > 1 && proof.size == size);
    let expected = match algorithm {
        _ if !shaped => Err("malformed/structure"),
        -8 | -19 if signer == seed::SIGNER && !spoilt => Ok(()),
        -8 | -19 => Err("untrusted/bad_signature"),
        _ => Err("unsupported/receipt"),
    };
    let bytes = with_receipts(vec![Item::bytes(&receipt.encode())]);
    envelope_decode::check(&bytes);
    let found = verifier().verify(&bytes).map(drop).map_err(|error| name(&error));
    assert_eq!(found, expected.map_err(str::to_owned));
    expected
}

fn check_later(built: &Built) {
    let leaf = leaf();
    let proof = built.proof();
    let root = proof.root_of(&leaf).filter(|_| proof.size <= 1 << 32);
    let signer: Hash = seed::SIGNERS[usize::from(built.signer) % seed::SIGNERS.len()];
    let mut receipt = sign::later_receipt(&signer, &proof, &root.unwrap_or(leaf));
    let spoilt = built.spoil(&mut receipt);
    let readable = !receipt.has_foreign_value()
        && proof.size <= i64::MAX as u64
        && proof.index <= i64::MAX as u64
        && proof.path.len() <= 32;
    let bytes = with_receipts(vec![genuine(), Item::bytes(&receipt.encode())]);
    let verifier = verifier();
    let verified = verifier.verify(&bytes).expect("a later receipt changes nothing");
    // Neither revoked nor ended before the message was sealed.
    let allowed = [seed::SIGNER, seed::OTHER].contains(&signer);
    let key_id = key_id(&signer);
    let found = verified.other_receipts();
    match &found[..] {
        [OtherReceipt::Unknown] => {
            assert!(!allowed || !readable, "unknown, but of a known form: {built:?}");
        }
        [OtherReceipt::Invalid { key_id: told }] => {
            assert!(allowed && readable && *told == key_id && (spoilt || root.is_none()));
        }
        [OtherReceipt::Trusted { key_id: told, .. }] => {
            assert!(allowed && readable && *told == key_id && !spoilt && root.is_some());
        }
        other => panic!("one receipt is told as {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(size: u64, index: u64) -> Built {
        Built {
            later: false,
            signer: 0,
            algorithm: Algorithm::EdDsa,
            size: (size, 0),
            index: (index, 0),
            surplus: 0,
            proof_size: None,
            misplaced: false,
            spoilt: Spoilt::Nothing,
        }
    }

    #[test]
    fn every_leaf_of_a_sound_tree_verifies_and_no_other() {
        for size in 1..=9 {
            for index in 0..size {
                assert_eq!(check_sender(&built(size, index)), Ok(()), "{index} of {size}");
                check_later(&built(size, index));
            }
            let beyond = built(size, if size == 1 { u64::MAX } else { size });
            assert_eq!(check_sender(&beyond).is_ok(), size == 1, "no index is told of one leaf");
        }
        let forged = |spoilt| Built { spoilt, ..built(5, 2) };
        for spoilt in [Spoilt::Signature(7), Spoilt::Malleable, Spoilt::Path(300)] {
            let found = check_sender(&forged(spoilt));
            assert_eq!(found, Err("untrusted/bad_signature"), "{spoilt:?}");
            check_later(&forged(spoilt));
        }
    }
}
