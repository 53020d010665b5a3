//! Trust bundles rolled back, forked and spliced; and what readers that have
//! already verified and opened make of the bundle that follows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "known/parts.rs"]
mod parts;

use ciborium::Value;
use common::{CHANNEL, NOW, SUBJECT, kinds, receiving, record, signing};
use coseal::{
    ClaimedTime, NewRecord, Opener, Pattern, Reason, Revocation, Sealer, SigningKey, Time,
    TrustAnchor, TrustBundle, TrustCell, TrustEditor, TrustSource, TrustState, Verifier,
    VerifyingKey, Window,
};
use parts::{Parts, decode, encode, int};
use std::sync::Arc;
use std::time::Duration;

const DOMAIN: &str = "example.test";
const EXPIRES: Time = Time::from_secs(1_800_100_000);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> VerifyingKey {
    key(seed).verifying_key().clone()
}

fn load(bytes: &[u8], anchor: &TrustAnchor) -> Result<TrustBundle, String> {
    TrustBundle::load(bytes, anchor, NOW).map_err(|error| kinds(&error))
}

fn refused<T>(code: &str) -> Result<T, String> {
    Err(code.into())
}

/// One bundle of a chain: who signed it, and whom it names for the next.
struct Link {
    bytes: Vec<u8>,
    bundle: TrustBundle,
    root: u8,
    next: &'static [u8],
}

