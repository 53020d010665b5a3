//! An envelope before it is put together: every piece can be replaced, and
//! whatever follows from it (ciphertext, root, signature) is made to fit,
//! unless it is replaced, too. So a fault is one fault.

use super::cbor::{self, Fields, Item};
use super::keys::{Signer, sig_structure};
use super::merkle::{self, Node, Proof};
use super::plan::{Plan, label};
use super::schedule::enc_structure;
use crate::case::{Hex, Intermediate};

#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) plan: Plan,
    pub(crate) header: Fields,
    /// Instead of the encoded header.
    pub(crate) protected: Option<Vec<u8>>,
    /// Instead of the encrypted payload; it is signed.
    pub(crate) ciphertext: Option<Vec<u8>>,
    /// Encoded recipient entries.
    pub(crate) recipients: Vec<Item>,
    pub(crate) receipt: Receipt,
    /// Encoded items after the sender's receipt.
    pub(crate) other_receipts: Vec<Item>,
    /// Instead of the four items of the envelope.
    pub(crate) frame: Frame,
}

/// The sender's receipt.
#[derive(Clone)]
pub(crate) struct Receipt {
    pub(crate) signer: Signer,
    pub(crate) protected: Fields,
    pub(crate) proof: Proof,
    /// The root to sign, instead of the one that follows from the proof.
    pub(crate) root: Option<Node>,
    /// The bytes to sign, instead of the Sig_structure.
    pub(crate) signed_bytes: Option<Vec<u8>>,
    pub(crate) signature: Option<Vec<u8>>,
    /// Instead of the encoded proof.
    pub(crate) proof_bytes: Option<Vec<u8>>,
    /// Instead of the encoded protected map.
    pub(crate) protected_bytes: Option<Vec<u8>>,
    /// Instead of the unprotected map that carries the proof.
    pub(crate) unprotected: Option<Item>,
    pub(crate) payload: Item,
    /// Instead of the whole receipt.
    pub(crate) encoded: Option<Vec<u8>>,
}

/// Encoded items that stand instead of what would follow from the pieces.
#[derive(Clone, Default)]
pub(crate) struct Frame {
    pub(crate) protected: Option<Item>,
    pub(crate) receipts: Option<Item>,
    pub(crate) unprotected: Option<Item>,
    pub(crate) ciphertext: Option<Item>,
    pub(crate) recipients: Option<Item>,
    /// After the four.
    pub(crate) more: Vec<Item>,
}

/// An envelope, and the values it was put together from.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) plan: Plan,
    pub(crate) envelope: Vec<u8>,
    /// The array, without the tag.
    pub(crate) untagged: Vec<u8>,
    pub(crate) protected: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) statement: Vec<u8>,
    pub(crate) leaf: Node,
    pub(crate) root: Node,
    pub(crate) sig_structure: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) receipt: Vec<u8>,
    pub(crate) recipients: Vec<Item>,
}

/// The protected map of a sender's receipt over a tree of this size.
pub(crate) fn receipt_protected(tree_size: u64) -> Fields {
    Fields::new()
        .with(1, cbor::int(-8))
        .with(395, cbor::uint(1))
        .with(label::ORIGIN, cbor::array([cbor::uint(1), cbor::uint(tree_size)]))
}

/// `{396: {-1: [proof]}}`, the proof as a byte string.
pub(crate) fn proofs(proof: &[u8]) -> Item {
    let inclusion = Fields::new().with(-1, cbor::array([cbor::bytes(proof)]));
    Fields::new().with(396, inclusion.encode()).encode()
}

/// A tagged COSE_Sign1.
pub(crate) fn sign1(protected: &[u8], unprotected: Item, payload: Item, signature: &[u8]) -> Item {
    cbor::tag(
        18,
        cbor::array([cbor::bytes(protected), unprotected, payload, cbor::bytes(signature)]),
    )
}

impl Receipt {
    fn new(signer: Signer) -> Self {
        Self {
            signer,
            protected: receipt_protected(1),
            proof: Proof::alone(),
            root: None,
            signed_bytes: None,
            signature: None,
            proof_bytes: None,
            protected_bytes: None,
            unprotected: None,
            payload: cbor::nil(),
            encoded: None,
        }
    }

    /// Places the message in a tree, and signs its size.
    pub(crate) fn place(&mut self, proof: Proof) {
        self.protected = receipt_protected(proof.size);
        self.proof = proof;
    }

    pub(crate) fn protected(&self) -> Vec<u8> {
        self.protected_bytes.clone().unwrap_or_else(|| self.protected.encode())
    }

