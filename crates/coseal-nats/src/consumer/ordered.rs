//! A stream read in order: what the server loses on the way is asked for again.
//!
//! The server keeps a reader in memory only, and numbers what it sends to it.
//! A number that is missing, or a reader that is gone: a new reader, from where
//! the last message stood.

use async_nats::jetstream::consumer::DeliverPolicy;
use coseal::Result;
use tokio::time::{Duration, sleep};

use super::read_back::Reader;
use super::{Event, Pull};

/// How long to wait where no reader can be made.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) struct Ordered {
    reader: Reader,
    pull: Option<Pull>,
    /// The next place in the stream.
    next: u64,
    /// What the present reader was sent last.
    sent: u64,
}

impl Ordered {
    pub(super) const fn new(reader: Reader, next: u64) -> Self {
        Self { reader, pull: None, next, sent: 0 }
    }

    /// Has messages under way.
    pub(super) async fn ask(&mut self, room: usize) -> Result<()> {
        if self.pull.is_none() {
            let start = DeliverPolicy::ByStartSequence { start_sequence: self.next.max(1) };
            match self.reader.begin(start).await {
                Ok((pull, _)) => {
                    self.pull = Some(pull);
                    self.sent = 0;
                }
                Err(error) => {
                    tracing::debug!("no reader yet: {error}");
                    sleep(AGAIN).await;
                    return Ok(());
                }
            }
        }
        match &mut self.pull {
            Some(pull) => pull.ask(room).await,
            None => Ok(()),
        }
    }

    /// What comes next. May be dropped at any time.
    pub(super) async fn next(&mut self) -> Event {
        let event = match &mut self.pull {
            Some(pull) => pull.next().await,
            None => Event::Nothing,
        };
        self.follow(event)
    }

    /// What has come already.
    pub(super) fn next_now(&mut self) -> Option<Event> {
        let event = self.pull.as_mut()?.next_now()?;
        Some(self.follow(event))
    }

    fn follow(&mut self, event: Event) -> Event {
        match &event {
            Event::Message(_, Some(spot)) if spot.consumer_sequence == self.sent + 1 => {
                self.sent = spot.consumer_sequence;
                self.next = spot.sequence + 1;
                event
            }
            Event::Message(..) | Event::Gone | Event::Unanswered => {
                self.pull = None;
                Event::Nothing
            }
            Event::Ended | Event::Nothing => event,
        }
    }
}
