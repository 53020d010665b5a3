#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{fs, thread};

use coseal::{
    Disposition, NewRecord, Opener, Pattern, Reason, ReceivingKey, Revocation, Sealer, SigningKey,
    Verifier, Window,
};

use super::*;

const NOW: Time = Time::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(86_400);
const DOMAIN: &str = "example.org";
const CHANNEL: &str = "orders.eu";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn receiving() -> ReceivingKey {
    ReceivingKey::from_bytes(&[9; 32])
}

fn anchor() -> TrustAnchor {
    TrustAnchor::pinned([key(1).verifying_key().clone()]).domain(DOMAIN)
}

fn keeper() -> TrustKeeperBuilder {
    TrustKeeper::builder(anchor()).clock(|| NOW)
}

/// The bundle that follows: an edit of `bytes`, signed by the root of `seed`.
fn next(bytes: &[u8], seed: u8, change: impl FnOnce(&mut coseal::TrustEditor)) -> Vec<u8> {
    let roots = (1..=3).map(|seed| key(seed).verifying_key().clone());
    let bundle = TrustBundle::load(bytes, &TrustAnchor::pinned(roots), NOW).unwrap();
    let mut editor = bundle.edit().unwrap();
    change(&mut editor);
    editor.sign(&key(seed), NOW, NOW.plus(DAY)).unwrap()
}

/// Bundles 1 to `count`; the first has the signing key 2.
fn bundles(count: usize) -> Vec<Vec<u8>> {
    let mut first = TrustBundle::make(DOMAIN);
    let record = NewRecord {
        key: key(2).verifying_key().clone().into(),
        subject: "spiffe://example.org/orders".to_owned(),
        valid_from: NOW.minus(DAY),
        valid_until: None,
        channels: vec![Pattern::new(CHANNEL).unwrap()],
    };
    first.add(record).unwrap();
    let mut all = vec![first.sign(&key(1), NOW, NOW.plus(DAY)).unwrap()];
    while all.len() < count {
        all.push(next(all.last().unwrap(), 1, |_| ()));
    }
    all
}

fn fork(bytes: &[u8]) -> Vec<u8> {
    let bundle = TrustBundle::load(bytes, &anchor(), NOW).unwrap();
    let mut editor = TrustBundle::make(DOMAIN);
    for _ in 1..bundle.sequence() {
        let bytes = editor.sign(&key(1), NOW, NOW.plus(2 * DAY)).unwrap();
        editor = TrustBundle::load(&bytes, &anchor(), NOW).unwrap().edit().unwrap();
    }
    editor.sign(&key(1), NOW, NOW.plus(2 * DAY)).unwrap()
}

fn code(error: &Error) -> String {
    error.kind().map_or_else(|| error.code().into(), |kind| format!("{}/{kind}", error.code()))
}

#[track_caller]
fn refused(offered: Result<Offered>) -> String {
    code(&offered.unwrap_err())
}

#[test]
fn a_bad_bundle_never_displaces_a_good_one_and_is_reported() {
    let all = bundles(4);
    let keeper = keeper().start(&all[0]).unwrap();
    assert_eq!(keeper.offer(&all[0]).unwrap(), Offered::InForce);
    assert_eq!(keeper.last_refusal(), None);
    // Not every number need be seen.
    assert_eq!(keeper.offer(&all[2]).unwrap(), Offered::Accepted);
    let present = keeper.current();
    assert_eq!(present.sequence(), 3);

    let mut flipped = all[3].clone();
    flipped[200] ^= 1;
    let foreign = TrustBundle::make("example.com").sign(&key(1), NOW, NOW.plus(DAY)).unwrap();
    let stranger = next(&all[2], 2, |_| ());
    let later = NOW.plus(DAY);
    let early = TrustBundle::load(&all[2], &anchor(), NOW).unwrap().edit().unwrap();
    let early = early.sign(&key(1), later, later.plus(DAY)).unwrap();
    let unknown = next(&all[2], 1, |_| ()).iter().map(|byte| byte ^ 0x55).collect();
    for (bytes, expected) in [
        (all[0].clone(), "untrusted/rolled_back"),
        (all[1].clone(), "untrusted/rolled_back"),
        (fork(&all[2]), "untrusted/rolled_back"),
        (flipped, "untrusted/bad_signature"),
        (foreign, "untrusted/wrong_domain"),
        (stranger, "untrusted/unknown_root"),
        (early, "stale/from_the_future"),
        (unknown, "malformed/cbor"),
        (Vec::new(), "malformed/cbor"),
        (all[3][..all[3].len() / 2].to_vec(), "malformed/cbor"),
        ([&all[3][..], &[0]].concat(), "malformed/cbor"),
        (vec![0; coseal::limits::BUNDLE + 1], "malformed/too_large"),
    ] {
        assert_eq!(refused(keeper.offer(&bytes)), expected);
        assert!(Arc::ptr_eq(&keeper.current(), &present), "{expected}");
        let refusal = keeper.last_refusal().unwrap();
        assert_eq!(refusal, Refusal::new(&bytes, &keeper.offer(&bytes).unwrap_err(), NOW));
        assert_eq!(keeper.last_refusal().unwrap().times, 2);
    }
    assert!(keeper.offer(&fork(&all[2])).unwrap_err().to_string().contains("a fork"));
    assert_eq!(keeper.offer(&all[3]).unwrap(), Offered::Accepted);
    assert_eq!(keeper.current().sequence(), 4);
}

