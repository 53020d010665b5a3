//! What an inbox decides, and what it lets be committed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use coseal::{
    DeadLetter, DeadLetterList, Error, InMemoryDeadLetters, InMemoryReplay, KeyProvider, Keyring,
    Misdirected, Observed, Position, RecipientEntry, ReplayMemory, Result, Secret, Sighting,
    Thumbprint, Time, UnwrapRequest, VerifyingKey,
};
use coseal_carrier::{Commits, Decision, Inbox, LogStart, Rebuilt, RefusedMessage, log_id};

use common::{
    CHANNEL, Decided, LOG, NOW, WINDOW, arrived, at, builder, bundle, commit, fits, later, prefix,
    receive, receive_at, sealed, sealer, secs, start, trust,
};

#[test]
fn only_what_is_done_without_a_gap_is_committed() {
    let mut inbox = prefix(&trust());
    let mut tickets: Vec<_> =
        (0..5).map(|n| Some(receive(&mut inbox, &sealed(b"x"), at(n * 10)).ticket())).collect();
    assert!(inbox.begin_commit().is_none());
    let expected = [(2, None), (1, None), (0, Some(21)), (4, None), (3, Some(41))];
    for (done, committed) in expected {
        inbox.acknowledge(tickets[done].take().unwrap());
        assert_eq!(commit(&mut inbox), committed, "{done}");
    }
    assert!(inbox.begin_commit().is_none(), "told once");
}

#[test]
fn what_is_dropped_holds_the_log_and_comes_back_marked() {
    let mut inbox = prefix(&trust());
    let [first, second] = [sealed(b"1"), sealed(b"2")];
    let dropped = receive(&mut inbox, &first, at(0)).ticket();
    let kept = receive(&mut inbox, &second, at(1)).ticket();
    inbox.acknowledge(kept);
    assert_eq!(receive(&mut inbox, &first, at(0)).name(), "known", "the caller has it");
    assert_eq!(inbox.returned().next(), None);
    inbox.give_back(dropped);
    assert!(inbox.begin_commit().is_none());
    assert_eq!(inbox.returned().next(), at(0));
    let again = receive(&mut inbox, &first, at(0));
    assert_eq!(again.name(), "redeliver");
    assert_eq!(receive(&mut inbox, &second, at(1)).name(), "known", "it was done");
    assert_eq!(inbox.returned().next(), None);
    inbox.acknowledge(again.ticket());
    assert_eq!(commit(&mut inbox), Some(2));
    assert_eq!(receive(&mut inbox, &first, at(0)).name(), "known", "it was committed");
}

#[test]
fn room_is_what_is_not_committed() {
    let trust = trust();
    for commits in [Commits::Prefix, Commits::Each] {
        let mut inbox = builder(&trust).commits(commits).max_in_flight(2).build().unwrap();
        inbox.begin_log(start(0, 0)).unwrap();
        assert_eq!(inbox.room(), 2);
        let one = receive(&mut inbox, &sealed(b"1"), at(0)).ticket();
        let two = receive(&mut inbox, &sealed(b"2"), at(1)).ticket();
        assert_eq!(inbox.room(), 0, "{commits:?}");
        inbox.acknowledge(two);
        assert_eq!(inbox.room(), 0, "{commits:?}");
        inbox.acknowledge(one);
        let written = inbox.begin_commit().unwrap().write().unwrap();
        assert_eq!(inbox.room(), 2, "{commits:?}");
        assert_eq!(written.done.len(), if commits == Commits::Each { 2 } else { 0 });
    }
}

