//! Bytes → trust bundles: the input as a whole bundle, and as the payload of
//! one that the root signed.
//!
//! - Nothing that the root did not sign loads.
//! - A payload is refused as [`bundle`](crate::bundle) refuses it, and what
//!   loads is what the slow reader finds.
//! - Whatever loads can be edited and signed again, loses nothing by that, and
//!   cannot be rolled back to.

use std::time::Duration;

use coseal::{Reason, SigningKey, Time, TrustBundle};

use crate::bundle::refusals;
use crate::fixture::{DOMAIN, NOW, anchor, key_id, seed};
use crate::item::{self, Item};
use crate::refusal::name;
use crate::sign;

/// How far clocks may differ, unless somebody says otherwise.
const SKEW: Duration = Duration::from_secs(60);

/// Runs the target on `input`.
pub fn check(input: &[u8]) {
    check_whole(input);
    check_payload(input);
}

fn check_whole(input: &[u8]) {
    match TrustBundle::load(input, &anchor(), NOW) {
        // Only the root makes signatures: here, the one over this payload.
        Ok(bundle) => {
            let (outer, _) = Item::read(input, item::DEPTH).expect("loaded");
            let parts = outer.tagged(18).and_then(Item::as_array).expect("loaded");
            let payload = parts[2].as_bytes().expect("loaded");
            assert_eq!(input, sign::bundle(&seed::ROOT, payload), "a forged bundle loads");
            assert_eq!(bundle.bytes(), input);
        }
        Err(error) => {
            let name = name(&error);
            assert!(is_of_loading(&name), "{name} is not a fault of a bundle");
            let cbor = name == "malformed/cbor";
            assert!(item::deterministic(input).is_ok() || cbor, "{name}, though not deterministic");
        }
    }
}

fn check_payload(payload: &[u8]) {
    let bytes = sign::bundle(&seed::ROOT, payload);
    let allowed = refusals(payload, NOW.plus(SKEW));
    match TrustBundle::load(&bytes, &anchor(), NOW) {
        Ok(bundle) => {
            assert!(allowed.is_empty(), "loaded, though it is {allowed:?}");
            let item = item::deterministic(payload).expect("loaded, though not deterministic");
            check_contents(&bundle, &item);
            check_edit(&bundle);
        }
        Err(error) => {
            let name = name(&error);
            assert!(allowed.contains(&&name[..]), "{error}: {name}, not {allowed:?}");
        }
    }
    // Under another key the same payload is never looked at.
    let forged = sign::bundle(&seed::STRANGER, payload);
    let error = TrustBundle::load(&forged, &anchor(), NOW).expect_err("no root of ours");
    assert_eq!(name(&error), "untrusted/unknown_root");
}

/// What a reader without state and without a configured domain may answer.
fn is_of_loading(name: &str) -> bool {
    matches!(
        name,
        "malformed/cbor"
            | "malformed/structure"
            | "malformed/record"
            | "malformed/duplicate_key"
            | "malformed/weak_key"
            | "unsupported/version"
            | "untrusted/unknown_root"
            | "untrusted/bad_signature"
            | "stale/from_the_future"
    )
}

fn check_contents(bundle: &TrustBundle, item: &Item) {
    assert_eq!(item.get(1).and_then(Item::as_int), Some(1));
    assert_eq!(item.get(2).and_then(Item::as_text), Some(bundle.domain()));
    assert_eq!(item.get(3).and_then(Item::as_uint), Some(bundle.sequence()));
    assert_eq!(item.get(4).and_then(Item::as_uint), Some(bundle.issued_at().as_secs()));
    assert_eq!(item.get(5).and_then(Item::as_uint), Some(bundle.expires_at().as_secs()));
    let records = item.get(6).and_then(Item::as_array).expect("records");
    assert_eq!(bundle.records().len() + bundle.skipped().len(), records.len());
    let mut key_ids: Vec<_> = bundle.records().iter().map(|record| record.key_id()).collect();
    let skipped: Vec<_> = bundle.skipped().iter().map(|skipped| skipped.index).collect();
    let kept = records.iter().enumerate().filter(|(index, _)| !skipped.contains(index));
    for (record, (_, item)) in bundle.records().iter().zip(kept) {
        check_record(record, item);
        assert!(std::ptr::eq(&**bundle.record(&record.key_id()).expect("a record"), &**record));
    }
    key_ids.sort();
    assert!(key_ids.windows(2).all(|pair| pair[0] != pair[1]), "two keys of one ID");
    let roots = item.get(7).and_then(Item::as_array).unwrap_or_default();
    assert_eq!(bundle.next_roots().len(), roots.len());
    for (root, item) in bundle.next_roots().iter().zip(roots) {
        assert_eq!(item.get(-2).and_then(Item::as_bytes), Some(&root.as_bytes()[..]));
        assert_eq!(item.get(-1).and_then(Item::as_int), Some(6));
    }
}

