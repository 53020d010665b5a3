//! What a sealer promises: numbers, epochs, chains, sizes, and what happens
//! when something fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{CHANNEL, NOW, archive, kinds, receiving, signing, trust, verifier};
use coseal::{
    ChainEnd, Error, HeaderValue, KeyProvider, Message, Opener, ReceivingKey, RecipientEntry,
    Sealer, SealerBuilder, Secret, Signer, Suite, Time, UnwrapRequest, VerifyingKey, Window,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

fn builder() -> SealerBuilder {
    Sealer::builder(signing(), CHANNEL).recipient(receiving().recipient_key()).clock(|| NOW)
}

fn messages(count: usize) -> Vec<Message<'static>> {
    vec![Message::new(b"payload"); count]
}

#[test]
fn everything_said_about_a_message_arrives() {
    let sealer = builder().suite(Suite::ChaCha20Poly1305).build().unwrap();
    let message = Message::new(b"payload")
        .content_type("text/plain")
        .header("zz", "text")
        .header("b", -5)
        .header("aaa", false)
        .header("y", &b"\0\xff"[..])
        .expires_in(Duration::from_millis(1500));
    let envelope = sealer.seal(&message).unwrap();
    let opener = archive();
    let opened = opener.open(&envelope).unwrap();
    assert_eq!(opened.payload(), b"payload");
    assert_eq!(opened.suite(), Suite::ChaCha20Poly1305);
    assert_eq!(opened.header().algorithm(), Suite::ChaCha20Poly1305.algorithm());
    assert_eq!(opened.content_type(), Some("text/plain"));
    assert_eq!(opened.channel(), CHANNEL);
    assert_eq!(opened.signer(), common::SUBJECT);
    assert_eq!(opened.sealed_at(), NOW);
    assert_eq!(opened.sequence(), 0);
    assert_eq!(opened.expires_at(), Some(NOW.plus(Duration::from_secs(2))));
    let headers: Vec<_> = opened.headers().collect();
    let expected = [
        ("b", HeaderValue::Int(-5)),
        ("y", HeaderValue::Bytes(b"\0\xff")),
        ("zz", HeaderValue::Text("text")),
        ("aaa", HeaderValue::Bool(false)),
    ];
    assert_eq!(headers, expected);
    let printed = format!("{:?}", opened.verified());
    let [id, signer, channel] = [opened.id().to_string(), opened.signer().into(), CHANNEL.into()];
    assert!([id, signer, channel].iter().all(|said| printed.contains(said)), "{printed}");
}

#[test]
fn an_envelope_adds_no_more_than_promised() {
    let sealer = builder().build().unwrap();
    // With 48 bytes of commitment and tag, the longest of three length bytes.
    let longest = 65_535 - 48;
    let payload = vec![7; longest];
    for length in [0, 1, 256, longest] {
        let envelope = sealer.seal(&payload[..length]).unwrap();
        let added = envelope.len() - length;
        assert!(added <= 325, "{added} bytes added to {length}");
    }
    let batch = vec![Message::new(&payload[..256]); 16];
    for envelope in sealer.seal_batch(&batch).unwrap() {
        let added = envelope.len() - 256;
        assert!(added <= 480, "{added} bytes added in a batch of 16");
    }
}

#[test]
fn the_four_ways_to_seal_make_the_same_kind_of_envelope() {
    let sealer = builder().build().unwrap();
    let message = Message::new(b"payload").header("tenant", "a");
    let sealed = sealer.seal(&message).unwrap();
    let mut into = b"before".to_vec();
    sealer.seal_into(&message, &mut into).unwrap();
    assert_eq!(&into[..6], b"before");
    let mut to = vec![0xee; sealer.sealed_len(&message).unwrap()];
    let length = sealer.seal_to(&message, &mut to).unwrap();
    let batch = sealer.seal_batch(&[message]).unwrap();
    for (number, envelope) in
        [&sealed[..], &into[6..], &to[..length], &batch[0]].into_iter().enumerate()
    {
        assert_eq!(envelope.len(), sealed.len());
        assert_eq!(verifier().verify(envelope).unwrap().sequence(), number as u64);
    }
    assert!(sealer.seal_batch(&[]).unwrap().is_empty());
}

