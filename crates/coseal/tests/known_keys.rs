//! A signer who wants two recipients to read different things: ciphertexts
//! that two keys open, and epoch secrets that differ from entry to entry.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "known/collide.rs"]
mod collide;
#[path = "known/parts.rs"]
mod parts;
#[path = "known/world.rs"]
mod world;

use aead::{AeadInOut, KeyInit};
use ciborium::Value;
use common::{CHANNEL, place, receiving, seal_raw, signing, trust, verifier};
use coseal::hazmat::RawEpoch;
use coseal::{EpochId, Message, Opener, ReceivingKey, Secret, Suite};
use hkdf::Hkdf;
use parts::{Parts, bytes, encode};
use sha2::Sha256;
use world::{kek, open};

const SUITES: [Suite; 2] = [Suite::A256Gcm, Suite::ChaCha20Poly1305];
const SECRETS: [[u8; 32]; 2] = [[0x51; 32], [0x52; 32]];

fn second() -> ReceivingKey {
    ReceivingKey::from_bytes(&[4; 32])
}

/// An epoch of one ID, with one of two secrets.
fn epoch(suite: Suite, secret: [u8; 32]) -> RawEpoch {
    let id = EpochId::from_bytes([0xe0; 8]);
    let mut secret = secret;
    RawEpoch::new(signing(), CHANNEL, suite, id, Secret::take(&mut secret)).unwrap()
}

/// An honest message under `secret`, whose entries are: the first recipient's,
/// the second's, the KEK's.
fn sealed(suite: Suite, secret: [u8; 32]) -> Parts {
    let mut epoch = epoch(suite, secret);
    for (key, seed) in [(receiving(), 0x77), (second(), 0x78)] {
        epoch.add_recipient(key.recipient_key(), &Secret::take(&mut [seed; 32])).unwrap();
    }
    epoch.add_kek(b"kek-1", &kek()).unwrap();
    Parts::of(&seal_raw(&epoch, Message::new(b"an honest payload"), place(7)))
}

fn openers() -> [Opener; 3] {
    let builder = || Opener::builder(trust()).channel(CHANNEL).archive();
    [
        builder().key(receiving()).build().unwrap(),
        builder().key(second()).build().unwrap(),
        builder().kek(b"kek-1", kek()).build().unwrap(),
    ]
}

fn refused() -> Result<Vec<u8>, String> {
    Err("undecryptable".into())
}

/// Message key and commitment, as the specification writes them.
fn derive(suite: Suite, secret: &[u8; 32], protected: &[u8]) -> ([u8; 32], [u8; 32]) {
    let header = parts::decode(protected);
    let iv = header.as_map().unwrap().iter().find(|(label, _)| *label == parts::int(5)).unwrap();
    let hkdf = Hkdf::<Sha256>::new(Some(iv.1.as_bytes().unwrap()), secret);
    let alg = encode(&parts::int(suite.algorithm()));
    let expand = |label: &[u8]| {
        let mut out = [0; 32];
        hkdf.expand(&[label, &alg].concat(), &mut out).unwrap();
        out
    };
    (expand(b"coseal/v1 key"), expand(b"coseal/v1 commit"))
}

/// The AEAD alone, without a commitment, by its own crate.
fn decrypt(suite: Suite, key: &[u8; 32], aad: &[u8], body: &[u8; 32], tag: &[u8; 16]) -> [u8; 32] {
    let (nonce, mut payload) = ([0; 12].into(), *body);
    let buffer = payload.as_mut_slice().into();
    if suite == Suite::A256Gcm {
        let aead = aes_gcm::Aes256Gcm::new(key.into());
        aead.decrypt_inout_detached(&nonce, aad, buffer, tag.into())
    } else {
        let aead = chacha20poly1305::ChaCha20Poly1305::new(key.into());
        aead.decrypt_inout_detached(&nonce, aad, buffer, tag.into())
    }
    .expect("the AEAD accepts it");
    payload
}

/// What an invisible salamander is made of: two honest epochs of one ID, whose
/// secrets go to one recipient each, and a ciphertext that both message keys
/// open.
struct Salamander {
    envelope: Parts,
    commitments: [[u8; 32]; 2],
    payloads: [[u8; 32]; 2],
    body: Vec<u8>,
}

