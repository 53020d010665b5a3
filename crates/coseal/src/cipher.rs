//! Step 7: epoch secret and IV in; message key and commitment; payload out,
//! and back.
//!
//! ```text
//! PRK        = HKDF-Extract(salt = iv, IKM = epoch secret)          RFC 5869 §2.2
//! key        = HKDF-Expand(PRK, "coseal/v1 key"    || alg, 32)      RFC 5869 §2.3
//! commitment = HKDF-Expand(PRK, "coseal/v1 commit" || alg, 32)
//! nonce      = 12 zero bytes
//! aad        = ["Encrypt", protected, h'']                          RFC 9052 §5.3
//! ciphertext = commitment || AEAD(key, nonce, aad, payload)
//! ```
//!
//! The ciphertext is signed before it gets here, but its signer may have
//! signed a stranger's: a mismatch is the same error at every place.

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(not(feature = "aws-lc"))]
mod rust_crypto;

use alloc::vec::Vec;
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::suite::Suite;
use crate::wire::write::{Items, Slots, shortest};

// The suites' AEADs, with any nonce: apart from [`NONCE`] only known vectors
// bring one.
#[cfg(feature = "aws-lc")]
use aws_lc as aeads;
#[cfg(not(feature = "aws-lc"))]
use rust_crypto as aeads;

/// Bytes of the key commitment.
pub(crate) const COMMITMENT: usize = 32;
/// Bytes of the AEAD's tag, in both suites.
pub(crate) const TAG: usize = 16;

/// MUST be used with one key for one message only: each message's key is
/// derived from an IV with 74 fresh random bits and a counter.
const NONCE: [u8; 12] = [0; 12];

/// The key of one message, used up by the one encryption or decryption it is
/// for. It is lent, never moved: moving would leave copies behind.
pub(crate) struct MessageKey<'k> {
    suite: Suite,
    key: &'k [u8; 32],
    commitment: &'k [u8; COMMITMENT],
}

impl MessageKey<'_> {
    /// Derives the key of the message with this IV, lends it to `then`, and
    /// wipes it.
    pub(crate) fn with<T>(
        suite: Suite,
        epoch_secret: &Secret<32>,
        iv: &[u8; 24],
        then: impl FnOnce(MessageKey<'_>) -> T,
    ) -> Result<T> {
        let mut key = Zeroizing::new([0; 32]);
        let mut commitment = [0; COMMITMENT];
        let alg = suite.encoded();
        let outputs = [
            ([&b"coseal/v1 key"[..], &alg], &mut key[..]),
            ([&b"coseal/v1 commit"[..], &alg], &mut commitment[..]),
        ];
        // 32 bytes are within the 255 blocks that HKDF can give.
        derive(iv, epoch_secret.expose(), outputs)
            .ok_or_else(|| Error::misuse("internal: HKDF refused to give 32 bytes"))?;
        Ok(then(MessageKey { suite, key: &key, commitment: &commitment }))
    }

    /// Encrypts `payload` into `out`, which is commitment, ciphertext and tag.
    /// False where the lengths do not fit.
    pub(crate) fn encrypt(self, protected: &[u8], payload: &[u8], out: &mut [u8]) -> bool {
        let Some((commitment, rest)) = out.split_first_chunk_mut::<COMMITMENT>() else {
            return false;
        };
        let Some((body, tag)) = rest.split_last_chunk_mut::<TAG>() else {
            return false;
        };
        *commitment = *self.commitment;
        let made = with_aad(protected, |aad| {
            aeads::seal(self.suite, self.key, &Input { nonce: &NONCE, aad }, payload, body)
        });
        made.is_some_and(|made| {
            *tag = made;
            true
        })
    }

    /// Decrypts `ciphertext` (commitment, ciphertext, tag) into `payload`,
    /// which is as long as the ciphertext without the other two. Nothing of the
    /// payload is written unless commitment and tag fit.
    ///
    /// # Errors
    ///
    /// `undecryptable`, whatever did not fit.
    pub(crate) fn decrypt(
        self,
        protected: &[u8],
        ciphertext: &[u8],
        payload: &mut [u8],
    ) -> Result<()> {
        let (body, tag) = self.check_commitment(ciphertext)?;
        with_aad(protected, |aad| {
            aeads::open(self.suite, self.key, &Input { nonce: &NONCE, aad }, body, tag, payload)
        })
        .ok_or(Error::Undecryptable)
    }

    /// The same in place: answers the payload, a part of `ciphertext`. Where the
    /// tag does not fit, the ciphertext may be gone.
    pub(crate) fn decrypt_in_place<'c>(
        self,
        protected: &[u8],
        ciphertext: &'c mut [u8],
    ) -> Result<&'c mut [u8]> {
        let (_, tag) = self.check_commitment(ciphertext)?;
        let tag = *tag;
        let end = ciphertext.len().saturating_sub(TAG);
        let body = ciphertext.get_mut(COMMITMENT..end).ok_or(Error::Undecryptable)?;
        with_aad(protected, |aad| {
            aeads::open_in_place(self.suite, self.key, &Input { nonce: &NONCE, aad }, &tag, body)
        })
        .ok_or(Error::Undecryptable)?;
        Ok(body)
    }

    /// Whether `ciphertext` commits to this key. It does not show that the rest
    /// of it opens, nor under which header.
    ///
    /// # Errors
    ///
    /// `undecryptable`.
    #[cfg(feature = "os")]
    pub(crate) fn commits_to(self, ciphertext: &[u8]) -> Result<()> {
        self.check_commitment(ciphertext).map(drop)
    }

    /// The commitment, in constant time, before anything is decrypted: it
    /// makes a ciphertext open under one key only.
    fn check_commitment<'c>(&self, ciphertext: &'c [u8]) -> Result<(&'c [u8], &'c [u8; TAG])> {
        let (commitment, rest) =
            ciphertext.split_first_chunk::<COMMITMENT>().ok_or(Error::Undecryptable)?;
        if !bool::from(commitment.ct_eq(self.commitment)) {
            return Err(Error::Undecryptable);
        }
        rest.split_last_chunk::<TAG>().ok_or(Error::Undecryptable)
    }
}

