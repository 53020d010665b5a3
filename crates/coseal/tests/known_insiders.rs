//! What a known signer, a recipient of the epoch or a carrier can make of a
//! genuine message: sign it again, take it over, forge under a secret that it
//! knows, plant an entry.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "known/parts.rs"]
mod parts;
#[path = "known/world.rs"]
mod world;

use common::{CHANNEL, NOW, kinds, receiving, signing};
use coseal::{Opener, ReceivingKey, SigningKey, Suite, VerifyingKey, Window};
use parts::Parts;
use world::{
    HOME, Origin, confined, kek, notary, open, openers, refused, rival, stranger, trust, verify,
};

/// Exchanges the key ID in a header, of 8 bytes in both.
fn renamed(protected: &[u8], from: &VerifyingKey, to: &VerifyingKey) -> Vec<u8> {
    let (from, to) = (from.key_id(), to.key_id());
    let at = protected.windows(8).position(|window| window == from.as_bytes()).unwrap();
    [&protected[..at], to.as_bytes(), &protected[at + 8..]].concat()
}

/// Signed again by another key under the header as it is: the key that the
/// header names did not sign it.
#[test]
fn another_signature_under_the_same_header_is_refused() {
    for (size, index) in [(1, 0), (3, 1)] {
        let genuine = HOME.seal(b"payload", 0, size, index);
        for key in [rival(), confined(), notary(), stranger(), common::root()] {
            let mut forged = genuine.clone();
            forged.sign_alone(&key);
            assert_eq!(verify(&forged.join()), refused("untrusted/bad_signature"));
            for opener in openers() {
                open(&opener, &genuine.join()).unwrap();
                assert_eq!(open(&opener, &forged.join()), refused("untrusted/bad_signature"));
            }
        }
    }
}