#[test]
fn a_refused_message_is_committed_once_its_letter_is_there() {
    let list = Arc::new(InMemoryDeadLetters::new());
    let dead_letters = Arc::clone(&list);
    let trust = trust();
    let mut inbox =
        builder(&trust).commits(Commits::Prefix).dead_letters(dead_letters).build().unwrap();
    inbox.begin_log(start(0, 0)).unwrap();
    let bad = receive(&mut inbox, b"plaintext", at(0));
    assert_eq!(bad.name(), "malformed/cbor");
    let Decided::DeadLetter { letter, refused, .. } = bad else { panic!() };
    let letter = RefusedMessage::decode(&letter, 1 << 16).unwrap();
    assert_eq!(&*letter.original, b"plaintext");
    assert_eq!((letter.position, letter.refused_at), (at(0), NOW));
    assert_eq!((&*letter.carrier, &*letter.source), ("test", CHANNEL));

    let good = receive(&mut inbox, &sealed(b"good"), at(1)).ticket();
    inbox.acknowledge(good);
    assert!(inbox.begin_commit().is_none(), "its letter is not there");
    inbox.dead_lettered(refused);
    assert!(list.letters().is_empty(), "not before it is written");
    assert_eq!(commit(&mut inbox), Some(2));
    assert_eq!(list.letters()[0].code, "malformed/cbor");
    assert_eq!(list.letters()[0].position, at(0));
}

#[test]
fn where_each_is_told_for_itself_so_is_what_was_refused() {
    let mut inbox = builder(&trust()).build().unwrap();
    let good = receive(&mut inbox, &sealed(b"good"), at(9)).ticket();
    let bad = receive(&mut inbox, b"bad", at(8)).refused();
    let (good_id, bad_id) = (good.id(), bad.id());
    inbox.acknowledge(good);
    inbox.dead_lettered(bad);
    let done = inbox.begin_commit().unwrap().write().unwrap().done;
    let found: Vec<_> = done.iter().map(|done| (done.id, done.position, done.refused)).collect();
    assert_eq!(found, [(good_id, at(9), false), (bad_id, at(8), true)]);
}

#[test]
fn a_copy_is_refused_wherever_it_comes_and_a_redelivery_is_marked() {
    let mut inbox = builder(&trust()).build().unwrap();
    let envelope = sealed(b"x");
    assert_eq!(receive(&mut inbox, &envelope, at(3)).name(), "deliver");
    assert_eq!(receive(&mut inbox, &envelope, at(3)).name(), "redeliver");
    assert_eq!(receive(&mut inbox, &envelope, at(4)).name(), "stale/replayed");
    assert_eq!(receive(&mut inbox, &envelope, None).name(), "stale/replayed");
    let bare = sealed(b"y");
    assert_eq!(receive(&mut inbox, &bare, None).name(), "deliver");
    assert_eq!(receive(&mut inbox, &bare, None).name(), "stale/replayed");
}

#[test]
fn the_feed_is_asked_once_and_strangers_stall_nobody() {
    let cell = trust();
    let mut inbox = prefix(&cell);
    let stranger = sealer(9, CHANNEL, NOW).seal(b"x").unwrap();
    assert_eq!(receive(&mut inbox, &stranger, at(0)).name(), "refresh");
    inbox.refreshed(NOW);
    for offset in 0..100 {
        let name = receive(&mut inbox, &stranger, at(offset)).name();
        assert_eq!(name, "untrusted/unknown_signer");
    }
    assert_eq!(receive(&mut inbox, &sealed(b"good"), at(100)).name(), "deliver");
    // A later one asks again; this time the feed brings a bundle.
    let now = NOW.plus(secs(5));
    assert_eq!(receive_at(&mut inbox, now, &stranger, at(101)).name(), "refresh");
    cell.replace(bundle(&[2, 9], later()));
    inbox.refreshed(now);
    assert_eq!(receive_at(&mut inbox, now, &stranger, at(101)).name(), "deliver");
}

#[test]
fn a_message_that_we_lack_the_key_of_asks_the_feed_too() {
    let mut inbox = Inbox::builder("test", trust() as _, WINDOW).build().unwrap();
    let envelope = sealed(b"x");
    assert_eq!(receive(&mut inbox, &envelope, at(0)).name(), "refresh");
    assert_eq!(receive(&mut inbox, &envelope, at(0)).name(), "no_key");
}

