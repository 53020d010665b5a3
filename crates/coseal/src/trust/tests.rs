#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::key::{PublicKey, ReceivingKey, SigningKey};
use alloc::string::ToString;
use alloc::vec;

const NOW: Time = Time::from_secs(1_800_000_000);
const LATER: Time = Time::from_secs(1_900_000_000);

fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn anchor() -> TrustAnchor {
    TrustAnchor::pinned([root().verifying_key().clone()])
}

fn record(seed: u8) -> NewRecord {
    NewRecord {
        key: SigningKey::from_bytes(&[seed; 32]).verifying_key().clone().into(),
        subject: alloc::format!("spiffe://example.test/{seed}"),
        valid_from: Time::from_secs(1_700_000_000),
        valid_until: None,
        channels: vec![Pattern::new("orders.>").unwrap()],
    }
}

fn kinds(error: &Error) -> (&str, Option<&str>) {
    (error.code(), error.kind())
}

#[test]
fn a_bundle_lives_through_add_retire_revoke_and_renew() {
    let mut edit = TrustBundle::make("example.test");
    edit.add(record(2)).unwrap();
    edit.add(record(3)).unwrap();
    let receiving = ReceivingKey::from_bytes(&[4; 32]);
    edit.add(NewRecord { key: receiving.recipient_key().clone().into(), ..record(4) }).unwrap();
    let bytes = edit.sign(&root(), NOW, LATER).unwrap();
    let bundle = TrustBundle::load(&bytes, &anchor(), NOW).unwrap();
    assert_eq!((bundle.domain(), bundle.sequence()), ("example.test", 1));
    assert_eq!(bundle.records().len(), 3);
    let found = bundle.receiving_keys("spiffe://example.test/4", "orders.eu", NOW);
    assert_eq!(found, vec![receiving.recipient_key().clone()]);
    assert!(bundle.receiving_keys("spiffe://example.test/4", "stock", NOW).is_empty());

    let (two, three) = (record(2).key.key_id(), record(3).key.key_id());
    let mut edit = bundle.edit().unwrap();
    edit.retire(&two, NOW).unwrap();
    let revocation = Revocation {
        revoked_at: NOW,
        reason: Reason::Compromised,
        compromised_since: Some(Time::from_secs(1_750_000_000)),
    };
    edit.revoke(&three, revocation).unwrap();
    assert_eq!(edit.add(record(2)).unwrap_err().code(), "misuse");
    let bytes = edit.sign(&root(), NOW, LATER).unwrap();
    let seen = anchor().seen(bundle.state());
    let next = TrustBundle::load(&bytes, &seen, NOW).unwrap();
    assert_eq!(next.sequence(), 2);
    assert!(!next.signing_key(&two).unwrap().is_valid_at(NOW));
    assert!(next.signing_key(&two).unwrap().is_valid_at(NOW.minus(Duration::from_millis(1))));
    assert_eq!(next.signing_key(&three).unwrap().revocation(), Some(&revocation));
    assert!(!next.is_expired(LATER, Duration::from_secs(1)));
    assert!(next.is_expired(LATER.plus(Duration::from_secs(1)), Duration::from_secs(1)));
}

#[test]
fn older_bundles_forks_and_strangers_are_refused() {
    let first = TrustBundle::make("example.test").sign(&root(), NOW, LATER).unwrap();
    let one = TrustBundle::load(&first, &anchor(), NOW).unwrap();
    let second = one.edit().unwrap().sign(&root(), NOW, LATER).unwrap();
    let fork = one.edit().unwrap().sign(&root(), NOW, NOW).unwrap();
    let two = TrustBundle::load(&second, &anchor().seen(one.state()), NOW).unwrap();
    let seen = anchor().seen(two.state());
    assert!(TrustBundle::load(&second, &seen, NOW).is_ok());
    for (bytes, word) in [(&first, "older"), (&fork, "fork")] {
        let error = TrustBundle::load(bytes, &seen, NOW).unwrap_err();
        assert_eq!(kinds(&error), ("untrusted", Some("rolled_back")));
        assert!(error.to_string().contains(word), "{error}");
    }
    let stranger = SigningKey::from_bytes(&[9; 32]);
    let bytes = one.edit().unwrap().sign(&stranger, NOW, LATER).unwrap();
    let error = TrustBundle::load(&bytes, &anchor(), NOW).unwrap_err();
    assert_eq!(kinds(&error), ("untrusted", Some("unknown_root")));
    let error = TrustBundle::load(&first, &anchor().domain("other.test"), NOW).unwrap_err();
    assert_eq!(kinds(&error), ("untrusted", Some("wrong_domain")));
    let early = NOW.minus(Duration::from_secs(61));
    let error = TrustBundle::load(&first, &anchor(), early).unwrap_err();
    assert_eq!(kinds(&error), ("stale", Some("from_the_future")));
}

