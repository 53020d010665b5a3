//! Signing by hand: what somebody who holds a signing key can make, rightly or
//! not. Built from items; nothing of the library is in it.

use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest, Sha256};

use crate::item::Item;
use crate::shape::split;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The list of receipts in an envelope.
pub fn receipts_mut(envelope: &mut Item) -> Option<&mut Item> {
    let Item::Tag(_, array) = envelope else { return None };
    let Item::Array(parts) = &mut **array else { return None };
    let Some(Item::Map(entries)) = parts.get_mut(1) else { return None };
    entries.first_mut().map(|(_, value)| value)
}

/// The leaf of an envelope that is one as far as that needs.
#[must_use]
pub fn leaf_of_envelope(envelope: &Item) -> Option<Hash> {
    let parts = envelope.tagged(96)?.as_array()?;
    Some(leaf_of(parts.first()?.as_bytes()?, parts.get(2)?.as_bytes()?))
}

/// SHA-256(0x00 || ["coseal/v1", protected, SHA-256(ciphertext)]).
#[must_use]
pub fn leaf_of(protected: &[u8], ciphertext: &[u8]) -> Hash {
    let digest = Sha256::digest(ciphertext);
    let statement =
        Item::Array(vec![Item::text("coseal/v1"), Item::bytes(protected), Item::bytes(&digest)]);
    Sha256::digest([&[0], &statement.encode()[..]].concat()).into()
}

/// An inclusion proof, right or wrong.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// Leaves in the tree.
    pub size: u64,
    /// Which of them.
    pub index: u64,
    /// Siblings, from the leaf upwards.
    pub path: Vec<Hash>,
}

impl Proof {
    /// The root that it gives for a leaf, if it has the shape of a proof: the
    /// recursion of RFC 9162 §2.1.3.1, the last hash being the sibling of the
    /// largest subtree.
    #[must_use]
    pub fn root_of(&self, leaf: &Hash) -> Option<Hash> {
        root_of(leaf, self.index, self.size, &self.path)
    }

    /// `{396: {-1: [proof]}}`
    fn header(&self) -> Item {
        let path = Item::Array(self.path.iter().map(|hash| Item::bytes(hash)).collect());
        let proof = Item::Array(vec![Item::Uint(self.size), Item::Uint(self.index), path]);
        let proofs = Item::Array(vec![Item::bytes(&proof.encode())]);
        Item::map([(396, Item::map([(-1, proofs)]))])
    }
}

fn root_of(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    if size == 1 {
        return path.is_empty().then_some(*leaf);
    }
    let (sibling, path) = path.split_last()?;
    let left = split(size);
    let node =
        |left: &Hash, right: &Hash| Sha256::digest([&[1], &left[..], &right[..]].concat()).into();
    Some(if index < left {
        node(&root_of(leaf, index, left, path)?, sibling)
    } else {
        node(sibling, &root_of(leaf, index - left, size - left, path)?)
    })
}

/// A sender's receipt over a root, by the key of `seed`.
#[must_use]
pub fn sender_receipt(
    seed: &Hash,
    algorithm: i64,
    size: u64,
    proof: Option<&Proof>,
    root: &Hash,
) -> Item {
    let role = Item::Array(vec![Item::of_int(1), Item::Uint(size)]);
    let protected = [(1, Item::of_int(algorithm)), (395, Item::of_int(1)), (-65537, role)];
    receipt(seed, &Item::map(protected), proof, root)
}

/// A receipt that comes after the sender's: with a key ID, without a role.
#[must_use]
pub fn later_receipt(seed: &Hash, proof: &Proof, root: &Hash) -> Item {
    let key_id = crate::fixture::key_id(seed);
    let protected =
        [(1, Item::of_int(-8)), (4, Item::bytes(key_id.as_bytes())), (395, Item::of_int(1))];
    receipt(seed, &Item::map(protected), Some(proof), root)
}

fn receipt(seed: &Hash, protected: &Item, proof: Option<&Proof>, root: &Hash) -> Item {
    let protected = protected.encode();
    let signature = sign(seed, &protected, b"", root);
    let unprotected = proof.map_or(Item::Map(Vec::new()), Proof::header);
    sign1(&protected, unprotected, Item::NULL, &signature)
}

/// A trust bundle around any payload, signed by the key of `seed`.
#[must_use]
pub fn bundle(seed: &Hash, payload: &[u8]) -> Vec<u8> {
    let key_id = crate::fixture::key_id(seed);
    let protected = Item::map([(1, Item::of_int(-8)), (4, Item::bytes(key_id.as_bytes()))]);
    let protected = protected.encode();
    let signature = sign(seed, &protected, b"coseal/v1 trust-bundle", payload);
    sign1(&protected, Item::Map(Vec::new()), Item::bytes(payload), &signature).encode()
}

/// Ed25519 over the `Sig_structure` of RFC 9052 §4.4.
fn sign(seed: &Hash, protected: &[u8], external_aad: &[u8], payload: &[u8]) -> [u8; 64] {
    let structure = Item::Array(vec![
        Item::text("Signature1"),
        Item::bytes(protected),
        Item::bytes(external_aad),
        Item::bytes(payload),
    ]);
    SigningKey::from_bytes(seed).sign(&structure.encode()).to_bytes()
}

fn sign1(protected: &[u8], unprotected: Item, payload: Item, signature: &[u8]) -> Item {
    let parts = vec![Item::bytes(protected), unprotected, payload, Item::bytes(signature)];
    Item::Tag(18, Box::new(Item::Array(parts)))
}
