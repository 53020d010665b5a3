//! Keys change while messages stay: a producer, consumers and an auditor live
//! through five trust bundles, each taking them over at moments of its own. In
//! every order there is, at every moment: whoever has a bundle says to every
//! message what the plan says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "life_cycle/plan.rs"]
mod plan;
#[path = "life_cycle/reader.rs"]
mod reader;
#[path = "life_cycle/schedule.rs"]
mod schedule;

use std::collections::BTreeMap;

use coseal::{TrustAnchor, TrustBundle, TrustSource};
use coseal_store::Offered;

use plan::{Kind, Plan, STAGES, Sent, public_root, reading_time, root_of, roots_after};
use reader::{Reader, code, keeper};
use schedule::{Step, schedules};

/// How often what was said.
type Tally = BTreeMap<String, u64>;

/// Who seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Producers {
    /// One, who takes over bundles like everybody else.
    One,
    /// One with each bundle that is published: none is ever up to date with
    /// all others.
    Many,
}

/// One order, being lived through.
struct Life<'p> {
    plan: &'p Plan,
    first: usize,
    newest: usize,
    /// The bundle of the one producer.
    producer: Option<usize>,
    readers: Vec<Reader>,
    sent: Vec<&'p Sent>,
    is_stolen: bool,
}

impl<'p> Life<'p> {
    fn new(plan: &'p Plan, producers: Producers, kinds: &[Kind], first: usize) -> Self {
        let readers = kinds.iter().map(|kind| Reader::new(plan, *kind, first)).collect();
        let producer = (producers == Producers::One).then_some(first);
        Self { plan, first, newest: first, producer, readers, sent: vec![], is_stolen: false }
    }

    /// The reader who takes over a bundle, if one does. The one producer is the
    /// first of the people.
    fn step(&mut self, step: Step) -> Option<usize> {
        let reader = match (step, &mut self.producer) {
            (Step::Publish, _) => {
                self.newest += 1;
                None
            }
            (Step::Take(0), Some(producer)) => {
                *producer += 1;
                None
            }
            (Step::Take(person), Some(_)) => Some(person - 1),
            (Step::Take(person), None) => Some(person),
        };
        for reader in &self.readers {
            reader.pass_time(self.newest);
        }
        if let Some(reader) = reader {
            self.readers[reader].take(self.plan);
        }
        reader
    }

    /// The producers seal, a thief does; everybody reads what is new, and the
    /// one who took over a bundle reads everything again.
    fn read(&mut self, took: Option<usize>, tally: &mut Tally) {
        let before = self.sent.len();
        let with = self.producer.map_or(self.first..=self.newest, |stage| stage..=stage);
        for sent in with.map(|stage| self.plan.sent(stage, self.newest)) {
            if !self.sent.iter().any(|other| std::ptr::eq(*other, sent)) {
                self.sent.push(sent);
            }
        }
        if self.newest >= 3 && !self.is_stolen {
            self.is_stolen = true;
            self.sent.extend(&self.plan.stolen);
        }
        for (number, reader) in self.readers.iter_mut().enumerate() {
            let from = if took == Some(number) { 0 } else { before };
            for (place, sent) in self.sent.iter().enumerate().skip(from) {
                check(reader, place, sent, self.newest, tally);
            }
        }
    }
}

fn check(reader: &mut Reader, place: usize, sent: &Sent, newest: usize, tally: &mut Tally) {
    let stage = reader.stage;
    let found = reader.read(place, sent);
    let expected = sent.verdict(reader.kind, stage, reading_time(newest));
    let expected = expected.map_err(str::to_owned);
    assert_eq!(found, expected, "bundle {stage}, newest {newest}: {sent:?}");
    let said = found.clone().map_or_else(|code| code, |()| "ok".into());
    *tally.entry(said).or_insert(0) += 1;
    let (Some(sealed_with), true) = (sent.stage, sent.is_lawful()) else { return };
    if sent.is_revoked(stage) {
        return;
    }
    // Nothing that was sealed before becomes unreadable or unverifiable; and
    // there is no downtime: whoever has the bundle that the producer had, or is
    // one behind, accepts.
    if stage + 1 >= sealed_with {
        assert_eq!(found, Ok(()), "sealed with {sealed_with}, read with {stage}");
        *tally.entry("without downtime".into()).or_insert(0) += 1;
    }
}

/// Lives through every order there is, and answers how many there are.
fn live_through(
    plan: &Plan,
    producers: Producers,
    kinds: &[Kind],
    (first, last): (usize, usize),
    tally: &mut Tally,
) -> usize {
    let people = kinds.len() + usize::from(producers == Producers::One);
    let orders = schedules(first, last, people);
    for order in &orders {
        let mut life = Life::new(plan, producers, kinds, first);
        life.read(None, tally);
        for step in order {
            let took = life.step(*step);
            life.read(took, tally);
            if let Some(took) = took {
                life.readers[took].refuse_what_is_older(plan);
            }
        }
        assert!(life.readers.iter().all(|reader| reader.stage == last));
    }
    orders.len()
}

