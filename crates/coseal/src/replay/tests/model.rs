//! The index beside a map that forgets nothing, asked as an opener asks: what
//! is too old or from the future never comes to either.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

use super::stored::Store;
use super::*;

const START: u64 = 1_700_000_000;
const LOGS: [u64; 3] = [0, 1, u64::MAX];

#[derive(Debug, Clone)]
enum Step {
    /// A message, perhaps one that was seen: (which signer, epoch, sequence),
    /// how old, where.
    Show {
        id: (usize, u8, u64),
        age: u64,
        position: Option<Position>,
    },
    /// One that was shown before comes again, there or elsewhere.
    Again {
        which: prop::sample::Index,
        position: Option<Option<Position>>,
    },
    Wait(u64),
    Flush,
    FailToFlush,
    /// What was not flushed is lost.
    Restart,
}

fn position() -> impl Strategy<Value = Position> {
    let offset = prop_oneof![0..40_u64, 1000..1300_u64, Just(u64::MAX), Just(u64::MAX - 1)];
    (prop::sample::select(LOGS.to_vec()), offset).prop_map(|(log, offset)| Position { log, offset })
}

fn sequence() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => 0..40_u64,
        4 => 250..262_u64,
        2 => 65_530..65_542_u64,
        1 => (u64::MAX - 5)..=u64::MAX,
        1 => any::<u64>(),
    ]
}

