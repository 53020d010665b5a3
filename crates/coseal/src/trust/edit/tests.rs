//! What an editor refuses, at the edges, and that nothing is lost on the way
//! through it.
#![allow(clippy::unwrap_used, reason = "tests")]

use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::key::ReceivingKey;
use crate::trust::TrustAnchor;

const FROM: u64 = 1_700_000_000;
const NOW: Time = Time::from_secs(1_800_000_000);
const LATER: Time = Time::from_secs(1_900_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn record(seed: u8) -> NewRecord {
    NewRecord {
        key: SigningKey::from_bytes(&[seed; 32]).verifying_key().clone().into(),
        subject: format!("spiffe://example.test/{seed}"),
        valid_from: Time::from_secs(FROM),
        valid_until: None,
        channels: vec![Pattern::new("orders.>").unwrap()],
    }
}

fn id(seed: u8) -> KeyId {
    record(seed).key.key_id()
}

/// An editor with the keys of seeds 2, 3 and 4.
fn three() -> TrustEditor {
    let mut edit = TrustEditor::new("example.test");
    for seed in 2..=4 {
        edit.add(record(seed)).unwrap();
    }
    edit
}

fn signed(edit: TrustEditor) -> TrustBundle {
    let bytes = edit.sign(&root(), NOW, LATER).unwrap();
    let anchor = TrustAnchor::pinned([root().verifying_key().clone()]);
    TrustBundle::load(&bytes, &anchor, NOW).unwrap()
}

/// Fails unless `result` is a misuse that says `words`.
#[track_caller]
fn misuse<T>(result: Result<T>, words: &str) {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error.code(), "misuse");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn an_editor_tells_what_it_will_sign() {
    let edit = three();
    assert_eq!((edit.sequence(), edit.expires_at()), (1, None));
    let edit = signed(edit).edit().unwrap();
    assert_eq!((edit.sequence(), edit.expires_at()), (2, Some(LATER)));
    let printed = format!("{edit:?}");
    assert!(printed.contains("example.test") && printed.contains("records: 3"), "{printed}");
}

#[test]
fn a_key_is_added_once_and_within_the_limits() {
    let mut edit = three();
    misuse(edit.add(record(3)), "already");
    let subject = |len: usize| NewRecord { subject: "s".repeat(len), ..record(5) };
    misuse(edit.add(subject(0)), "subject");
    misuse(edit.add(subject(limits::SUBJECT + 1)), "subject");
    edit.add(subject(limits::SUBJECT)).unwrap();
    let patterns =
        |count| NewRecord { channels: vec![Pattern::new("orders").unwrap(); count], ..record(6) };
    misuse(edit.add(patterns(limits::PATTERNS + 1)), "patterns");
    edit.add(patterns(limits::PATTERNS)).unwrap();
    let until = |until| NewRecord { valid_until: Some(until), ..record(7) };
    let from = Time::from_secs(FROM);
    misuse(edit.add(until(from.minus(SECOND))), "ends before");
    misuse(edit.add(until(from)), "ends before");
    edit.add(until(from.plus(SECOND))).unwrap();
    let beyond = NewRecord { valid_from: Time::from_secs(limits::TIME + 1), ..record(8) };
    misuse(edit.add(beyond), "2^53");
    edit.add(NewRecord { valid_from: Time::from_secs(limits::TIME), ..record(8) }).unwrap();
    assert_eq!(signed(edit).records().len(), 7);
}

#[test]
fn a_bundle_has_at_most_65536_records() {
    let unknown = hex::decode("a1 01 a1 01 02".replace(' ', "")).unwrap();
    let mut edit = TrustEditor::new("example.test");
    edit.entries.extend((1..limits::RECORDS).map(|_| Entry::Unknown(unknown.clone())));
    edit.add(record(2)).unwrap();
    misuse(edit.add(record(3)), "65536");
    let bundle = signed(edit);
    assert_eq!((bundle.records().len(), bundle.skipped().len()), (1, limits::RECORDS - 1));
}

#[test]
fn a_bundle_has_at_most_16_mib() {
    let with = |fill: usize| {
        let mut edit = three();
        let mut extension = Vec::new();
        extension.uint(64);
        extension.bytes(&vec![0; fill]);
        edit.extensions.push(extension);
        edit.sign(&root(), NOW, LATER)
    };
    let around = with(1 << 20).unwrap().len() - (1 << 20);
    assert_eq!(with(limits::BUNDLE - around).unwrap().len(), limits::BUNDLE);
    misuse(with(limits::BUNDLE - around + 1), "16 MiB");
    misuse(TrustEditor::new("").sign(&root(), NOW, LATER), "has a name");
}

#[test]
fn a_key_is_retired_to_an_earlier_time_and_to_no_later_one() {
    let mut edit = three();
    misuse(edit.retire(&id(9), NOW), "no key");
    edit.retire(&id(3), NOW).unwrap();
    edit.retire(&id(3), NOW).unwrap();
    misuse(edit.retire(&id(3), NOW.plus(SECOND)), "retired already");
    misuse(edit.retire(&id(3), NOW.plus(Duration::from_millis(1))), "retired already");
    edit.retire(&id(3), NOW.minus(SECOND)).unwrap();
    let from = Time::from_secs(FROM);
    misuse(edit.retire(&id(4), from), "not yet valid");
    misuse(edit.retire(&id(4), from.minus(SECOND)), "not yet valid");
    edit.retire(&id(4), from.plus(Duration::from_millis(1))).unwrap();
    let bundle = signed(edit);
    let until: Vec<_> = bundle.records().iter().map(|record| record.valid_until()).collect();
    assert_eq!(until, [None, Some(NOW.minus(SECOND)), Some(from.plus(SECOND))]);
}

fn revocation(at: u64, reason: Reason, since: Option<u64>) -> Revocation {
    Revocation {
        revoked_at: Time::from_secs(at),
        reason,
        compromised_since: since.map(Time::from_secs),
    }
}

#[test]
fn every_revocation_comes_through_and_a_second_one_tells_more() {
    use Reason::{Ceased, Compromised, Superseded};
    let mut edit = three();
    misuse(edit.revoke(&id(9), revocation(20, Ceased, None)), "no key");
    misuse(edit.revoke(&id(2), revocation(20, Compromised, Some(21))), "after the revocation");
    edit.revoke(&id(2), revocation(20, Compromised, Some(20))).unwrap();
    misuse(edit.retire(&id(2), NOW), "is revoked");
    edit.revoke(&id(3), revocation(20, Superseded, None)).unwrap();
    edit.revoke(&id(4), revocation(20, Ceased, None)).unwrap();
    let told = |edit: TrustEditor| {
        let bundle = signed(edit);
        let each = bundle.records().iter().map(|record| *record.revocation().unwrap());
        (each.collect::<Vec<_>>(), bundle.edit().unwrap())
    };
    let (first, mut edit) = told(edit);
    let expected = [
        revocation(20, Compromised, Some(20)),
        revocation(20, Superseded, None),
        revocation(20, Ceased, None),
    ];
    assert_eq!(first, expected);
    // Of two dates the earlier one; what was compromised stays so.
    edit.revoke(&id(2), revocation(30, Superseded, Some(10))).unwrap();
    edit.revoke(&id(3), revocation(10, Ceased, None)).unwrap();
    edit.revoke(&id(4), revocation(30, Compromised, Some(5))).unwrap();
    let (second, mut edit) = told(edit);
    let expected = [
        revocation(20, Compromised, Some(10)),
        revocation(10, Ceased, None),
        revocation(20, Compromised, Some(5)),
    ];
    assert_eq!(second, expected);
    edit.revoke(&id(4), revocation(40, Ceased, Some(15))).unwrap();
    assert_eq!(told(edit).0.last(), Some(&revocation(20, Compromised, Some(5))));
    assert_eq!(
        [Compromised, Superseded, Ceased].map(Reason::as_str),
        ["compromised", "superseded", "ceased"]
    );
}

#[test]
fn a_root_is_named_once() {
    let mut edit = three();
    let next = SigningKey::from_bytes(&[7; 32]).verifying_key().clone();
    edit.add_root(next.clone()).unwrap();
    misuse(edit.add_root(next.clone()), "already");
    assert_eq!(signed(edit).next_roots(), [next]);
}

#[test]
fn a_provider_signs_the_same_bytes() {
    let provided = three().sign_by(&Signer::from(root()), NOW, LATER).unwrap();
    assert_eq!(provided, three().sign(&root(), NOW, LATER).unwrap());
}

/// Everything that a bundle may hold, signed, loaded and signed again.
#[test]
fn nothing_is_lost_by_an_edit() {
    let mut edit = three();
    let receiving = ReceivingKey::from_bytes(&[5; 32]).recipient_key().clone();
    edit.add(NewRecord { key: receiving.clone().into(), ..record(5) }).unwrap();
    edit.retire(&id(2), NOW).unwrap();
    edit.revoke(&id(3), revocation(20, Reason::Compromised, Some(10))).unwrap();
    let both = edit.known_mut(&id(4)).unwrap();
    both.valid_until = Some(FROM + 1);
    both.revocation = Some(revocation(30, Reason::Compromised, None));
    // A reason and labels of a version to come.
    both.reason = 99;
    both.extensions = hex::decode("184001 184102".replace(' ', "")).unwrap();
    both.extension_count = 2;
    edit.add_root(SigningKey::from_bytes(&[7; 32]).verifying_key().clone()).unwrap();
    edit.add_root(SigningKey::from_bytes(&[8; 32]).verifying_key().clone()).unwrap();
    edit.extensions = vec![vec![0x18, 0x40, 0x01], vec![0x18, 0x41, 0x02]];
    let first = signed(edit);
    let (records, next_roots) = (format!("{:?}", first.records()), first.next_roots().to_vec());
    assert_eq!(next_roots.len(), 2);
    let second = signed(first.edit().unwrap());
    assert_eq!(format!("{:?}", second.records()), records);
    assert_eq!(second.next_roots(), next_roots);
    assert_eq!(second.sequence(), 2);
    // Equal but for the sequence and the signature.
    assert_eq!(second.bytes().len(), first.bytes().len());
    let third = second.records().get(2).unwrap();
    assert_eq!((third.reason, third.extension_count), (99, 2));
    let fourth = second.records().get(3).unwrap();
    assert_eq!((fourth.recipient_key(), fourth.verifying_key()), (Some(&receiving), None));
    assert!(third.recipient_key().is_none());
    let pattern = third.channels().first().unwrap();
    assert_eq!((pattern.to_string().as_str(), pattern.as_str()), ("orders.>", "orders.>"));
}