fn check_record(record: &coseal::KeyRecord, item: &Item) {
    let key = item.get(1).expect("a key");
    let (curve, bytes) = match (record.verifying_key(), record.recipient_key()) {
        (Some(key), None) => (6, key.as_bytes()),
        (None, Some(key)) => (4, key.as_bytes()),
        both => panic!("a record with {both:?}"),
    };
    assert_eq!(key.labels().as_deref(), Some(&[1, -1, -2][..]));
    assert_eq!(key.get(1).and_then(Item::as_int), Some(1));
    assert_eq!(key.get(-1).and_then(Item::as_int), Some(curve));
    assert_eq!(key.get(-2).and_then(Item::as_bytes), Some(&bytes[..]));
    assert_eq!(item.get(2).and_then(Item::as_text), Some(record.subject()));
    assert!((1..=2048).contains(&record.subject().len()));
    let usage = if curve == 6 { 1 } else { 2 };
    assert_eq!(item.get(3).and_then(Item::as_int), Some(usage));
    assert_eq!(item.get(4).and_then(Item::as_uint), Some(record.valid_from().as_secs()));
    let until = record.valid_until().map(Time::as_secs);
    assert_eq!(item.get(5).and_then(Item::as_uint), until);
    let patterns = item.get(6).and_then(Item::as_array).expect("patterns");
    let patterns: Vec<_> = patterns.iter().filter_map(Item::as_text).collect();
    let told: Vec<_> = record.channels().iter().map(coseal::Pattern::as_str).collect();
    assert_eq!(told, patterns);
    assert!(told.len() <= 256);
    let revocation = item.get(7).and_then(Item::as_array).unwrap_or_default();
    let told = record.revocation();
    assert_eq!(told.is_some(), !revocation.is_empty());
    if let Some(told) = told {
        assert_eq!(revocation[0].as_uint(), Some(told.revoked_at.as_secs()));
        let reason = match revocation[1].as_uint() {
            Some(2) => Reason::Superseded,
            Some(3) => Reason::Ceased,
            _ => Reason::Compromised,
        };
        assert_eq!(told.reason, reason);
        let since = told.compromised_since.map(Time::as_secs);
        assert_eq!(revocation.get(2).and_then(Item::as_uint), since);
    }
}

fn check_edit(bundle: &TrustBundle) {
    let root = SigningKey::from_bytes(&seed::ROOT);
    let state = bundle.state();
    let seen = anchor().seen(state.clone());
    TrustBundle::load(bundle.bytes(), &seen, NOW).expect("the same bundle again");
    let signed = bundle.edit().and_then(|edit| edit.sign(&root, NOW, bundle.expires_at()));
    let next = match signed {
        Ok(next) => next,
        Err(error) => {
            // The last sequence, and a domain without a name, cannot be signed.
            assert_eq!(name(&error), "misuse");
            assert!(bundle.sequence() == i64::MAX as u64 || bundle.domain().is_empty());
            return;
        }
    };
    let next = TrustBundle::load(&next, &seen, NOW).expect("what we signed");
    assert_eq!(next.sequence(), bundle.sequence() + 1);
    assert_eq!(next.domain(), bundle.domain());
    assert_eq!(next.skipped(), bundle.skipped());
    assert_eq!(next.next_roots(), bundle.next_roots());
    assert_eq!(payload_but_dates(&next), payload_but_dates(bundle), "editing lost something");
    let back = TrustBundle::load(bundle.bytes(), &anchor().seen(next.state()), NOW);
    assert_eq!(back.map(drop).map_err(|error| name(&error)), Err("untrusted/rolled_back".into()));
    let elsewhere = seen.domain(&format!("{DOMAIN}{}", bundle.domain()));
    let refused = TrustBundle::load(bundle.bytes(), &elsewhere, NOW);
    assert_eq!(
        refused.map(drop).map_err(|error| name(&error)),
        Err("untrusted/wrong_domain".into())
    );
    assert!(state.roots.iter().any(|known| known.key_id() == key_id(&seed::ROOT)));
}

/// What a bundle says, besides sequence and date of issue. An unknown reason of
/// a revocation is known as "compromised" from then on.
fn payload_but_dates(bundle: &TrustBundle) -> Item {
    let (outer, _) = Item::read(bundle.bytes(), item::DEPTH).expect("loaded");
    let parts = outer.tagged(18).and_then(Item::as_array).expect("loaded");
    let payload = parts[2].as_bytes().expect("loaded");
    let mut payload = item::deterministic(payload).expect("loaded");
    let skipped: Vec<_> = bundle.skipped().iter().map(|skipped| skipped.index).collect();
    if let Item::Map(entries) = &mut payload {
        entries.retain(|(label, _)| !matches!(label.as_int(), Some(3 | 4)));
        for (_, value) in entries.iter_mut().filter(|(label, _)| label.as_int() == Some(6)) {
            let Item::Array(records) = value else { continue };
            let records = records.iter_mut().enumerate();
            records.filter(|(index, _)| !skipped.contains(index)).for_each(|(_, record)| {
                name_reason(record);
            });
        }
    }
    payload
}

fn name_reason(record: &mut Item) {
    let Item::Map(fields) = record else { return };
    for (_, value) in fields.iter_mut().filter(|(label, _)| label.as_int() == Some(7)) {
        if let Item::Array(revocation) = value
            && !matches!(revocation[1].as_int(), Some(2 | 3))
        {
            revocation[1] = Item::of_int(1);
        }
    }
}
