//! The consumer's verb: steps 1 to 9 in a straight line. Nothing is released
//! before the receipt verified and the payload's tag fitted; what a refusal
//! had decrypted is wiped.

mod builder;
mod carried;
mod opened;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use zeroize::Zeroize;

use crate::authorize::{Age, Authentic, Expected, Live, Verified, Wanted};
use crate::cipher::MessageKey;
use crate::clock::Clock;
use crate::epoch::EpochCache;
use crate::error::{Error, Result, Stale};
use crate::keyring::{KeyProvider, UnwrapRequest};
use crate::receipt::Proven;
use crate::replay::{Observed, Position, ReplayMemory, Sighting};
use crate::trust::{InForce, TrustSource};
use crate::wire::{self, CIPHERTEXT_MIN, Frame, Recipients, Segments};

pub use builder::{OpenerBuilder, Window, state};
pub use carried::{CarriedOpener, Place};
pub use opened::Opened;

/// Opens envelopes: verifies who sealed them, decrypts them with our keys, and
/// refuses what was seen before. Shared between threads by reference; no lock
/// is held during cryptography.
///
/// What it remembers to save work (proven roots and nodes, epoch secrets) lies
/// apart for up to sixteen threads, and takes at most 1 MB for each.
pub struct Opener {
    trust: InForce,
    keys: Arc<dyn KeyProvider>,
    expected: Expected,
    mode: Mode,
    max_len: usize,
    proven: Proven,
    epochs: EpochCache,
}

/// Which of the two ways of reading.
enum Mode {
    /// Freshness, bundle expiry and replay are judged.
    Live { clock: Box<dyn Clock>, window: Duration, skew: Duration, replay: Box<dyn ReplayMemory> },
    /// They are reported.
    Archive,
    /// As live; time and memory come with each envelope.
    Carried { window: Duration, skew: Duration },
}

impl Opener {
    /// Begins to describe an opener; see [`OpenerBuilder`] for what has to be
    /// decided.
    #[must_use]
    pub fn builder(
        trust: impl TrustSource + 'static,
    ) -> OpenerBuilder<state::NoChannel, state::NoMode> {
        OpenerBuilder::new(Box::new(trust))
    }

