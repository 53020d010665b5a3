//! Dead letters: what passes now is delivered, and nothing else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use coseal::{InMemoryDeadLetters, InMemoryReplay, ReplayMemory, Time, TrustCell};
use coseal_carrier::{Inbox, Redrive, Redriven, RefusedMessage};

use common::{
    CHANNEL, Decided, NOW, WINDOW, at, builder, bundle, fits, later, receive_at, sealed, sealer,
    secs, trust,
};

struct Desk {
    trust: Arc<TrustCell>,
    memory: Arc<InMemoryReplay>,
    list: Arc<InMemoryDeadLetters>,
    inbox: Inbox,
}

impl Desk {
    fn new() -> Self {
        let trust = trust();
        let memory = Arc::new(InMemoryReplay::new(WINDOW, secs(60)));
        let list = Arc::new(InMemoryDeadLetters::new());
        let build = builder(&trust).memory(Arc::clone(&memory) as _);
        let inbox = build.dead_letters(Arc::clone(&list) as _).build().unwrap();
        Self { trust, memory, list, inbox }
    }

    fn redrive(&self) -> Redrive {
        let build = builder(&self.trust).memory(Arc::clone(&self.memory) as _);
        let redriven = Arc::new(InMemoryReplay::new(Duration::MAX, Duration::ZERO));
        build.dead_letters(Arc::clone(&self.list) as _).redrive(redriven).unwrap()
    }

    /// What is refused here is dead-lettered, and its letter answered.
    fn refuse(&mut self, now: Time, envelope: &[u8], offset: u64) -> (String, Vec<u8>) {
        self.inbox.refreshed(now);
        let decided = receive_at(&mut self.inbox, now, envelope, at(offset));
        let Decided::DeadLetter { reason, letter, refused } = decided else {
            panic!("{decided:?}")
        };
        self.inbox.dead_lettered(refused);
        let _ = self.inbox.begin_commit().unwrap().write().unwrap();
        (reason, letter)
    }

    fn deliver(&mut self, now: Time, envelope: &[u8], offset: u64) {
        let ticket = receive_at(&mut self.inbox, now, envelope, at(offset)).ticket();
        self.inbox.acknowledge(ticket);
        let _ = self.inbox.begin_commit().unwrap().write().unwrap();
    }
}

fn judge(redrive: &mut Redrive, now: Time, letter: &[u8]) -> String {
    let letter = RefusedMessage::decode(letter, 1 << 20).unwrap();
    let mut payload = Vec::new();
    match redrive.judge(now, &letter, CHANNEL, fits, &mut payload) {
        Redriven::Deliver(opened, ticket) => {
            let name = if opened.redelivered() { "redeliver" } else { "deliver" };
            drop(opened);
            redrive.acknowledge(ticket);
            let _ = redrive.begin_commit().unwrap().write().unwrap();
            name.into()
        }
        Redriven::NotListed => "not listed".into(),
        Redriven::Left(error) => format!("left: {}", error.kind().unwrap_or(error.code())),
        Redriven::Pause { .. } => "pause".into(),
        Redriven::Stop(error) => format!("stop: {error}"),
    }
}

#[test]
fn what_passes_now_is_delivered_however_old_it_is() {
    let mut desk = Desk::new();
    let stranger = sealer(9, CHANNEL, NOW).seal(b"late").unwrap();
    let (reason, letter) = desk.refuse(NOW, &stranger, 1);
    assert_eq!(reason, "untrusted/unknown_signer");
    let mut redrive = desk.redrive();
    assert_eq!(judge(&mut redrive, NOW, &letter), "left: unknown_signer");
    assert_eq!(desk.list.letters().len(), 1, "it is left");
    desk.trust.replace(bundle(&[2, 9], later()));
    // The signer went on, for much longer than a window.
    let now = NOW.plus(secs(86_400));
    for (offset, age) in (2..).zip([600, 3600, 7200, 86_400]) {
        let envelope = sealer(9, CHANNEL, NOW.plus(secs(age))).seal(b"x").unwrap();
        desk.deliver(NOW.plus(secs(age)), &envelope, offset);
    }
    assert_eq!(judge(&mut redrive, now, &letter), "deliver");
    assert!(desk.list.letters().is_empty());
    assert_eq!(judge(&mut redrive, now, &letter), "not listed", "once");
}

