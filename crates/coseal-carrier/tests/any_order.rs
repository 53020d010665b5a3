//! Whatever comes in whatever order: nothing is committed past a message that
//! is not done, none is lost, and none comes a second time without its mark.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use coseal::{InMemoryDeadLetters, InMemoryReplay, TrustCell};
use coseal_carrier::{Commits, Inbox, Rebuilt, Refused, Ticket};
use proptest::prelude::*;

use common::{
    Decided, NOW, WINDOW, arrived, at, builder, bundle, fits, later, receive, sealer, secs, start,
};

/// What stands at a position.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Good,
    /// The message that stands so many positions before, again.
    CopyOf(usize),
    Garbage,
    Stranger,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// The carrier brings the next message, or one of before.
    Bring,
    BringAgain(usize),
    /// The caller is done with one that it has, or drops it; or its letter is
    /// written.
    Acknowledge(usize),
    Drop(usize),
    Letter(usize),
    Commit,
    /// The consumer is killed, and starts again where the carrier stands.
    Kill {
        durable: bool,
    },
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    let kind = prop_oneof![
        6 => Just(Kind::Good),
        2 => (1..5_usize).prop_map(Kind::CopyOf),
        1 => Just(Kind::Garbage),
        1 => Just(Kind::Stranger),
    ];
    proptest::collection::vec(kind, 1..20)
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => Just(Event::Bring),
        2 => (0..20_usize).prop_map(Event::BringAgain),
        6 => (0..20_usize).prop_map(Event::Acknowledge),
        2 => (0..20_usize).prop_map(Event::Drop),
        3 => (0..20_usize).prop_map(Event::Letter),
        4 => Just(Event::Commit),
        1 => any::<bool>().prop_map(|durable| Event::Kill { durable }),
    ];
    proptest::collection::vec(event, 0..80)
}

/// Sealed once: what is tried is the order, not the cryptography.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let sealer = sealer(2, common::CHANNEL, NOW);
    (0..20_u8).map(|n| sealer.seal(&[n; 1]).unwrap()).collect()
});

static STRANGER: LazyLock<Vec<u8>> =
    LazyLock::new(|| sealer(9, common::CHANNEL, NOW).seal(b"stranger").unwrap());

/// The carrier, the caller and the place of dead letters, as they are.
struct World {
    log: Vec<Vec<u8>>,
    trust: Arc<TrustCell>,
    memory: Arc<InMemoryReplay>,
    list: Arc<InMemoryDeadLetters>,
    inbox: Inbox,
    /// Where the carrier stands.
    committed: usize,
    next: usize,
    tickets: Vec<(usize, Ticket)>,
    letters: Vec<(usize, Refused)>,
    /// Positions that are done for good: acknowledged, or their letters written.
    done: BTreeSet<usize>,
    /// Of each message, where it was delivered.
    delivered: BTreeMap<Vec<u8>, usize>,
}

fn inbox(world: (&Arc<TrustCell>, &Arc<InMemoryReplay>, &Arc<InMemoryDeadLetters>)) -> Inbox {
    let (trust, memory, list) = world;
    let build = builder(trust).commits(Commits::Prefix).memory(Arc::clone(memory) as _);
    build.dead_letters(Arc::clone(list) as _).build().unwrap()
}

fn memory() -> Arc<InMemoryReplay> {
    Arc::new(InMemoryReplay::new(WINDOW, secs(60)))
}

impl World {
    fn new(kinds: &[Kind]) -> Self {
        let mut log: Vec<Vec<u8>> = Vec::new();
        for (place, kind) in kinds.iter().enumerate() {
            log.push(match kind {
                Kind::CopyOf(before) if place >= *before => log[place - before].clone(),
                Kind::Good | Kind::CopyOf(_) => GOOD[place].clone(),
                Kind::Garbage => b"garbage".to_vec(),
                Kind::Stranger => STRANGER.clone(),
            });
        }
        let trust = Arc::new(TrustCell::new(bundle(&[2], later())));
        let (memory, list) = (memory(), Arc::new(InMemoryDeadLetters::new()));
        let mut inbox = inbox((&trust, &memory, &list));
        inbox.begin_log(start(0, 0)).unwrap();
        Self {
            log,
            trust,
            memory,
            list,
            inbox,
            committed: 0,
            next: 0,
            tickets: Vec::new(),
            letters: Vec::new(),
            done: BTreeSet::new(),
            delivered: BTreeMap::new(),
        }
    }