/// HKDF (RFC 5869 §2.2, §2.3): from one extraction every output, each under its
/// info, which is in two parts. Nothing where an output is longer than HKDF can
/// give.
fn derive<const N: usize>(
    salt: &[u8],
    ikm: &[u8],
    outputs: [([&[u8]; 2], &mut [u8]); N],
) -> Option<()> {
    let hkdf = Hkdf::<Sha256>::new(Some(salt), ikm);
    outputs.into_iter().try_for_each(|(info, out)| hkdf.expand_multi_info(&info, out).ok())
}

/// What an AEAD takes besides key and text.
struct Input<'a> {
    nonce: &'a [u8; 12],
    aad: &'a [u8],
}

/// Headers up to this length need no allocation.
const SMALL: usize = 512;

/// Hands `["Encrypt", protected, h'']`, encoded, to `then`.
fn with_aad<T>(protected: &[u8], then: impl FnOnce(&[u8]) -> T) -> T {
    let length = 9 + shortest(protected.len() as u64) + protected.len() + 1;
    let mut small = [0; SMALL];
    let mut large = Vec::new();
    let buffer = match small.get_mut(..length) {
        Some(buffer) => buffer,
        None => {
            large.resize(length, 0);
            &mut large
        }
    };
    let mut out = Slots::new(buffer);
    out.array(3);
    out.text("Encrypt");
    out.bytes(protected);
    out.bytes(b"");
    debug_assert!(out.is_full(), "the length was computed");
    then(buffer)
}

#[cfg(test)]
mod known;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use alloc::vec;

    fn with_key<T>(suite: Suite, iv: u8, then: impl FnOnce(MessageKey<'_>) -> T) -> T {
        MessageKey::with(suite, &Secret::take(&mut [7; 32]), &[iv; 24], then).unwrap()
    }

    fn sealed(suite: Suite, protected: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; COMMITMENT + payload.len() + TAG];
        assert!(with_key(suite, 1, |key| key.encrypt(protected, payload, &mut out)));
        out
    }

    #[test]
    fn what_was_encrypted_is_decrypted_and_nothing_else() {
        for suite in [Suite::A256Gcm, Suite::ChaCha20Poly1305] {
            for protected in [vec![1; 80], vec![2; 4000]] {
                let ciphertext = sealed(suite, &protected, b"payload");
                let mut payload = [0; 7];
                with_key(suite, 1, |key| key.decrypt(&protected, &ciphertext, &mut payload))
                    .unwrap();
                assert_eq!(&payload, b"payload");
                for bit in 0..ciphertext.len() * 8 {
                    let mut flipped = ciphertext.clone();
                    flipped[bit / 8] ^= 1 << (bit % 8);
                    let mut payload = [0; 7];
                    let error =
                        with_key(suite, 1, |key| key.decrypt(&protected, &flipped, &mut payload));
                    assert_eq!(error.unwrap_err().code(), "undecryptable");
                    assert_eq!(payload, [0; 7], "something was released");
                }
                let mut payload = [0; 7];
                assert!(
                    with_key(suite, 2, |key| key.decrypt(&protected, &ciphertext, &mut payload))
                        .is_err()
                );
                assert!(
                    with_key(suite, 1, |key| key.decrypt(b"other", &ciphertext, &mut payload))
                        .is_err()
                );
                assert_eq!(payload, [0; 7], "something was released");
            }
        }
    }

    #[test]
    fn in_place_gives_the_same_and_wipes_nothing_it_needs() {
        let mut ciphertext = sealed(Suite::A256Gcm, b"header", b"payload");
        with_key(Suite::A256Gcm, 1, |key| {
            let payload = key.decrypt_in_place(b"header", &mut ciphertext).unwrap();
            assert_eq!(payload, b"payload");
        });
    }

    #[test]
    fn the_suite_is_part_of_the_derivation() {
        let derived = |suite| with_key(suite, 1, |key| (*key.key, *key.commitment));
        let (aes, chacha) = (derived(Suite::A256Gcm), derived(Suite::ChaCha20Poly1305));
        assert_ne!(aes.0, chacha.0);
        assert_ne!(aes.1, chacha.1);
    }
}