/// All five bundles beside producers with any of them; and four in a row beside
/// one producer, who takes them over as well.
fn whole_life(kind: Kind, codes: &[&str]) {
    let (plan, mut tally) = (Plan::new(), Tally::new());
    let mut live = |producers, stages| live_through(&plan, producers, &[kind], stages, &mut tally);
    assert_eq!(live(Producers::Many, (1, STAGES)), 14);
    assert_eq!(live(Producers::One, (1, 4)), 192);
    assert_eq!(live(Producers::One, (2, STAGES)), 192);
    println!("{kind:?}: {tally:?}");
    for code in codes.iter().chain(&["ok", "without downtime"]) {
        assert!(tally.remove(*code).is_some_and(|times| times > 20), "{code}");
    }
    assert_eq!(tally, Tally::new(), "nothing else is ever said");
}

#[test]
fn a_live_consumer_lives_through_every_order() {
    let codes = [
        "no_key",
        "stale/from_the_future",
        "untrusted/not_valid_then",
        "untrusted/revoked",
        "untrusted/unknown_signer",
    ];
    whole_life(Kind::Live, &codes);
}

#[test]
fn a_consumer_with_shared_keys_lives_through_every_order() {
    let codes =
        ["no_key", "untrusted/not_valid_then", "untrusted/revoked", "untrusted/unknown_signer"];
    whole_life(Kind::Archive, &codes);
}

#[test]
fn an_auditor_lives_through_every_order() {
    let codes = ["untrusted/not_valid_then", "untrusted/revoked", "untrusted/unknown_signer"];
    whole_life(Kind::Auditor, &codes);
}

/// A producer, a consumer and an auditor together, three bundles at a time.
#[test]
fn all_live_together_in_every_order() {
    let plan = Plan::new();
    for first in 1..=STAGES - 2 {
        let (kinds, mut tally) = ([Kind::Live, Kind::Auditor], Tally::new());
        let orders = live_through(&plan, Producers::One, &kinds, (first, first + 2), &mut tally);
        assert_eq!(orders, 288);
        println!("bundles {first} to {}: {tally:?}", first + 2);
        assert!(tally["ok"] > 1000 && tally["without downtime"] > 1000);
    }
}

/// From each bundle to each later one, without those between: a root that was
/// not named yet is not followed, until what was missed arrives.
#[test]
fn whoever_misses_the_bundle_that_names_a_root_needs_it_first() {
    let plan = Plan::new();
    let mut missed = 0;
    for from in 1..=STAGES {
        for to in from + 1..=STAGES {
            let keeper = keeper(&plan, from, None).unwrap();
            let offered = keeper.offer(plan.bundle(to));
            if roots_after(from).contains(&root_of(to)) {
                assert_eq!(offered.unwrap(), Offered::Accepted, "{to} after {from}");
                continue;
            }
            missed += 1;
            assert_eq!(code(&offered.unwrap_err()), "untrusted/unknown_root", "{to} after {from}");
            assert_eq!(keeper.current().sequence(), from as u64);
            assert_eq!(keeper.offer(plan.bundle(3)).unwrap(), Offered::Accepted);
            assert_eq!(keeper.offer(plan.bundle(to)).unwrap(), Offered::Accepted);
        }
    }
    assert_eq!(missed, 4);
}

/// Who keeps no state believes what it pins: both roots, to be ready for
/// either.
#[test]
fn a_reader_without_state_pins_both_roots_while_they_change() {
    let plan = Plan::new();
    for stage in 1..=STAGES {
        let believes = |roots: &[u8]| {
            let anchor = TrustAnchor::pinned(roots.iter().map(|root| public_root(*root)));
            TrustBundle::load(plan.bundle(stage), &anchor, reading_time(stage)).is_ok()
        };
        assert!(believes(&[1, 2]) && believes(&[2, 1]));
        assert_eq!((believes(&[1]), believes(&[2])), (stage < 4, stage >= 4));
    }
}

/// A reader that keeps state ends and starts again at every moment, with the
/// bundle that it has, and never with an older one.
#[test]
fn restarts_at_every_moment_go_on_where_they_were() {
    let plan = Plan::new();
    let orders = schedules(1, STAGES, 1);
    assert_eq!(orders.len(), 14);
    for order in orders {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let mut stage = 1;
        for step in order {
            if step == Step::Take(0) {
                let keeper = keeper(&plan, stage, Some(&state)).unwrap();
                stage += 1;
                assert_eq!(keeper.offer(plan.bundle(stage)).unwrap(), Offered::Accepted);
            }
            for older in 1..stage {
                // The root that is pinned here once signed it; the state knows better.
                let error = keeper(&plan, older, Some(&state)).unwrap_err();
                let expected = if roots_after(stage).contains(&root_of(older)) {
                    "untrusted/rolled_back"
                } else {
                    "untrusted/unknown_root"
                };
                assert_eq!(code(&error), expected);
            }
            let running = keeper(&plan, stage, Some(&state)).unwrap();
            assert_eq!(running.current().sequence(), stage as u64);
        }
    }
}
