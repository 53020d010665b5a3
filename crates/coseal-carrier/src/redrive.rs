//! A dead letter → the message again, if it passes now.
//!
//! Whoever can write where dead letters are kept can put anything there. So a
//! letter is judged only where the reader's own list names its bytes at its
//! place: that is how it is known that this message was refused there and not
//! delivered. It is then judged like any other, without its age.
//!
//! Left where they are, too: what was refused as a replay; and what was too old,
//! for nobody can tell any more whether it had been delivered before it was
//! shown again ([`Redrive::even_too_old`]).

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use coseal::{
    CarriedOpener, DeadLetter, DeadLetterList, Disposition, Error, Observed, Opened, Place,
    ReplayMemory, Result, Sighting, Stale, Thumbprint, Time, Untrusted, Verified,
};

use crate::RefusedMessage;
use crate::inbox::{Commit, Refresh, Written};
use crate::telemetry::{self, InboxMeters};

/// What became of a dead letter.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "one at a time, and mostly the large one")]
pub enum Redriven<'a> {
    /// It passes. When the caller is done with it: [`Redrive::acknowledge`].
    Deliver(Opened<'a>, RedriveTicket),
    /// The list does not name it: it is not ours, it was delivered already, or
    /// somebody made it up. Leave it.
    NotListed,
    /// It is refused again, or not judged. Leave it.
    Left(Error),
    /// As in [`Decision::Pause`](crate::Decision::Pause).
    Pause {
        /// By the clock that `now` was read from.
        until: Time,
    },
    /// As in [`Decision::Stop`](crate::Decision::Stop).
    Stop(Error),
}

/// A dead letter that the caller has. Dropping it leaves it on the list.
#[derive(Debug)]
#[must_use = "what is not acknowledged stays on the list"]
pub struct RedriveTicket(DeadLetter);

/// Judges dead letters again. Made by
/// [`InboxBuilder::redrive`](crate::InboxBuilder::redrive).
pub struct Redrive {
    carrier: &'static str,
    opener: CarriedOpener,
    memory: TwoMemories,
    list: Arc<dyn DeadLetterList>,
    passed: Vec<DeadLetter>,
    even_too_old: bool,
    refresh: Refresh,
    meters: InboxMeters,
}

impl Redrive {
    pub(crate) const fn new(
        carrier: &'static str,
        opener: CarriedOpener,
        memory: TwoMemories,
        list: Arc<dyn DeadLetterList>,
        meters: InboxMeters,
    ) -> Self {
        Self {
            carrier,
            opener,
            memory,
            list,
            passed: Vec::new(),
            even_too_old: false,
            refresh: Refresh::new(),
            meters,
        }
    }

    /// Judges what was refused as too old, too. Then whoever kept a recording
    /// of a message that was delivered long ago, and published it again, has it
    /// delivered a second time.
    #[must_use]
    pub const fn even_too_old(mut self) -> Self {
        self.even_too_old = true;
        self
    }

    /// Judges a dead letter: a whole one, see
    /// [`Parts`](crate::dead_letter::Parts). `channel` is what the message must
    /// have been sealed for: the letter is not signed, so take its word only
    /// for a channel that this consumer reads. `check` and `payload` as in
    /// [`Inbox::receive`](crate::Inbox::receive).
    pub fn judge<'a>(
        &mut self,
        now: Time,
        letter: &'a RefusedMessage<'_>,
        channel: &str,
        check: impl FnOnce(&Verified<'_>) -> Result<()>,
        payload: &'a mut Vec<u8>,
    ) -> Redriven<'a> {
        let listed = match self.list.find(&letter.original, letter.position.as_ref()) {
            Ok(Some(listed)) => listed,
            Ok(None) => return Redriven::NotListed,
            Err(error) => return Redriven::Stop(error),
        };
        // By the list's word, not by the letter's.
        let why = match &*listed.code {
            "stale/replayed" => Some("it was delivered before, or elsewhere"),
            "stale/too_old" if !self.even_too_old => {
                Some("whether it was delivered before cannot be told any more")
            }
            _ => None,
        };
        if let Some(why) = why {
            return Redriven::Left(Error::Stale(Stale::Replayed, why.into()));
        }
        let span = telemetry::open_span(self.carrier);
        let _entered = span.enter();
        let begun = Instant::now();
        let place =
            Place { channel, position: letter.position, now, memory: &self.memory, aged: false };
        match self.opener.open_at(&letter.original, &place, check, payload) {
            Ok(opened) => {
                telemetry::record_opened(&span, &opened);
                self.meters.opened(begun.elapsed(), opened.redelivered());
                self.refresh.judged();
                Redriven::Deliver(opened, RedriveTicket(listed))
            }
            Err(error) => {
                telemetry::record_refused(&span, &error);
                match (error.disposition(), &error) {
                    (Disposition::Stop, _) => Redriven::Stop(error),
                    (_, Error::Untrusted(Untrusted::BundleExpired, _)) => {
                        self.meters.paused(&error);
                        Redriven::Pause { until: self.refresh.pause(now) }
                    }
                    _ => Redriven::Left(error),
                }
            }
        }
    }

    /// The caller is done with a message: it comes off the list at the next
    /// commit, and can be removed from where dead letters are kept then.
    pub fn acknowledge(&mut self, ticket: RedriveTicket) {
        self.passed.push(ticket.0);
    }

    /// What is to be made durable. `None` where nothing is.
    pub fn begin_commit(&mut self) -> Option<Commit> {
        let passed = std::mem::take(&mut self.passed);
        (!passed.is_empty()).then(|| Commit {
            memories: vec![Arc::clone(&self.memory.live), Arc::clone(&self.memory.redriven)],
            list: Arc::clone(&self.list),
            letters: Vec::new(),
            passed,
            written: Written::default(),
        })
    }
}

impl fmt::Debug for Redrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redrive")
            .field("carrier", &self.carrier)
            .field("even_too_old", &self.even_too_old)
            .finish_non_exhaustive()
    }
}

/// What was delivered in its time, and what was delivered from dead letters:
/// what the one has forgotten, the other must have seen.
pub(crate) struct TwoMemories {
    live: Arc<dyn ReplayMemory>,
    redriven: Arc<dyn ReplayMemory>,
}

impl TwoMemories {
    pub(crate) const fn new(live: Arc<dyn ReplayMemory>, redriven: Arc<dyn ReplayMemory>) -> Self {
        Self { live, redriven }
    }
}

impl ReplayMemory for TwoMemories {
    fn observe(&self, sighting: &Sighting) -> Result<Observed> {
        match self.live.observe(sighting)? {
            Observed::Redelivery => Ok(Observed::Redelivery),
            // It was on the list, so it was not delivered there.
            Observed::Replay if !self.live.may_have_forgotten(sighting) => Ok(Observed::Replay),
            Observed::New | Observed::Replay => self.redriven.observe(sighting),
        }
    }

    fn latest(&self, log: u64, signer: &Thumbprint) -> Option<Time> {
        self.live.latest(log, signer)
    }

    fn flush(&self) -> Result<()> {
        self.live.flush()?;
        self.redriven.flush()
    }
}