    /// Opens an envelope. The header is borrowed from it; the payload is new.
    ///
    /// # Errors
    ///
    /// That of the earliest step that fails; nothing is released then.
    pub fn open<'a>(&self, envelope: &'a [u8]) -> Result<Opened<'a>> {
        self.open_new(envelope, None)
    }

    /// Opens an envelope that the carrier holds at `position`. There a message
    /// seen before at the same position is a redelivery, not a replay.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_at<'a>(&self, envelope: &'a [u8], position: &Position) -> Result<Opened<'a>> {
        self.open_new(envelope, Some(*position))
    }

    /// Opens envelopes one after the other, each judged alone: the answers are
    /// in their order. The root that a batch was signed by is verified once; in a
    /// batch of up to 4096 messages every node of its tree is hashed at most once.
    pub fn open_batch<'a, E: AsRef<[u8]>>(&self, envelopes: &'a [E]) -> Vec<Result<Opened<'a>>> {
        envelopes.iter().map(|envelope| self.open(envelope.as_ref())).collect()
    }

    /// Opens an envelope and appends its payload to `payload`, which is
    /// unchanged on error.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_into<'a>(
        &self,
        envelope: &'a [u8],
        payload: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>> {
        self.open_behind(envelope, &self.arrival(None), |_| Ok(()), payload)
    }

    /// Opens an envelope in its own buffer: the payload takes the place of the
    /// ciphertext, which is gone then. A refusal wipes what it decrypted: where
    /// refused replays are to be kept, keep a copy.
    ///
    /// The buffer MUST be private memory, here and in every other way to open:
    /// it is read more than once.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_in_place<'a>(&self, envelope: &'a mut [u8]) -> Result<Opened<'a>> {
        wire::check_len(envelope, self.max_len)?;
        let (start, length) = match wire::split(envelope) {
            Ok(Segments { start, length: Some(length) }) => (start, length),
            Ok(Segments { length: None, .. }) | Err(_) => return Err(self.refusal(envelope)),
        };
        if envelope.len() - start < length {
            return Err(self.refusal(envelope));
        }
        let (head, rest) = envelope.split_at_mut(start);
        let (ciphertext, tail) = rest.split_at_mut(length);
        // A refusal may be slow: the whole is put together again, to find the
        // fault that the reading order names first.
        let frame = wire::parse(head, tail)
            .map_err(|error| wire::triage(&[&*head, &*ciphertext, &*tail].concat(), error))?;
        let arrival = self.arrival(None);
        let (verified, _) = self.verify(&frame, Some(&*ciphertext), &arrival)?;
        let mut released: &'a mut [u8] = &mut [];
        let mut attempt = Some((ciphertext, &mut released));
        let observed = self.decrypt_and_observe(&verified, &frame, &arrival, |key| {
            let (ciphertext, released) = attempt.take().ok_or(Error::Undecryptable)?;
            *released = key.decrypt_in_place(frame.protected, ciphertext)?;
            Ok(())
        });
        match observed {
            Ok(redelivered) => Ok(Opened::borrowed(verified, released, redelivered)),
            Err(error) => {
                released.zeroize();
                Err(error)
            }
        }
    }

    /// Opens an envelope behind what `payload` holds. `check` is asked between
    /// steps 5 and 6.
    fn open_behind<'a>(
        &self,
        envelope: &'a [u8],
        arrival: &Arrival<'_>,
        check: impl FnOnce(&Verified<'a>) -> Result<()>,
        payload: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>> {
        let (frame, ciphertext) = wire::decode(envelope, self.max_len)?;
        let (verified, ciphertext) = self.verify(&frame, ciphertext, arrival)?;
        check(&verified)?;
        let start = payload.len();
        payload.resize(start + ciphertext.len().saturating_sub(CIPHERTEXT_MIN), 0);
        let out = payload.get_mut(start..).unwrap_or_default();
        match self.decrypt_and_observe(&verified, &frame, arrival, |key| {
            key.decrypt(frame.protected, ciphertext, out)
        }) {
            Ok(redelivered) => {
                let payload: &'a Vec<u8> = payload;
                let released = payload.get(start..).unwrap_or_default();
                Ok(Opened::borrowed(verified, released, redelivered))
            }
            Err(error) => {
                wipe(payload.get_mut(start..));
                payload.truncate(start);
                Err(error)
            }
        }
    }

    fn open_new<'a>(&self, envelope: &'a [u8], position: Option<Position>) -> Result<Opened<'a>> {
        let (frame, ciphertext) = wire::decode(envelope, self.max_len)?;
        let arrival = self.arrival(position);
        let (verified, ciphertext) = self.verify(&frame, ciphertext, &arrival)?;
        let mut payload = alloc::vec![0; ciphertext.len().saturating_sub(CIPHERTEXT_MIN)];
        match self.decrypt_and_observe(&verified, &frame, &arrival, |key| {
            key.decrypt(frame.protected, ciphertext, &mut payload)
        }) {
            Ok(redelivered) => Ok(Opened::owned(verified, payload, redelivered)),
            Err(error) => {
                payload.zeroize();
                Err(error)
            }
        }
    }

    /// What an envelope is judged by, that a carrier found at `position`.
    fn arrival(&self, position: Option<Position>) -> Arrival<'_> {
        let channel = self.expected.channel.as_deref();
        match &self.mode {
            Mode::Live { clock, window, skew, replay } => Arrival {
                channel,
                live: Some(Live { now: clock.now(), skew: *skew }),
                position,
                window: Some(*window),
                memory: Some(&**replay),
            },
            Mode::Archive | Mode::Carried { .. } => {
                Arrival { channel, live: None, position, window: None, memory: None }
            }
        }
    }

    /// Steps 2 to 5.
    fn verify<'a, 'c>(
        &self,
        frame: &Frame<'a>,
        ciphertext: Option<&'c [u8]>,
        arrival: &Arrival<'_>,
    ) -> Result<(Verified<'a>, &'c [u8])> {
        let live = arrival.live.as_ref();
        let bundle = self.trust.current();
        let authentic = Authentic::check(frame, ciphertext, bundle, live, &self.proven)?;
        let age = arrival.age(&authentic);
        let expected = Wanted { channel: arrival.channel, signer: self.expected.signer.as_deref() };
        let verified = Verified::authorize(authentic, expected, live, age.as_ref())?;
        // Step 2 refused what has none.
        Ok((verified, ciphertext.unwrap_or_default()))
    }

    /// Steps 6 to 8: the epoch secret, from the cache or the first entry that
    /// we hold the key of; the payload, by `decrypt`; the replay memory.
    /// Answers whether this is a redelivery.
    fn decrypt_and_observe(
        &self,
        verified: &Verified<'_>,
        frame: &Frame<'_>,
        arrival: &Arrival<'_>,
        decrypt: impl FnOnce(MessageKey<'_>) -> Result<()>,
    ) -> Result<bool> {
        let (header, signer) = (verified.header(), verified.thumbprint());
        let (entry, encoded) = self.own_entry(&frame.recipients)?;
        let known_as = (*signer, header.epoch(), verified.suite());
        let (suite, iv) = (verified.suite(), header.iv());
        if let Some(secret) = self.epochs.find(&known_as, encoded) {
            MessageKey::with(suite, &secret, iv, decrypt)??;
        } else {
            let epoch = header.epoch();
            let request = UnwrapRequest { entry, suite, epoch, signer: *signer };
            let secret = self.keys.unwrap(&request)?;
            MessageKey::with(suite, &secret, iv, decrypt)??;
            self.epochs.insert(known_as, encoded, secret);
        }
        arrival.observe(verified)
    }

    fn own_entry<'a>(
        &self,
        recipients: &Recipients<'a>,
    ) -> Result<(wire::RecipientEntry<'a>, &'a [u8])> {
        recipients.entries().find(|(entry, _)| self.keys.holds(entry)).ok_or_else(|| {
            Error::NoKey("none of the envelope's recipients is a key of ours".into())
        })
    }

    /// Why an envelope that cannot be cut into its parts is refused.
    #[cold]
    fn refusal(&self, envelope: &[u8]) -> Error {
        let refused = wire::decode(envelope, self.max_len)
            .and_then(|(frame, rest)| self.verify(&frame, rest, &self.arrival(None)).map(drop));
        refused.err().unwrap_or_else(|| Error::structure("the envelope has no ciphertext"))
    }
}

