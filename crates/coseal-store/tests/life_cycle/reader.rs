//! Somebody who reads, all the time, while bundles and keys change.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use coseal::{
    Error, KeyProvider, Keyring, Opener, Position, RecipientEntry, Result, Secret, Time,
    TrustAnchor, TrustSource, UnwrapRequest, Verifier, VerifyingKey, Window,
};
use coseal_store::{Offered, TrustKeeper};

use crate::plan::{
    CHANNEL, Kind, Plan, STAGES, Sent, held, kek, public_root, reading_time, receiving, root_of,
    roots_after,
};

/// Keys that change while an opener has them.
#[derive(Debug, Default)]
struct Keys(Mutex<Arc<Keyring>>);

impl Keys {
    fn replace(&self, kind: Kind, stage: usize) {
        let mut keyring = Keyring::new();
        for number in held(stage) {
            match kind {
                Kind::Live => keyring.add_receiving(receiving(*number)).unwrap(),
                Kind::Archive => keyring.add_kek(&[*number], kek(*number)).unwrap(),
                Kind::Auditor => {}
            }
        }
        *self.0.lock().unwrap() = Arc::new(keyring);
    }

    fn present(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.lock().unwrap())
    }
}

impl KeyProvider for Keys {
    fn holds(&self, entry: &RecipientEntry<'_>) -> bool {
        self.present().holds(entry)
    }

    fn unwrap(&self, request: &UnwrapRequest<'_>) -> Result<Secret<32>> {
        self.present().unwrap(request)
    }

    fn sign(&self, key: &VerifyingKey, message: &[u8]) -> Result<[u8; 64]> {
        self.present().sign(key, message)
    }
}

pub(crate) fn code(error: &Error) -> String {
    error.kind().map_or_else(|| error.code().into(), |kind| format!("{}/{kind}", error.code()))
}

/// A keeper that pins the root of this bundle, and starts with it.
pub(crate) fn keeper(plan: &Plan, stage: usize, state: Option<&Path>) -> Result<TrustKeeper> {
    let anchor = TrustAnchor::pinned([public_root(root_of(stage))]).domain("example.org");
    let builder = TrustKeeper::builder(anchor).clock(|| reading_time(STAGES));
    match state {
        Some(state) => builder.state(state).start(plan.bundle(stage)),
        None => builder.start(plan.bundle(stage)),
    }
}

pub(crate) struct Reader {
    pub(crate) kind: Kind,
    /// The bundle in force here.
    pub(crate) stage: usize,
    keeper: Arc<TrustKeeper>,
    keys: Arc<Keys>,
    opener: Opener,
    verifier: Verifier,
    clock: Arc<AtomicU64>,
    /// Which messages were accepted before, by their place.
    accepted: Vec<usize>,
}

impl Reader {
    pub(crate) fn new(plan: &Plan, kind: Kind, stage: usize) -> Self {
        let keeper = Arc::new(keeper(plan, stage, None).unwrap());
        let keys = Arc::new(Keys::default());
        keys.replace(kind, stage);
        let clock = Arc::new(AtomicU64::new(reading_time(stage).as_millis()));
        let opener = Opener::builder(Arc::clone(&keeper)).channel(CHANNEL);
        let opener = match kind {
            Kind::Live => {
                let clock = Arc::clone(&clock);
                opener
                    .live(Window::hours(10_000))
                    .clock(move || Time::from_millis(clock.load(Ordering::Relaxed)))
            }
            Kind::Archive | Kind::Auditor => opener.archive(),
        };
        let opener = opener.provider(Arc::clone(&keys) as Arc<dyn KeyProvider>).build().unwrap();
        let verifier = Verifier::new(Arc::clone(&keeper)).channel(CHANNEL);
        Self { kind, stage, keeper, keys, opener, verifier, clock, accepted: Vec::new() }
    }

    /// Another bundle is the newest one, and it is later.
    pub(crate) fn pass_time(&self, newest: usize) {
        self.clock.store(reading_time(newest).as_millis(), Ordering::Relaxed);
    }

    /// Takes over the next bundle, and the keys that belong to it.
    pub(crate) fn take(&mut self, plan: &Plan) {
        self.stage += 1;
        assert_eq!(self.keeper.offer(plan.bundle(self.stage)).unwrap(), Offered::Accepted);
        self.keys.replace(self.kind, self.stage);
    }

    /// No older bundle and no fork of a present or an older one is taken over.
    pub(crate) fn refuse_what_is_older(&self, plan: &Plan) {
        for stage in 1..=self.stage {
            let expected = if roots_after(self.stage).contains(&root_of(stage)) {
                "untrusted/rolled_back"
            } else {
                "untrusted/unknown_root"
            };
            let fork = self.keeper.offer(plan.fork(stage)).unwrap_err();
            assert_eq!(code(&fork), expected, "the fork of {stage} after {}", self.stage);
            if stage == self.stage {
                assert!(fork.to_string().contains("a fork"), "{fork}");
                assert_eq!(self.keeper.offer(plan.bundle(stage)).unwrap(), Offered::InForce);
            } else {
                let error = self.keeper.offer(plan.bundle(stage)).unwrap_err();
                assert_eq!(code(&error), expected, "{stage} after {}", self.stage);
            }
            assert_eq!(self.keeper.current().sequence(), self.stage as u64);
        }
    }

    /// Reads a message as it comes, or again, and says what became of it. Checks
    /// that an audit places the time it claims.
    pub(crate) fn read(&mut self, place: usize, sent: &Sent) -> Result<(), String> {
        let again = self.accepted.contains(&place);
        let found = match self.kind {
            Kind::Live => {
                let position = Position { log: 1, offset: place as u64 };
                let opened = self.opener.open_at(&sent.envelope, &position);
                opened.map(|opened| assert_eq!(opened.redelivered(), again))
            }
            Kind::Archive => self.opener.open(&sent.envelope).map(drop),
            Kind::Auditor => {
                let verdict = self.verifier.judge(&sent.envelope);
                let claimed = verdict.findings().and_then(|findings| findings.claimed_time);
                assert_eq!(claimed, sent.claimed_time(self.stage));
                self.verifier.verify(&sent.envelope).map(drop)
            }
        };
        if found.is_ok() && !again {
            self.accepted.push(place);
        }
        found.map_err(|error| code(&error))
    }
}
