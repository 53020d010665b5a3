//! What is refused, with which code, and that nothing is written then.

use coseal::hazmat::RawEpoch;
use coseal::{Message, ReceivingKey, Revocation, Rewrapper, RewrapperBuilder, Time};

use crate::common::{CHANNEL, kinds, place, receiving, record, root, seal_raw, signing};
use crate::desk::{builder, kek, kept, key, opened_by, ours, sealed, unknown};
use crate::parts::Parts;
use crate::world;

fn adds() -> RewrapperBuilder {
    ours().add_recipient(key(7).recipient_key())
}

/// Why an envelope is refused; nothing is written.
fn refused(rewrapper: &Rewrapper, envelope: &[u8]) -> String {
    let mut out = b"before".to_vec();
    let error = rewrapper.rewrap_into(envelope, &mut out).unwrap_err();
    assert_eq!(out, b"before");
    kinds(&error)
}

#[test]
fn what_an_auditor_refuses_is_not_rewrapped() {
    let genuine = sealed(&[3], &[]);
    let rewrapper = adds().build().unwrap();
    rewrapper.rewrap(&genuine).unwrap();
    let mut changed = Parts::of(&genuine);
    changed.ciphertext[40] ^= 1;
    assert_eq!(refused(&rewrapper, &changed.join()), "untrusted/bad_signature");
    changed.sign_alone(&world::stranger());
    assert_eq!(refused(&rewrapper, &changed.join()), "untrusted/bad_signature");
    assert_eq!(refused(&rewrapper, b"no envelope"), "malformed/cbor");
    let detached = Parts::of(&genuine)
        .join_with(&[Parts::of(&genuine).receipt.encode()], ciborium::Value::Null);
    assert_eq!(refused(&rewrapper, &detached), "unsupported/detached");
    let stranger = RawEpoch::new(
        world::stranger(),
        CHANNEL,
        coseal::Suite::A256Gcm,
        coseal::EpochId::from_bytes([1; 8]),
        coseal::Secret::take(&mut [1; 32]),
    );
    let mut stranger = stranger.unwrap();
    stranger.add_kek(b"kek", &kek(9)).unwrap();
    let theirs = seal_raw(&stranger, Message::new(b"theirs"), place(0));
    assert_eq!(refused(&rewrapper, &theirs), "untrusted/unknown_signer");
    assert_eq!(refused(&adds().max_len(100).build().unwrap(), &genuine), "malformed/too_large");
}

/// Revoked, whatever time it claims; expired, old or under an expired bundle is
/// no reason: it is an archive that is re-wrapped.
#[test]
fn a_revoked_signer_is_refused_and_age_is_not_asked_for() {
    let mut edit = world::trust().edit().unwrap();
    let revocation = Revocation {
        revoked_at: Time::from_secs(1_900_000_000),
        reason: coseal::Reason::Compromised,
        compromised_since: None,
    };
    edit.revoke(&signing().verifying_key().key_id(), revocation).unwrap();
    let rewrapper = Rewrapper::builder(crate::common::sign(edit)).key(receiving());
    let rewrapper = rewrapper.add_recipient(key(7).recipient_key()).build().unwrap();
    assert_eq!(refused(&rewrapper, &sealed(&[3], &[])), "untrusted/revoked");

    let (early, late) = (Time::from_secs(1_700_000_000), Time::from_secs(1_700_000_100));
    let mut edit = coseal::TrustBundle::make("example.test");
    edit.add(record(signing().verifying_key().clone(), "spiffe://example.test/a", &[">"])).unwrap();
    let bytes = edit.sign(&root(), early, late).unwrap();
    let anchor = coseal::TrustAnchor::pinned([root().verifying_key().clone()]);
    let old = std::sync::Arc::new(coseal::TrustBundle::load(&bytes, &anchor, early).unwrap());
    let rewrapper = Rewrapper::builder(old).key(receiving());
    let rewrapper = rewrapper.add_recipient(key(7).recipient_key()).build().unwrap();
    let message = Message::new(b"long ago").expires_at(early);
    let expired = seal_raw(&crate::desk::epoch(&[3], &[]), message, place(0));
    rewrapper.rewrap(&expired).unwrap();
}

#[test]
fn another_channel_or_signer_than_asked_for_is_refused() {
    let envelope = sealed(&[3], &[]);
    let subject = crate::common::SUBJECT;
    adds().channel(CHANNEL).signer(subject).build().unwrap().rewrap(&envelope).unwrap();
    let other = adds().channel("payments").build().unwrap();
    assert_eq!(refused(&other, &envelope), "misdirected/channel");
    let other = adds().signer("spiffe://example.test/rival").build().unwrap();
    assert_eq!(refused(&other, &envelope), "untrusted/wrong_signer");
}