#[test]
fn a_buffer_that_is_too_short_costs_no_number() {
    let sealer = builder().build().unwrap();
    let error = sealer.seal_to(b"payload", &mut [0; 100]).unwrap_err();
    assert_eq!(error.code(), "misuse");
    let envelope = sealer.seal(b"payload").unwrap();
    assert_eq!(verifier().verify(&envelope).unwrap().sequence(), 0);
}

#[test]
fn messages_that_break_a_rule_are_refused_and_cost_no_number() {
    let sealer = builder().build().unwrap();
    let long = "x".repeat(4097);
    let name = "n".repeat(65);
    let many: Vec<String> = (0..33).map(|i| format!("h{i}")).collect();
    let crowded = many.iter().fold(Message::new(b""), |message, name| message.header(name, 1));
    let filled = many[..32].iter().fold(Message::new(b""), |m, name| m.header(name, &long[..600]));
    let bad = [
        Message::new(b"").content_type(""),
        Message::new(b"").content_type(&long[..256]),
        Message::new(b"").header("", 1),
        Message::new(b"").header("coseal.partition", 1),
        Message::new(b"").header(&name, 1),
        Message::new(b"").header("a", long.as_str()),
        Message::new(b"").header("a", 1).header("b", 1).header("a", 2),
        Message::new(b"").expires_at(Time::from_secs(1 << 53)),
        crowded,
        filled,
    ];
    for message in &bad {
        let error = sealer.seal(message).unwrap_err();
        assert_eq!(error.code(), "misuse", "{message:?}");
        let error = sealer.seal_batch(&[Message::new(b""), message.clone()]).unwrap_err();
        assert_eq!(error.code(), "misuse", "{message:?}");
    }
    let envelope = sealer.seal(b"payload").unwrap();
    assert_eq!(verifier().verify(&envelope).unwrap().sequence(), 0);
}

#[test]
fn a_sealer_needs_a_channel_and_recipients_of_their_own() {
    let no_one = Sealer::builder(signing(), CHANNEL).build().unwrap_err();
    assert_eq!(no_one.code(), "misuse");
    for channel in ["", "a.*", "a\nb", &"x".repeat(256)] {
        let sealer = Sealer::builder(signing(), channel).recipient(receiving().recipient_key());
        assert_eq!(sealer.build().unwrap_err().code(), "misuse", "{channel:?}");
    }
    let twice = builder().recipient(receiving().recipient_key()).build().unwrap_err();
    assert_eq!(twice.code(), "misuse");
    let keys: Vec<_> = (10..75)
        .map(|seed| ReceivingKey::from_bytes(&[seed; 32]).recipient_key().clone())
        .collect();
    let crowd = Sealer::builder(signing(), CHANNEL).recipients(keys.clone()).build().unwrap_err();
    assert_eq!(crowd.code(), "misuse");
    let most = Sealer::builder(signing(), CHANNEL).recipients(keys[1..].to_vec()).build().unwrap();
    let envelope = most.seal(b"payload").unwrap();
    assert_eq!(verifier().verify(&envelope).unwrap().sequence(), 0);
}

#[test]
fn epochs_follow_each_other_and_say_so() {
    let now = Arc::new(AtomicU64::new(NOW.as_millis()));
    let clock = Arc::clone(&now);
    let sealer = builder()
        .epoch_messages(5)
        .epoch_lifetime(Duration::from_secs(60))
        .clock(move || Time::from_millis(clock.load(Ordering::SeqCst)))
        .build()
        .unwrap();
    let mut seen = Vec::new();
    let mut seal = |count: usize| {
        for envelope in sealer.seal_batch(&messages(count)).unwrap() {
            let verified = verifier().verify(&envelope).unwrap().header().to_owned();
            let previous = verified.previous().map(|previous| (previous.epoch, previous.messages));
            seen.push((verified.epoch(), verified.sequence(), previous));
        }
    };
    seal(4);
    seal(2); // does not fit: a batch lies in one epoch
    seal(9); // more than an epoch takes: an epoch of its own
    now.fetch_add(60_000, Ordering::SeqCst);
    seal(1); // the one before has lived its time
    let epochs: Vec<_> = seen.chunk_by(|one, two| one.0 == two.0).collect();
    let sizes: Vec<_> = epochs.iter().map(|epoch| epoch.len()).collect();
    assert_eq!(sizes, [4, 2, 9, 1]);
    assert_eq!(epochs[0][0].2, None);
    for pair in epochs.windows(2) {
        assert_eq!(pair[1][0].2, Some((pair[0][0].0, pair[0].len() as u64)));
    }
    for epoch in epochs {
        for (number, (_, sequence, previous)) in epoch.iter().enumerate() {
            assert_eq!(*sequence, number as u64);
            assert!(number == 0 || previous.is_none());
        }
    }
}

