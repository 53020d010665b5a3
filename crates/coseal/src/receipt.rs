//! Step 4: frame and verifying key in, proof of origin out. The sender's
//! receipt is an Ed25519 signature over the root of a Merkle tree in which the
//! message is a leaf (RFC 9942, RFC 9162 §2.1); a message sealed alone is a
//! tree of one leaf.
//!
//! Until the signature verified, every byte here is the attacker's.

mod cache;
mod other;
pub(crate) mod tree;

use sha2::Digest;

use crate::error::{Error, Result, Untrusted};
use crate::hash::Sha256;
use crate::key::{VerifyingKey, signature_from};
use crate::wire::RawReceipt;
use crate::wire::write::{Items, Sink, Slots, shortest};
use tree::Hash;

use cache::Climbed;
pub(crate) use cache::Proven;
pub use other::OtherReceipt;
pub(crate) use other::judge_other;

/// Checks that `receipt` proves `leaf` under `key`. What was proven before is
/// found in `proven`, as long as `bundle`, the digest of the trust bundle, stays
/// the same; the answer never depends on what is in there.
pub(crate) fn verify(
    receipt: &RawReceipt<'_>,
    leaf: &Hash,
    key: &VerifyingKey,
    bundle: &Hash,
    proven: &Proven,
) -> Result<()> {
    let mut way = proven.look_up(receipt, key, bundle);
    let verified = match way.climb(receipt, leaf) {
        Climbed::Proven => None,
        Climbed::Root(root)
            if signature_verifies(key, receipt.protected, &root, receipt.signature) =>
        {
            Some(root)
        }
        Climbed::Root(_) => {
            let detail = "the sender's signature does not fit this message";
            return Err(Error::Untrusted(Untrusted::BadSignature, detail.into()));
        }
    };
    proven.insert(receipt, key, bundle, &way, verified);
    Ok(())
}

/// Strict verification over `Sig_structure`; false for whatever is no
/// signature.
fn signature_verifies(key: &VerifyingKey, protected: &[u8], root: &Hash, signature: &[u8]) -> bool {
    #[cfg(test)]
    crate::meter::signature();
    let Some(signature) = signature_from(signature) else {
        return false;
    };
    with_to_be_signed(protected, root, |message| key.verifies(message, &signature))
}

/// Hands `["Signature1", protected, h'', root]` (RFC 9052 §4.4), encoded, to
/// `then`. Both the sender's protected header and what this crate takes of
/// others' are short; a longer one is signed by nobody we know.
pub(crate) fn with_to_be_signed<T: Default>(
    protected: &[u8],
    root: &Hash,
    then: impl FnOnce(&[u8]) -> T,
) -> T {
    let mut buffer = [0; TO_BE_SIGNED_MAX];
    let length = 12 + shortest(protected.len() as u64) + protected.len() + 1 + 34;
    match buffer.get_mut(..length) {
        Some(message) => {
            write_to_be_signed(&mut Slots::new(message), protected, root);
            then(message)
        }
        None => T::default(),
    }
}

/// Room for a `Sig_structure` over a root, with a protected header of up to 79
/// bytes; the sender's has at most 23.
const TO_BE_SIGNED_MAX: usize = 128;

fn write_to_be_signed(out: &mut impl Items, protected: &[u8], root: &Hash) {
    out.put(b"\x84\x6aSignature1");
    out.bytes(protected);
    out.put(&[0x40, 0x58, 0x20]);
    out.put(root);
}

/// The protected header of the sender's receipt:
/// `{1: -8, 395: 1, -65537: [1, tree size]}`.
pub(crate) fn write_protected(out: &mut impl Items, tree_size: u64) {
    out.put(&[0xa3, 0x01, 0x27, 0x19, 0x01, 0x8b, 0x01, 0x3a, 0x00, 0x01, 0x00, 0x00, 0x82, 0x01]);
    out.uint(tree_size);
}

/// Bytes that [`write_protected`] writes.
pub(crate) const fn protected_len(tree_size: u64) -> usize {
    14 + shortest(tree_size)
}

/// The leaf of a message: SHA-256(0x00 || statement), where the statement is
/// `["coseal/v1", protected, SHA-256(ciphertext)]`.
pub(crate) fn leaf_of(protected: &[u8], ciphertext_digest: &Hash) -> Hash {
    // Few updates: each costs more than the bytes in it.
    let mut head = [0; 17];
    let length = 12 + shortest(protected.len() as u64);
    let head = head.get_mut(..length).unwrap_or_default();
    let mut out = Slots::new(head);
    out.put(b"\x00\x83\x69coseal/v1");
    out.bytes_head(protected.len());
    let mut end = [0; 34];
    let mut out = Slots::new(&mut end);
    out.bytes(ciphertext_digest);
    let hash = Sha256::new().chain_update(head).chain_update(protected).chain_update(end);
    hash.finalize().into()
}