#[test]
fn a_keeper_starts_with_a_good_bundle_or_not_at_all() {
    let all = bundles(1);
    let stranger = TrustAnchor::pinned([key(7).verifying_key().clone()]);
    let start = |anchor, bytes: &[u8]| TrustKeeper::builder(anchor).clock(|| NOW).start(bytes);
    assert_eq!(code(&start(stranger, &all[0]).unwrap_err()), "untrusted/unknown_root");
    assert_eq!(
        code(&start(anchor().domain("example.com"), &all[0]).unwrap_err()),
        "untrusted/wrong_domain"
    );
    assert_eq!(code(&start(anchor(), b"junk").unwrap_err()), "malformed/cbor");
}

#[test]
fn each_change_is_told_once() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let ticks = Arc::new(AtomicU64::new(0));
    let (log, clock) = (Arc::clone(&told), Arc::clone(&ticks));
    let all = bundles(3);
    let keeper = TrustKeeper::builder(anchor())
        .clock(move || NOW.plus(Duration::from_secs(clock.fetch_add(1, Ordering::Relaxed))))
        .observer(move |event| {
            log.lock().unwrap().push(match event {
                TrustEvent::Accepted(bundle) => format!("accepted {}", bundle.sequence()),
                TrustEvent::Refused(refusal) => format!("refused {:?}", refusal.kind),
            });
        })
        .start(&all[0])
        .unwrap();
    for bytes in [&all[0], &all[1], &all[0], &all[0], &all[0], &all[1], &fork(&all[1]), &all[2]] {
        let _ = keeper.offer(bytes);
    }
    assert_eq!(
        *told.lock().unwrap(),
        [
            "accepted 2",
            "refused Some(\"rolled_back\")",
            "refused Some(\"rolled_back\")",
            "accepted 3"
        ]
    );
    let tick = |secs| NOW.plus(Duration::from_secs(secs));
    let refusal = keeper.last_refusal().unwrap();
    assert_eq!((refusal.first_at, refusal.last_at, refusal.times), (tick(5), tick(5), 1));
    assert_eq!(keeper.in_force_since(), tick(6));
    for _ in 0..3 {
        assert_eq!(refused(keeper.offer(&all[1])), "untrusted/rolled_back");
    }
    let refusal = keeper.last_refusal().unwrap();
    assert_eq!((refusal.first_at, refusal.last_at, refusal.times), (tick(7), tick(9), 3));
    assert_eq!(refusal.digest, TrustBundle::load(&all[1], &anchor(), NOW).unwrap().state().digest);
    assert_eq!(told.lock().unwrap().len(), 5);
}

#[test]
fn a_restart_never_goes_below_what_was_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let all = bundles(4);
    let keeper = || keeper().state(&state);
    let remembered = || StateFile::at(&state).read().unwrap().unwrap().sequence;
    let running = keeper().start(&all[0]).unwrap();
    assert_eq!(remembered(), 1);
    running.offer(&all[2]).unwrap();
    assert_eq!(remembered(), 3);
    drop(running);
    for old in &all[..2] {
        assert_eq!(code(&keeper().start(old).unwrap_err()), "untrusted/rolled_back");
    }
    assert_eq!(code(&keeper().start(&fork(&all[2])).unwrap_err()), "untrusted/rolled_back");
    let running = keeper().start(&all[2]).unwrap();
    assert_eq!(running.current().sequence(), 3);
    assert_eq!(keeper().start(&all[3]).unwrap().current().sequence(), 4);
    assert_eq!(remembered(), 4);
}

