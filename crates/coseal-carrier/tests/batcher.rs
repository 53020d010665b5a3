//! What a batcher lets wait, and what comes out of a batch.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coseal::{
    Envelope, Error, KeyProvider, Keyring, Message, Opener, RecipientEntry, Result, Sealer,
    SealerBuilder, Secret, Signer, TrustCell, UnwrapRequest, Verifier, VerifyingKey,
};
use coseal_carrier::{Batch, Batcher, BatcherBuilder, Draft, Next, Sealers};

use common::{NOW, bundle, later, receiving, secs, signing, trust};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    channel: &'static str,
    text: String,
}

impl Draft for Note {
    fn channel(&self) -> &str {
        self.channel
    }

    fn message(&self) -> Message<'_> {
        Message::new(self.text.as_bytes())
    }

    fn size(&self) -> usize {
        self.text.len()
    }
}

fn note(channel: &'static str, text: impl ToString) -> Note {
    Note { channel, text: text.to_string() }
}

fn batcher(change: impl Fn(BatcherBuilder) -> BatcherBuilder) -> Batcher<Note> {
    change(Batcher::builder("test")).build().unwrap()
}

fn recipe(channel: &str) -> SealerBuilder {
    let builder = Sealer::builder(signing(2), channel).max_len(2000);
    builder.recipient(receiving().recipient_key()).clock(|| NOW)
}

fn sealers(trust: &Arc<TrustCell>) -> Sealers {
    Sealers::new("test", Arc::clone(trust) as _, |channel, _, _| Ok(recipe(channel)))
}

fn batch(next: Next<Note>) -> Batch<Note> {
    let Next::Batch(batch) = next else { panic!("{next:?}") };
    batch
}

fn opened(envelope: &[u8]) -> String {
    let opener = Opener::builder(bundle(&[2], later())).any_channel().archive();
    let opener = opener.key(receiving()).build().unwrap();
    String::from_utf8(opener.open(envelope).unwrap().into_payload()).unwrap()
}

#[test]
fn whatever_queues_is_the_next_batch() {
    let mut batcher = batcher(|builder| builder);
    assert!(matches!(batcher.take(NOW), Next::Idle));
    batcher.push(NOW, note("a", 0)).unwrap();
    assert_eq!(batch(batcher.take(NOW)).len(), 1, "a lone message waits for nothing");
    for n in 0..100 {
        batcher.push(NOW, note("a", n)).unwrap();
    }
    assert_eq!(batcher.len(), 100);
    let sizes = [batch(batcher.take(NOW)).len(), batch(batcher.take(NOW)).len()];
    assert_eq!(sizes, [64, 36]);
    assert!(batcher.is_empty() && batcher.drain().is_none());
}

#[test]
fn with_linger_a_message_waits_for_others_but_not_for_ever() {
    let mut batcher = batcher(|builder| builder.max_linger(secs(2)).max_batch(2));
    batcher.push(NOW, note("a", 0)).unwrap();
    let Next::Wait(until) = batcher.take(NOW.plus(secs(1))) else { panic!() };
    assert_eq!(until, NOW.plus(secs(2)));
    batcher.push(NOW.plus(secs(1)), note("a", 1)).unwrap();
    assert_eq!(batch(batcher.take(NOW.plus(secs(1)))).len(), 2, "a whole batch is there");
    batcher.push(NOW, note("a", 2)).unwrap();
    assert_eq!(batch(batcher.take(NOW.plus(secs(2)))).len(), 1);
    batcher.push(NOW, note("a", 3)).unwrap();
    assert_eq!(batch(batcher.take(NOW.minus(secs(9)))).len(), 1, "the clock was put back");
    batcher.push(NOW, note("a", 4)).unwrap();
    assert_eq!(batcher.drain().unwrap().into_drafts(), [note("a", 4)]);
}

