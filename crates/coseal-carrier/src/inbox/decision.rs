//! What goes into an inbox and comes out of it.

use std::fmt;
use std::sync::Arc;

use coseal::{DeadLetter, Error, Opened, Position, ReplayMemory, Time};
use sha2::{Digest, Sha256};

#[cfg(doc)]
use super::Inbox;
use crate::RefusedMessage;

/// What a carrier brought.
#[derive(Clone, Copy)]
pub struct Arrived<'a> {
    /// The bytes, in memory that nobody else can change.
    pub envelope: &'a [u8],
    /// The channel that they came over.
    pub channel: &'a str,
    /// Where the carrier holds them, if it has positions.
    pub position: Option<Position>,
}

impl fmt::Debug for Arrived<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrived")
            .field("envelope_len", &self.envelope.len())
            .field("channel", &self.channel)
            .field("position", &self.position)
            .finish()
    }
}

/// What to do with a message that arrived.
#[derive(Debug)]
#[must_use]
pub enum Decision<'a> {
    /// Give it to the caller, marked where it is
    /// [`redelivered`](Opened::redelivered). When the caller is done:
    /// [`Inbox::acknowledge`].
    Deliver(Opened<'a>, Ticket),
    /// Write this dead letter; when its target has acknowledged it:
    /// [`Inbox::dead_lettered`]. Where it cannot be written, hold this log and
    /// try again: nothing is committed past it.
    DeadLetter(RefusedMessage<'a>, Refused),
    /// Ask the trust feed, and where keys come from, once; then say
    /// [`Inbox::refreshed`], whether that brought anything or not, and bring
    /// this message again. Messages of other logs may go on meanwhile.
    Refresh,
    /// Our own trust bundle has expired: nothing can be judged. Ask the feed,
    /// and bring this message again, no earlier than `until` unless a new
    /// bundle came.
    Pause {
        /// By the clock that `now` was read from.
        until: Time,
    },
    /// It is with the caller, or done, or of a log that is not ours: the
    /// carrier brought it without need. Nothing is to be done.
    Known,
    /// Our own fault, or the platform's. Commit nothing more, and give the
    /// error to the caller.
    Stop(Error),
}

/// What became of a message that was read back.
#[derive(Debug)]
#[must_use]
pub enum Rebuilt {
    /// It is in the memory.
    Seen,
    /// It was refused or dead-lettered, so it is not.
    Skipped,
    /// As in [`Decision::Refresh`].
    Refresh,
    /// As in [`Decision::Pause`].
    Pause {
        /// By the clock that `now` was read from.
        until: Time,
    },
    /// As in [`Decision::Stop`].
    Stop(Error),
}

/// A message that the caller has. Dropping it acknowledges nothing.
#[derive(Debug)]
#[must_use = "what is not acknowledged comes back"]
pub struct Ticket {
    pub(super) id: u64,
    pub(super) position: Option<Position>,
    pub(super) generation: u64,
    /// It was on the list of dead letters, and passed now.
    pub(super) listed: Option<Box<DeadLetter>>,
}

impl Ticket {
    /// Its number in this inbox, for those who keep something beside it.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Where the carrier holds the message.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        self.position
    }
}

/// A message whose dead letter is being written. Dropping it commits nothing.
#[derive(Debug)]
#[must_use = "what is not dead-lettered comes back"]
pub struct Refused {
    pub(super) ticket: Ticket,
    pub(super) letter: DeadLetter,
    pub(super) error: Error,
}

impl Refused {
    /// Why, for those who wait for this very message.
    #[must_use]
    pub const fn error(&self) -> &Error {
        &self.error
    }

    /// Its number in this inbox.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.ticket.id
    }

    /// Where the carrier holds the message.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        self.ticket.position
    }
}

/// Where reading a log begins.
#[derive(Clone)]
pub struct LogStart {
    /// Which.
    pub log: u64,
    /// From where it is read back to rebuild the memory; `next` where it is not.
    pub back_to: u64,
    /// The first position that was not committed.
    pub next: u64,
    /// A memory of this log alone, where its messages belong nowhere else. It
    /// moves with the log. Else the inbox's.
    pub memory: Option<Arc<dyn ReplayMemory>>,
}

impl fmt::Debug for LogStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStart")
            .field("log", &self.log)
            .field("back_to", &self.back_to)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// The number of a log that is known by names: the cluster's, the topic's, the
/// partition's; or the stream's and when it was made.
#[must_use]
pub fn log_id(names: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for name in names {
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
    }
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
