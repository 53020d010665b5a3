//! Dead letters in a stream → what passes now, and what does not.
//!
//! Nothing in that stream is believed: only what the consumer's own list names
//! is judged again, by the room that all carriers share.

use std::collections::HashMap;
use std::fmt;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::{self};
use coseal::{Error, Result, Untrusted, Verified, limits};
use coseal_carrier::dead_letter::{Part, Parts, Whole};
use coseal_carrier::redrive::RedriveTicket;
use coseal_carrier::{Redriven as Judged, RefusedMessage};

use super::read_back::Reader;
use super::{Event, Pull, Settings, covers};
use crate::error::{carrier, ended};
use crate::message::Signed;

/// Bytes of letters in parts that are held: some of the longest.
const HELD: usize = 4 * limits::ENVELOPE;

/// Goes through the dead letters of a stream once. Made by
/// [`ConsumerBuilder::redrive`](crate::ConsumerBuilder::redrive).
pub struct Redrive {
    redrive: coseal_carrier::Redrive,
    settings: Settings,
    reader: Reader,
    pull: Pull,
    /// Letters not yet read.
    pending: u64,
    /// Channels whose letters are judged.
    channels: Vec<String>,
    parts: Parts,
    /// Where the parts of a letter are.
    places: HashMap<[u8; 32], Vec<u64>>,
}

/// What became of a dead letter.
#[derive(Debug)]
#[non_exhaustive]
pub enum Redriven {
    /// It passes now. When the caller is done with it:
    /// [`Redrive::acknowledge`].
    Passed(Box<Passed>),
    /// It stays where it is.
    Left {
        /// The letter.
        letter: Box<RefusedMessage<'static>>,
        /// Why; nothing where it is not on the list, or not of these channels.
        why: Option<Error>,
    },
}

/// A message that was refused, and passes now.
pub struct Passed {
    /// What was sealed.
    pub payload: Vec<u8>,
    /// What its signer said, and signed.
    pub signed: Signed,
    /// The letter that it was in.
    pub letter: RefusedMessage<'static>,
    ticket: RedriveTicket,
    places: Vec<u64>,
}

impl Redrive {
    pub(super) async fn new(
        context: &jetstream::Context,
        stream: &str,
        channels: Vec<String>,
        settings: Settings,
        redrive: coseal_carrier::Redrive,
    ) -> Result<Self> {
        let stream = context.get_stream(stream).await.map_err(carrier)?;
        let reader = Reader { client: context.client(), stream, filters: Vec::new() };
        let (pull, pending) = reader.begin(DeliverPolicy::All).await?;
        let (parts, places) = (Parts::new(HELD), HashMap::new());
        Ok(Self { redrive, settings, reader, pull, pending, channels, parts, places })
    }

    /// Judges what was refused as too old, too: see
    /// [`coseal_carrier::Redrive::even_too_old`].
    #[must_use]
    pub fn even_too_old(mut self) -> Self {
        self.redrive = self.redrive.even_too_old();
        self
    }

    /// The next letter; `None` behind the last that was there at the start.
    ///
    /// # Errors
    ///
    /// `carrier` where the server fails; `untrusted/bundle_expired` where our
    /// own bundle has; what else is our own fault.
    pub async fn next(&mut self) -> Option<Result<Redriven>> {
        while self.pending > 0 {
            match self.read().await {
                Ok(Some(redriven)) => return Some(Ok(redriven)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    /// The caller is done with a message: it comes off the list, for good, and
    /// its letter out of the stream.
    ///
    /// # Errors
    ///
    /// `carrier` where that cannot be written.
    pub async fn acknowledge(&mut self, passed: Passed) -> Result<()> {
        let Passed { ticket, places, .. } = passed;
        self.redrive.acknowledge(ticket);
        if let Some(commit) = self.redrive.begin_commit() {
            let written = tokio::task::spawn_blocking(|| commit.write()).await;
            drop(written.map_err(carrier)??);
        }
        for place in places {
            self.reader.stream.delete_message(place).await.map_err(carrier)?;
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<Option<Redriven>> {
        self.pull.ask(usize::MAX).await?;
        let (message, spot) = match self.pull.next().await {
            Event::Message(message, Some(spot)) => (message, spot),
            Event::Gone => return self.pull.check().await.map(|()| None),
            Event::Ended => return Err(ended()),
            Event::Message(_, None) | Event::Unanswered | Event::Nothing => return Ok(None),
        };
        self.pending = self.pending.min(spot.pending);
        let Ok(letter) = RefusedMessage::decode(&message.payload, message.payload.len()) else {
            // Not one of ours.
            return Ok(None);
        };
        let digest = letter.part.map(|Part { digest, .. }| digest);
        if let Some(digest) = digest {
            self.places.entry(digest).or_default().push(spot.sequence);
        }
        let letter = match self.parts.add(letter) {
            Whole::Message(letter) => letter.into_owned(),
            Whole::Missing | Whole::Broken => return Ok(None),
        };
        let places = digest.and_then(|digest| self.places.remove(&digest));
        let places = places.unwrap_or_else(|| vec![spot.sequence]);
        self.judge(letter, places).await.map(Some)
    }

    async fn judge(
        &mut self,
        letter: RefusedMessage<'static>,
        places: Vec<u64>,
    ) -> Result<Redriven> {
        if !covers(&self.channels, &letter.source) {
            return Ok(Redriven::Left { letter: Box::new(letter), why: None });
        }
        let mut asked = false;
        loop {
            let channel = self.settings.channel.as_deref().unwrap_or(&letter.source);
            let (now, mut payload) = (self.settings.clock.now(), Vec::new());
            let check = |verified: &Verified<'_>| {
                self.settings.check.as_ref().map_or(Ok(()), |check| check(verified))
            };
            let why = match self.redrive.judge(now, &letter, channel, check, &mut payload) {
                Judged::Deliver(opened, ticket) => {
                    let signed = Signed::of(&opened);
                    drop(opened);
                    let passed = Passed { payload, signed, letter, ticket, places };
                    return Ok(Redriven::Passed(Box::new(passed)));
                }
                Judged::NotListed => None,
                Judged::Left(error) => Some(error),
                Judged::Pause { .. } if !asked => {
                    asked = true;
                    if let Some(refresh) = &self.settings.refresh {
                        refresh().await;
                    }
                    continue;
                }
                Judged::Pause { .. } => {
                    let detail = "our trust bundle has expired";
                    return Err(Error::Untrusted(Untrusted::BundleExpired, detail.into()));
                }
                Judged::Stop(error) => return Err(error),
            };
            return Ok(Redriven::Left { letter: Box::new(letter), why });
        }
    }
}

impl fmt::Debug for Passed {
    /// Of the payload only the length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passed")
            .field("payload_len", &self.payload.len())
            .field("signed", &self.signed)
            .field("letter", &self.letter)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Redrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redrive")
            .field("redrive", &self.redrive)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}