#[test]
fn a_full_queue_gives_the_message_back() {
    let mut batcher = batcher(|builder| builder.max_queued(2).max_queued_bytes(10));
    batcher.push(NOW, note("a", "longer than all that may queue")).unwrap();
    assert_eq!(batcher.push(NOW, note("a", "b")), Err(note("a", "b")));
    let _ = batch(batcher.take(NOW));
    for text in ["12345", "67890"] {
        batcher.push(NOW, note("a", text)).unwrap();
    }
    assert!(batcher.push(NOW, note("a", "")).is_err(), "two are there");
    let _ = batch(batcher.take(NOW));
    batcher.push(NOW, note("a", "123456")).unwrap();
    assert!(batcher.push(NOW, note("a", "78901")).is_err(), "eleven bytes");
    batcher.push(NOW, note("a", "7890")).unwrap();
    assert!(Batcher::builder("test").max_batch(0).build::<Note>().is_err());
    assert!(Batcher::builder("test").max_batch(65_537).build::<Note>().is_err());
    assert!(Batcher::builder("test").max_queued(0).build::<Note>().is_err());
}

#[test]
fn envelopes_come_out_in_the_order_of_messages_and_share_signatures() {
    let mut batcher = batcher(|builder| builder);
    let channels = ["a", "b", "a", "a", "b"];
    for (n, channel) in channels.into_iter().enumerate() {
        batcher.push(NOW, note(channel, n)).unwrap();
    }
    let mut batch = batch(batcher.take(NOW));
    let mut sealers = sealers(&trust());
    batch = batch.into_sealed().err().expect("it is not sealed yet");
    batch.seal(NOW, &mut sealers).unwrap();
    let sealed: Vec<_> = batch.into_sealed().unwrap().collect();
    assert_eq!(sealed.len(), 5);
    for (n, (note, envelope)) in sealed.into_iter().enumerate() {
        let envelope = envelope.unwrap();
        assert_eq!((note.channel, &*note.text), (channels[n], &*n.to_string()));
        assert_eq!(opened(&envelope), n.to_string());
        let parsed = Envelope::decode(&envelope).unwrap();
        assert_eq!(parsed.unverified_header().channel(), note.channel);
        assert_eq!(parsed.receipt().tree_size, if note.channel == "a" { 3 } else { 2 });
    }
}

#[test]
fn a_message_that_cannot_be_sealed_fails_alone() {
    let mut batcher = batcher(|builder| builder);
    let long = "x".repeat(3000);
    let nowhere = "no*where";
    for (channel, text) in [("a", "0"), ("a", &long), (nowhere, "2"), ("a", "3")] {
        batcher.push(NOW, note(channel, text)).unwrap();
    }
    let mut batch = batch(batcher.take(NOW));
    batch.seal(NOW, &mut sealers(&trust())).unwrap();
    let outcomes: Vec<_> = batch.into_sealed().unwrap().map(|(_, outcome)| outcome).collect();
    assert_eq!(opened(outcomes[0].as_ref().unwrap()), "0");
    assert_eq!(opened(outcomes[3].as_ref().unwrap()), "3");
    for failed in [&outcomes[1], &outcomes[2]] {
        assert_eq!(failed.as_ref().unwrap_err().code(), "misuse");
    }
}

/// Signs, after it failed so many times.
#[derive(Debug)]
struct Shaky(AtomicU32);

impl KeyProvider for Shaky {
    fn holds(&self, _: &RecipientEntry<'_>) -> bool {
        false
    }

    fn unwrap(&self, _: &UnwrapRequest<'_>) -> Result<Secret<32>> {
        Err(Error::NoKey("none".into()))
    }

    fn sign(&self, key: &VerifyingKey, message: &[u8]) -> Result<[u8; 64]> {
        let failures = self.0.load(Ordering::Relaxed);
        if failures > 0 {
            self.0.store(failures - 1, Ordering::Relaxed);
            return Err(Error::Carrier("the signer is away".into()));
        }
        let mut keyring = Keyring::new();
        keyring.add_signing(signing(2));
        keyring.sign(key, message)
    }
}