#[test]
fn nobody_is_left_without_a_recipient() {
    let own = receiving().recipient_key().key_id();
    let rewrapper = ours().remove_recipient(own).build().unwrap();
    assert_eq!(refused(&rewrapper, &sealed(&[3], &[])), "misuse");
    rewrapper.rewrap(&sealed(&[3, 5], &[])).unwrap();
    // Whoever carries an envelope can add an entry that nobody knows: it does
    // not count.
    let mut parts = Parts::of(&sealed(&[3], &[]));
    parts.recipients.push(unknown(Some(&[1; 8])));
    assert_eq!(refused(&rewrapper, &parts.join()), "misuse");
}

#[test]
fn no_envelope_grows_beyond_the_limit() {
    let envelope = sealed(&[3], &[]);
    let grown = adds().build().unwrap().rewrap(&envelope).unwrap().len();
    let exact = adds().max_len(grown).build().unwrap();
    assert_eq!(exact.rewrap(&envelope).unwrap().len(), grown);
    assert_eq!(refused(&adds().max_len(grown - 1).build().unwrap(), &envelope), "misuse");
}

/// Whatever bit is flipped: it is refused, or lies in an entry that is none of
/// ours and is passed on as it is.
#[test]
fn every_flipped_bit_is_refused_or_is_none_of_our_business() {
    let envelope = sealed(&[3, 5], &[("kek-1", 9)]);
    let head = kept(&envelope).len();
    let (mut refused, mut passed) = (0, 0);
    // Warm and cold: a cache changes no answer.
    let warm = adds().build().unwrap();
    warm.rewrap(&envelope).unwrap();
    for bit in 0..envelope.len() * 8 {
        let mut flipped = envelope.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let cold = adds().build().unwrap().rewrap(&flipped);
        match (warm.rewrap(&flipped), cold) {
            (Ok(new), Ok(_)) => {
                assert!(bit / 8 >= head, "bit {bit} of the signed part");
                assert_eq!(kept(&new), kept(&envelope));
                assert_eq!(opened_by(key(7), &new), Ok(b"payload".to_vec()));
                passed += 1;
            }
            (Err(warm), Err(cold)) => {
                assert_eq!(kinds(&warm), kinds(&cold), "bit {bit}");
                refused += 1;
            }
            (warm, cold) => panic!("bit {bit}: {warm:?}, {cold:?}"),
        }
    }
    assert!(refused > head * 8 && passed > 800, "{refused} {passed}");
}

#[test]
fn a_change_that_makes_no_sense_is_refused_at_once() {
    let recipient = |number: u8| key(number).recipient_key().clone();
    let id = |number: u8| recipient(number).key_id();
    let wrong: [(&str, RewrapperBuilder); 10] = [
        ("nothing is to be changed", ours()),
        ("nobody would be left", ours().replace_all()),
        ("nobody would be left", ours().replace_all().remove_recipient(id(5))),
        ("both added and removed", adds().remove_recipient(id(7))),
        ("both added and removed", ours().add_kek(b"k", kek(1)).remove_kek(b"k")),
        ("two recipients to add", ours().add_kek(b"k", kek(1)).add_kek(b"k", kek(2))),
        ("1..64 bytes", ours().add_kek(b"", kek(1))),
        ("1..64 bytes", adds().remove_kek(&[7; 65])),
        ("more are to be added", (0..65).fold(ours(), |all, n| all.add_recipient(&recipient(n)))),
        ("a provider", adds().provider(std::sync::Arc::new(coseal::Keyring::new()))),
    ];
    for (why, builder) in wrong {
        let error = builder.build().unwrap_err();
        assert_eq!(error.code(), "misuse");
        assert!(error.to_string().contains(why), "{why}: {error}");
    }
    assert_eq!(adds().channel("a*b").build().unwrap_err().code(), "misuse");
    // The same key twice is one key.
    let twice = adds().add_recipient(&recipient(7)).build().unwrap();
    assert_eq!(twice.fingerprint(), adds().build().unwrap().fingerprint());
}

#[test]
fn a_fingerprint_is_that_of_the_change() {
    let id = |number: u8| key(number).recipient_key().key_id();
    let different = [
        adds(),
        adds().add_recipient(key(8).recipient_key()),
        adds().add_kek(b"k", kek(1)),
        adds().add_kek(b"k", kek(2)),
        adds().add_kek(b"l", kek(1)),
        adds().remove_recipient(id(3)),
        adds().remove_kek(b"k"),
        adds().replace_all(),
        adds().channel(CHANNEL),
        adds().signer(CHANNEL),
    ];
    let fingerprints = different.map(|builder| builder.build().unwrap().fingerprint());
    let distinct: std::collections::BTreeSet<_> = fingerprints.iter().collect();
    assert_eq!(distinct.len(), fingerprints.len());
    // Who opens is not a part of it, nor is the bundle.
    let others = builder().key(ReceivingKey::from_bytes(&[99; 32]));
    let others = others.add_recipient(key(7).recipient_key()).build().unwrap();
    assert_eq!(others.fingerprint(), fingerprints[0]);
}