#[test]
fn what_cannot_be_remembered_does_not_come_into_force() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    let state = home.join("state");
    let all = bundles(3);
    let keeper = keeper().state(&state).start(&all[0]).unwrap();
    fs::remove_dir_all(&home).unwrap();
    let error = keeper.offer(&all[1]).unwrap_err();
    assert_eq!((error.code(), error.disposition()), ("carrier", Disposition::Stop));
    assert_eq!(keeper.current().sequence(), 1);
    assert_eq!(keeper.last_refusal().unwrap().code, "carrier");
    fs::create_dir(&home).unwrap();
    // A broken state file is no fault of the bundle's.
    fs::write(&state, "{}").unwrap();
    let error = keeper.offer(&all[1]).unwrap_err();
    assert_eq!(error.code(), "carrier");
    assert!(error.to_string().contains("no state file"), "{error}");
    assert_eq!(keeper.current().sequence(), 1);
    fs::remove_file(&state).unwrap();
    // A state that was lost while we ran takes nothing back.
    assert_eq!(keeper.offer(&all[1]).unwrap(), Offered::Accepted);
    fs::remove_file(&state).unwrap();
    assert_eq!(refused(keeper.offer(&all[0])), "untrusted/rolled_back");
    assert_eq!(keeper.offer(&all[2]).unwrap(), Offered::Accepted);
    assert_eq!(StateFile::at(&state).read().unwrap().unwrap().sequence, 3);
}

#[test]
fn two_processes_with_one_state_do_not_pull_each_other_back() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let all = bundles(5);
    let (slow, fast) = (
        keeper().state(&state).start(&all[0]).unwrap(),
        keeper().state(&state).start(&all[0]).unwrap(),
    );
    fast.offer(&all[3]).unwrap();
    assert_eq!(refused(slow.offer(&all[2])), "untrusted/rolled_back");
    assert_eq!(slow.current().sequence(), 1);
    assert_eq!(slow.offer(&all[3]).unwrap(), Offered::Accepted);
    assert_eq!(slow.offer(&all[4]).unwrap(), Offered::Accepted);
    assert_eq!(refused(fast.offer(&fork(&all[4]))), "untrusted/rolled_back");
    assert_eq!(fast.offer(&all[4]).unwrap(), Offered::Accepted);
}

#[test]
fn the_pins_count_at_the_start_only() {
    let first = bundles(1).remove(0);
    let named = next(&first, 1, |editor| editor.add_root(key(3).verifying_key().clone()).unwrap());
    let promoted = next(&named, 3, |editor| {
        editor.remove_root(&key(3).verifying_key().key_id()).unwrap();
    });
    let back = next(&promoted, 1, |_| ());
    let keeper = keeper().start(&first).unwrap();
    // Whoever did not see the bundle that names the new root does not follow it.
    assert_eq!(refused(keeper.offer(&promoted)), "untrusted/unknown_root");
    assert_eq!(keeper.offer(&named).unwrap(), Offered::Accepted);
    assert_eq!(keeper.offer(&promoted).unwrap(), Offered::Accepted);
    assert_eq!(refused(keeper.offer(&back)), "untrusted/unknown_root");
    assert_eq!(refused(keeper.offer(&named)), "untrusted/unknown_root");
    assert_eq!(keeper.current().root(), key(3).verifying_key());
}

#[test]
fn an_expired_bundle_is_in_force_until_the_next_one() {
    let all = bundles(2);
    let expired = TrustBundle::load(&all[0], &anchor(), NOW).unwrap().edit().unwrap();
    let expired = expired.sign(&key(1), NOW, NOW.minus(DAY)).unwrap();
    let renewed = next(&expired, 1, |_| ());
    let keeper = Arc::new(keeper().start(&all[0]).unwrap());
    let sealer = Sealer::builder(key(2), CHANNEL).recipient(receiving().recipient_key());
    let sealer = sealer.clock(|| NOW).build().unwrap();
    let live = Opener::builder(Arc::clone(&keeper)).channel(CHANNEL).live(Window::hours(1));
    let live = live.key(receiving()).clock(|| NOW).build().unwrap();
    let open = || live.open(&sealer.seal(b"payload").unwrap()).map(drop).map_err(|e| code(&e));
    assert_eq!(keeper.expires_in(NOW), DAY);
    assert_eq!(keeper.expires_in(NOW.plus(DAY / 4)), DAY * 3 / 4);
    assert_eq!(keeper.expires_in(NOW.plus(2 * DAY)), Duration::ZERO);
    assert_eq!(open(), Ok(()));
    keeper.offer(&expired).unwrap();
    assert_eq!(keeper.expires_in(NOW), Duration::ZERO);
    assert_eq!(open(), Err("untrusted/bundle_expired".into()));
    let archived = sealer.seal(b"payload").unwrap();
    Verifier::new(Arc::clone(&keeper)).verify(&archived).unwrap();
    keeper.offer(&renewed).unwrap();
    assert_eq!(open(), Ok(()));
}