/// Taken over by another signer, who puts its own name on the header: it
/// verifies as what it is, the other's statement about bytes that the other
/// cannot open, and opens for nobody.
#[test]
fn a_message_taken_over_by_another_signer_verifies_as_theirs_and_never_opens() {
    type Case = (fn() -> SigningKey, Result<String, String>, &'static str);
    let cases: [Case; 3] = [
        (rival, Ok("spiffe://example.test/rival".into()), "undecryptable"),
        (confined, refused("untrusted/not_allowed"), "untrusted/not_allowed"),
        (stranger, refused("untrusted/unknown_signer"), "untrusted/unknown_signer"),
    ];
    for (thief, verdict, opened) in cases {
        let genuine = HOME.seal(b"payload", 0, 1, 0);
        let mut stolen = genuine.clone();
        let names = (signing(), thief());
        stolen.protected =
            renamed(&stolen.protected, names.0.verifying_key(), names.1.verifying_key());
        stolen.sign_alone(&thief());
        assert_eq!(verify(&stolen.join()), verdict);
        for (warm, cold) in openers().iter().zip(openers()) {
            open(warm, &genuine.join()).unwrap();
            assert_eq!(open(warm, &stolen.join()), refused(opened), "warm");
            assert_eq!(open(&cold, &stolen.join()), refused(opened), "cold");
            open(warm, &genuine.join()).unwrap();
        }
    }
}

/// Every recipient of an epoch knows its secret. One of them encrypts another
/// payload under another's header, with key, nonce, AAD and commitment all
/// right: only the receipt is not theirs to make.
#[test]
fn a_recipient_cannot_put_other_words_in_the_signers_mouth() {
    for (size, index) in [(1, 0), (3, 1)] {
        let genuine = HOME.seal(b"I owe you 1", 0, size, index);
        let insider = HOME.seal(b"I owe you 9", 0, size, index);
        assert_eq!(genuine.protected, insider.protected);
        let forged = Parts { ciphertext: insider.ciphertext, ..genuine.clone() };
        for (warm, cold) in openers().iter().zip(openers()) {
            assert_eq!(open(warm, &genuine.join()), Ok(b"I owe you 1".to_vec()));
            assert_eq!(open(warm, &forged.join()), refused("untrusted/bad_signature"));
            assert_eq!(open(&cold, &forged.join()), refused("untrusted/bad_signature"));
            for key in [rival(), stranger()] {
                let mut signed = forged.clone();
                signed.sign_alone(&key);
                assert_eq!(open(warm, &signed.join()), refused("untrusted/bad_signature"));
            }
        }
    }
}

/// A recipient who is a signer, too, seals under the secret of another's
/// epoch. Where it opens at all it is the recipient's own message, and the
/// other's identity, sequence and memory of replays are untouched by it.
#[test]
fn knowing_an_epochs_secret_gives_nobody_its_name() {
    let genuine = HOME.seal(b"genuine", 0, 1, 0);
    let theirs = Origin { signer: rival, ..HOME }.seal(b"theirs", 0, 1, 0);
    // The same epoch ID and sequence, and our entries instead of theirs.
    let borrowed = Parts { recipients: genuine.recipients.clone(), ..theirs.clone() };
    let live = |build: &dyn Fn() -> coseal::OpenerBuilder<_, _>| {
        let opener = build().clock(|| NOW).build().unwrap();
        // Both are new: a message's identity is of one signer.
        let (genuine, theirs) = (genuine.join(), theirs.join());
        let first = opener.open(&genuine).unwrap();
        assert_eq!((first.payload(), first.signer()), (&b"genuine"[..], common::SUBJECT));
        let other = opener.open(&theirs).unwrap();
        assert_eq!(other.payload(), b"theirs");
        assert_eq!(other.signer(), "spiffe://example.test/rival");
        assert_eq!((other.epoch(), other.sequence()), (first.epoch(), first.sequence()));
        kinds(&opener.open(&borrowed.join()).unwrap_err())
    };
    let builder = || Opener::builder(trust()).channel(CHANNEL).live(Window::minutes(10));
    // HPKE binds an entry to its signer: a borrowed one opens nothing.
    assert_eq!(live(&|| builder().key(receiving())), "undecryptable");
    // A KEK does not: the entry is the same, and so is the message, again.
    assert_eq!(live(&|| builder().kek(b"kek-1", kek())), "stale/replayed");
}

/// An entry that somebody else wrote, of their own secret to our key, stands
/// where ours stood. It opens nothing, and is not remembered.
#[test]
fn a_planted_entry_opens_nothing_and_poisons_nothing() {
    let genuine = HOME.seal(b"payload", 0, 1, 0);
    let planted = Origin { secret: 0x66, ..HOME }.seal(b"payload", 0, 1, 0);
    let mut mixed = genuine.clone();
    mixed.recipients = planted.recipients.clone();
    assert_eq!(verify(&mixed.join()), Ok(common::SUBJECT.into()));
    for opener in openers() {
        for _ in 0..2 {
            assert_eq!(open(&opener, &mixed.join()), refused("undecryptable"));
            assert_eq!(open(&opener, &genuine.join()), Ok(b"payload".to_vec()));
        }
        // Put in front of ours, it hides ours; behind ours, it does nothing.
        let [ours, theirs] = [&genuine.recipients, &planted.recipients].map(Clone::clone);
        let in_front =
            Parts { recipients: [theirs.clone(), ours.clone()].concat(), ..genuine.clone() };
        assert_eq!(open(&opener, &in_front.join()), refused("undecryptable"));
        let behind = Parts { recipients: [ours, theirs].concat(), ..genuine.clone() };
        assert_eq!(open(&opener, &behind.join()), Ok(b"payload".to_vec()));
    }
}

/// Whoever carries envelopes reads headers and lengths. It has two messages of
/// one epoch with one payload, knows the payload of a third, and may write
/// entries for a key of its own.
#[test]
fn a_broker_reads_the_header_and_nothing_of_the_payload() {
    for suite in [Suite::A256Gcm, Suite::ChaCha20Poly1305] {
        let home = Origin { suite, ..HOME };
        let (secret, known) = ([b's'; 256], [b'k'; 256]);
        let [one, two] = [1, 2].map(|first| home.seal(&secret, first, 1, 0));
        let third = home.seal(&known, 3, 1, 0);
        assert_eq!(verify(&one.join()), Ok(common::SUBJECT.into()));

        // Neither the payload, nor what is the same in two, nor what comes of a
        // key stream used twice: 8 bytes alike by chance, once in 2^40 tests.
        let body = |parts: &Parts| parts.ciphertext[32..32 + 256].to_vec();
        let xor = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a ^ b).collect::<Vec<_>>();
        let [first, second, third] = [&one, &two, &third].map(body);
        let stream = xor(&third, &known);
        for (shown, what) in [
            (first.clone(), "the body"),
            (xor(&first, &stream), "the body under another's key stream"),
            (xor(&xor(&first, &second), &secret), "the sum of two bodies"),
        ] {
            let alike = shown.windows(8).find(|window| *window == &secret[..8]);
            assert_eq!(alike, None, "{what} shows the payload");
        }
        assert!(!one.join().windows(8).any(|window| window == &secret[..8]));

        // With a key of its own, under the reader's entry, and under one of a
        // secret that it chose.
        let own = || ReceivingKey::from_bytes(&[0x66; 32]);
        let broker = || Opener::builder(trust()).any_channel().archive();
        let stranger = broker().key(own()).kek(b"kek-6", kek()).build().unwrap();
        assert_eq!(open(&stranger, &one.join()), refused("no_key"));
        let (ours, its) = (receiving().recipient_key().key_id(), own().recipient_key().key_id());
        let mut renamed = one.clone();
        for entry in &mut renamed.recipients {
            let encoded = parts::encode(entry);
            let Some(at) = encoded.windows(8).position(|window| window == ours.as_bytes()) else {
                continue;
            };
            *entry = parts::decode(&[&encoded[..at], its.as_bytes(), &encoded[at + 8..]].concat());
        }
        assert_ne!(renamed.recipients, one.recipients);
        assert_eq!(open(&stranger, &renamed.join()), refused("undecryptable"));
        let mut chosen = one.clone();
        chosen.recipients = Origin { suite, secret: 0x66, ..HOME }.seal(b"", 1, 1, 0).recipients;
        let reader = broker().key(receiving()).build().unwrap();
        assert_eq!(open(&reader, &chosen.join()), refused("undecryptable"));
        assert_eq!(open(&reader, &one.join()), Ok(secret.to_vec()));
    }
}

