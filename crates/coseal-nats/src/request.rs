//! Requests and replies, sealed both ways. The reply travels on the channel of
//! its request with `.reply` behind it, is sealed to the receiving keys of
//! whoever signed the request, and names the request's message ID in a signed
//! header: it cannot be moved to another request.
//!
//! Where the reply goes is unsigned, as all of NATS is: whoever carries a
//! request can have its reply lost, and nothing more.

mod replier;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, Message, StatusCode};
use coseal::{Error, MessageId, Result, Verified};
use coseal_carrier::{Arrived, Decision, Draft, Inbox, Refused, headers, place};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, timeout_at};

use crate::consumer::Settings;
use crate::dead_letters::Letters;
use crate::error::{alike, carrier, told};
use crate::message::{Signed, Unsigned};
use crate::{DeadLetters, Outgoing, Producer, Received};
pub use replier::Replier;

/// How long to wait before a dead letter is written again.
const AGAIN: Duration = Duration::from_millis(100);

/// Sends requests, and opens their replies. Made by
/// [`ConsumerBuilder::requester`](crate::ConsumerBuilder::requester).
pub struct Requester {
    client: Client,
    settings: Settings,
    /// Never held over a wait.
    inbox: Mutex<Inbox>,
    letters: DeadLetters,
    producer: Producer,
}

/// What is done about what came to a request.
enum Judged {
    Reply(Received),
    Refused(Letters, Refused),
    /// Ask the trust feed, and judge it again.
    Refresh,
    Ignored,
}

impl Requester {
    pub(crate) const fn new(
        client: Client,
        settings: Settings,
        inbox: Inbox,
        letters: DeadLetters,
        producer: Producer,
    ) -> Self {
        Self { client, settings, inbox: Mutex::new(inbox), letters, producer }
    }

    /// Sends a request and waits for its reply. What comes to it and is not its
    /// reply becomes a dead letter, and the reply is waited for still.
    ///
    /// # Errors
    ///
    /// Those of [`Producer::publish`]; `carrier` where nobody answers, or
    /// nobody in time; where something came in time and was refused, why.
    pub async fn request(&self, message: Outgoing, wait: Duration) -> Result<Received> {
        let until = Instant::now() + wait;
        let channel = reply_channel(message.channel());
        let inbox = self.client.new_inbox();
        let mut replies = self.client.subscribe(inbox.clone()).await.map_err(carrier)?;
        let published = self.producer.publish(message.replied_to(inbox.into())).await?;
        let mut refused = None;
        while let Ok(message) = timeout_at(until, replies.next()).await {
            let message = message.ok_or_else(crate::error::ended)?;
            if message.status == Some(StatusCode::NO_RESPONDERS) && message.payload.is_empty() {
                return Err(told("nobody answers these requests"));
            }
            match self.settle(&message, &channel, &published.id, until).await? {
                Ok(reply) => return Ok(reply),
                Err(error) => refused = error.or(refused),
            }
        }
        Err(refused.unwrap_or_else(|| told("no reply in time")))
    }

    /// The reply; or why it is none.
    async fn settle(
        &self,
        message: &Message,
        channel: &str,
        id: &MessageId,
        until: Instant,
    ) -> Result<Result<Received, Option<Error>>> {
        loop {
            match self.judge(message, channel, id)? {
                Judged::Reply(reply) => {
                    self.commit().await?;
                    return Ok(Ok(reply));
                }
                Judged::Ignored => return Ok(Err(None)),
                Judged::Refused(letters, refused) => {
                    let error = alike(refused.error());
                    while let Err(unwritten) = self.letters.write(&letters).await {
                        tracing::error!("a dead letter is not written: {unwritten}");
                        if Instant::now() >= until {
                            return Err(unwritten);
                        }
                        sleep(AGAIN).await;
                    }
                    self.inbox().dead_lettered(refused);
                    self.commit().await?;
                    return Ok(Err(Some(error)));
                }
                Judged::Refresh => {
                    if let Some(refresh) = &self.settings.refresh {
                        refresh().await;
                    }
                    self.inbox().refreshed(self.settings.clock.now());
                }
            }
        }
    }

    fn judge(&self, message: &Message, channel: &str, id: &MessageId) -> Result<Judged> {
        let arrived = Arrived { envelope: &message.payload, channel, position: None };
        let check = |verified: &Verified<'_>| {
            place::check_reply(verified, id)?;
            self.settings.check.as_ref().map_or(Ok(()), |check| check(verified))
        };
        let now = self.settings.clock.now();
        let mut payload = Vec::new();
        let mut inbox = self.inbox();
        match inbox.receive(now, &arrived, check, &mut payload) {
            Decision::Deliver(opened, ticket) => {
                let (signed, redelivered) = (Signed::of(&opened), opened.redelivered());
                drop(opened);
                inbox.acknowledge(ticket);
                let unsigned = Unsigned {
                    headers: message.headers.clone().unwrap_or_default(),
                    deliveries: 1,
                    ..Unsigned::default()
                };
                let subject = message.subject.clone();
                let reply = Received::new(payload, subject, signed, redelivered, unsigned);
                Ok(Judged::Reply(reply))
            }
            Decision::DeadLetter(refusal, refused) => {
                let letters = self.letters.letters(refusal, message.headers.as_ref())?;
                Ok(Judged::Refused(letters, refused))
            }
            Decision::Refresh => Ok(Judged::Refresh),
            // A bundle that has expired is nothing to wait for with a caller.
            Decision::Pause { .. } => {
                let detail = "our trust bundle has expired";
                Err(Error::Untrusted(coseal::Untrusted::BundleExpired, detail.into()))
            }
            Decision::Known => Ok(Judged::Ignored),
            Decision::Stop(error) => Err(error),
        }
    }

    async fn commit(&self) -> Result<()> {
        let Some(commit) = self.inbox().begin_commit() else { return Ok(()) };
        let written = if self.settings.durable {
            tokio::task::spawn_blocking(|| commit.write()).await.map_err(carrier)??
        } else {
            commit.write()?
        };
        drop(written);
        Ok(())
    }

    fn inbox(&self) -> std::sync::MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reply_channel(channel: &str) -> String {
    format!("{channel}{}", headers::REPLY_SUFFIX)
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester").field("letters", &self.letters).finish_non_exhaustive()
    }
}
