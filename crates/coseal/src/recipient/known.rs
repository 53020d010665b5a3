//! Known vectors through our own calls: RFC 9180 for HPKE, Wycheproof for the
//! X25519 in it, RFC 3394 and Wycheproof for the key wrap.
//!
//! Our entries have an `info` of their own, so no published ciphertext can be
//! theirs. The key schedule of RFC 9180 is therefore written out below, held
//! against the published vector, and then used to say what our own entries
//! must be.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::wire::RecipientEntry;
use alloc::format;
use alloc::vec;
use hkdf::Hkdf;
use sha2::Sha256;
use wycheproof::TestResult;
use wycheproof::{keywrap, xdh};

fn array<const N: usize>(hex: &str) -> [u8; N] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

/// RFC 9180 §4, `LabeledExtract`.
fn labeled_extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> [u8; 32] {
    let ikm = [b"HPKE-v1", suite, label, ikm].concat();
    Hkdf::<Sha256>::extract(Some(salt), &ikm).0.into()
}

/// RFC 9180 §4, `LabeledExpand`.
fn labeled_expand<const N: usize>(
    suite: &[u8],
    prk: &[u8; 32],
    label: &[u8],
    info: &[u8],
) -> [u8; N] {
    let length = u16::try_from(N).unwrap().to_be_bytes();
    let info = [&length, &b"HPKE-v1"[..], suite, label, info].concat();
    let mut out = [0; N];
    Hkdf::<Sha256>::from_prk(prk).unwrap().expand(&info, &mut out).unwrap();
    out
}

/// What both sides of a base mode context come to.
struct Schedule {
    shared: [u8; 32],
    key: [u8; 32],
    nonce: [u8; 12],
}

/// RFC 9180 §4.1 `ExtractAndExpand` and §5.1 `KeySchedule`, from the
/// Diffie-Hellman value on.
fn schedule(dh: &[u8; 32], encapsulated: &[u8; 32], public: &[u8; 32], info: &[u8]) -> Schedule {
    let kem = b"KEM\x00\x20";
    let eae = labeled_extract(kem, b"", b"eae_prk", dh);
    let shared: [u8; 32] =
        labeled_expand(kem, &eae, b"shared_secret", &[*encapsulated, *public].concat());
    let suite = b"HPKE\x00\x20\x00\x01\x00\x03";
    let psk = labeled_extract(suite, b"", b"psk_id_hash", b"");
    let context = [&[0], &psk[..], &labeled_extract(suite, b"", b"info_hash", info)].concat();
    let secret = labeled_extract(suite, &shared, b"secret", b"");
    Schedule {
        shared,
        key: labeled_expand(suite, &secret, b"key", &context),
        nonce: labeled_expand(suite, &secret, b"base_nonce", &context),
    }
}

/// The entry's ciphertext that this schedule gives.
fn encrypt(schedule: &Schedule, secret: &[u8; 32]) -> [u8; 48] {
    use aead::AeadInOut;
    let mut out = [0; 48];
    let (body, tag) = out.split_at_mut(32);
    body.copy_from_slice(secret);
    let made = chacha20poly1305::ChaCha20Poly1305::new((&schedule.key).into())
        .encrypt_inout_detached((&schedule.nonce).into(), b"", body.into())
        .unwrap();
    tag.copy_from_slice(&made);
    out
}

/// RFC 9180 §A.2.1: base mode of DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
/// ChaCha20-Poly1305.
mod a21 {
    pub(super) const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
    pub(super) const SEED: &str =
        "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b";
    pub(super) const EPHEMERAL: &str =
        "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600";
    pub(super) const ENCAPSULATED: &str =
        "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a";
    pub(super) const PUBLIC: &str =
        "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a";
    pub(super) const PRIVATE: &str =
        "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb";
    pub(super) const SHARED: &str =
        "0bbe78490412b4bbea4812666f7916932b828bba79942424abb65244930d69a7";
    pub(super) const KEY: &str = "ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91";
    pub(super) const NONCE: &str = "5c4d98150661b848853b547f";
    pub(super) const PLAINTEXT: &[u8] = b"Beauty is truth, truth beauty";
    /// Of sequence number 0.
    pub(super) const AAD: &[u8] = b"Count-0";
    pub(super) const CIPHERTEXT: &str = "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28";
}

