//! A message that the caller has.

use std::fmt;
use std::time::Duration;

use async_nats::Subject;
use coseal::Result;
use coseal_carrier::Ticket;
use tokio::sync::{mpsc, oneshot};

use crate::error::ended;
use crate::message::{Signed, Unsigned};

/// What callers ask of the task.
pub(crate) enum Command {
    Acknowledge(Ticket, Option<oneshot::Sender<Result<()>>>),
    /// After so long, or after what the back-off says.
    GiveBack(Ticket, Option<Duration>),
    /// The number of a ticket.
    Progress(u64),
    Drain,
    Abort,
}

/// A message that was verified and opened.
///
/// While it is held, the server is told that work goes on, so a slow caller is
/// brought nothing twice. Dropping it acknowledges nothing: where the server
/// keeps messages, it comes again, marked.
pub struct Received {
    payload: Vec<u8>,
    subject: Subject,
    signed: Signed,
    redelivered: bool,
    unsigned: Unsigned,
    claim: Option<Claim>,
}

/// The right to say what becomes of a message.
struct Claim {
    ticket: Ticket,
    commands: mpsc::UnboundedSender<Command>,
}

impl Received {
    pub(crate) const fn new(
        payload: Vec<u8>,
        subject: Subject,
        signed: Signed,
        redelivered: bool,
        unsigned: Unsigned,
    ) -> Self {
        Self { payload, subject, signed, redelivered, unsigned, claim: None }
    }

    pub(crate) fn claimed(
        mut self,
        ticket: Ticket,
        commands: mpsc::UnboundedSender<Command>,
    ) -> Self {
        self.claim = Some(Claim { ticket, commands });
        self
    }

    /// What was sealed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The same, to keep. The message stays to be acknowledged.
    #[must_use]
    pub fn take_payload(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.payload)
    }

    /// Where it came over. Unless the consumer was told another channel, the
    /// signer sealed it for this.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What its signer said, and signed.
    #[must_use]
    pub const fn signed(&self) -> &Signed {
        &self.signed
    }

    /// What came with it and nobody signed.
    #[must_use]
    pub const fn unsigned(&self) -> &Unsigned {
        &self.unsigned
    }

    /// It came before, from the same place in the stream: the caller may have
    /// been done with it.
    #[must_use]
    pub const fn redelivered(&self) -> bool {
        self.redelivered
    }

    /// The caller is done with it. Resolves when what was seen is durable and
    /// the server was told; where that is lost with the connection, the message
    /// comes again, marked. In core NATS there is nobody to tell.
    ///
    /// # Errors
    ///
    /// `carrier` where the consumer has stopped: it comes again.
    pub async fn ack(mut self) -> Result<()> {
        let Some(Claim { ticket, commands }) = self.claim.take() else { return Ok(()) };
        let (told, done) = oneshot::channel();
        commands.send(Command::Acknowledge(ticket, Some(told))).map_err(|_| ended())?;
        done.await.map_err(|_| ended())?
    }

    /// The same, without waiting to learn whether the server was told.
    pub fn ack_soon(mut self) {
        if let Some(Claim { ticket, commands }) = self.claim.take() {
            let _ = commands.send(Command::Acknowledge(ticket, None));
        }
    }

    /// The caller cannot do it now: it is to come again after `delay`, or after
    /// what the consumer's back-off says.
    pub fn nak(mut self, delay: impl Into<Option<Duration>>) {
        if let Some(Claim { ticket, commands }) = self.claim.take() {
            let _ = commands.send(Command::GiveBack(ticket, delay.into()));
        }
    }

    /// Tells the server that work goes on. Done by itself while the message is
    /// held, unless [`ConsumerBuilder::hold_at_most`] has passed.
    ///
    /// [`ConsumerBuilder::hold_at_most`]: crate::ConsumerBuilder::hold_at_most
    pub fn in_progress(&self) {
        if let Some(Claim { ticket, commands }) = &self.claim {
            let _ = commands.send(Command::Progress(ticket.id()));
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if let Some(Claim { ticket, commands }) = self.claim.take() {
            let _ = commands.send(Command::GiveBack(ticket, None));
        }
    }
}

impl fmt::Debug for Received {
    /// Of the payload only the length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("payload_len", &self.payload.len())
            .field("subject", &self.subject)
            .field("signed", &self.signed)
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}