fn salamander(suite: Suite) -> Salamander {
    let [one, two] = SECRETS.map(|secret| sealed(suite, secret));
    assert_eq!(one.protected, two.protected);
    let mut envelope = one;
    // The first recipient holds the first secret; second and KEK the second.
    envelope.recipients[1] = two.recipients[1].clone();
    envelope.recipients[2] = two.recipients[2].clone();
    let derived = SECRETS.map(|secret| derive(suite, &secret, &envelope.protected));
    let keys = [&derived[0].0, &derived[1].0];
    let aad = encode(&Value::Array(vec![
        Value::Text("Encrypt".into()),
        bytes(&envelope.protected),
        bytes(b""),
    ]));
    let (body, tag) = if suite == Suite::A256Gcm {
        collide::aes_gcm(keys, &aad)
    } else {
        collide::chacha20_poly1305(keys, &aad)
    };
    // Without a commitment, this is one ciphertext with two payloads.
    let payloads = keys.map(|key| decrypt(suite, key, &aad, &body, &tag));
    assert_ne!(payloads[0], payloads[1]);
    let body = [&body[..], &tag].concat();
    Salamander { envelope, commitments: derived.map(|(_, commitment)| commitment), payloads, body }
}

impl Salamander {
    /// Behind this commitment, signed by a key that everybody trusts.
    fn behind(&self, commitment: &[u8; 32]) -> Vec<u8> {
        let mut envelope = self.envelope.clone();
        envelope.ciphertext = [&commitment[..], &self.body].concat();
        envelope.sign_alone(&signing());
        let envelope = envelope.join();
        verifier().verify(&envelope).expect("the signer stands by it");
        envelope
    }
}

#[test]
fn one_ciphertext_that_two_keys_open_is_opened_by_one_recipient_only() {
    for suite in SUITES {
        let salamander = salamander(suite);
        let [one, two] = salamander.commitments;
        assert_ne!(one, two);
        let [first, second] = salamander.payloads.map(|payload| Ok(payload.to_vec()));
        let told = |commitment| openers().map(|it| open(&it, &salamander.behind(commitment)));
        assert_eq!(told(&one), [first, refused(), refused()], "{suite}");
        assert_eq!(told(&two), [refused(), second.clone(), second], "{suite}");
    }
}

/// Nothing between two commitments satisfies both, or either.
#[test]
fn a_commitment_counts_in_all_its_bytes() {
    for suite in SUITES {
        let salamander = salamander(suite);
        let [one, two] = salamander.commitments;
        let openers = openers();
        for cut in 1..32 {
            for (head, tail) in [(one, two), (two, one)] {
                let mixed = [&head[..cut], &tail[cut..]].concat().try_into().unwrap();
                let envelope = salamander.behind(&mixed);
                for opener in &openers {
                    assert_eq!(open(opener, &envelope), refused(), "{suite}, cut at {cut}");
                }
            }
        }
        for bit in 0..256 {
            let mut flipped = one;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let envelope = salamander.behind(&flipped);
            assert_eq!(open(&openers[0], &envelope), refused(), "{suite}, bit {bit}");
        }
    }
}

/// Two recipients who were given different epoch secrets: the message is one
/// of them's, and never silently another's.
#[test]
fn entries_with_different_secrets_never_give_two_payloads() {
    for suite in SUITES {
        let [one, two] = SECRETS.map(|secret| sealed(suite, secret));
        let honest = || Ok(b"an honest payload".to_vec());
        for replaced in 0..3 {
            let mut envelope = one.clone();
            envelope.recipients[replaced] = two.recipients[replaced].clone();
            let envelope = envelope.join();
            verifier().verify(&envelope).unwrap();
            for (index, opener) in openers().iter().enumerate() {
                let expected = if index == replaced { refused() } else { honest() };
                assert_eq!(open(opener, &envelope), expected, "{suite}, {index} of {replaced}");
            }
        }
    }
}

/// Who holds several of the keys uses the first entry it can, and tries no
/// other: what it reads does not depend on which of its entries were spoilt
/// behind the first.
#[test]
fn the_first_entry_of_ours_decides_and_no_other_is_tried() {
    for suite in SUITES {
        let [one, two] = SECRETS.map(|secret| sealed(suite, secret));
        let builder = || Opener::builder(trust()).channel(CHANNEL).archive();
        let both = builder().key(receiving()).key(second()).kek(b"kek-1", kek()).build().unwrap();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for good in 0..3 {
                let mut envelope = one.clone();
                envelope.recipients = order
                    .iter()
                    .map(|&entry| if entry == good { &one } else { &two }.recipients[entry].clone())
                    .collect();
                let honest = Ok(b"an honest payload".to_vec());
                let expected = if order[0] == good { honest } else { refused() };
                assert_eq!(open(&both, &envelope.join()), expected, "{suite}, {order:?}, {good}");
            }
        }
    }
}
