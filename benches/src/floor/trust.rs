//! The cryptography of loading a trust bundle: one SHA-256 and one strict
//! verification over all of it, and for each record the point of its key
//! decompressed, to see that it is one and not a weak one, and the key's
//! thumbprint.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::hint::black_box;

/// Of an Ed25519 key, encoded as a `COSE_Key`.
const COSE_KEY: usize = 40;

/// A bundle's bytes and keys.
#[derive(Debug)]
pub struct TrustFloor {
    bytes: Vec<u8>,
    keys: Vec<[u8; 32]>,
    root: VerifyingKey,
    signature: Signature,
}

impl TrustFloor {
    /// For a bundle of so many bytes and so many records.
    #[must_use]
    pub fn new(len: usize, records: u32) -> Self {
        let key_of = |number: u32| {
            let mut seed = [9; 32];
            if let Some(start) = seed.first_chunk_mut::<4>() {
                *start = number.to_be_bytes();
            }
            SigningKey::from_bytes(&seed).verifying_key().to_bytes()
        };
        let root = SigningKey::from_bytes(&[3; 32]);
        let bytes = vec![0x5a; len];
        Self {
            signature: root.sign(&bytes),
            root: root.verifying_key(),
            keys: (0..records).map(key_of).collect(),
            bytes,
        }
    }

    /// Loads it.
    pub fn load(&self) {
        black_box(Sha256::digest(&self.bytes));
        black_box(self.root.verify_strict(&self.bytes, &self.signature).is_ok());
        for key in &self.keys {
            black_box(VerifyingKey::from_bytes(key).is_ok_and(|key| key.is_weak()));
            let mut encoded = [0; COSE_KEY];
            if let Some(end) = encoded.last_chunk_mut() {
                *end = *key;
            }
            black_box(Sha256::digest(encoded));
        }
    }
}