    fn bring(&mut self, place: usize) {
        let Some(envelope) = self.log.get(place).cloned() else { return };
        let mut decided = receive(&mut self.inbox, &envelope, at(place as u64));
        if matches!(decided, Decided::Refresh) {
            self.inbox.refreshed(NOW);
            decided = receive(&mut self.inbox, &envelope, at(place as u64));
        }
        let name = decided.name();
        match decided {
            Decided::Deliver { redelivered, ticket, .. } => {
                let before = self.delivered.insert(envelope, place);
                // A mark without need is no fault: a memory that was rebuilt
                // has seen what was in the log, whoever got it.
                assert!(redelivered || before.is_none(), "{place} unmarked, {before:?} before");
                assert!(before.is_none_or(|before| before == place), "a copy was delivered");
                self.tickets.push((place, ticket));
            }
            Decided::DeadLetter { reason, refused, .. } => {
                let elsewhere = self.delivered.get(&envelope).is_some_and(|at| *at != place);
                let expected = ["malformed/cbor", "untrusted/unknown_signer"];
                let replay = reason == "stale/replayed" && elsewhere;
                assert!(replay || expected.contains(&&*reason), "{place}: {reason}");
                self.letters.push((place, refused));
            }
            Decided::Known => {
                let with_caller = self.tickets.iter().any(|(at, _)| *at == place)
                    || self.letters.iter().any(|(at, _)| *at == place);
                assert!(with_caller || self.done.contains(&place), "{place} was lost");
            }
            Decided::Refresh | Decided::Pause(_) | Decided::Stop(_) => panic!("{name}"),
        }
    }

    fn commit(&mut self) {
        let Some(commit) = self.inbox.begin_commit() else { return };
        for position in commit.write().unwrap().prefixes {
            let next = usize::try_from(position.offset).unwrap();
            assert!(next > self.committed, "back from {} to {next}", self.committed);
            for place in 0..next {
                assert!(self.done.contains(&place), "{place} was committed and is not done");
            }
            self.committed = next;
        }
    }

    fn kill(&mut self, durable: bool) {
        self.tickets.clear();
        self.letters.clear();
        if !durable {
            self.memory = memory();
        }
        self.inbox = inbox((&self.trust, &self.memory, &self.list));
        self.inbox.begin_log(start(0, self.committed as u64)).unwrap();
        if !durable {
            for place in 0..self.committed {
                let back = arrived(&self.log[place], at(place as u64));
                let mut rebuilt = self.inbox.rebuild(NOW, &back, fits);
                if matches!(rebuilt, Rebuilt::Refresh) {
                    self.inbox.refreshed(NOW);
                    rebuilt = self.inbox.rebuild(NOW, &back, fits);
                }
                assert!(matches!(rebuilt, Rebuilt::Seen | Rebuilt::Skipped), "{rebuilt:?}");
            }
            // What was delivered and not committed, nobody can know of: it comes
            // again, and this memory has not seen it.
            self.delivered.retain(|_, place| *place < self.committed);
        }
        // What was not committed comes back, so it is not done after all.
        self.done.retain(|place| *place < self.committed);
        self.next = self.committed;
    }

    fn step(&mut self, event: Event) {
        let pick = |of: usize, n: usize| (of > 0).then(|| n % of);
        match event {
            Event::Bring => {
                self.bring(self.next);
                self.next = (self.next + 1).min(self.log.len());
            }
            // A carrier goes back in its log, never ahead.
            Event::BringAgain(n) => {
                if let Some(place) = pick(self.next, n) {
                    self.bring(place);
                }
            }
            Event::Acknowledge(n) => {
                if let Some(n) = pick(self.tickets.len(), n) {
                    let (place, ticket) = self.tickets.swap_remove(n);
                    self.done.insert(place);
                    self.inbox.acknowledge(ticket);
                }
            }
            Event::Drop(n) => {
                if let Some(n) = pick(self.tickets.len(), n) {
                    let (_, ticket) = self.tickets.swap_remove(n);
                    self.inbox.give_back(ticket);
                }
            }
            Event::Letter(n) => {
                if let Some(n) = pick(self.letters.len(), n) {
                    let (place, refused) = self.letters.swap_remove(n);
                    self.done.insert(place);
                    self.inbox.dead_lettered(refused);
                }
            }
            Event::Commit => self.commit(),
            Event::Kill { durable } => self.kill(durable),
        }
    }

    /// Everything that is left happens: then everything is done.
    fn finish(mut self) {
        for _ in 0..3 {
            while self.next < self.log.len() {
                self.step(Event::Bring);
            }
            let returned: Vec<_> = self.inbox.returned().collect();
            for position in returned {
                for place in usize::try_from(position.offset).unwrap()..self.log.len() {
                    self.bring(place);
                }
            }
            while !self.tickets.is_empty() {
                self.step(Event::Acknowledge(0));
            }
            while !self.letters.is_empty() {
                self.step(Event::Letter(0));
            }
            self.commit();
        }
        assert_eq!(self.committed, self.log.len(), "something was lost");
        assert!(self.inbox.begin_commit().is_none());
        assert_eq!(self.inbox.returned().count(), 0);
        let distinct: BTreeSet<_> = self.log.iter().filter(|bytes| GOOD.contains(bytes)).collect();
        for envelope in distinct {
            assert!(self.delivered.contains_key(envelope), "a message was never delivered");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_repeated_or_committed_too_early(kinds in kinds(), events in events()) {
        let mut world = World::new(&kinds);
        for event in events {
            world.step(event);
        }
        world.finish();
    }
}
