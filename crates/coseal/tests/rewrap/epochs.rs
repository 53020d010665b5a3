//! One unwrap and one encapsulation an epoch: counted by a provider, and in
//! what comes out.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use coseal::{
    Envelope, Error, KeyProvider, Keyring, Message, RecipientEntry, Result, Rewrapper, Sealer,
    Secret, UnwrapRequest, VerifyingKey,
};

use crate::common::{CHANNEL, receiving, signing};
use crate::desk::{builder, kek, key, opened_by};

/// Keys in memory that count what they are asked, and take their time.
#[derive(Debug, Default)]
struct Counting {
    keys: Keyring,
    unwraps: AtomicUsize,
    /// How many of them fail before one succeeds.
    failures: AtomicUsize,
    delay: Duration,
}

impl Counting {
    fn new(delay: Duration, failures: usize) -> Arc<Self> {
        let mut keys = Keyring::new();
        keys.add_receiving(receiving()).unwrap();
        keys.add_kek(b"kek-1", kek(9)).unwrap();
        let failures = AtomicUsize::new(failures);
        Arc::new(Self { keys, failures, delay, ..Self::default() })
    }

    fn unwraps(&self) -> usize {
        self.unwraps.load(Ordering::SeqCst)
    }
}

impl KeyProvider for Counting {
    fn holds(&self, entry: &RecipientEntry<'_>) -> bool {
        self.keys.holds(entry)
    }

    fn unwrap(&self, request: &UnwrapRequest<'_>) -> Result<Secret<32>> {
        self.unwraps.fetch_add(1, Ordering::SeqCst);
        thread::sleep(self.delay);
        let left = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => Err(Error::Carrier("the provider is away".into())),
            Err(_) => self.keys.unwrap(request),
        }
    }

    fn sign(&self, key: &VerifyingKey, message: &[u8]) -> Result<[u8; 64]> {
        self.keys.sign(key, message)
    }
}

fn rewrapper(keys: &Arc<Counting>) -> Rewrapper {
    let builder = builder().provider(keys.clone());
    builder
        .add_recipient(key(7).recipient_key())
        .add_recipient(key(8).recipient_key())
        .build()
        .unwrap()
}

fn sealer(epoch_messages: u64) -> Sealer {
    let sealer = Sealer::builder(signing(), CHANNEL).recipient(receiving().recipient_key());
    sealer.kek(b"kek-1", kek(9)).epoch_messages(epoch_messages).build().unwrap()
}

/// The encapsulated keys for a recipient, in envelopes.
fn encapsulations(envelopes: &[Vec<u8>], number: u8) -> BTreeSet<[u8; 32]> {
    let wanted = key(number).recipient_key().key_id();
    let mut found = BTreeSet::new();
    for envelope in envelopes {
        let decoded = Envelope::decode(envelope).unwrap();
        let mut entries = Vec::new();
        for entry in decoded.recipients() {
            if let RecipientEntry::X25519 { key_id, encapsulated, .. } = entry
                && key_id == wanted
            {
                entries.push(*encapsulated);
            }
        }
        assert_eq!(entries.len(), 1, "one entry for each new recipient");
        found.extend(entries);
    }
    found
}

#[test]
fn an_epoch_is_unwrapped_and_encapsulated_once() {
    let sealer = sealer(100);
    let envelopes: Vec<_> =
        (0..1000).map(|_| sealer.seal(Message::new(b"payload")).unwrap()).collect();
    let keys = Counting::new(Duration::ZERO, 0);
    let rewrapper = rewrapper(&keys);
    let new: Vec<_> =
        envelopes.iter().map(|envelope| rewrapper.rewrap(envelope).unwrap()).collect();
    assert_eq!(keys.unwraps(), 10);
    for number in [7, 8] {
        assert_eq!(encapsulations(&new, number).len(), 10);
        assert_eq!(opened_by(key(number), new.last().unwrap()), Ok(b"payload".to_vec()));
    }
    // In any order.
    for envelope in envelopes.iter().rev().step_by(7) {
        rewrapper.rewrap(envelope).unwrap();
    }
    assert_eq!(keys.unwraps(), 10);
}

/// Threads that come to one epoch at once wait for the one that opens it, and
/// nobody waits for another epoch.
#[test]
fn threads_share_the_one_unwrap_of_an_epoch() {
    const THREADS: usize = 8;
    let sealer = sealer(64);
    let envelopes: Vec<_> =
        (0..640).map(|_| sealer.seal(Message::new(b"payload")).unwrap()).collect();
    let keys = Counting::new(Duration::from_millis(5), 0);
    let (rewrapper, barrier) = (rewrapper(&keys), Barrier::new(THREADS));
    let new: Vec<Vec<u8>> = thread::scope(|scope| {
        let work = |at: usize| {
            let (rewrapper, barrier, envelopes) = (&rewrapper, &barrier, &envelopes);
            scope.spawn(move || {
                barrier.wait();
                let mine = envelopes.iter().skip(at).step_by(THREADS);
                mine.map(|envelope| rewrapper.rewrap(envelope).unwrap()).collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (0..THREADS).map(work).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((new.len(), keys.unwraps()), (640, 10));
    assert_eq!(encapsulations(&new, 7).len(), 10);
}

/// A provider that fails is asked again by the next message; nobody who waited
/// is left waiting.
#[test]
fn a_provider_that_failed_is_asked_again() {
    let envelope = sealer(10).seal(Message::new(b"payload")).unwrap();
    let keys = Counting::new(Duration::from_millis(2), 3);
    let rewrapper = rewrapper(&keys);
    let codes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| rewrapper.rewrap(&envelope).map_err(|error| error.code())))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap().err()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == Some("carrier")).count(), 3);
    assert_eq!(codes.iter().filter(|code| code.is_none()).count(), 3);
    assert_eq!(keys.unwraps(), 4);
}

/// Messages of one epoch come with entries of several makes: part of them was
/// re-wrapped before. Each make is unwrapped once; what is written is the same.
#[test]
fn several_own_entries_of_an_epoch_cost_an_unwrap_each() {
    let sealer = sealer(1000);
    let mut envelopes: Vec<_> =
        (0..300).map(|_| sealer.seal(Message::new(b"payload")).unwrap()).collect();
    let id = receiving().recipient_key().key_id();
    for earlier in 0..2 {
        // Out and in again: another entry of the same key.
        let out = builder().kek(b"kek-1", kek(9)).remove_recipient(id).build().unwrap();
        let back = builder().kek(b"kek-1", kek(9)).add_recipient(receiving().recipient_key());
        let back = back.remove_kek(b"kek-1").build().unwrap();
        for envelope in envelopes.iter_mut().skip(earlier).step_by(3) {
            *envelope = back.rewrap(&out.rewrap(envelope).unwrap()).unwrap();
        }
    }
    let keys = Counting::new(Duration::ZERO, 0);
    let rewrapper = rewrapper(&keys);
    let new: Vec<_> =
        envelopes.iter().map(|envelope| rewrapper.rewrap(envelope).unwrap()).collect();
    assert_eq!(keys.unwraps(), 3);
    assert_eq!(encapsulations(&new, 7).len(), 1);
}