/// Through the two functions that [`wrap_x25519`] and [`unwrap_x25519`] consist
/// of: the first message of the vector, the only one that they know.
#[test]
fn rfc_9180_base_mode() {
    let seed = Secret::take(&mut array(a21::SEED));
    let bound = Bound { info: &hex::decode(a21::INFO).unwrap(), aad: a21::AAD };
    let (encapsulated, ciphertext) =
        encrypt_base(&array(a21::PUBLIC), &bound, a21::PLAINTEXT, &seed).unwrap();
    assert_eq!(hex::encode(encapsulated), a21::ENCAPSULATED);
    assert_eq!(hex::encode(&ciphertext), a21::CIPHERTEXT);
    let key = ReceivingKey::from_bytes(&array(a21::PRIVATE));
    let opened = decrypt_base(&key, &encapsulated, &bound, &ciphertext).unwrap();
    assert_eq!(opened[..], *a21::PLAINTEXT);
    for other in [Bound { info: b"", ..bound }, Bound { aad: b"", ..bound }] {
        let error = decrypt_base(&key, &encapsulated, &other, &ciphertext).unwrap_err();
        assert_eq!(error.code(), "undecryptable");
    }
}

#[test]
fn the_written_out_schedule_is_that_of_rfc_9180() {
    let info = hex::decode(a21::INFO).unwrap();
    let dh = x25519_dalek::x25519(array(a21::EPHEMERAL), array(a21::PUBLIC));
    let made = schedule(&dh, &array(a21::ENCAPSULATED), &array(a21::PUBLIC), &info);
    assert_eq!(hex::encode(made.shared), a21::SHARED);
    assert_eq!(hex::encode(made.key), a21::KEY);
    assert_eq!(hex::encode(made.nonce), a21::NONCE);
    // The public key of the receiver is derived as the vector says.
    let receiver = ReceivingKey::from_bytes(&array(a21::PRIVATE));
    assert_eq!(hex::encode(receiver.recipient_key().as_bytes()), a21::PUBLIC);
}

fn binding() -> Binding {
    Binding {
        suite: Suite::A256Gcm,
        epoch: EpochId::from_bytes([0xe0; 8]),
        signer: *crate::key::SigningKey::from_bytes(&[2; 32]).verifying_key().thumbprint(),
    }
}

/// The entry in an array of one.
fn entry_of(recipients: &[u8]) -> RecipientEntry<'_> {
    let recipients = crate::wire::Recipients { encoded: recipients };
    let entries: Vec<_> = recipients.entries().map(|(entry, _)| entry).collect();
    let [entry] = entries[..] else { panic!("not one entry: {entries:?}") };
    entry
}