/// When and where an envelope came, and what it is judged by there.
struct Arrival<'c> {
    channel: Option<&'c str>,
    live: Option<Live>,
    position: Option<Position>,
    /// How old it may be, where that is judged.
    window: Option<Duration>,
    memory: Option<&'c dyn ReplayMemory>,
}

impl Arrival<'_> {
    /// What age is measured against: in a log, the latest verified sealing
    /// time of the same signer there; in a fresh log nothing is too old.
    fn age(&self, authentic: &Authentic<'_>) -> Option<Age> {
        let (window, memory) = (self.window?, self.memory?);
        let reference = match &self.position {
            Some(position) => memory.latest(position.log, authentic.record().thumbprint()),
            None => self.live.map(|live| live.now),
        };
        reference.map(|reference| Age { reference, window })
    }

    /// Step 8.
    fn observe(&self, verified: &Verified<'_>) -> Result<bool> {
        let (Some(memory), Some(live)) = (self.memory, self.live) else {
            return Ok(false);
        };
        let sighting = Sighting {
            signer: *verified.thumbprint(),
            epoch: verified.epoch(),
            sequence: verified.sequence(),
            sealed_at: verified.sealed_at(),
            position: self.position,
            now: live.now,
        };
        match memory.observe(&sighting)? {
            Observed::New => Ok(false),
            Observed::Redelivery => Ok(true),
            Observed::Replay => {
                let detail = "this message has been seen before";
                Err(Error::Stale(Stale::Replayed, detail.into()))
            }
        }
    }
}

fn wipe(bytes: Option<&mut [u8]>) {
    if let Some(bytes) = bytes {
        bytes.zeroize();
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Live { .. } => "live",
            Mode::Archive => "archive",
            Mode::Carried { .. } => "carried",
        };
        f.debug_struct("Opener")
            .field("expected", &self.expected)
            .field("mode", &mode)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