#[test]
fn a_signer_that_failed_is_asked_for_the_same_again() {
    let trust = trust();
    let shaky = Arc::new(Shaky(AtomicU32::new(0)));
    let provider = Arc::clone(&shaky);
    let mut sealers = Sealers::new("test", Arc::clone(&trust) as _, move |channel, _, _| {
        let signer = Signer::remote(signing(2).verifying_key().clone(), Arc::clone(&provider) as _);
        let builder = Sealer::builder(signer, channel).clock(|| NOW);
        Ok(builder.recipient(receiving().recipient_key()))
    });
    let mut batcher = batcher(|builder| builder);
    let verifier = Verifier::new(trust);
    for round in 0..2 {
        for (n, channel) in ["a", "b", "a", "c"].into_iter().enumerate() {
            batcher.push(NOW, note(channel, n)).unwrap();
        }
        let mut batch = batch(batcher.take(NOW));
        shaky.0.store(2, Ordering::Relaxed);
        for _ in 0..2 {
            let error = batch.seal(NOW, &mut sealers).unwrap_err();
            assert_eq!(error.to_string(), "the signer is away");
        }
        batch.seal(NOW, &mut sealers).unwrap();
        let sealed: Vec<_> = batch.into_sealed().unwrap().collect();
        for (place, sequence) in [(0, 2 * round), (1, round), (2, 2 * round + 1), (3, round)] {
            let envelope = sealed[place].1.as_ref().unwrap();
            // No number was used up for nothing: nothing was encrypted twice.
            assert_eq!(verifier.verify(envelope).unwrap().sequence(), sequence);
            assert_eq!(opened(envelope), place.to_string());
        }
    }
}

#[test]
fn a_key_provider_that_cannot_say_fails_the_batch_not_its_messages() {
    let away = |_: &str, _: &coseal::TrustBundle, _| Err(Error::Carrier("away".into()));
    let mut sealers = Sealers::new("test", trust() as _, away);
    let mut batcher = batcher(|builder| builder);
    batcher.push(NOW, note("a", 0)).unwrap();
    let mut batch = batch(batcher.take(NOW));
    assert_eq!(batch.seal(NOW, &mut sealers).unwrap_err().code(), "carrier");
    assert_eq!(batch.into_sealed().err().unwrap().into_drafts(), [note("a", 0)]);
}

fn seal_one(sealers: &mut Sealers, now: coseal::Time, channel: &'static str) -> Vec<u8> {
    sealers.sealer(now, channel).unwrap().seal(b"x").unwrap()
}

#[test]
fn a_sealer_is_made_anew_with_the_bundle_and_its_chain_goes_on() {
    let trust = trust();
    let mut sealers = sealers(&trust);
    let verifier = Verifier::new(Arc::clone(&trust));
    let verified = |envelope: &[u8]| {
        let verified = verifier.verify(envelope).unwrap();
        (verified.epoch(), verified.sequence(), verified.previous())
    };
    let (first, ..) = verified(&seal_one(&mut sealers, NOW, "a"));
    assert_eq!(verified(&seal_one(&mut sealers, NOW, "a")), (first, 1, None));
    trust.replace(bundle(&[2], later()));
    let (second, sequence, previous) = verified(&seal_one(&mut sealers, NOW, "a"));
    assert!(second != first && sequence == 0);
    assert_eq!(previous.map(|previous| (previous.epoch, previous.messages)), Some((first, 2)));
    // And after its time.
    let (third, ..) = verified(&seal_one(&mut sealers, NOW.plus(secs(3600)), "a"));
    assert!(third != second);
    let ends = sealers.close();
    assert_eq!(ends.len(), 1);
    assert_eq!((&*ends[0].0, ends[0].1.messages), ("a", 1));
}

#[test]
fn the_number_of_sealers_is_bounded() {
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let make = move |channel: &str, _: &coseal::TrustBundle, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(recipe(channel))
    };
    let mut sealers = Sealers::new("test", trust() as _, make).most(2).lifetime(Duration::MAX);
    for (channel, expected) in [("a", 1), ("b", 2), ("a", 2), ("c", 3), ("a", 3), ("b", 4)] {
        seal_one(&mut sealers, NOW, channel);
        assert_eq!(made.load(Ordering::Relaxed), expected, "{channel}");
    }
    assert_eq!(sealers.close().len(), 2);
}
