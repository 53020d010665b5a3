//! Epoch secrets, wrapped: HPKE base mode (RFC 9180) to X25519 keys, AES key
//! wrap under KEKs.

use std::convert::Infallible;

use aead::{Aead as _, KeyInit as _, Payload};
use aes_kw::KwAes256;
use aes_kw::aes::Aes256;
use aes_kw::cipher::BlockCipherEncrypt as _;
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use hpke::aead::ChaCha20Poly1305 as HpkeAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, OpModeS, Serializable as _, kem::Kem};
use rand_core::{TryCryptoRng, TryRng};
use sha2::Sha256;

/// A "random" source that gives the bytes it was made of, once.
struct Given(Option<[u8; 32]>);

impl TryRng for Given {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("HPKE asks for 32 bytes at once")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("HPKE asks for 32 bytes at once")
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.copy_from_slice(&self.0.take().expect("one encapsulation asks once"));
        Ok(())
    }
}

impl TryCryptoRng for Given {}

/// What an X25519 recipient entry carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrapped {
    pub(crate) encapsulated: [u8; 32],
    pub(crate) ciphertext: Vec<u8>,
}

/// HPKE Seal of `secret`, with the ephemeral key derived from `ikm`.
pub(crate) fn wrap(public: &[u8; 32], ikm: [u8; 32], info: &[u8], secret: &[u8]) -> Wrapped {
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(public).expect("32 bytes");
    let (encapsulated, mut context) = hpke::setup_sender_with_rng::<
        HpkeAead,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &public, info, &mut Given(Some(ikm)))
    .expect("an honest key");
    Wrapped {
        encapsulated: encapsulated.to_bytes().into(),
        ciphertext: context.seal(secret, &[]).expect("the first message of a context"),
    }
}

/// The same by hand, for a Diffie-Hellman value and an encapsulated key of our
/// choice: what an attacker does who sends a point of low order, and so knows
/// that the shared value is zero.
pub(crate) fn wrap_with(
    dh: &[u8; 32],
    encapsulated: [u8; 32],
    public: &[u8; 32],
    info: &[u8],
    secret: &[u8],
) -> Wrapped {
    // RFC 9180 §4.1: ExtractAndExpand with kem_context = enc || pkRm.
    let kem = b"KEM\x00\x20";
    let eae_prk = labeled_extract(kem, b"", b"eae_prk", dh);
    let shared = labeled_expand(
        kem,
        &eae_prk,
        b"shared_secret",
        &[encapsulated.as_slice(), public].concat(),
        32,
    );
    // §5.1: KeySchedule in base mode.
    let suite = b"HPKE\x00\x20\x00\x01\x00\x03";
    let psk_id_hash = labeled_extract(suite, b"", b"psk_id_hash", b"");
    let info_hash = labeled_extract(suite, b"", b"info_hash", info);
    let context = [&[0], psk_id_hash.as_slice(), &info_hash].concat();
    let exporter = labeled_extract(suite, &shared, b"secret", b"");
    let key: [u8; 32] =
        labeled_expand(suite, &exporter, b"key", &context, 32).try_into().expect("32 bytes");
    let nonce: [u8; 12] =
        labeled_expand(suite, &exporter, b"base_nonce", &context, 12).try_into().expect("12 bytes");
    let ciphertext = ChaCha20Poly1305::new(&key.into())
        .encrypt(&nonce.into(), Payload { msg: secret, aad: b"" })
        .expect("a short secret");
    Wrapped { encapsulated, ciphertext }
}

/// RFC 9180 §4: LabeledExtract.
fn labeled_extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> [u8; 32] {
    let ikm = [b"HPKE-v1", suite, label, ikm].concat();
    Hkdf::<Sha256>::extract(Some(salt), &ikm).0.into()
}

/// RFC 9180 §4: LabeledExpand.
fn labeled_expand(suite: &[u8], prk: &[u8; 32], label: &[u8], info: &[u8], len: u8) -> Vec<u8> {
    let info = [&[0, len], b"HPKE-v1".as_slice(), suite, label, info].concat();
    let mut okm = vec![0; usize::from(len)];
    Hkdf::<Sha256>::from_prk(prk)
        .expect("32 bytes")
        .expand(&info, &mut okm)
        .expect("a short length");
    okm
}

/// AES key wrap (RFC 3394) of an epoch secret.
pub(crate) fn wrap_under_kek(kek: &[u8; 32], secret: &[u8; 32]) -> Vec<u8> {
    let mut wrapped = vec![0; 40];
    KwAes256::new(&(*kek).into()).wrap_key(secret, &mut wrapped).expect("40 bytes hold it");
    wrapped
}

/// The same by hand (RFC 3394 §2.2.1), with another initial value than the
/// default one.
pub(crate) fn wrap_under_kek_with(kek: &[u8; 32], secret: &[u8; 32], initial: [u8; 8]) -> Vec<u8> {
    let cipher = Aes256::new(&(*kek).into());
    let mut first = u64::from_be_bytes(initial);
    let mut words = secret.as_chunks::<8>().0.to_vec();
    let mut step = 0;
    for _ in 0..6 {
        for word in &mut words {
            step += 1;
            let mut block = [0u8; 16];
            block.copy_from_slice(&[first.to_be_bytes(), *word].concat());
            let mut block = block.into();
            cipher.encrypt_block(&mut block);
            let block: [u8; 16] = block.into();
            let [high, low] = block.as_chunks::<8>().0 else { unreachable!("16 bytes") };
            first = u64::from_be_bytes(*high) ^ step;
            *word = *low;
        }
    }
    [first.to_be_bytes().as_slice(), words.as_flattened()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::keys::{Receiver, seed};

    #[test]
    fn by_hand_is_as_by_library() {
        let receiver = Receiver::labelled("hpke test");
        let wrapped = wrap(&receiver.public, seed("ikm"), b"info", &seed("secret"));
        let dh = x25519_dalek::x25519(receiver.secret, wrapped.encapsulated);
        let by_hand =
            wrap_with(&dh, wrapped.encapsulated, &receiver.public, b"info", &seed("secret"));
        assert_eq!(by_hand, wrapped);
    }

    #[test]
    fn key_wrap_by_hand_is_as_by_library() {
        let (kek, secret) = (seed("kek"), seed("secret"));
        assert_eq!(wrap_under_kek_with(&kek, &secret, [0xa6; 8]), wrap_under_kek(&kek, &secret));
    }
}
