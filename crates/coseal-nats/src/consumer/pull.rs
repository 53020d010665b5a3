//! Requests for messages of a stream → messages, and what the server says
//! about the requests.
//!
//! The client has a stream of its own for this, which believes the status line
//! of any message: whoever may publish could end it, or have messages pass
//! unseen. Here the server's words are told from messages by their subject: a
//! message comes under its own, and only words come under the request's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::client::Statistics;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::{Client, Message, StatusCode, Subject, Subscriber};
use coseal::Result;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until};

use super::Spot;
use crate::error::carrier;

/// Messages asked for at once, at most: half of them are under way while the
/// other half is judged.
const BATCH: usize = 256;

/// How long the server holds a request.
const EXPIRES: Duration = Duration::from_secs(30);

/// How often the server says that it still holds a request. Where two of them
/// are missing, the request is made anew.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long to wait before a request is made again that the server refused.
const AGAIN: Duration = Duration::from_millis(250);

/// What comes out of a pull.
#[expect(clippy::large_enum_variant, reason = "mostly the large one, and moved at once")]
pub(crate) enum Event {
    /// Where a stream holds it, if one does.
    Message(Message, Option<Spot>),
    /// There may be no such consumer any more: to be asked of the server.
    Gone,
    /// Nobody answers requests: the server has just started, a leader is being
    /// elected, or the consumer is not there.
    Unanswered,
    /// The subscription ended: the client was closed or drained.
    Ended,
    /// Something else was said, or it is time to ask again.
    Nothing,
}

impl Event {
    /// What a subscription brought.
    pub(super) fn sent(message: Option<Message>) -> Self {
        message.map_or(Self::Ended, |message| Self::Message(message, None))
    }
}

/// Asks a consumer of a stream for messages.
pub(crate) struct Pull {
    consumer: PullConsumer,
    inbox: Subject,
    messages: Subscriber,
    /// Messages that were asked for and did not come yet.
    asked: usize,
    /// When the server's silence is too long.
    deadline: Instant,
    /// Not before then.
    pause: Option<Instant>,
    statistics: Arc<Statistics>,
    connects: u64,
}

impl Pull {
    pub(crate) async fn new(client: &Client, consumer: PullConsumer) -> Result<Self> {
        let inbox = Subject::from(client.new_inbox());
        let messages = client.subscribe(inbox.clone()).await.map_err(carrier)?;
        let statistics = client.statistics();
        Ok(Self {
            consumer,
            inbox,
            messages,
            asked: 0,
            deadline: Instant::now() + HEARTBEAT * 2,
            pause: None,
            connects: statistics.connects.load(Ordering::Relaxed),
            statistics,
        })
    }

    /// Has so many messages under way, or some fewer.
    pub(crate) async fn ask(&mut self, room: usize) -> Result<()> {
        // Requests of a connection that is gone are gone with it.
        let connects = self.statistics.connects.load(Ordering::Relaxed);
        if connects != self.connects {
            self.connects = connects;
            self.asked = 0;
        }
        let wanted = room.min(BATCH);
        if self.pause.is_some_and(|until| Instant::now() < until) || self.asked > wanted / 2 {
            return Ok(());
        }
        self.pause = None;
        let batch = wanted - self.asked;
        if batch == 0 {
            return Ok(());
        }
        let request = BatchConfig {
            batch,
            expires: Some(EXPIRES),
            idle_heartbeat: HEARTBEAT,
            ..BatchConfig::default()
        };
        self.consumer.request_batch(request, self.inbox.clone()).await.map_err(carrier)?;
        self.asked += batch;
        self.deadline = Instant::now() + HEARTBEAT * 2;
        Ok(())
    }

    /// What comes next. May be dropped at any time.
    pub(crate) async fn next(&mut self) -> Event {
        let wake = self.pause.unwrap_or(self.deadline);
        let message = tokio::select! {
            biased;
            message = self.messages.next() => message,
            () = sleep_until(wake) => {
                if self.pause.take().is_none() {
                    self.asked = 0;
                    self.deadline = Instant::now() + HEARTBEAT * 2;
                }
                return Event::Nothing;
            }
        };
        match message {
            Some(message) => self.read(message),
            None => Event::Ended,
        }
    }

    /// What has come already.
    pub(crate) fn next_now(&mut self) -> Option<Event> {
        match futures_util::FutureExt::now_or_never(self.messages.next())? {
            Some(message) => Some(self.read(message)),
            None => Some(Event::Ended),
        }
    }

    fn read(&mut self, message: Message) -> Event {
        self.deadline = Instant::now() + HEARTBEAT * 2;
        if message.subject != self.inbox {
            self.asked = self.asked.saturating_sub(1);
            let spot = message.reply.as_ref().and_then(|reply| Spot::of(reply));
            return spot.map_or(Event::Nothing, |spot| Event::Message(message, Some(spot)));
        }
        let said = message.description.as_deref().unwrap_or_default();
        match message.status {
            Some(StatusCode::IDLE_HEARTBEAT) => {}
            Some(StatusCode::REQUEST_TERMINATED) if said == "Consumer Deleted" => {
                self.pause = Some(Instant::now() + AGAIN);
                self.asked = 0;
                return Event::Gone;
            }
            Some(StatusCode::TIMEOUT | StatusCode::REQUEST_TERMINATED) => {
                let pending = message.headers.as_ref().and_then(|headers| {
                    headers.get("Nats-Pending-Messages")?.as_str().parse::<usize>().ok()
                });
                if message.status != Some(StatusCode::TIMEOUT) {
                    self.pause = Some(Instant::now() + AGAIN);
                }
                self.asked = pending.map_or(0, |pending| self.asked.saturating_sub(pending));
            }
            _ => {
                tracing::debug!(status = ?message.status, said, "a pull request was refused");
                self.pause = Some(Instant::now() + AGAIN);
                self.asked = 0;
                return Event::Unanswered;
            }
        }
        Event::Nothing
    }
}

impl Pull {
    /// Asks the server whether the consumer is gone: words under the request's
    /// subject may be anybody's.
    ///
    /// # Errors
    ///
    /// `carrier` where it is.
    pub(crate) async fn check(&self) -> Result<()> {
        match self.consumer.get_info().await {
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Err(carrier(error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