#[test]
fn our_own_expired_bundle_pauses_and_loses_nothing() {
    let cell = Arc::new(coseal::TrustCell::new(bundle(&[2], NOW.plus(secs(10)))));
    let mut inbox = prefix(&cell);
    let envelope = sealer(2, CHANNEL, NOW).seal(b"x").unwrap();
    let now = NOW.plus(secs(120));
    let paused = receive_at(&mut inbox, now, &envelope, at(0));
    let Decided::Pause(until) = paused else { panic!("{paused:?}") };
    assert_eq!(until, now.plus(secs(1)));
    let Decided::Pause(next) = receive_at(&mut inbox, until, &envelope, at(0)) else { panic!() };
    assert_eq!(next, until.plus(secs(2)), "it backs off");
    assert!(inbox.begin_commit().is_none());
    cell.replace(bundle(&[2], later()));
    assert_eq!(receive_at(&mut inbox, until, &envelope, at(0)).name(), "deliver");
}

/// The carrier's own rules come before the memory.
#[test]
fn a_copy_in_a_wrong_place_does_not_shadow_the_message() {
    let mut inbox = prefix(&trust());
    let envelope = sealed(b"x");
    let misplaced = |_: &coseal::Verified<'_>| {
        Err(Error::Misdirected(Misdirected::Partition, "sealed for partition 3".into()))
    };
    let mut payload = Vec::new();
    let decision = inbox.receive(NOW, &arrived(&envelope, at(0)), misplaced, &mut payload);
    let Decision::DeadLetter(message, _refused) = decision else { panic!("{decision:?}") };
    assert_eq!(message.reason(), "misdirected/partition");
    assert_eq!(receive(&mut inbox, &envelope, at(1)).name(), "deliver");
}

#[test]
fn channels_are_told_apart_in_one_inbox() {
    let mut inbox = builder(&trust()).build().unwrap();
    let envelope = sealer(2, "invoices", NOW).seal(b"x").unwrap();
    assert_eq!(receive(&mut inbox, &envelope, at(0)).name(), "misdirected/channel");
    let mut payload = Vec::new();
    let there = coseal_carrier::Arrived { channel: "invoices", ..arrived(&envelope, at(1)) };
    let decision = inbox.receive(NOW, &there, fits, &mut payload);
    assert!(matches!(decision, Decision::Deliver(..)), "{decision:?}");
}

#[test]
fn a_log_that_moved_away_takes_its_tickets_with_it() {
    let mut inbox = prefix(&trust());
    let [first, second] = [sealed(b"1"), sealed(b"2")];
    let before = receive(&mut inbox, &first, at(0)).ticket();
    let refused = receive(&mut inbox, b"bad", at(1)).refused();
    inbox.end_log(LOG);
    assert_eq!(receive(&mut inbox, &second, at(2)).name(), "known", "not ours any more");
    inbox.begin_log(start(0, 0)).unwrap();
    inbox.acknowledge(before);
    inbox.dead_lettered(refused);
    assert_eq!(commit(&mut inbox), None, "of another assignment");
    let again = receive(&mut inbox, &first, at(0));
    assert_eq!(again.name(), "redeliver");
    inbox.acknowledge(again.ticket());
    assert_eq!(commit(&mut inbox), Some(1));
}

#[test]
fn a_weekends_backlog_is_not_too_old_and_an_old_recording_is() {
    let mut inbox = builder(&trust()).build().unwrap();
    let now = NOW.plus(secs(3 * 86_400));
    for (offset, age) in (0..).zip([0, 300, 86_400, 2 * 86_400]) {
        let envelope = sealer(2, CHANNEL, NOW.plus(secs(age))).seal(b"x").unwrap();
        assert_eq!(receive_at(&mut inbox, now, &envelope, at(offset)).name(), "deliver");
    }
    let recorded = sealer(2, CHANNEL, NOW.plus(secs(86_400))).seal(b"x").unwrap();
    assert_eq!(receive_at(&mut inbox, now, &recorded, at(9)).name(), "stale/too_old");
    // Without positions, the clock counts.
    assert_eq!(receive_at(&mut inbox, now, &recorded, None).name(), "stale/too_old");
}