    fn unprotected(&self) -> Item {
        self.unprotected.clone().unwrap_or_else(|| {
            let proof =
                self.proof_bytes.clone().or((self.proof.size > 1).then(|| self.proof.encode()));
            proof.map_or(Fields::new().encode(), |proof| proofs(&proof))
        })
    }
}

impl Draft {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            header: plan.header(),
            protected: None,
            ciphertext: None,
            recipients: plan.encode_recipients(),
            receipt: Receipt::new(plan.signer.clone()),
            other_receipts: Vec::new(),
            frame: Frame::default(),
            plan,
        }
    }

    pub(crate) fn protected(&self) -> Vec<u8> {
        self.protected.clone().unwrap_or_else(|| self.header.encode())
    }

    pub(crate) fn ciphertext(&self) -> Vec<u8> {
        self.ciphertext.clone().unwrap_or_else(|| {
            self.plan.schedule().encrypt(self.plan.suite, &self.protected(), &self.plan.payload)
        })
    }

    pub(crate) fn statement(&self) -> Vec<u8> {
        merkle::statement(&self.protected(), &self.ciphertext())
    }

    pub(crate) fn leaf(&self) -> Node {
        merkle::leaf(&self.statement())
    }

    /// Puts the envelope together.
    pub(crate) fn seal(&self) -> Sealed {
        let (protected, ciphertext) = (self.protected(), self.ciphertext());
        let statement = merkle::statement(&protected, &ciphertext);
        let leaf = merkle::leaf(&statement);
        let root = self.receipt.root.unwrap_or_else(|| self.receipt.proof.root(&leaf));
        let signed = self.receipt.protected();
        let sig_structure =
            self.receipt.signed_bytes.clone().unwrap_or_else(|| sig_structure(&signed, b"", &root));
        let signature = self
            .receipt
            .signature
            .clone()
            .unwrap_or_else(|| self.receipt.signer.sign(&sig_structure).to_vec());
        let receipt = self.receipt.encoded.clone().unwrap_or_else(|| {
            sign1(&signed, self.receipt.unprotected(), self.receipt.payload.clone(), &signature)
        });
        let untagged = self.assemble(&protected, &ciphertext, &receipt);
        Sealed {
            plan: self.plan.clone(),
            envelope: cbor::tag(96, &untagged),
            untagged,
            protected,
            ciphertext,
            statement,
            leaf,
            root,
            sig_structure,
            signature,
            receipt,
            recipients: self.recipients.clone(),
        }
    }

    fn assemble(&self, protected: &[u8], ciphertext: &[u8], receipt: &[u8]) -> Item {
        let frame = self.frame.clone();
        let unprotected = frame.unprotected.unwrap_or_else(|| {
            let receipts = frame.receipts.unwrap_or_else(|| {
                let first = [cbor::bytes(receipt)];
                cbor::array(first.into_iter().chain(self.other_receipts.iter().cloned()))
            });
            Fields::new().with(label::RECEIPTS, receipts).encode()
        });
        let items = [
            frame.protected.unwrap_or_else(|| cbor::bytes(protected)),
            unprotected,
            frame.ciphertext.unwrap_or_else(|| cbor::bytes(ciphertext)),
            frame.recipients.unwrap_or_else(|| cbor::array(self.recipients.iter().cloned())),
        ];
        cbor::array(items.into_iter().chain(frame.more))
    }
}

impl Sealed {
    pub(crate) fn intermediate(&self) -> Intermediate {
        let schedule = self.plan.schedule();
        Intermediate {
            protected_hex: Hex::from(&self.protected),
            epoch_secret_hex: Hex::from(&self.plan.epoch_secret),
            prk_hex: Hex::from(&schedule.prk),
            message_key_hex: Hex::from(&schedule.key),
            commitment_hex: Hex::from(&schedule.commitment),
            enc_structure_hex: Hex::from(&enc_structure(&self.protected)),
            statement_hex: Hex::from(&self.statement),
            leaf_hex: Hex::from(&self.leaf),
            root_hex: Hex::from(&self.root),
            sig_structure_hex: Hex::from(&self.sig_structure),
            hpke_info_hex: Hex::from(&self.plan.hpke_info()),
        }
    }
}

/// Seals plans together: one tree, one signature.
pub(crate) fn seal_batch(plans: impl IntoIterator<Item = Plan>) -> Vec<Sealed> {
    let mut drafts: Vec<Draft> = plans.into_iter().map(Draft::new).collect();
    let leaves: Vec<Node> = drafts.iter().map(Draft::leaf).collect();
    for (index, draft) in drafts.iter_mut().enumerate() {
        draft.receipt.place(Proof::among(&leaves, index));
    }
    drafts.iter().map(Draft::seal).collect()
}