/// From the published seed and key, our own entry: its encapsulated key is the
/// published one, its ciphertext what the written-out schedule gives for our
/// `info`.
#[test]
fn our_entry_from_the_seed_of_rfc_9180() {
    let key = RecipientKey::from_bytes(&array(a21::PUBLIC)).unwrap();
    let (secret, seed) = (Secret::take(&mut [0x5e; 32]), Secret::take(&mut array(a21::SEED)));
    let mut out = vec![0x81];
    wrap_x25519(&mut out, &key, &secret, &binding(), &seed).unwrap();
    let RecipientEntry::X25519 { key_id, encapsulated, ciphertext } = entry_of(&out) else {
        panic!("not an X25519 entry");
    };
    assert_eq!(key_id, key.key_id());
    assert_eq!(hex::encode(encapsulated), a21::ENCAPSULATED);
    let dh = x25519_dalek::x25519(array(a21::EPHEMERAL), array(a21::PUBLIC));
    let expected = schedule(&dh, encapsulated, key.as_bytes(), &binding().info());
    assert_eq!(*ciphertext, encrypt(&expected, secret.expose()));

    let receiver = ReceivingKey::from_bytes(&array(a21::PRIVATE));
    let opened = unwrap_x25519(&receiver, encapsulated, ciphertext, &binding()).unwrap();
    assert_eq!(opened, secret);
    // Bound to suite, epoch and signer: under any other it does not open.
    let others = [
        Binding { suite: Suite::ChaCha20Poly1305, ..binding() },
        Binding { epoch: EpochId::from_bytes([0xe1; 8]), ..binding() },
        Binding { signer: *receiver.recipient_key().thumbprint(), ..binding() },
    ];
    for other in others {
        let error = unwrap_x25519(&receiver, encapsulated, ciphertext, &other).unwrap_err();
        assert_eq!(error.code(), "undecryptable", "{other:?}");
    }
}

/// Wycheproof states the Diffie-Hellman value of each pair of keys. From it
/// follows the entry that a sender with that key would have written, and the
/// receiver must open it; where the value is zero, it must refuse, although
/// the entry is right in everything else.
#[test]
fn wycheproof_x25519() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let secret = [0x5e; 32];
    let (mut opened, mut refused) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let told = format!("case {}: {}", test.tc_id, test.comment);
        assert_ne!(test.result, TestResult::Invalid, "{told}: was not expected");
        let encapsulated: &[u8; 32] = test.public_key[..].try_into().unwrap();
        let shared: &[u8; 32] = test.shared_secret[..].try_into().unwrap();
        let key = ReceivingKey::from_bytes(test.private_key[..].try_into().unwrap());
        let public = key.recipient_key().as_bytes();
        let ciphertext =
            encrypt(&schedule(shared, encapsulated, public, &binding().info()), &secret);
        let found = unwrap_x25519(&key, encapsulated, &ciphertext, &binding());
        if *shared == [0; 32] {
            assert!(test.flags.contains(&xdh::TestFlag::ZeroSharedSecret), "{told}");
            assert_eq!(found.unwrap_err().code(), "undecryptable", "{told}");
            refused += 1;
        } else {
            assert_eq!(found.unwrap().expose(), &secret, "{told}");
            opened += 1;
        }
    }
    assert_eq!((opened, refused), (487, 31));
}

/// A sender is no safer: it does not encrypt to a point that gives zero, even
/// if a key object could be made of one.
#[test]
fn nothing_is_encrypted_to_points_of_low_order() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let zero = |test: &xdh::Test| test.flags.contains(&xdh::TestFlag::ZeroSharedSecret);
    let mut points = 0;
    for test in set.test_groups.into_iter().flat_map(|group| group.tests).filter(zero) {
        let error = RecipientKey::from_bytes(test.public_key[..].try_into().unwrap()).unwrap_err();
        assert_eq!(error.kind(), Some("weak_key"), "case {}", test.tc_id);
        let (point, seed) = (test.public_key[..].try_into().unwrap(), [0x77; 32]);
        let bound = Bound { info: b"", aad: b"" };
        let refused = encrypt_base(point, &bound, b"", &Secret::take(&mut { seed }));
        assert_eq!(refused.unwrap_err().code(), "misuse", "case {}", test.tc_id);
        points += 1;
    }
    assert_eq!(points, 31);
}