#[test]
fn after_a_restart_the_memory_is_rebuilt_from_the_log() {
    let cell = trust();
    let list = Arc::new(InMemoryDeadLetters::new());
    let build = || {
        let dead_letters = Arc::clone(&list);
        builder(&cell).commits(Commits::Prefix).dead_letters(dead_letters).build().unwrap()
    };
    let stranger = sealer(9, CHANNEL, NOW).seal(b"late").unwrap();
    let log = [sealed(b"0"), stranger.clone(), b"garbage".to_vec(), sealed(b"3"), sealed(b"4")];
    let mut inbox = build();
    inbox.begin_log(start(0, 0)).unwrap();
    let done = receive(&mut inbox, &log[0], at(0)).ticket();
    inbox.acknowledge(done);
    inbox.refreshed(NOW);
    for (offset, envelope) in (1..).zip(&log[1..3]) {
        let refused = receive(&mut inbox, envelope, at(offset)).refused();
        inbox.dead_lettered(refused);
    }
    let done = receive(&mut inbox, &log[3], at(3)).ticket();
    inbox.acknowledge(done);
    assert_eq!(commit(&mut inbox), Some(4));

    // Meanwhile the stranger was introduced: what it sealed would pass now, but
    // it was dead-lettered, so nobody got it.
    cell.replace(bundle(&[2, 9], later()));
    let mut inbox = build();
    inbox.begin_log(start(0, 4)).unwrap();
    assert_eq!(inbox.span(), WINDOW + secs(120));
    let mut rebuilt = Vec::new();
    for (offset, envelope) in (0..).zip(&log[..4]) {
        let back = inbox.rebuild(NOW, &arrived(envelope, at(offset)), fits);
        rebuilt.push(matches!(back, Rebuilt::Seen));
        assert!(matches!(back, Rebuilt::Seen | Rebuilt::Skipped), "{back:?}");
    }
    assert_eq!(rebuilt, [true, false, false, true]);
    assert_eq!(receive(&mut inbox, &log[4], at(4)).name(), "deliver");
    assert_eq!(receive(&mut inbox, &log[3], at(5)).name(), "stale/replayed");
    assert_eq!(receive(&mut inbox, &log[0], at(6)).name(), "stale/replayed");
    assert_eq!(receive(&mut inbox, &stranger, at(7)).name(), "deliver");
}

/// It was on the list, came again because its commit was lost, and passed: a
/// later rebuilding must not leave it out.
#[test]
fn what_passes_after_all_comes_off_the_list() {
    let cell = trust();
    let list = Arc::new(InMemoryDeadLetters::new());
    let stranger = sealer(9, CHANNEL, NOW).seal(b"late").unwrap();
    let error = Error::NoKey("".into());
    list.record(&[DeadLetter::new(&stranger, at(0), &error, NOW)]).unwrap();
    cell.replace(bundle(&[2, 9], later()));
    let dead_letters = Arc::clone(&list);
    let mut inbox =
        builder(&cell).commits(Commits::Prefix).dead_letters(dead_letters).build().unwrap();
    inbox.begin_log(start(0, 0)).unwrap();
    let ticket = receive(&mut inbox, &stranger, at(0)).ticket();
    assert_eq!(list.letters().len(), 1);
    inbox.acknowledge(ticket);
    assert_eq!(commit(&mut inbox), Some(1));
    assert!(list.letters().is_empty());
}

#[test]
fn a_memory_of_a_log_moves_with_it() {
    let mut inbox = builder(&trust()).commits(Commits::Prefix).build().unwrap();
    let envelope = sealed(b"x");
    let memory = || Arc::new(InMemoryReplay::new(WINDOW, secs(60))) as Arc<dyn ReplayMemory>;
    for log in [1, 2] {
        let memory = Some(memory());
        inbox.begin_log(LogStart { log, back_to: 0, next: 0, memory }).unwrap();
    }
    let at = |log, offset| Some(Position { log, offset });
    assert_eq!(receive(&mut inbox, &envelope, at(1, 0)).name(), "deliver");
    assert_eq!(receive(&mut inbox, &envelope, at(1, 1)).name(), "stale/replayed");
    assert_eq!(receive(&mut inbox, &envelope, at(2, 0)).name(), "deliver", "its own memory");
}

/// Writes down what happens, in its order.
#[derive(Default)]
struct Diary {
    entries: Mutex<Vec<&'static str>>,
    fail: Mutex<Option<&'static str>>,
}

impl Diary {
    fn write(&self, entry: &'static str) -> Result<()> {
        if *self.fail.lock().unwrap() == Some(entry) {
            return Err(Error::Carrier("the disk is full".into()));
        }
        self.entries.lock().unwrap().push(entry);
        Ok(())
    }
}