#[test]
fn only_what_the_own_list_names_is_judged() {
    let mut desk = Desk::new();
    let recording = sealed(b"long ago");
    desk.deliver(NOW, &recording, 0);
    let error = coseal::Error::NoKey("".into());
    let forged = RefusedMessage::new(&recording, "test", CHANNEL, &error, NOW);
    let mut redrive = desk.redrive();
    for position in [None, at(0), at(5)] {
        let letter = forged.clone().at(position).encode();
        assert_eq!(judge(&mut redrive, NOW, &letter), "not listed");
    }
    // A letter of ours with other bytes in it, or said to be of another place.
    let (_, letter) = desk.refuse(NOW, b"garbage", 5);
    let letter = RefusedMessage::decode(&letter, 1 << 20).unwrap();
    let mut other = letter.clone();
    other.original = recording[..].into();
    assert_eq!(judge(&mut redrive, NOW, &other.encode()), "not listed");
    assert_eq!(judge(&mut redrive, NOW, &letter.clone().at(at(6)).encode()), "not listed");
    assert_eq!(judge(&mut redrive, NOW, &letter.encode()), "left: cbor");
}

/// Published again long after it was delivered and forgotten, it is refused and
/// listed; what the list says must not bring it back.
#[test]
fn an_old_recording_is_not_smuggled_in_through_the_log() {
    let mut desk = Desk::new();
    let recording = sealed(b"pay 100");
    desk.deliver(NOW, &recording, 0);
    let (reason, copied) = desk.refuse(NOW, &recording, 1);
    assert_eq!(reason, "stale/replayed");
    let now = NOW.plus(secs(86_400));
    for (offset, age) in (2..).zip([3600, 7200, 86_400]) {
        let envelope = sealer(2, CHANNEL, NOW.plus(secs(age))).seal(b"x").unwrap();
        desk.deliver(NOW.plus(secs(age)), &envelope, offset);
    }
    let (reason, old) = desk.refuse(now, &recording, 9);
    assert_eq!(reason, "stale/too_old");
    let mut redrive = desk.redrive();
    for letter in [&copied, &old] {
        assert_eq!(judge(&mut redrive, now, letter), "left: replayed");
        // Whatever the letter itself says of its reason.
        let mut forged = RefusedMessage::decode(letter, 1 << 20).unwrap();
        forged.code = "no_key".into();
        forged.kind = None;
        assert_eq!(judge(&mut redrive, now, &forged.encode()), "left: replayed");
    }
    let mut redrive = desk.redrive().even_too_old();
    assert_eq!(judge(&mut redrive, now, &copied), "left: replayed");
    assert_eq!(judge(&mut redrive, now, &old), "deliver", "as was asked for");
}

#[test]
fn of_many_copies_one_is_delivered() {
    let mut desk = Desk::new();
    let stranger = sealer(9, CHANNEL, NOW).seal(b"late").unwrap();
    let letters: Vec<_> = (0..5).map(|offset| desk.refuse(NOW, &stranger, offset).1).collect();
    desk.trust.replace(bundle(&[2, 9], later()));
    let mut redrive = desk.redrive();
    assert_eq!(judge(&mut redrive, NOW, &letters[2]), "deliver");
    // Also when the live memory has forgotten it.
    let now = NOW.plus(secs(86_400));
    for (offset, age) in (9..).zip([3600, 7200, 86_400]) {
        let envelope = sealer(9, CHANNEL, NOW.plus(secs(age))).seal(b"x").unwrap();
        desk.deliver(NOW.plus(secs(age)), &envelope, offset);
    }
    for place in [0, 1, 3, 4] {
        assert_eq!(judge(&mut redrive, now, &letters[place]), "left: replayed");
    }
    // And a copy in the log is refused as any other.
    assert_eq!(desk.refuse(now, &stranger, 99).0, "stale/too_old");
}

#[test]
fn a_redrive_pauses_and_stops_as_an_inbox_does() {
    let mut desk = Desk::new();
    let (_, letter) = desk.refuse(NOW, &sealer(9, CHANNEL, NOW).seal(b"x").unwrap(), 0);
    let expired = bundle(&[2, 9], NOW.plus(secs(10)));
    desk.trust.replace(expired);
    let mut redrive = desk.redrive();
    assert_eq!(judge(&mut redrive, NOW.plus(secs(100)), &letter), "pause");
    let memory: &dyn ReplayMemory = &*desk.memory;
    memory.flush().unwrap();
    assert_eq!(judge(&mut redrive, NOW, &letter), "deliver");
}
