//! The bare primitives that a message needs. No format, no checks, no
//! envelopes: what nobody can go below with these crates.
//!
//! Seal: per message one HKDF extract and two expands, one AEAD, SHA-256 of
//! ciphertext and statement, one tree node; per batch one signature and one
//! entropy call. Open: the same, with log2 n tree nodes and the hash that looks
//! the root up, and no signature when the root is cached. Verify: as open
//! without HKDF and AEAD, one strict verification a batch.

use aead::inout::InOutBuf;
use aead::{AeadInOut, KeyInit};
use aes_gcm::Aes256Gcm;
use chacha20poly1305::ChaCha20Poly1305;
use coseal::Suite;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use std::hint::black_box;

pub mod decode;
pub mod trust;

/// Bytes of a protected header without extras on a 6-byte channel.
const PROTECTED: usize = 69;
/// What stands around a header in the AEAD's additional data.
const AAD: usize = PROTECTED + 12;
/// What stands around a header in a statement, with the 0x00 before it.
const STATEMENT: usize = PROTECTED + 1 + 1 + 10 + 2 + 34;
/// A `Sig_structure` over a root.
const TO_BE_SIGNED: usize = 1 + 11 + 16 + 1 + 34;

/// Buffers and keys of one size of message and batch.
pub struct Floor {
    suite: Suite,
    epoch_secret: [u8; 32],
    signing: SigningKey,
    verifying: VerifyingKey,
    payload: Vec<u8>,
    sealed: Vec<Vec<u8>>,
    random: Vec<u8>,
    leaves: Vec<[u8; 32]>,
    signature: Signature,
    /// Nodes between a leaf and its root.
    levels: u32,
}

impl std::fmt::Debug for Floor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Floor").field("payload", &self.payload.len()).finish_non_exhaustive()
    }
}

impl Floor {
    /// For messages of `size` bytes in batches of `batch`.
    #[must_use]
    pub fn new(suite: Suite, size: usize, batch: usize) -> Self {
        let signing = SigningKey::from_bytes(&[2; 32]);
        let mut floor = Self {
            suite,
            epoch_secret: [7; 32],
            verifying: signing.verifying_key(),
            signature: signing.sign(&[0; TO_BE_SIGNED]),
            signing,
            payload: vec![0x5a; size],
            sealed: vec![vec![0; size + 48]; batch],
            random: vec![0; 10 * batch],
            leaves: vec![[0; 32]; batch],
            levels: batch.next_power_of_two().ilog2(),
        };
        floor.seal();
        floor
    }

    /// The same for a reader who knows every tree already and hashes no node.
    #[must_use]
    pub fn knowing_the_trees(self) -> Self {
        Self { levels: 0, ..self }
    }

    /// Seals the batch.
    pub fn seal(&mut self) {
        // Its failure would show in every other test.
        let _ = getrandom::fill(&mut self.random);
        for (index, out) in self.sealed.iter_mut().enumerate() {
            let iv = [u8::try_from(index & 0xff).unwrap_or(0); 24];
            let (key, commitment) = derive(self.suite, &self.epoch_secret, &iv);
            encrypt(self.suite, &key, &commitment, &self.payload, out);
            if let Some(leaf) = self.leaves.get_mut(index) {
                *leaf = leaf_of(out);
            }
        }
        // One node a message: n − 1 of them make the root.
        let mut root = [0; 32];
        for leaf in self.leaves.iter().skip(1) {
            root = node(&root, leaf);
        }
        let mut message = [0; TO_BE_SIGNED];
        if let Some(end) = message.last_chunk_mut() {
            *end = root;
        }
        self.signature = self.signing.sign(&message);
        black_box(&self.signature);
    }

    /// Opens the batch in place, roots cached.
    pub fn open(&mut self) {
        for (index, envelope) in self.sealed.iter_mut().enumerate() {
            let mut hash = leaf_of(envelope);
            for _ in 0..self.levels {
                hash = node(&hash, &self.epoch_secret);
            }
            black_box(look_up(&self.verifying, &hash, &self.signature));
            let iv = [u8::try_from(index & 0xff).unwrap_or(0); 24];
            let (key, commitment) = derive(self.suite, &self.epoch_secret, &iv);
            black_box(commitment);
            decrypt(self.suite, &key, envelope);
        }
    }