#[test]
fn of_offers_at_once_the_highest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let all = bundles(24);
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&accepted);
    let keeper = keeper()
        .state(folder.path().join("state"))
        .observer(move |event| {
            if let TrustEvent::Accepted(bundle) = event {
                log.lock().unwrap().push(bundle.sequence());
            }
        })
        .start(&all[0])
        .unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut last, mut changes) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                let sequence = keeper.current().sequence();
                assert!(sequence >= last, "{sequence} after {last}");
                changes += usize::from(sequence > last);
                last = sequence;
            }
            changes
        });
        let feeds: Vec<_> = (0..6)
            .map(|feed| {
                let (keeper, all) = (&keeper, &all);
                scope.spawn(move || {
                    for step in 0..all.len() {
                        // Each feed in an order of its own; 7, 11 … have no factor of 24.
                        let at = (step * [1, 5, 7, 11, 13, 17][feed] + feed) % all.len();
                        match keeper.offer(&all[at]) {
                            Ok(_) => {}
                            Err(error) => assert_eq!(code(&error), "untrusted/rolled_back"),
                        }
                        assert!(keeper.current().sequence() > at as u64, "offered and behind");
                    }
                })
            })
            .collect();
        for feed in feeds {
            feed.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    let mut accepted = accepted.lock().unwrap().clone();
    let count = accepted.len();
    accepted.sort_unstable();
    accepted.dedup();
    assert_eq!((accepted.len(), accepted.last()), (count, Some(&24)), "none came into force twice");
    let state = StateFile::at(folder.path().join("state")).read().unwrap().unwrap();
    assert_eq!((state.sequence, keeper.current().sequence()), (24, 24));
}

/// Bundles change under readers: what one of them finds in a message is all of
/// one bundle.
#[test]
fn each_message_is_judged_by_exactly_one_bundle() {
    const REVOKED_FROM: u64 = 30;
    let mut all = bundles(usize::try_from(REVOKED_FROM).unwrap() - 1);
    let signer = key(2).verifying_key().key_id();
    let revocation =
        Revocation { revoked_at: NOW, reason: Reason::Superseded, compromised_since: None };
    all.push(next(all.last().unwrap(), 1, |editor| editor.revoke(&signer, revocation).unwrap()));
    for _ in 0..REVOKED_FROM {
        all.push(next(all.last().unwrap(), 1, |_| ()));
    }
    let sealer = Sealer::builder(key(2), CHANNEL).recipient(receiving().recipient_key());
    let sealer = sealer.clock(|| NOW).build().unwrap();
    let envelope = sealer.seal(b"payload").unwrap();
    let keeper = Arc::new(keeper().start(&all[0]).unwrap());
    let verifier = Verifier::new(Arc::clone(&keeper));
    let opener = Opener::builder(Arc::clone(&keeper)).channel(CHANNEL).archive().key(receiving());
    let opener = opener.build().unwrap();
    let done = AtomicBool::new(false);
    let judged = AtomicU64::new(0);
    let seen: Vec<u64> = thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let (mut last, mut bundles) = (0, 0);
                    while !done.load(Ordering::Relaxed) {
                        let verdict = verifier.judge(&envelope);
                        let findings = verdict.findings().unwrap();
                        let sequence = findings.bundle.sequence;
                        assert!(sequence >= last, "{sequence} after {last}");
                        bundles += u64::from(sequence > last);
                        last = sequence;
                        let is_revoked = sequence >= REVOKED_FROM;
                        assert_eq!(verdict.is_valid(), !is_revoked, "by bundle {sequence}");
                        assert_eq!(findings.claimed_time.is_some(), is_revoked);
                        match opener.open(&envelope) {
                            Ok(opened) => {
                                let (bundle, record) =
                                    (opened.verified().bundle(), opened.verified().record());
                                assert!((last..REVOKED_FROM).contains(&bundle.sequence()));
                                assert!(std::ptr::eq(&**bundle.record(&signer).unwrap(), record));
                            }
                            Err(error) => {
                                assert_eq!(code(&error), "untrusted/revoked");
                                assert!(keeper.current().sequence() >= REVOKED_FROM);
                            }
                        }
                        judged.fetch_add(1, Ordering::Relaxed);
                    }
                    bundles
                })
            })
            .collect();
        for bytes in &all[1..] {
            let before = judged.load(Ordering::Relaxed);
            assert_eq!(keeper.offer(bytes).unwrap(), Offered::Accepted);
            // Somebody reads with it before the next one comes.
            while judged.load(Ordering::Relaxed) <= before {
                thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    assert!(seen.iter().sum::<u64>() >= 2 * REVOKED_FROM - 1, "{seen:?}");
    assert_eq!(code(&opener.open(&envelope).unwrap_err()), "untrusted/revoked");
}