/// The opposite order: the first thing ever seen of an epoch is the forgery.
#[test]
fn a_forgery_that_comes_first_is_not_remembered() {
    let genuine = HOME.seal(b"payload", 0, 3, 1);
    let planted = Origin { secret: 0x66, ..HOME }.seal(b"payload", 0, 3, 1);
    let mut wrong_secret = genuine.clone();
    wrong_secret.recipients = planted.recipients;
    let mut wrong_signature = genuine.clone();
    wrong_signature.receipt.signature[0] ^= 1;
    let builder = || Opener::builder(trust()).channel(CHANNEL).live(Window::minutes(10));
    for opener in [builder().key(receiving()), builder().kek(b"kek-1", kek())] {
        let opener = opener.clock(|| NOW).build().unwrap();
        assert_eq!(open(&opener, &wrong_signature.join()), refused("untrusted/bad_signature"));
        assert_eq!(open(&opener, &wrong_secret.join()), refused("undecryptable"));
        // Neither was marked seen: what was refused is no sighting.
        assert_eq!(opener.open(&genuine.join()).unwrap().payload(), b"payload");
        assert_eq!(open(&opener, &genuine.join()), refused("stale/replayed"));
        // The same message with other unsigned bytes is the same message.
        let mut dressed = genuine.clone();
        dressed.recipients.push(dressed.recipients[0].clone());
        dressed.others.push(vec![0]);
        assert_eq!(open(&opener, &dressed.join()), refused("stale/replayed"));
    }
}