#[test]
fn a_named_root_may_sign_the_next_and_the_old_pin_does_not_return() {
    let next_root = SigningKey::from_bytes(&[7; 32]);
    let mut edit = TrustBundle::make("example.test");
    edit.add_root(next_root.verifying_key().clone()).unwrap();
    let first = edit.sign(&root(), NOW, LATER).unwrap();
    let one = TrustBundle::load(&first, &anchor(), NOW).unwrap();
    // Signed by the new root, which names neither the old one nor itself.
    let mut edit = one.edit().unwrap();
    let new = next_root.verifying_key().key_id();
    assert_eq!(edit.remove_root(&root().verifying_key().key_id()).unwrap_err().code(), "misuse");
    edit.remove_root(&new).unwrap();
    assert_eq!(edit.remove_root(&new).unwrap_err().code(), "misuse");
    let second = edit.sign(&next_root, NOW, LATER).unwrap();
    let error = TrustBundle::load(&second, &anchor(), NOW).unwrap_err();
    assert_eq!(kinds(&error), ("untrusted", Some("unknown_root")));
    let two = TrustBundle::load(&second, &anchor().seen(one.state()), NOW).unwrap();
    assert_eq!((two.root(), two.next_roots()), (next_root.verifying_key(), &[][..]));
    let back = two.edit().unwrap().sign(&root(), NOW, LATER).unwrap();
    let error = TrustBundle::load(&back, &anchor().seen(two.state()), NOW).unwrap_err();
    assert_eq!(kinds(&error), ("untrusted", Some("unknown_root")));
}

#[test]
fn every_flipped_bit_of_a_bundle_is_refused() {
    let mut edit = TrustBundle::make("example.test");
    edit.add(record(2)).unwrap();
    let bytes = edit.sign(&root(), NOW, LATER).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        *flipped.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
        let error = TrustBundle::load(&flipped, &anchor(), NOW).expect_err("a flipped bit");
        assert!(matches!(error.code(), "malformed" | "untrusted"), "{bit}: {error:?}");
    }
}

#[test]
fn what_is_unknown_survives_an_edit() {
    let mut edit = TrustBundle::make("example.test");
    let unknown = hex::decode("a2 01 a1 01 02 18 40 61 78".replace(' ', "")).unwrap();
    edit.entries.push(edit::Entry::Unknown(unknown.clone()));
    edit.extensions.push(hex::decode("184001").unwrap());
    edit.add(record(2)).unwrap();
    let bytes = edit.sign(&root(), NOW, LATER).unwrap();
    let bundle = TrustBundle::load(&bytes, &anchor(), NOW).unwrap();
    assert_eq!(bundle.skipped().len(), 1);
    assert_eq!(bundle.records().len(), 1);
    let again = bundle.edit().unwrap().sign(&root(), NOW, LATER).unwrap();
    let position = |needle: &[u8]| again.windows(needle.len()).position(|w| w == needle);
    assert!(position(&unknown).is_some());
    assert!(position(&[0x18, 0x40, 0x01]).is_some());
}

#[test]
fn public_keys_of_both_uses_round_trip() {
    let mut edit = TrustBundle::make("d");
    edit.add(record(2)).unwrap();
    let bundle =
        TrustBundle::load(&edit.sign(&root(), NOW, LATER).unwrap(), &anchor(), NOW).unwrap();
    let record = bundle.records().first().unwrap();
    assert!(matches!(record.key(), PublicKey::Verifying(_)));
    assert_eq!(record.usage(), Usage::Sign);
}

#[test]
fn a_sealer_may_choose_no_receiving_key_that_has_ended_or_was_revoked() {
    let key = |seed| ReceivingKey::from_bytes(&[seed; 32]).recipient_key().clone();
    let mut edit = TrustBundle::make("example.test");
    for seed in 4..=6 {
        edit.add(NewRecord { key: key(seed).into(), ..record(4) }).unwrap();
    }
    edit.retire(&key(5).key_id(), NOW).unwrap();
    let revocation =
        Revocation { revoked_at: LATER, reason: Reason::Superseded, compromised_since: None };
    edit.revoke(&key(6).key_id(), revocation).unwrap();
    let bundle =
        TrustBundle::load(&edit.sign(&root(), NOW, LATER).unwrap(), &anchor(), NOW).unwrap();
    let found = |now| bundle.receiving_keys("spiffe://example.test/4", "orders.eu", now);
    assert_eq!(found(NOW), vec![key(4)]);
    assert_eq!(found(Time::from_secs(1_700_000_000)), vec![key(4), key(5)]);
    assert_eq!(found(Time::from_secs(1_699_999_999)), vec![]);
}

#[test]
fn a_bundle_that_is_never_replaced_is_in_force_and_no_other() {
    let bundle = || {
        let bytes = TrustBundle::make("example.test").sign(&root(), NOW, LATER).unwrap();
        Arc::new(TrustBundle::load(&bytes, &anchor(), NOW).unwrap())
    };
    let (one, other) = (bundle(), bundle());
    assert!(one.is_current(&Arc::clone(&one)));
    assert!(!one.is_current(&other));
}