    /// Verifies the batch: one strict verification, then the cached root.
    pub fn verify(&self) {
        self.verify_root();
        self.verify_known();
    }

    /// The same where the root is cached.
    pub fn verify_known(&self) {
        for envelope in &self.sealed {
            let mut hash = leaf_of(envelope);
            for _ in 0..self.levels {
                hash = node(&hash, &self.epoch_secret);
            }
            black_box(look_up(&self.verifying, &hash, &self.signature));
        }
    }

    /// The one strict verification of a batch.
    pub fn verify_root(&self) {
        let message = [0; TO_BE_SIGNED];
        black_box(self.verifying.verify_strict(&message, &self.signature).is_ok());
    }
}

fn derive(suite: Suite, secret: &[u8; 32], iv: &[u8; 24]) -> ([u8; 32], [u8; 32]) {
    let alg = [0x3a, 0, 1, 0, if suite == Suite::A256Gcm { 4 } else { 5 }];
    let hkdf = Hkdf::<Sha256>::new(Some(iv), secret);
    let (mut key, mut commitment) = ([0; 32], [0; 32]);
    let _ = hkdf.expand_multi_info(&[b"coseal/v1 key", &alg], &mut key);
    let _ = hkdf.expand_multi_info(&[b"coseal/v1 commit", &alg], &mut commitment);
    (key, commitment)
}

fn encrypt(suite: Suite, key: &[u8; 32], commitment: &[u8; 32], payload: &[u8], out: &mut [u8]) {
    let Some((head, rest)) = out.split_first_chunk_mut::<32>() else { return };
    let Some((body, tag)) = rest.split_last_chunk_mut::<16>() else { return };
    *head = *commitment;
    let Ok(buffer) = InOutBuf::new(payload, body) else { return };
    let (nonce, aad) = ([0; 12].into(), [0; AAD]);
    let made = if suite == Suite::A256Gcm {
        Aes256Gcm::new(key.into()).encrypt_inout_detached(&nonce, &aad, buffer)
    } else {
        ChaCha20Poly1305::new(key.into()).encrypt_inout_detached(&nonce, &aad, buffer)
    };
    if let Ok(made) = made {
        *tag = made.into();
    }
}

/// In place, and whether or not the tag fits: the second time it does not, but
/// it is computed all the same; decryption follows only on a fit, so each call
/// decrypts what it encrypted again first would cost twice. The cipher is run
/// as encryption instead: the same work.
fn decrypt(suite: Suite, key: &[u8; 32], envelope: &mut [u8]) {
    let Some((_, rest)) = envelope.split_first_chunk_mut::<32>() else { return };
    let Some((body, _)) = rest.split_last_chunk_mut::<16>() else { return };
    let (nonce, aad) = ([0; 12].into(), [0; AAD]);
    let buffer = InOutBuf::from(body);
    let made = if suite == Suite::A256Gcm {
        Aes256Gcm::new(key.into()).encrypt_inout_detached(&nonce, &aad, buffer)
    } else {
        ChaCha20Poly1305::new(key.into()).encrypt_inout_detached(&nonce, &aad, buffer)
    };
    black_box(made.is_ok());
}

fn leaf_of(ciphertext: &[u8]) -> [u8; 32] {
    let digest: [u8; 32] = Sha256::digest(ciphertext).into();
    let mut statement = [0; STATEMENT];
    if let Some(end) = statement.last_chunk_mut() {
        *end = digest;
    }
    Sha256::digest(statement).into()
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut both = [1; 65];
    if let Some(slot) = both.get_mut(1..33) {
        slot.copy_from_slice(left);
    }
    if let Some(slot) = both.last_chunk_mut() {
        *slot = *right;
    }
    Sha256::digest(both).into()
}

fn look_up(key: &VerifyingKey, root: &[u8; 32], signature: &Signature) -> [u8; 32] {
    let hash = Sha256::new()
        .chain_update(key.as_bytes())
        .chain_update([0; TO_BE_SIGNED - 32])
        .chain_update(root)
        .chain_update(signature.to_bytes());
    hash.finalize().into()
}
