//! The auditor's verb: steps 1 to 5, with no key that decrypts.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use crate::authorize::{Age, Authentic, Expected, Live, Verified};
use crate::clock::Time;
use crate::error::Result;
use crate::limits;
use crate::receipt::Proven;
use crate::trust::{InForce, SKEW, TrustSource};
use crate::verdict::Verdict;
use crate::wire;

/// Verifies who sealed an envelope and for which channel. Holds no private
/// key; shared between threads by reference. Proven roots and nodes are
/// remembered apart for up to sixteen threads, in at most 1 MB for each.
pub struct Verifier {
    trust: InForce,
    expected: Expected,
    at: Option<Time>,
    max_age: Option<Duration>,
    skew: Duration,
    max_len: usize,
    proven: Proven,
}

impl Verifier {
    /// Judges by the bundle that `trust` has in force.
    #[must_use]
    pub fn new(trust: impl TrustSource + 'static) -> Self {
        Self {
            trust: InForce::new(Box::new(trust)),
            expected: Expected::default(),
            at: None,
            max_age: None,
            skew: SKEW,
            max_len: limits::ENVELOPE,
            proven: Proven::new(),
        }
    }

    /// Accepts envelopes of this channel only.
    #[must_use]
    pub fn channel(mut self, channel: &str) -> Self {
        self.expected.channel = Some(channel.into());
        self
    }

    /// Accepts envelopes of this subject only.
    #[must_use]
    pub fn signer(mut self, subject: &str) -> Self {
        self.expected.signer = Some(subject.into());
        self
    }

    /// Says what a live reader would have said at `time`. Without it, expiry
    /// of bundle and message and time are facts, never refusals.
    #[must_use]
    pub const fn at(mut self, time: Time) -> Self {
        self.at = Some(time);
        self
    }

    /// Also refuses what was older than `window` at the time that
    /// [`Self::at`] gives; without one there is nothing to measure against.
    #[must_use]
    pub const fn max_age(mut self, window: Duration) -> Self {
        self.max_age = Some(window);
        self
    }

    /// How far clocks may differ; 60 s unless said.
    #[must_use]
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// The longest envelope that is looked at; 64 MiB unless said.
    #[must_use]
    pub const fn max_len(mut self, bytes: usize) -> Self {
        self.max_len = bytes;
        self
    }

    /// Verifies an envelope.
    ///
    /// # Errors
    ///
    /// `malformed`, `unsupported`, `untrusted`, `misdirected/channel`; with
    /// [`Self::at`] also `stale`. The earliest fault of the reading order.
    pub fn verify<'a>(&self, envelope: &'a [u8]) -> Result<Verified<'a>> {
        let (live, age) = self.time(self.at);
        let authentic = self.authenticate(envelope, live.as_ref())?;
        Verified::authorize(authentic, self.expected.wanted(), live.as_ref(), age.as_ref())
    }

    /// The same as a verdict to keep: what was found, or why it was refused.
    #[must_use]
    pub fn judge(&self, envelope: &[u8]) -> Verdict {
        self.judge_as_of(self.at, envelope)
    }

    /// The same, as a live reader would have judged at `time`, whatever
    /// [`Self::at`] said.
    #[must_use]
    pub fn judge_at(&self, time: Time, envelope: &[u8]) -> Verdict {
        self.judge_as_of(Some(time), envelope)
    }

    fn judge_as_of(&self, at: Option<Time>, envelope: &[u8]) -> Verdict {
        let (live, age) = self.time(at);
        match self.authenticate(envelope, live.as_ref()) {
            Err(error) => Verdict::refused(error),
            Ok(authentic) => {
                let allowed =
                    authentic.check_allowed(self.expected.wanted(), live.as_ref(), age.as_ref());
                Verdict::of(&authentic, allowed.err())
            }
        }
    }

    fn authenticate<'a>(&self, envelope: &'a [u8], live: Option<&Live>) -> Result<Authentic<'a>> {
        let (frame, ciphertext) = wire::decode(envelope, self.max_len)?;
        Authentic::check(&frame, ciphertext, self.trust.current(), live, &self.proven)
    }

    fn time(&self, at: Option<Time>) -> (Option<Live>, Option<Age>) {
        let live = at.map(|now| Live { now, skew: self.skew });
        let age = at.zip(self.max_age);
        (live, age.map(|(reference, window)| Age { reference, window }))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("expected", &self.expected)
            .field("at", &self.at)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}
