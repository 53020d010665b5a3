//! Receipts after the sender's: made by a notary over the statement, in a log
//! of its own.

use super::cbor::{self, Fields, Item};
use super::draft::{Sealed, proofs, sign1};
use super::keys::{Signer, sig_structure};
use super::merkle::{self, Proof};

/// A notary's receipt before it is put together.
#[derive(Clone)]
pub(crate) struct NotaryReceipt {
    pub(crate) signer: Signer,
    pub(crate) protected: Fields,
    pub(crate) leaf: merkle::Node,
    pub(crate) proof: Proof,
    pub(crate) payload: Item,
    pub(crate) signature: Option<Vec<u8>>,
    /// Instead of the encoded protected map; it is signed.
    pub(crate) protected_bytes: Option<Vec<u8>>,
    /// Instead of the encoded proof.
    pub(crate) proof_bytes: Option<Vec<u8>>,
}

impl NotaryReceipt {
    /// A right one: leaf 5 of a log of 11 entries.
    pub(crate) fn over(sealed: &Sealed, signer: &Signer) -> Self {
        Self {
            signer: signer.clone(),
            protected: Fields::new()
                .with(1, cbor::int(-8))
                .with(4, cbor::bytes(signer.key_id()))
                .with(395, cbor::uint(1)),
            leaf: sealed.leaf,
            proof: Proof::imagined(11, 5, "notary's log"),
            payload: cbor::nil(),
            signature: None,
            protected_bytes: None,
            proof_bytes: None,
        }
    }

    pub(crate) fn protected(&self) -> Vec<u8> {
        self.protected_bytes.clone().unwrap_or_else(|| self.protected.encode())
    }

    /// The bytes that are signed.
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        sig_structure(&self.protected(), b"", &self.proof.root(&self.leaf))
    }

    /// The signature it carries.
    pub(crate) fn signature(&self) -> Vec<u8> {
        let signature = || self.signer.sign(&self.signed_bytes()).to_vec();
        self.signature.clone().unwrap_or_else(signature)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let proof = self.proof_bytes.clone().unwrap_or_else(|| self.proof.encode());
        sign1(&self.protected(), proofs(&proof), self.payload.clone(), &self.signature())
    }
}