/// What HPKE asks its source for is one seed of 32 bytes. Anything else is
/// counted as a change of the library, and nothing is wrapped.
#[test]
fn the_source_of_one_seed_counts_every_other_question() {
    let seed = Secret::take(&mut [0x77; 32]);
    let asked = |ask: &dyn Fn(&mut OneSeed<'_>)| {
        let mut rng = OneSeed { seed: &seed, asked: 0 };
        ask(&mut rng);
        rng.asked
    };
    assert_eq!(asked(&|rng| rng.try_fill_bytes(&mut [0; 32]).unwrap()), 1);
    assert_ne!(asked(&|rng| rng.try_fill_bytes(&mut [0; 31]).unwrap()), 1);
    assert_ne!(asked(&|rng| assert_eq!(rng.try_next_u32(), Ok(0))), 1);
    assert_ne!(asked(&|rng| assert_eq!(rng.try_next_u64(), Ok(0))), 1);
    let twice = asked(&|rng| {
        rng.try_fill_bytes(&mut [0; 32]).unwrap();
        rng.try_fill_bytes(&mut [0; 32]).unwrap();
    });
    assert_ne!(twice, 1);
}

fn wrapped(kek: &[u8; 32], secret: &[u8; 32]) -> [u8; 40] {
    let mut out = vec![0x81];
    wrap_kek(&mut out, b"kek", &Kek::from_bytes(kek), &Secret::take(&mut { *secret })).unwrap();
    let entry = entry_of(&out);
    let RecipientEntry::Kek { key_id: b"kek", ciphertext } = entry else { panic!("{entry:?}") };
    *ciphertext
}

/// §4.6: 256 bits of key data with a 256-bit KEK, the one of the six that has
/// our sizes.
#[test]
fn rfc_3394_wraps_256_bits_with_a_256_bit_kek() {
    let kek = array("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let data = array("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
    let expected =
        "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";
    assert_eq!(hex::encode(wrapped(&kek, &data)), expected);
    let opened = unwrap_kek(&Kek::from_bytes(&kek), &array(expected)).unwrap();
    assert_eq!(opened.expose(), &data);
}

/// The cases that have our sizes; the types admit no others.
#[test]
fn wycheproof_key_wrap() {
    let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrap).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let (Ok(kek), Ok(ciphertext)) =
            (<[u8; 32]>::try_from(&test.key[..]), <[u8; 40]>::try_from(&test.ct[..]))
        else {
            continue;
        };
        let found = unwrap_kek(&Kek::from_bytes(&kek), &ciphertext);
        let told = format!("case {}: {}", test.tc_id, test.comment);
        match test.result {
            TestResult::Valid => {
                let secret = <[u8; 32]>::try_from(&test.pt[..]).unwrap();
                assert_eq!(found.unwrap().expose(), &secret, "{told}");
                assert_eq!(wrapped(&kek, &secret), ciphertext, "{told}");
                valid += 1;
            }
            TestResult::Invalid => {
                assert_eq!(found.unwrap_err().code(), "undecryptable", "{told}");
                invalid += 1;
            }
            TestResult::Acceptable => panic!("{told}: was not expected"),
        }
    }
    assert!(valid >= 2 && invalid >= 12, "{valid} {invalid}");
}

/// Only the one seed is given out, and only once.
#[test]
fn hpke_gets_no_randomness_but_the_seed() {
    let seed = Secret::take(&mut [9; 32]);
    let mut rng = OneSeed { seed: &seed, asked: 0 };
    let mut bytes = [0; 32];
    rng.try_fill_bytes(&mut bytes).unwrap();
    assert_eq!((bytes, rng.asked), ([9; 32], 1));
    let mut others: [OneSeed<'_>; 3] = core::array::from_fn(|_| OneSeed { seed: &seed, asked: 0 });
    assert_eq!(others[0].try_next_u32().unwrap(), 0);
    assert_eq!(others[1].try_next_u64().unwrap(), 0);
    others[2].try_fill_bytes(&mut [0; 31]).unwrap();
    assert!(others.iter().all(|rng| rng.asked == u32::MAX), "what else was asked for is noticed");
}

#[test]
fn the_id_of_a_kek_has_1_to_64_bytes() {
    for (length, is_sound) in [(0, false), (1, true), (64, true), (65, false)] {
        let found = check_kek_id(&vec![7; length]);
        assert_eq!(found.map_err(|error| error.code()), is_sound.then_some(()).ok_or("misuse"));
    }
}
