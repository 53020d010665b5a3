//! Messages taken together → their envelopes, each in its place.

use std::fmt;
use std::mem;
use std::time::Instant;

use coseal::{Disposition, Error, Message, Result, Time, UnsignedBatch};

use super::{Draft, Sealers};
use crate::telemetry;

/// Messages that are sealed together, in the order in which they came. Those
/// for one channel share a signature.
#[must_use = "what is not published is lost"]
pub struct Batch<D> {
    drafts: Vec<D>,
    /// Of each draft what became of it, in their order.
    outcomes: Vec<Outcome>,
    /// What is encrypted and lacks its signature, with the places of its
    /// messages. Whatever happens, none of it is encrypted again.
    unsigned: Vec<(Vec<usize>, UnsignedBatch)>,
    carrier: &'static str,
}

/// What became of a message.
enum Outcome {
    Waits,
    Encrypted,
    Sealed(Vec<u8>),
    Failed(Error),
}

impl<D: Draft> Batch<D> {
    pub(super) fn of(drafts: Vec<D>, carrier: &'static str) -> Self {
        let outcomes = drafts.iter().map(|_| Outcome::Waits).collect();
        Self { drafts, outcomes, unsigned: Vec::new(), carrier }
    }

    /// How many messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.drafts.len()
    }

    /// Never: a batch has messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// Seals them. A message that breaks a rule fails alone. Where a signer
    /// fails, call this again: it is asked to sign the same again, and nothing
    /// is encrypted twice. May take as long as the signer; nothing else waits
    /// for this.
    ///
    /// # Errors
    ///
    /// `carrier` where the key provider failed, or the recipients could not be
    /// told; `entropy`; `no_key`. What is sealed already stays so.
    pub fn seal(&mut self, now: Time, sealers: &mut Sealers) -> Result<()> {
        let span = telemetry::seal_span(self.carrier, self.drafts.len());
        let _entered = span.enter();
        let begun = Instant::now();
        self.encrypt(now, sealers)?;
        let mut sealed = 0;
        while let Some((places, unsigned)) = self.unsigned.last_mut() {
            let envelopes = unsigned.sign()?;
            sealed += envelopes.len();
            for (place, envelope) in mem::take(places).into_iter().zip(envelopes) {
                set(&mut self.outcomes, place, Outcome::Sealed(envelope));
            }
            self.unsigned.pop();
        }
        sealers.meters().sealed(begun.elapsed(), sealed);
        Ok(())
    }

    /// What came out, in the order in which the messages came: an envelope, or
    /// why there is none. Publish in this order; where publishing is tried
    /// again, publish the same bytes.
    ///
    /// # Errors
    ///
    /// The batch itself, where it is not sealed yet.
    pub fn into_sealed(self) -> Result<impl Iterator<Item = (D, Result<Vec<u8>>)>, Self> {
        let open = |outcome: &Outcome| matches!(outcome, Outcome::Waits | Outcome::Encrypted);
        if self.outcomes.iter().any(open) {
            return Err(self);
        }
        let outcomes = self.outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Sealed(envelope) => Some(Ok(envelope)),
            Outcome::Failed(error) => Some(Err(error)),
            Outcome::Waits | Outcome::Encrypted => None,
        });
        Ok(self.drafts.into_iter().zip(outcomes))
    }

    /// Gives the messages back, unpublished, with nothing sealed.
    #[must_use]
    pub fn into_drafts(self) -> Vec<D> {
        self.drafts
    }

    fn encrypt(&mut self, now: Time, sealers: &mut Sealers) -> Result<()> {
        while let Some(first) =
            self.outcomes.iter().position(|outcome| matches!(outcome, Outcome::Waits))
        {
            let Some(channel) = self.drafts.get(first).map(Draft::channel) else { return Ok(()) };
            let waiting = self.drafts.iter().zip(&self.outcomes).enumerate().skip(first);
            let places: Vec<usize> = waiting
                .filter(|(_, (draft, outcome))| {
                    matches!(outcome, Outcome::Waits) && draft.channel() == channel
                })
                .map(|(place, _)| place)
                .collect();
            let sealer = match sealers.sealer(now, channel) {
                Ok(sealer) => sealer,
                Err(error) => {
                    // The caller's fault, each of them.
                    let Error::Misuse(detail) = error else { return Err(error) };
                    for place in places {
                        self.fail(place, Error::Misuse(detail.clone()), sealers);
                    }
                    continue;
                }
            };
            let message = |place: &usize| self.drafts.get(*place).map(Draft::message);
            let messages: Vec<Message<'_>> = places.iter().filter_map(message).collect();
            match sealer.encrypt_batch(&messages) {
                Ok(unsigned) => self.encrypted(places, unsigned),
                Err(error) if error.disposition() != Disposition::Stop => return Err(error),
                Err(Error::Misuse(_)) => {
                    // One of them breaks a rule: each alone, then.
                    let alone: Vec<_> = messages
                        .iter()
                        .map(|message| sealer.encrypt_batch(std::slice::from_ref(message)))
                        .collect();
                    for (place, result) in places.into_iter().zip(alone) {
                        match result {
                            Ok(unsigned) => self.encrypted(vec![place], unsigned),
                            Err(error @ Error::Misuse(_)) => self.fail(place, error, sealers),
                            Err(error) => return Err(error),
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn encrypted(&mut self, places: Vec<usize>, unsigned: UnsignedBatch) {
        for place in &places {
            set(&mut self.outcomes, *place, Outcome::Encrypted);
        }
        self.unsigned.push((places, unsigned));
    }

    fn fail(&mut self, place: usize, error: Error, sealers: &Sealers) {
        sealers.meters().failed(&error);
        set(&mut self.outcomes, place, Outcome::Failed(error));
    }
}

fn set(outcomes: &mut [Outcome], place: usize, outcome: Outcome) {
    if let Some(there) = outcomes.get_mut(place) {
        *there = outcome;
    }
}

impl<D> fmt::Debug for Batch<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("messages", &self.drafts.len())
            .field("unsigned", &self.unsigned.len())
            .finish_non_exhaustive()
    }
}
