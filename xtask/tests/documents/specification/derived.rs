//! The formulas of the specification that no vector has the values of.

use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

/// An integer in CBOR.
pub(super) fn int(number: i64) -> Vec<u8> {
    let (major, argument) = if number < 0 { (0x20, !number) } else { (0, number) };
    match u64::try_from(argument).unwrap() {
        small @ 0..24 => vec![major + u8::try_from(small).unwrap()],
        byte @ 24..0x100 => vec![major + 24, u8::try_from(byte).unwrap()],
        two @ 0x100..0x1_0000 => {
            [&[major + 25], &u16::try_from(two).unwrap().to_be_bytes()[..]].concat()
        }
        four => [&[major + 26], &u32::try_from(four).unwrap().to_be_bytes()[..]].concat(),
    }
}

pub(super) fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    Sha256::digest(parts.concat()).to_vec()
}

/// Section 7.2.
pub(super) fn node(left: &[u8], right: &[u8]) -> Vec<u8> {
    sha256(&[&[1], left, right])
}

/// Section 6.1, written out.
pub(super) struct Hpke;

impl Hpke {
    pub(super) fn public(private: [u8; 32]) -> [u8; 32] {
        PublicKey::from(&StaticSecret::from(private)).to_bytes()
    }

    /// Every value between `info` and the ciphertext, in order.
    pub(super) fn steps(
        ikm: &[u8],
        private: [u8; 32],
        info: &[u8],
    ) -> Vec<(&'static str, Vec<u8>)> {
        let kem = b"KEM\x00\x20";
        let hpke = b"HPKE\x00\x20\x00\x01\x00\x03";
        let ephemeral = expand(kem, &extract(kem, b"", b"dkp_prk", ikm), b"sk", b"", 32);
        let enc = Self::public(ephemeral.clone().try_into().unwrap());
        let private = StaticSecret::from(private);
        let dh = private.diffie_hellman(&PublicKey::from(enc)).to_bytes().to_vec();
        let eae_prk = extract(kem, b"", b"eae_prk", &dh);
        let kem_context = [enc, PublicKey::from(&private).to_bytes()].concat();
        let shared = expand(kem, &eae_prk, b"shared_secret", &kem_context, 32);
        let psk_id_hash = extract(hpke, b"", b"psk_id_hash", b"");
        let info_hash = extract(hpke, b"", b"info_hash", info);
        let context = [&[0][..], &psk_id_hash, &info_hash].concat();
        let secret = extract(hpke, &shared, b"secret", b"");
        let key = expand(hpke, &secret, b"key", &context, 32);
        let base_nonce = expand(hpke, &secret, b"base_nonce", &context, 12);
        vec![
            ("skE", ephemeral),
            ("enc", enc.to_vec()),
            ("dh", dh),
            ("eae_prk", eae_prk),
            ("shared_secret", shared),
            ("psk_id_hash", psk_id_hash),
            ("info_hash", info_hash),
            ("context", context),
            ("secret", secret),
            ("key", key),
            ("base_nonce", base_nonce),
        ]
    }
}

/// RFC 9180 §4: LabeledExtract.
fn extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> Vec<u8> {
    let ikm = [b"HPKE-v1", suite, label, ikm].concat();
    Hkdf::<Sha256>::extract(Some(salt), &ikm).0.to_vec()
}

/// RFC 9180 §4: LabeledExpand.
fn expand(suite: &[u8], prk: &[u8], label: &[u8], info: &[u8], length: u8) -> Vec<u8> {
    let info = [&[0, length], &b"HPKE-v1"[..], suite, label, info].concat();
    let mut output = vec![0; usize::from(length)];
    Hkdf::<Sha256>::from_prk(prk).unwrap().expand(&info, &mut output).unwrap();
    output
}
