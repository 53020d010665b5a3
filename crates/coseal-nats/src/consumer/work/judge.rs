//! A message and the room's decision → what is done about it.

use coseal::{Error, Misdirected, Position, Result, Stale, Time, Verified};
use coseal_carrier::{Arrived, Decision, Rebuilt};
use futures_util::FutureExt;
use tokio::time::sleep;

use super::super::held::Out;
use super::super::log::{Spot, covers};
use super::{Brought, End, Ends, Received, Settings, Work};
use crate::message::{Signed, Unsigned};

/// What only the carrier knows of a message.
struct Place<'a> {
    patterns: &'a [String],
    settings: &'a Settings,
    subject: &'a str,
    /// What was sealed before may have been delivered before.
    reach: Option<Time>,
}

impl Place<'_> {
    fn check(&self, verified: &Verified<'_>) -> Result<()> {
        if !covers(self.patterns, self.subject) {
            let detail = format!("{:?} is not what was subscribed to", self.subject);
            return Err(Error::Misdirected(Misdirected::Channel, detail.into()));
        }
        if let Some(reach) = self.reach
            && verified.sealed_at() < reach
        {
            let detail = format!(
                "sealed at {}; what was delivered before {reach} is not known any more",
                verified.sealed_at()
            );
            return Err(Error::Stale(Stale::TooOld, detail.into()));
        }
        self.settings.check.as_ref().map_or(Ok(()), |check| check(verified))
    }
}

impl Work {
    pub(super) fn judge(&mut self, brought: Brought, ends: &Ends) -> Result<(), End> {
        let Brought { message, spot, told_at } = brought;
        let position = spot.map(|spot| Position { log: self.log, offset: spot.sequence });
        let deliveries = spot.map_or(1, |spot| spot.deliveries);
        let channel = self.settings.channel.as_deref().unwrap_or_else(|| message.subject.as_str());
        let arrived = Arrived { envelope: &message.payload, channel, position };
        let place = Place {
            patterns: &self.patterns,
            settings: &self.settings,
            subject: message.subject.as_str(),
            reach: position.and(self.reach),
        };
        let now = self.settings.clock.now();
        let mut payload = Vec::new();
        let decision =
            self.inbox.receive(now, &arrived, |verified| place.check(verified), &mut payload);
        match decision {
            Decision::Deliver(opened, ticket) => {
                let (signed, redelivered) = (Signed::of(&opened), opened.redelivered());
                drop(opened);
                let reply = self.ack_wait.and(message.reply.clone());
                self.held.insert(ticket.id(), Out::new(reply, deliveries));
                let unsigned = Unsigned {
                    headers: message.headers.unwrap_or_default(),
                    // A stream's own subject for acknowledgements is not the sender's.
                    reply: if spot.is_some() { None } else { message.reply },
                    position,
                    deliveries,
                };
                let received =
                    Received::new(payload, message.subject, signed, redelivered, unsigned);
                // Where the consumer was dropped, the message goes back.
                if let Some(commands) = ends.to_self.upgrade() {
                    let _ = ends.messages.send(Ok(received.claimed(ticket, commands)));
                }
            }
            Decision::DeadLetter(refusal, refused) => {
                let letters = self.writing.target().letters(refusal, message.headers.as_ref())?;
                let reply = self.ack_wait.and(message.reply);
                self.held.insert(refused.id(), Out::new(reply, deliveries));
                self.writing.write(letters, refused);
            }
            Decision::Refresh => {
                self.ask_feed();
                self.brought.push_front(Brought { message, spot, told_at });
            }
            Decision::Pause { until } => {
                self.ask_feed();
                self.paused = Some((until, self.settings.trust.current()));
                self.brought.push_front(Brought { message, spot, told_at });
            }
            Decision::Known => {}
            Decision::Stop(error) => return Err(End::Failed(error)),
        }
        Ok(())
    }

    fn ask_feed(&mut self) {
        self.refreshing = Some(match &self.settings.refresh {
            Some(refresh) => refresh(),
            None => std::future::ready(()).boxed(),
        });
    }

    /// Shows the inbox a message that it saw in an earlier life.
    pub(in super::super) async fn rebuild(
        &mut self,
        message: &async_nats::Message,
        spot: &Spot,
    ) -> Result<()> {
        loop {
            let position = Some(Position { log: self.log, offset: spot.sequence });
            let channel =
                self.settings.channel.as_deref().unwrap_or_else(|| message.subject.as_str());
            let arrived = Arrived { envelope: &message.payload, channel, position };
            let place = Place {
                patterns: &self.patterns,
                settings: &self.settings,
                subject: message.subject.as_str(),
                reach: None,
            };
            let now = self.settings.clock.now();
            match self.inbox.rebuild(now, &arrived, |verified| place.check(verified)) {
                Rebuilt::Seen | Rebuilt::Skipped => return Ok(()),
                Rebuilt::Refresh => {
                    self.ask_feed_now().await;
                    self.inbox.refreshed(self.settings.clock.now());
                }
                Rebuilt::Pause { until } => {
                    self.ask_feed_now().await;
                    sleep(until.since(self.settings.clock.now())).await;
                }
                Rebuilt::Stop(error) => return Err(error),
            }
        }
    }

    async fn ask_feed_now(&self) {
        if let Some(refresh) = &self.settings.refresh {
            refresh().await;
        }
    }
}