fn step(positions: bool, bare: bool) -> impl Strategy<Value = Step> {
    let maybe = move || match (positions, bare) {
        (true, true) => prop::option::of(position()).boxed(),
        (true, false) => position().prop_map(Some).boxed(),
        (false, _) => Just(None).boxed(),
    };
    let id = (0..2_usize, 0..3_u8, sequence());
    prop_oneof![
        20 => (id, prop_oneof![0..30_u64, 0..800_u64], maybe())
            .prop_map(|(id, age, position)| Step::Show { id, age, position }),
        // A run of the log: offsets that go with their sequences.
        10 => (0..2_usize, 0..3_u8, sequence()).prop_map(move |id| {
            let place = Position { log: 0, offset: id.2.wrapping_add(7) };
            Step::Show { id, age: 0, position: positions.then_some(place) }
        }),
        15 => (any::<prop::sample::Index>(), prop::option::of(maybe()))
            .prop_map(|(which, position)| Step::Again { which, position }),
        3 => (0..300_u64).prop_map(Step::Wait),
        2 => Just(Step::Flush),
        1 => Just(Step::FailToFlush),
        1 => Just(Step::Restart),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    (any::<bool>(), any::<bool>())
        .prop_flat_map(|(positions, bare)| prop::collection::vec(step(positions, bare), 1..300))
}

type Id = (usize, u8, u64);

/// What was seen, and where.
#[derive(Debug, Default, Clone)]
struct Model {
    seen: BTreeMap<Id, Option<Position>>,
}

impl Model {
    fn observe(&mut self, id: Id, position: Option<Position>) -> Observed {
        match self.seen.get(&id) {
            None => {
                self.seen.insert(id, position);
                Observed::New
            }
            Some(before) if before.is_some() && *before == position => Observed::Redelivery,
            Some(_) => Observed::Replay,
        }
    }
}

struct Desk {
    signers: [Thumbprint; 2],
    index: ReplayIndex,
    store: Store,
    model: Model,
    flushed: Model,
    now: Time,
    /// A message has one sealing time, wherever it is shown.
    sealed_at: BTreeMap<Id, Time>,
    shown: Vec<(Id, Option<Position>)>,
    judged: usize,
    /// Every signer was seen in every log before anything could be forgotten.
    declared: bool,
}

impl Desk {
    fn new(most_open_runs: usize) -> Self {
        let signers = [1, 2].map(|key| Thumbprint::of_ed25519(&[key; 32]));
        let mut index = ReplayIndex::durable(WINDOW, SKEW);
        index.most_open_runs = most_open_runs;
        Self {
            signers,
            index,
            store: Store::default(),
            model: Model::default(),
            flushed: Model::default(),
            now: Time::from_secs(START),
            sealed_at: BTreeMap::new(),
            shown: Vec::new(),
            judged: 0,
            declared: false,
        }
    }

    fn declare(&mut self) {
        for signer in [0, 1] {
            for log in LOGS {
                self.show((signer, 9, log), 60, Some(Position { log, offset: 500 }));
            }
        }
        self.step(Step::Flush);
        self.declared = true;
    }

    fn show(&mut self, id: Id, age: u64, position: Option<Position>) {
        let fresh = self.now.minus(Duration::from_secs(age)).plus(SKEW);
        let sealed_at = *self.sealed_at.entry(id).or_insert(fresh);
        let signer = self.signers[id.0];
        // What an opener judges before.
        let reference = match position {
            Some(position) => self.index.latest(position.log, &signer),
            None => Some(self.now),
        };
        let too_old = reference.is_some_and(|now| now.since(sealed_at) > WINDOW + SKEW);
        if too_old || sealed_at > self.now.plus(SKEW) {
            return;
        }
        let expected = self.model.observe(id, position);
        let sighting = Sighting {
            signer,
            epoch: EpochId::from_bytes([id.1; 8]),
            sequence: id.2,
            sealed_at,
            position,
            now: self.now,
        };
        let observed = self.index.observe(&sighting);
        self.judged += 1;
        if !self.declared
            && position.is_some()
            && (observed, expected) == (Observed::New, Observed::Replay)
        {
            // A log that is shown late, and lags, may show what was forgotten
            // before: nothing there is too old.
            self.model.seen.insert(id, position);
            return;
        }
        assert_eq!(observed, expected, "{sighting:?}");
        self.shown.push((id, position));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Show { id, age, position } => self.show(id, age, position),
            Step::Again { which, position } if !self.shown.is_empty() => {
                let (id, before) = *which.get(&self.shown);
                self.show(id, 0, position.unwrap_or(before));
            }
            Step::Again { .. } => {}
            Step::Wait(secs) => self.now = self.now.plus(Duration::from_secs(secs)),
            Step::Flush => {
                self.store.write(self.index.take_changes());
                self.flushed = self.model.clone();
            }
            Step::FailToFlush => {
                let taken = self.index.take_changes();
                self.index.put_back(&taken);
            }
            Step::Restart => {
                let most = self.index.most_open_runs;
                self.index = self.store.index(WINDOW, SKEW);
                self.index.most_open_runs = most;
                self.model = self.flushed.clone();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_index_answers_as_a_map_that_forgets_nothing(
        steps in steps(),
        most_open_runs in prop::sample::select(vec![0, 3, 20, 1 << 15]),
        declared in any::<bool>(),
    ) {
        let mut desk = Desk::new(most_open_runs);
        if declared {
            desk.declare();
        }
        steps.into_iter().for_each(|step| desk.step(step));
        // All that was seen, once more: flushed, restarted, judged again.
        desk.step(Step::Flush);
        desk.step(Step::Restart);
        for (id, position) in core::mem::take(&mut desk.shown) {
            desk.show(id, 0, position);
        }
        let ReplayIndex { open, open_runs, signers, .. } = &desk.index;
        let chunks = || signers.iter().flat_map(|(id, signer)| {
            signer.epochs.iter().flat_map(|(epoch, held)| {
                held.chunks.iter().map(|(number, chunk)| ((*id, *epoch, number), chunk.open_runs()))
            })
        });
        prop_assert_eq!(*open_runs, chunks().map(|(_, runs)| runs).sum::<usize>());
        let queued: BTreeSet<_> = open.iter().map(|key| (key.signer, key.epoch, key.number)).collect();
        let opened: BTreeSet<_> = chunks().filter(|(_, runs)| *runs > 0).map(|(key, _)| key).collect();
        prop_assert_eq!(queued, opened);
        prop_assert!(*open_runs <= most_open_runs);
    }
}

/// The same over many more sightings, all in the window, as a signer would
/// choose them who wants it hard.
#[test]
fn a_hundred_thousand_scattered_sightings_are_exact() {
    for (spread, bare) in [(1 << 12, false), (1 << 17, false), (1 << 17, true), (1 << 40, true)] {
        let mut desk = Desk::new(500);
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..100_000 {
            let id = (usize::from(random() % 5 == 0), 0, random() % spread);
            let place = Position { log: random() % 3, offset: id.2 / 3 * 3 + random() % 16 };
            desk.show(id, 0, (!bare).then_some(place));
            if random() % 10_000 == 0 {
                desk.step(Step::Flush);
                desk.step(Step::Restart);
            }
        }
        assert_eq!(desk.judged, 100_000);
    }
}