/// A chain of bundles whose root goes from 1 to 2 to 3 and back to 1; each has
/// one more record than the one before.
fn chain() -> Vec<Link> {
    let plan: [(u8, &'static [u8]); 8] =
        [(1, &[]), (1, &[2]), (2, &[]), (2, &[3, 1]), (3, &[]), (3, &[1]), (1, &[3]), (1, &[])];
    let mut links: Vec<Link> = Vec::new();
    for (number, (root, next)) in (0..).zip(plan) {
        let mut edit = TrustBundle::make(DOMAIN);
        for seed in 0..=number {
            edit.add(record(public(0x40 + seed), SUBJECT, &[">"])).unwrap();
        }
        next.iter().for_each(|seed| edit.add_root(public(*seed)).unwrap());
        let bytes = edit.sign(&key(root), NOW, EXPIRES).unwrap();
        let bytes = rewritten(&bytes, root, |fields| set(fields, SEQUENCE, int(number + 1)));
        let anchor = TrustAnchor::pinned([public(1)]);
        let anchor = match links.last() {
            Some(last) => anchor.seen(last.bundle.state()),
            None => anchor,
        };
        let bundle = load(&bytes, &anchor).unwrap();
        links.push(Link { bytes, bundle, root, next });
    }
    links
}

const SEQUENCE: u8 = 3;
const EXPIRES_AT: u8 = 5;

type Fields = Vec<(Value, Value)>;

/// The same bundle with other fields, signed by a root.
fn rewritten(bytes: &[u8], root: u8, change: impl FnOnce(&mut Fields)) -> Vec<u8> {
    let mut outer = Outer::of(bytes);
    let mut fields = outer.fields();
    change(&mut fields);
    outer.payload = encode(&Value::Map(fields));
    outer.sign(&key(root), PURPOSE);
    outer.join()
}

fn set(fields: &mut Fields, label: u8, value: Value) {
    fields.iter_mut().find(|(found, _)| *found == int(label)).unwrap().1 = value;
}

/// Another bundle of the same number: it expires a second later.
fn forked(bytes: &[u8], root: u8) -> Vec<u8> {
    rewritten(bytes, root, |fields| set(fields, EXPIRES_AT, int(EXPIRES.as_secs() + 1)))
}

const PURPOSE: &[u8] = b"coseal/v1 trust-bundle";

/// The `COSE_Sign1` around a bundle.
#[derive(Debug, Clone, PartialEq)]
struct Outer {
    protected: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Outer {
    fn of(bytes: &[u8]) -> Self {
        let Value::Tag(18, inner) = decode(bytes) else { panic!("no tag 18") };
        let octets: Vec<Vec<u8>> =
            inner.as_array().unwrap().iter().filter_map(|v| v.as_bytes().cloned()).collect();
        let [protected, payload, signature] = octets.try_into().unwrap();
        let outer = Self { protected, payload, signature };
        assert_eq!(outer.join(), bytes);
        outer
    }

    fn join(&self) -> Vec<u8> {
        let Self { protected, payload, signature } = self;
        let items = vec![
            parts::bytes(protected),
            Value::Map(vec![]),
            parts::bytes(payload),
            parts::bytes(signature),
        ];
        encode(&Value::Tag(18, Box::new(Value::Array(items))))
    }

    fn fields(&self) -> Fields {
        decode(&self.payload).into_map().unwrap()
    }

    fn protected_by(root: &SigningKey) -> Vec<u8> {
        let key_id = root.verifying_key().key_id();
        encode(&Value::Map(vec![(int(1), int(-8)), (int(4), parts::bytes(key_id.as_bytes()))]))
    }

    fn sign(&mut self, key: &SigningKey, purpose: &[u8]) {
        self.signature = parts::sign(key, &self.protected, purpose, &self.payload);
    }
}

/// Every bundle of the chain against the memory of every other, and against
/// the memory of every fork: an older one, another one of the same number and
/// one of a root that has been handed on are refused, each for its reason.
#[test]
fn no_bundle_of_a_chain_comes_back() {
    let chain = chain();
    let mut seen = std::collections::BTreeMap::new();
    for (at, link) in chain.iter().enumerate() {
        let anchor = TrustAnchor::pinned((1..=3).map(public)).seen(link.bundle.state());
        for (offered, other) in chain.iter().enumerate() {
            let known = other.root == link.root || link.next.contains(&other.root);
            let expected = if !known {
                refused("untrusted/unknown_root")
            } else if offered < at {
                refused("untrusted/rolled_back")
            } else {
                Ok(other.bundle.sequence())
            };
            let found = load(&other.bytes, &anchor).map(|bundle| bundle.sequence());
            assert_eq!(found, expected, "{} offered after {}", offered + 1, at + 1);
            *seen.entry(expected.map_or_else(|code| code, |_| "ok".into())).or_insert(0) += 1;
            // Its fork: the same number, the same root, other bytes.
            let fork = forked(&other.bytes, other.root);
            let expected = if !known {
                refused("untrusted/unknown_root")
            } else if offered <= at {
                refused("untrusted/rolled_back")
            } else {
                Ok(other.bundle.sequence())
            };
            let fork = load(&fork, &anchor);
            assert_eq!(fork.as_ref().map(TrustBundle::sequence).map_err(Clone::clone), expected);
            if let Ok(fork) = fork {
                // Whoever took the fork refuses the original.
                let anchor = TrustAnchor::pinned([]).seen(fork.state());
                assert_eq!(load(&other.bytes, &anchor).map(drop), refused("untrusted/rolled_back"));
            }
        }
    }
    for code in ["ok", "untrusted/unknown_root", "untrusted/rolled_back"] {
        assert!(seen[code] >= 8, "{seen:?}");
    }
}

/// Header, payload and signature of two genuine bundles, mixed in every way.
#[test]
fn every_mixture_of_two_bundles_is_refused() {
    let base = |domain: &str, seeds: &[u8], root: u8, expires: Time| {
        let mut edit = TrustBundle::make(domain);
        seeds.iter().for_each(|s| edit.add(record(public(*s), SUBJECT, &[">"])).unwrap());
        Outer::of(&edit.sign(&key(root), NOW, expires).unwrap())
    };
    let home = base(DOMAIN, &[0x40], 1, EXPIRES);
    let donors = [
        ("other records", base(DOMAIN, &[0x41], 1, EXPIRES), Ok(())),
        ("another expiry", base(DOMAIN, &[0x40], 1, NOW), Ok(())),
        ("another pinned root", base(DOMAIN, &[0x40], 2, EXPIRES), Ok(())),
        (
            "another domain",
            base("other.test", &[0x40], 1, EXPIRES),
            refused("untrusted/wrong_domain"),
        ),
        ("a stranger", base(DOMAIN, &[0x40], 9, EXPIRES), refused("untrusted/unknown_root")),
    ];
    let anchor = TrustAnchor::pinned([public(1), public(2)]).domain(DOMAIN);
    for (name, donor, genuine) in donors {
        assert_eq!(load(&home.join(), &anchor).map(drop), Ok(()));
        for taken in 0..8 {
            let from = |bit: u32| if taken >> bit & 1 == 1 { &donor } else { &home };
            let mixed = Outer {
                protected: from(0).protected.clone(),
                payload: from(1).payload.clone(),
                signature: from(2).signature.clone(),
            };
            let stranger = mixed.protected == Outer::protected_by(&key(9));
            let expected = if mixed == home {
                Ok(())
            } else if mixed == donor {
                genuine.clone()
            } else if stranger {
                refused("untrusted/unknown_root")
            } else {
                refused("untrusted/bad_signature")
            };
            assert_eq!(load(&mixed.join(), &anchor).map(drop), expected, "{name}, {taken:03b}");
        }
    }
}

/// Every field and every record of one bundle in another, under either's
/// signature.
#[test]
fn no_field_of_a_bundle_moves_into_another() {
    let make = |sequence: u64, seeds: [u8; 3], root: u8| {
        let mut edit = TrustBundle::make(DOMAIN);
        seeds.iter().for_each(|s| edit.add(record(public(*s), SUBJECT, &[">"])).unwrap());
        edit.add_root(public(root)).unwrap();
        let apart = Duration::from_secs(sequence);
        let bytes = edit.sign(&key(1), NOW.minus(apart), EXPIRES.plus(apart)).unwrap();
        Outer::of(&rewritten(&bytes, 1, |fields| set(fields, SEQUENCE, int(sequence))))
    };
    let (one, two) = (make(3, [0x40, 0x41, 0x42], 2), make(4, [0x50, 0x51, 0x52], 3));
    let anchor = TrustAnchor::pinned([public(1)]);
    let mut tried = 0;
    let mut refuse = |changed: Fields| {
        for signature in [&one.signature, &two.signature] {
            let payload = encode(&Value::Map(changed.clone()));
            assert!(payload != one.payload && payload != two.payload);
            let mixed = Outer { payload, signature: signature.clone(), ..one.clone() };
            assert_eq!(load(&mixed.join(), &anchor).map(drop), refused("untrusted/bad_signature"));
            tried += 1;
        }
    };
    for (to, from) in [(&one, &two), (&two, &one)] {
        let theirs = from.fields();
        for (at, (label, value)) in theirs.iter().enumerate() {
            let mut changed = to.fields();
            if changed[at] == (label.clone(), value.clone()) {
                // The same version and domain.
                continue;
            }
            changed[at].1 = value.clone();
            refuse(changed);
        }
        let records = |fields: &Fields| fields[5].1.as_array().unwrap().clone();
        for at in 0..3 {
            let edit = |edit: &dyn Fn(&mut Vec<Value>)| {
                let mut changed = to.fields();
                edit(changed[5].1.as_array_mut().unwrap());
                changed
            };
            refuse(edit(&|list| list[at] = records(&theirs)[at].clone()));
            refuse(edit(&|list| list.push(records(&theirs)[at].clone())));
            refuse(edit(&|list| drop(list.remove(at))));
            refuse(edit(&|list| list.swap(at, (at + 1) % 3)));
        }
    }
    assert_eq!(tried, 2 * 2 * (5 + 12));
}

/// What a root or a signer signs for one purpose is nothing for another.
#[test]
fn a_signature_for_one_purpose_serves_no_other() {
    let trust = |signer: u8| {
        let mut edit = TrustBundle::make(DOMAIN);
        edit.add(record(public(signer), SUBJECT, &[">"])).unwrap();
        edit.sign(&key(1), NOW, EXPIRES).unwrap()
    };
    let pinned = TrustAnchor::pinned([public(1)]);
    // A signer's key signs no bundle, though the bundle in force knows it.
    let mut forged = Outer::of(&trust(2));
    forged.protected = Outer::protected_by(&key(2));
    forged.sign(&key(2), PURPOSE);
    let after = pinned.clone().seen(load(&trust(2), &pinned).unwrap().state());
    for anchor in [&pinned, &after] {
        assert_eq!(load(&forged.join(), anchor).map(drop), refused("untrusted/unknown_root"));
    }
    // A root's key seals nothing, unless it is in the bundle as a signer.
    let bundle = Arc::new(load(&trust(2), &pinned).unwrap());
    let sealed = |seed: u8| {
        let sealer = Sealer::builder(key(seed), CHANNEL).recipient(receiving().recipient_key());
        sealer.clock(|| NOW).build().unwrap().seal(b"payload").unwrap()
    };
    let verifier = Verifier::new(Arc::clone(&bundle));
    verifier.verify(&sealed(2)).unwrap();
    let error = verifier.verify(&sealed(1)).unwrap_err();
    assert_eq!(kinds(&error), "untrusted/unknown_signer");
    // A signature over a root, made as one over a bundle.
    let mut parts = Parts::of(&sealed(2));
    let leaf = parts.leaf();
    parts.receipt.signature = parts::sign(&key(2), &parts.receipt.protected, PURPOSE, &leaf);
    let error = verifier.verify(&parts.join()).unwrap_err();
    assert_eq!(kinds(&error), "untrusted/bad_signature");
    parts.receipt.signature = parts::sign(&key(2), &parts.receipt.protected, b"", &leaf);
    verifier.verify(&parts.join()).unwrap();
    // Each for the other.
    let error = verifier.verify(&trust(2)).unwrap_err();
    assert_eq!(kinds(&error), "malformed/structure");
    assert_eq!(load(&sealed(2), &pinned).map(drop), refused("malformed/structure"));
}

/// A keeper as every feed has one: it loads against what it saw, and puts in
/// force what it loaded.
struct Keeper {
    cell: Arc<TrustCell>,
    seen: TrustState,
}

impl Keeper {
    fn new(bytes: &[u8]) -> Self {
        let bundle = load(bytes, &TrustAnchor::pinned([public(1)])).unwrap();
        let seen = bundle.state();
        Self { cell: Arc::new(TrustCell::new(Arc::new(bundle))), seen }
    }

    fn offer(&mut self, bytes: &[u8]) -> Result<(), String> {
        let anchor = TrustAnchor::pinned([public(1)]).domain(DOMAIN).seen(self.seen.clone());
        let bundle = load(bytes, &anchor)?;
        self.seen = bundle.state();
        self.cell.replace(Arc::new(bundle));
        Ok(())
    }
}

/// A revocation reaches readers that know the signature and the epoch secret
/// already, with the next message; no older bundle takes it back.
#[test]
fn a_revocation_reaches_warm_readers_and_is_not_rolled_back() {
    let signer = || record(signing().verifying_key().clone(), SUBJECT, &[CHANNEL]);
    let mut edit = TrustBundle::make(DOMAIN);
    edit.add(signer()).unwrap();
    let first = edit.sign(&key(1), NOW, EXPIRES).unwrap();
    let mut keeper = Keeper::new(&first);
    let verifier = Verifier::new(Arc::clone(&keeper.cell));
    let archive = Opener::builder(Arc::clone(&keeper.cell)).channel(CHANNEL).archive();
    let archive = archive.key(receiving()).build().unwrap();
    let live = Opener::builder(Arc::clone(&keeper.cell)).channel(CHANNEL).live(Window::hours(1));
    let live = live.key(receiving()).clock(|| NOW).build().unwrap();
    let sealer = Sealer::builder(signing(), CHANNEL).recipient(receiving().recipient_key());
    let sealer = sealer.clock(|| NOW).build().unwrap();
    let old = sealer.seal(b"sealed before").unwrap();
    // All three say the same; those that do not mind repetitions of a message
    // that they opened before, too.
    let judge = |expected: &str| {
        let new = sealer.seal(b"sealed after").unwrap();
        for envelope in [&old, &new] {
            let mut out = b"before".to_vec();
            let found = [
                verifier.verify(envelope).map(drop),
                archive.open_into(envelope, &mut out).map(drop),
            ];
            for found in found {
                assert_eq!(found.map_err(|e| kinds(&e)).err().unwrap_or_default(), expected);
            }
            assert_eq!(out == b"before", !expected.is_empty(), "released or not");
        }
        let found = live.open(&new).map(drop).map_err(|error| kinds(&error));
        assert_eq!(found.err().unwrap_or_default(), expected);
    };
    judge("");
    let revocation = Revocation {
        revoked_at: NOW.plus(Duration::from_secs(1000)),
        reason: Reason::Superseded,
        compromised_since: None,
    };
    let mut edit = keeper.cell.current().edit().unwrap();
    edit.revoke(&signing().verifying_key().key_id(), revocation).unwrap();
    let revoked = edit.sign(&key(1), NOW, EXPIRES).unwrap();
    keeper.offer(&revoked).unwrap();
    judge("untrusted/revoked");
    // Rolled back, forked, spliced, cut: refused, and the good one stays.
    let fork = rewritten(&first, 1, |fields| set(fields, SEQUENCE, int(2)));
    let spliced = Outer { payload: Outer::of(&fork).payload, ..Outer::of(&revoked) };
    let other = TrustBundle::make("other.test").sign(&key(1), NOW, EXPIRES).unwrap();
    let cut = &revoked[..revoked.len() - 1];
    for (bytes, code) in [
        (&first[..], "untrusted/rolled_back"),
        (&forked(&first, 1), "untrusted/rolled_back"),
        (&fork, "untrusted/rolled_back"),
        (&spliced.join(), "untrusted/bad_signature"),
        (&other, "untrusted/wrong_domain"),
        (cut, "malformed/cbor"),
    ] {
        assert_eq!(keeper.offer(bytes), refused(code));
        assert_eq!(keeper.cell.current().sequence(), 2);
        judge("untrusted/revoked");
    }
    // A signature and a secret that are cached help nobody where the key is
    // not in the bundle, may not sign here, or was not valid then.
    let mut next = |number: u8, edit: &dyn Fn(&mut TrustEditor)| {
        let mut bundle = TrustBundle::make(DOMAIN);
        edit(&mut bundle);
        let bytes = bundle.sign(&key(1), NOW, EXPIRES).unwrap();
        keeper.offer(&rewritten(&bytes, 1, |fields| set(fields, SEQUENCE, int(number)))).unwrap();
    };
    next(3, &|edit| edit.add(record(public(0x66), SUBJECT, &[">"])).unwrap());
    judge("untrusted/unknown_signer");
    let stock = || vec![Pattern::new("stock").unwrap()];
    next(4, &|edit| edit.add(NewRecord { channels: stock(), ..signer() }).unwrap());
    judge("untrusted/not_allowed");
    next(5, &|edit| edit.add(NewRecord { valid_until: Some(NOW), ..signer() }).unwrap());
    judge("untrusted/not_valid_then");
    next(6, &|edit| edit.add(signer()).unwrap());
    judge("");
}

/// Whoever has a stolen key can claim any time: all of them are refused, live
/// and in an archive, and where the claimed one lies is told to the millisecond.
#[test]
fn a_claimed_time_lifts_no_revocation_and_its_place_is_told() {
    let (stolen, revoked) = (NOW.minus(Duration::from_secs(5000)), NOW);
    let tick = Duration::from_millis(1);
    let (before, in_doubt, after) = (ClaimedTime::Before, ClaimedTime::InDoubt, ClaimedTime::After);
    let since_then = [
        (stolen.minus(tick), before, "a time before that"),
        (stolen, in_doubt, "between compromise and revocation"),
        (revoked.minus(tick), in_doubt, "between compromise and revocation"),
        (revoked, after, "a time after that"),
    ];
    let without = [
        (stolen, before, "a time before that"),
        (revoked.minus(tick), before, "a time before that"),
        (revoked, after, "a time after that"),
    ];
    for (compromised_since, times) in [(Some(stolen), &since_then[..]), (None, &without[..])] {
        for reason in [Reason::Compromised, Reason::Superseded, Reason::Ceased] {
            let mut edit = TrustBundle::make(DOMAIN);
            edit.add(record(signing().verifying_key().clone(), SUBJECT, &[">"])).unwrap();
            let revocation = Revocation { revoked_at: revoked, reason, compromised_since };
            edit.revoke(&signing().verifying_key().key_id(), revocation).unwrap();
            let bytes = edit.sign(&key(1), NOW, EXPIRES).unwrap();
            let bundle = Arc::new(load(&bytes, &TrustAnchor::pinned([public(1)])).unwrap());
            let opener = || Opener::builder(Arc::clone(&bundle)).channel(CHANNEL);
            let live = opener().live(Window::hours(1)).key(receiving()).clock(|| NOW);
            let (live, archive) =
                (live.build().unwrap(), opener().archive().key(receiving()).build().unwrap());
            let audit = [
                Verifier::new(Arc::clone(&bundle)),
                Verifier::new(Arc::clone(&bundle)).at(NOW).max_age(Duration::from_secs(60)),
            ];
            for (claimed, place, words) in times {
                let now = *claimed;
                let sealer = Sealer::builder(signing(), CHANNEL)
                    .recipient(receiving().recipient_key())
                    .clock(move || now);
                let envelope = sealer.build().unwrap().seal(b"payload").unwrap();
                for opener in [&live, &archive] {
                    let error = opener.open(&envelope).unwrap_err();
                    assert_eq!(kinds(&error), "untrusted/revoked");
                    assert!(error.to_string().ends_with(words), "{error}");
                }
                for verifier in &audit {
                    let verdict = verifier.judge(&envelope);
                    assert_eq!(kinds(verdict.error().unwrap()), "untrusted/revoked");
                    assert_eq!(verdict.findings().unwrap().claimed_time, Some(*place));
                }
            }
        }
    }
}

/// Without a memory, an older bundle that has not expired passes for the
/// newest: a reader that keeps no state is rolled back, for as long as the
/// bundle lives and, live, not a moment longer.
#[test]
fn who_keeps_no_state_can_be_rolled_back_until_the_bundle_expires() {
    let mut edit = TrustBundle::make(DOMAIN);
    edit.add(record(signing().verifying_key().clone(), SUBJECT, &[">"])).unwrap();
    let first = edit.sign(&key(1), NOW, EXPIRES).unwrap();
    let forgetful = Arc::new(load(&first, &TrustAnchor::pinned([public(1)])).unwrap());
    let at = |millis: u64, bundle: &Arc<TrustBundle>| {
        let now = Time::from_millis(millis);
        let sealer = Sealer::builder(signing(), CHANNEL).recipient(receiving().recipient_key());
        let envelope = sealer.clock(move || now).build().unwrap().seal(b"payload").unwrap();
        let opener = Opener::builder(Arc::clone(bundle)).channel(CHANNEL).live(Window::hours(1));
        let opener = opener.key(receiving()).clock(move || now).build().unwrap();
        let mut out = Vec::new();
        let found = opener.open_into(&envelope, &mut out).map(drop).map_err(|error| kinds(&error));
        assert_eq!(out.is_empty(), found.is_err(), "released or not");
        found
    };
    let end = EXPIRES.as_millis() + 60_000;
    assert_eq!(at(end - 1, &forgetful), Ok(()));
    assert_eq!(at(end, &forgetful), refused("untrusted/bundle_expired"));
}