#[test]
fn a_chain_goes_on_after_an_orderly_stop() {
    let first = builder().build().unwrap();
    for _ in 0..3 {
        first.seal(b"payload").unwrap();
    }
    let end = first.close().unwrap();
    assert_eq!(end.messages, 3);
    let second = builder().continue_from(end).build().unwrap();
    // Nothing sealed: the chain still ends where it did.
    assert_eq!(second.close(), Some(end));
    let third = builder().continue_from(end).build().unwrap();
    let envelope = third.seal(b"payload").unwrap();
    let verified = verifier().verify(&envelope).unwrap().previous().unwrap();
    assert_eq!(ChainEnd { epoch: verified.epoch, messages: verified.messages }, end);
    assert_eq!(builder().build().unwrap().close(), None);
}

#[test]
fn threads_never_share_a_number_and_no_count_is_a_lie() {
    let sealer = builder().epoch_messages(50).build().unwrap();
    let sealer = &sealer;
    let envelopes: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                scope.spawn(move || {
                    let mut all = Vec::new();
                    for round in 0..60 {
                        if (thread + round) % 3 == 0 {
                            all.extend(sealer.seal_batch(&messages(3)).unwrap());
                        } else {
                            all.push(sealer.seal(b"payload").unwrap());
                        }
                    }
                    all
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let verifier = verifier();
    let mut sequences = BTreeSet::new();
    let mut counts = std::collections::BTreeMap::new();
    let mut claims = Vec::new();
    for envelope in &envelopes {
        let verified = verifier.verify(envelope).unwrap();
        assert!(sequences.insert((verified.epoch(), verified.sequence())), "a number was shared");
        *counts.entry(verified.epoch()).or_insert(0_u64) += 1;
        claims.extend(verified.previous());
    }
    assert_eq!(claims.len(), counts.len() - 1);
    for claim in claims {
        assert_eq!(counts[&claim.epoch], claim.messages, "a count was a lie");
    }
}

/// A signer that fails until it is allowed to work, or lies.
#[derive(Debug, Default)]
struct Moody {
    works: AtomicBool,
    lies: AtomicBool,
    asked: AtomicU64,
}

impl KeyProvider for Moody {
    fn holds(&self, _: &RecipientEntry<'_>) -> bool {
        false
    }

    fn unwrap(&self, _: &UnwrapRequest<'_>) -> Result<Secret<32>, Error> {
        Err(Error::Carrier("not here".into()))
    }

    fn sign(&self, _: &VerifyingKey, message: &[u8]) -> Result<[u8; 64], Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.lies.load(Ordering::SeqCst) {
            return Ok([7; 64]);
        }
        if !self.works.load(Ordering::SeqCst) {
            return Err(Error::Carrier("the KMS is down".into()));
        }
        let mut ring = coseal::Keyring::new();
        ring.add_signing(signing());
        ring.sign(signing().verifying_key(), message)
    }
}

#[test]
fn a_signer_that_failed_is_asked_again_about_the_same_tree() {
    let provider = Arc::new(Moody::default());
    let signer = Signer::remote(signing().verifying_key().clone(), provider.clone());
    let sealer =
        Sealer::builder(signer, CHANNEL).recipient(receiving().recipient_key()).build().unwrap();
    let mut batch = sealer.encrypt_batch(&messages(3)).unwrap();
    let error = batch.sign().unwrap_err();
    assert_eq!(error.code(), "carrier");
    assert_eq!(error.to_string(), "the KMS is down");
    provider.works.store(true, Ordering::SeqCst);
    let envelopes = batch.sign().unwrap();
    let sequences: Vec<_> =
        envelopes.iter().map(|e| verifier().verify(e).unwrap().sequence()).collect();
    assert_eq!(sequences, [0, 1, 2]);
    assert!(batch.sign().unwrap().is_empty(), "envelopes are given out once");

    provider.lies.store(true, Ordering::SeqCst);
    let mut out = b"before".to_vec();
    let error = sealer.seal_into(b"payload", &mut out).unwrap_err();
    assert_eq!(error.code(), "carrier");
    assert_eq!(out, b"before", "an envelope with a false signature was released");
}

#[test]
fn secrets_do_not_print() {
    let sealer = builder().build().unwrap();
    let opener = archive();
    let envelope = sealer.seal(b"payload").unwrap();
    let opened = opener.open(&envelope).unwrap();
    let text = format!("{sealer:?} {opener:?} {opened:?} {:?}", builder());
    assert!(!text.contains("payload\""), "{text}");
    assert!(!text.contains("112, 97, 121"), "{text}");
    assert!(text.contains("orders"), "{text}");
}

#[test]
fn a_fork_never_shares_an_epoch_with_its_parent() {
    let sealer = builder().build().unwrap();
    let before = sealer.seal(b"before").unwrap();
    let path = std::env::temp_dir().join(format!("coseal-fork-{}", std::process::id()));
    match fork::fork().unwrap() {
        fork::Fork::Child => {
            // Alone and in a batch: both take the same way to their epoch.
            let mut sealed = vec![sealer.seal(b"child").unwrap()];
            sealed.extend(sealer.seal_batch(&messages(2)).unwrap());
            std::fs::write(&path, sealed.concat()).unwrap();
            std::process::exit(0);
        }
        fork::Fork::Parent(child) => {
            fork::waitpid(child).unwrap();
        }
    }
    let written = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut scanner = coseal::sequence::Scanner::new();
    let mut rest = &written[..];
    let mut child = Vec::new();
    while let Some(length) = scanner.push(rest).unwrap() {
        child.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    let after = sealer.seal(b"parent").unwrap();
    let epoch = |envelope: &[u8]| verifier().verify(envelope).unwrap().epoch();
    assert_eq!(child.len(), 3);
    assert_eq!(epoch(&before), epoch(&after), "the parent goes on");
    assert_eq!(verifier().verify(&after).unwrap().sequence(), 1);
    for (number, envelope) in child.iter().enumerate() {
        assert_ne!(epoch(envelope), epoch(&before), "the child sealed in its parent's epoch");
        let verified = verifier().verify(envelope).unwrap();
        assert_eq!(verified.sequence(), number as u64);
        assert_eq!(verified.previous(), None, "the chain is the parent's to continue");
        assert_eq!(archive().open(envelope).unwrap().epoch(), epoch(&child[0]));
    }
}

#[test]
fn live_reading_judges_time_and_repetition() {
    let now = Arc::new(AtomicU64::new(NOW.as_millis()));
    let clock = Arc::clone(&now);
    let opener = Opener::builder(trust())
        .channel(CHANNEL)
        .live(Window::minutes(10))
        .key(receiving())
        .clock(move || Time::from_millis(clock.load(Ordering::SeqCst)))
        .build()
        .unwrap();
    let sealer = builder().build().unwrap();
    let envelope = sealer.seal(b"payload").unwrap();
    assert_eq!(opener.open(&envelope).unwrap().payload(), b"payload");
    let mut out = Vec::new();
    let error = opener.open_into(&envelope, &mut out).unwrap_err();
    assert_eq!(kinds(&error), "stale/replayed");
    assert!(out.is_empty());
    let mut in_place = envelope.clone();
    assert_eq!(kinds(&opener.open_in_place(&mut in_place).unwrap_err()), "stale/replayed");
    assert!(!in_place.windows(7).any(|window| window == b"payload"), "the payload was left there");

    let at = |millis: u64, envelope: &[u8]| {
        now.store(millis, Ordering::SeqCst);
        opener.open(envelope).map(drop).map_err(|error| kinds(&error))
    };
    let fresh = || sealer.seal(b"payload").unwrap();
    let t = NOW.as_millis();
    let (window, skew) = (600_000, 60_000);
    assert_eq!(at(t + window + skew, &fresh()), Ok(()));
    assert_eq!(at(t + window + skew + 1, &fresh()), Err("stale/too_old".into()));
    assert_eq!(at(t - skew, &fresh()), Ok(()));
    assert_eq!(at(t - skew - 1, &fresh()), Err("stale/from_the_future".into()));
    let expiring = || sealer.seal(Message::new(b"").expires_in(Duration::from_secs(10))).unwrap();
    assert_eq!(at(t + 10_000 + skew - 1, &expiring()), Ok(()));
    assert_eq!(at(t + 10_000 + skew, &expiring()), Err("stale/expired".into()));
    let bundle_ends = 2_000_000_000_000;
    assert_eq!(at(bundle_ends + skew - 1, &fresh()), Err("stale/too_old".into()));
    assert_eq!(at(bundle_ends + skew, &fresh()), Err("untrusted/bundle_expired".into()));
}

#[test]
fn in_a_log_age_is_measured_against_the_log() {
    let opener = Opener::builder(trust())
        .channel(CHANNEL)
        .live(Window::minutes(10))
        .key(receiving())
        .clock(|| NOW.plus(Duration::from_secs(3 * 24 * 3600)))
        .build()
        .unwrap();
    let at = |offset| coseal::Position { log: 0, offset };
    let sealed_at = |secs: u64| {
        let sealer = builder().clock(move || NOW.plus(Duration::from_secs(secs))).build().unwrap();
        sealer.seal(b"payload").unwrap()
    };
    // A weekend's backlog is not stale.
    let first = sealed_at(0);
    opener.open_at(&first, &at(1)).unwrap();
    assert!(opener.open_at(&first, &at(1)).unwrap().redelivered());
    let error = opener.open_at(&first, &at(2)).unwrap_err();
    assert_eq!(kinds(&error), "stale/replayed");
    opener.open_at(&sealed_at(3600), &at(3)).unwrap();
    // What is old in the log is.
    let error = opener.open_at(&sealed_at(1), &at(4)).unwrap_err();
    assert_eq!(kinds(&error), "stale/too_old");
    // Without a position, the clock decides.
    assert_eq!(kinds(&opener.open(&sealed_at(3600)).unwrap_err()), "stale/too_old");
}

#[test]
fn numbers_that_were_never_signed_for_are_not_claimed() {
    let provider = Arc::new(Moody::default());
    provider.works.store(true, Ordering::SeqCst);
    let signer = Signer::remote(signing().verifying_key().clone(), provider.clone());
    let sealer = Sealer::builder(signer, CHANNEL)
        .recipient(receiving().recipient_key())
        .epoch_messages(2)
        .build()
        .unwrap();
    let previous = |envelope: &[u8]| verifier().verify(envelope).unwrap().previous();
    let seal = || sealer.seal(b"payload");
    seal().unwrap();
    provider.works.store(false, Ordering::SeqCst);
    assert_eq!(seal().unwrap_err().code(), "carrier");
    provider.works.store(true, Ordering::SeqCst);
    let next = seal().unwrap();
    assert_eq!(previous(&next), None, "one of the two was never sealed");
    seal().unwrap();
    let after = seal().unwrap();
    assert_eq!(previous(&after).unwrap().messages, 2, "a whole epoch is told again");
}

#[test]
fn no_epoch_takes_more_than_it_may_however_many_threads_seal() {
    let sealer = builder().epoch_messages(3).build().unwrap();
    let sealer = &sealer;
    let envelopes: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let seal = move || (0..200).map(|_| sealer.seal(b"").unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(seal)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let verifier = verifier();
    for envelope in &envelopes {
        assert!(verifier.verify(envelope).unwrap().sequence() < 3);
    }
}

#[test]
fn what_no_reader_would_take_is_not_sealed() {
    let end = |messages| ChainEnd { epoch: coseal::EpochId::from_bytes([1; 8]), messages };
    for messages in [0, 1 << 33, 1 << 63] {
        let error = builder().continue_from(end(messages)).build().unwrap_err();
        assert_eq!(error.code(), "misuse", "{messages}");
    }
    let error = builder().epoch_lifetime(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.code(), "misuse");
    let sealer = builder().max_len(400).build().unwrap();
    assert_eq!(sealer.seal(&[0; 100]).unwrap_err().code(), "misuse");
    assert_eq!(sealer.seal_batch(&[Message::new(&[0; 100])]).unwrap_err().code(), "misuse");
    assert_eq!(verifier().verify(&sealer.seal(b"").unwrap()).unwrap().sequence(), 0);
    for clock in [Time::from_millis(0), Time::from_millis(1 << 48)] {
        let sealer = builder().clock(move || clock).build().unwrap();
        assert_eq!(sealer.seal(b"").unwrap_err().code(), "misuse");
    }
}

#[test]
fn a_clock_that_goes_back_starts_a_new_epoch() {
    let now = Arc::new(AtomicU64::new(NOW.as_millis()));
    let clock = Arc::clone(&now);
    let sealer =
        builder().clock(move || Time::from_millis(clock.load(Ordering::SeqCst))).build().unwrap();
    let epoch = || verifier().verify(&sealer.seal(b"").unwrap()).unwrap().epoch();
    let first = epoch();
    now.fetch_sub(60_000, Ordering::SeqCst);
    assert_eq!(epoch(), first);
    now.fetch_sub(1, Ordering::SeqCst);
    assert_ne!(epoch(), first);
}

#[test]
fn a_replay_that_was_refused_is_refused_again_wherever_it_comes() {
    let opener = Opener::builder(trust())
        .channel(CHANNEL)
        .live(Window::minutes(10))
        .key(receiving())
        .clock(|| NOW)
        .build()
        .unwrap();
    let envelope = builder().build().unwrap().seal(b"payload").unwrap();
    opener.open(&envelope).unwrap();
    for _ in 0..3 {
        let at = coseal::Position { log: 0, offset: 7 };
        assert_eq!(kinds(&opener.open_at(&envelope, &at).unwrap_err()), "stale/replayed");
    }
}

#[test]
fn a_copy_from_another_log_makes_nothing_too_old() {
    let opener = Opener::builder(trust())
        .channel(CHANNEL)
        .live(Window::minutes(10))
        .key(receiving())
        .clock(|| NOW.plus(Duration::from_secs(7200)))
        .build()
        .unwrap();
    let sealed_at = |secs: u64| {
        let sealer = builder().clock(move || NOW.plus(Duration::from_secs(secs))).build().unwrap();
        sealer.seal(b"payload").unwrap()
    };
    let at = |log, offset| coseal::Position { log, offset };
    let newest = sealed_at(7200);
    opener.open_at(&newest, &at(0, 1)).unwrap();
    opener.open_at(&sealed_at(0), &at(1, 1)).unwrap();
    let error = opener.open_at(&newest, &at(1, 2)).unwrap_err();
    assert_eq!(kinds(&error), "stale/replayed");
    opener.open_at(&sealed_at(1), &at(1, 3)).unwrap();
}

#[test]
fn a_known_epoch_opens_nothing_under_another_suite() {
    // The signer itself misuses an epoch: same secret, same entry, two suites.
    let aes = common::epoch(Suite::A256Gcm, CHANNEL);
    let chacha = common::epoch(Suite::ChaCha20Poly1305, CHANNEL);
    let one = common::seal_raw(&aes, Message::new(b"one"), common::place(0));
    let two = common::seal_raw(&chacha, Message::new(b"two"), common::place(1));
    // The entry of the first in the second.
    let entry = |envelope: &[u8]| envelope[envelope.len() - 106..].to_vec();
    let mut spliced = two[..two.len() - 106].to_vec();
    spliced.extend(entry(&one));
    let cold = archive().open(&spliced).unwrap_err();
    let warm = archive();
    warm.open(&one).unwrap();
    assert_eq!(kinds(&cold), "undecryptable");
    assert_eq!(kinds(&warm.open(&spliced).unwrap_err()), "undecryptable");
}

/// Every call draws its own random bits: a sealer that was restored from a
/// snapshot, or whose clock stands still, repeats no message ID.
#[test]
fn every_message_id_has_random_bits_of_its_own() {
    let sealer = builder().clock(|| NOW).build().unwrap();
    let mut ids = BTreeSet::new();
    let mut different = [0_u8; 16];
    let mut first = None;
    for _ in 0..100 {
        let mut envelopes = sealer.seal_batch(&messages(7)).unwrap();
        envelopes.push(sealer.seal(b"payload").unwrap());
        for envelope in envelopes {
            let envelope = coseal::Envelope::decode(&envelope).unwrap();
            let id = *envelope.unverified_header().message_id().as_bytes();
            let first = *first.get_or_insert(id);
            for (seen, (a, b)) in different.iter_mut().zip(first.iter().zip(id)) {
                *seen |= a ^ b;
            }
            assert!(ids.insert(id), "a message ID came twice");
        }
    }
    // 48 bits of time, version and variant stay; all 74 others change.
    let random = [0, 0, 0, 0, 0, 0, 0x0f, 0xff, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(different, random);
}
