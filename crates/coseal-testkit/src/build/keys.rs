//! Keys and random-looking values from labelled seeds, and the names of keys.

use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

use super::cbor::{self, Fields, Item};

/// 32 bytes that only depend on the label. Nothing here asks the system for
/// randomness: two runs of the generator write the same files.
pub(crate) fn seed(label: &str) -> [u8; 32] {
    sha256(&[b"coseal test vectors: ", label.as_bytes()])
}

/// The first `N` bytes of a seed.
pub(crate) fn seed_bytes<const N: usize>(label: &str) -> [u8; N] {
    let seed = seed(label);
    let (head, _) = seed.split_first_chunk().expect("at most 32 bytes");
    *head
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize().into()
}

/// Ed25519, as COSE numbers curves.
pub(crate) const ED25519: i64 = 6;
/// X25519, as COSE numbers curves.
pub(crate) const X25519: i64 = 4;

/// The COSE_Key of a public key: exactly these three labels.
pub(crate) fn cose_key(curve: i64, public: &[u8]) -> Fields {
    Fields::new().with(1, cbor::uint(1)).with(-1, cbor::int(curve)).with(-2, cbor::bytes(public))
}

/// RFC 9679: SHA-256 of the deterministic encoding of the required labels.
pub(crate) fn thumbprint(curve: i64, public: &[u8]) -> [u8; 32] {
    sha256(&[&cose_key(curve, public).encode()])
}

/// An Ed25519 key pair, or a public key alone.
#[derive(Clone)]
pub(crate) struct Signer {
    /// `None`: a point made by hand. Its signatures are, too.
    secret: Option<[u8; 32]>,
    public: [u8; 32],
}

impl Signer {
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        Self { secret: Some(seed), public }
    }

    pub(crate) fn public_only(public: [u8; 32]) -> Self {
        Self { secret: None, public }
    }

    pub(crate) fn labelled(label: &str) -> Self {
        Self::from_seed(seed(&format!("signing key {label}")))
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.public
    }

    pub(crate) fn thumbprint(&self) -> [u8; 32] {
        thumbprint(ED25519, &self.public)
    }

    pub(crate) fn key_id(&self) -> [u8; 8] {
        key_id(&self.thumbprint())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let seed = self.secret.expect("a key that was not made by hand");
        ed25519_dalek::SigningKey::from_bytes(&seed).sign(message).to_bytes()
    }
}

/// An X25519 key pair.
#[derive(Clone, Copy)]
pub(crate) struct Receiver {
    pub(crate) secret: [u8; 32],
    pub(crate) public: [u8; 32],
}

impl Receiver {
    pub(crate) fn from_secret(secret: [u8; 32]) -> Self {
        let public =
            x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(secret)).to_bytes();
        Self { secret, public }
    }

    pub(crate) fn labelled(label: &str) -> Self {
        Self::from_secret(seed(&format!("receiving key {label}")))
    }

    pub(crate) fn key_id(&self) -> [u8; 8] {
        key_id(&thumbprint(X25519, &self.public))
    }
}

pub(crate) fn key_id(thumbprint: &[u8; 32]) -> [u8; 8] {
    let (head, _) = thumbprint.split_first_chunk().expect("32 bytes hold 8");
    *head
}

/// CBOR `["Signature1", protected, external_aad, payload]`, RFC 9052 §4.4.
pub(crate) fn sig_structure(protected: &[u8], external_aad: &[u8], payload: &[u8]) -> Item {
    cbor::array([
        cbor::text("Signature1"),
        cbor::bytes(protected),
        cbor::bytes(external_aad),
        cbor::bytes(payload),
    ])
}