impl ReplayMemory for Diary {
    fn observe(&self, _: &Sighting) -> Result<Observed> {
        self.write("observe").map(|()| Observed::New)
    }

    fn latest(&self, _: u64, _: &Thumbprint) -> Option<Time> {
        None
    }

    fn flush(&self) -> Result<()> {
        self.write("flush")
    }
}

impl DeadLetterList for Diary {
    fn record(&self, _: &[DeadLetter]) -> Result<()> {
        self.write("record")
    }

    fn remove(&self, _: &[DeadLetter]) -> Result<()> {
        self.write("remove")
    }

    fn find(&self, original: &[u8], position: Option<&Position>) -> Result<Option<DeadLetter>> {
        let error = Error::NoKey("".into());
        Ok(Some(DeadLetter::new(original, position.copied(), &error, NOW)))
    }

    fn offsets(&self, _: u64, _: u64) -> Result<Vec<u64>> {
        Ok(vec![0])
    }
}

#[test]
fn memory_and_list_are_durable_before_anything_is_committed() {
    let cell = trust();
    for fails in [None, Some("record"), Some("flush"), Some("remove"), Some("observe")] {
        let diary = Arc::new(Diary { fail: Mutex::new(fails), ..Diary::default() });
        let build = builder(&cell).commits(Commits::Prefix);
        let build = build.memory(Arc::clone(&diary) as _).dead_letters(Arc::clone(&diary) as _);
        let mut inbox = build.build().unwrap();
        inbox.begin_log(start(0, 0)).unwrap();
        let decided = receive(&mut inbox, &sealed(b"x"), at(0));
        if fails == Some("observe") {
            assert_eq!(decided.name(), "stop: the disk is full");
            assert!(inbox.begin_commit().is_none());
            continue;
        }
        inbox.acknowledge(decided.ticket());
        let refused = receive(&mut inbox, b"bad", at(1)).refused();
        inbox.dead_lettered(refused);
        let written = inbox.begin_commit().unwrap().write();
        assert_eq!(written.is_err(), fails.is_some(), "{fails:?}");
        let order = ["observe", "record", "flush", "remove"];
        let until = order.iter().position(|entry| Some(*entry) == fails).unwrap_or(order.len());
        assert_eq!(*diary.entries.lock().unwrap(), order[..until]);
    }
}

/// Keys that live elsewhere, and cannot be reached.
#[derive(Debug, Default)]
struct Unreachable(AtomicU64);

impl KeyProvider for Unreachable {
    fn holds(&self, _: &RecipientEntry<'_>) -> bool {
        true
    }

    fn unwrap(&self, _: &UnwrapRequest<'_>) -> Result<Secret<32>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(Error::Carrier("no route to the KMS".into()))
    }

    fn sign(&self, key: &VerifyingKey, message: &[u8]) -> Result<[u8; 64]> {
        Keyring::new().sign(key, message)
    }
}

#[test]
fn our_own_fault_stops_and_commits_nothing() {
    let provider = Arc::new(Unreachable::default());
    let build = Inbox::builder("test", trust() as _, WINDOW).provider(Arc::clone(&provider) as _);
    let mut inbox = build.commits(Commits::Prefix).build().unwrap();
    inbox.begin_log(start(0, 0)).unwrap();
    let decided = receive(&mut inbox, &sealed(b"x"), at(0));
    assert_eq!(decided.name(), "stop: no route to the KMS");
    assert_eq!(provider.0.load(Ordering::Relaxed), 1);
    assert!(inbox.begin_commit().is_none());
    let back = inbox.rebuild(NOW, &arrived(&sealed(b"x"), at(0)), fits);
    assert!(matches!(back, Rebuilt::Stop(Error::Carrier(_))), "{back:?}");
}

#[test]
fn logs_are_told_apart_by_all_their_names() {
    let ids = [log_id(&["a", "b"]), log_id(&["ab"]), log_id(&["a", "b", ""]), log_id(&["b", "a"])];
    for (n, id) in ids.iter().enumerate() {
        assert!(!ids[..n].contains(id));
    }
    assert_eq!(log_id(&["a", "b"]), ids[0]);
}
