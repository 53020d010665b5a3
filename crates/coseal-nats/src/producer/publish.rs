//! Sealed messages → published, in their order; the server's word → whoever
//! waits for it. What is published again is the same bytes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, client};
use coseal::{Error, Result};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Published, Ready, Sealed};
use crate::error::carrier;
use crate::message::Around;

/// Messages that wait for the server's word: what a fast server answers in a
/// few milliseconds, and fewer than the client holds by itself.
const MAX_UNDER_WAY: usize = 2048;

/// The first wait before publishing is tried again, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Where messages go.
pub(super) enum Target {
    JetStream(jetstream::Context),
    Core(Client),
}

/// Runs until nothing more comes and everything is told.
pub(super) async fn run(
    target: Target,
    give_up_after: Duration,
    mut sealed: mpsc::Receiver<Sealed>,
) {
    match target {
        Target::Core(client) => to_listeners(&client, &mut sealed).await,
        Target::JetStream(context) => Publishing::new(context, give_up_after, sealed).run().await,
    }
}

/// What was sealed together is sent together: the connection is flushed once.
async fn to_listeners(client: &Client, sealed: &mut mpsc::Receiver<Sealed>) {
    let mut come = Vec::new();
    let mut sent = Vec::new();
    while sealed.recv_many(&mut come, 256).await > 0 {
        let mut marks = Vec::new();
        for sealed in come.drain(..) {
            let Ready { id, around, envelope, told } = match sealed {
                Sealed::Message(ready) => ready,
                mark @ (Sealed::Flush(_) | Sealed::Close(..)) => {
                    marks.push(mark);
                    continue;
                }
            };
            let Around { subject, reply, headers } = around;
            let published = match reply {
                Some(reply) => {
                    client.publish_with_reply_and_headers(subject, reply, headers, envelope).await
                }
                None => client.publish_with_headers(subject, headers, envelope).await,
            };
            match published {
                Ok(()) => sent.push((id, told)),
                Err(error) => {
                    let _ = told.send(Err(refused(error)));
                }
            }
        }
        let flushed = client.flush().await;
        for (id, told) in sent.drain(..) {
            let _ = told.send(match &flushed {
                Ok(()) => Ok(Published { id, stored: None, duplicate: false }),
                Err(error) => Err(carrier(error.to_string())),
            });
        }
        marks.into_iter().for_each(pass);
    }
}

fn refused(error: client::PublishError) -> Error {
    match error.kind() {
        client::PublishErrorKind::MaxPayloadExceeded | client::PublishErrorKind::InvalidSubject => {
            Error::Misuse(in_words(&error).into())
        }
        client::PublishErrorKind::Send => carrier(error),
    }
}

/// An error with what caused it.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_in_words = cause.to_string();
        if !words.contains(&cause_in_words) {
            words = format!("{words}: {cause_in_words}");
        }
        source = cause.source();
    }
    words
}

fn pass(mark: Sealed) {
    // Whoever asked may have gone.
    match mark {
        Sealed::Flush(told) => {
            let _ = told.send(());
        }
        Sealed::Close(told, ends) => {
            let _ = told.send(ends);
        }
        Sealed::Message(_) => {}
    }
}

/// A message on its way to a stream.
struct UnderWay {
    ready: Ready,
    /// Its place in the order of publishing.
    number: u64,
    /// When it was published first.
    since: Instant,
}

type Sending = BoxFuture<'static, (UnderWay, Result<PublishAckFuture, PublishError>)>;
type Acked = BoxFuture<'static, (UnderWay, Result<PublishAck, PublishError>)>;

/// The task that publishes to streams.
struct Publishing {
    context: jetstream::Context,
    give_up_after: Duration,
    sealed: mpsc::Receiver<Sealed>,
    sending: Option<Sending>,
    acks: FuturesUnordered<Acked>,
    /// To be published again before anything new, once nothing is under way:
    /// so their order stays.
    failed: Vec<UnderWay>,
    again: VecDeque<UnderWay>,
    wait: Duration,
    mark: Option<Sealed>,
    numbers: u64,
    ended: bool,
}

impl Publishing {
    fn new(
        context: jetstream::Context,
        give_up_after: Duration,
        sealed: mpsc::Receiver<Sealed>,
    ) -> Self {
        Self {
            context,
            give_up_after,
            sealed,
            sending: None,
            acks: FuturesUnordered::new(),
            failed: Vec::new(),
            again: VecDeque::new(),
            wait: FIRST_WAIT,
            mark: None,
            numbers: 0,
            ended: false,
        }
    }

    async fn run(mut self) {
        loop {
            let idle = self.sending.is_none() && self.acks.is_empty();
            if idle && self.failed.is_empty() && self.again.is_empty() {
                if let Some(mark) = self.mark.take() {
                    pass(mark);
                }
                if self.ended {
                    return;
                }
            }
            if idle && !self.failed.is_empty() {
                sleep(self.wait).await;
                self.wait = (self.wait * 2).min(LONGEST_WAIT);
                self.failed.sort_by_key(|under_way| under_way.number);
                self.again.extend(self.failed.drain(..));
            }
            if self.sending.is_none()
                && self.failed.is_empty()
                && let Some(under_way) = self.again.pop_front()
            {
                self.send(under_way);
            }
            let next = self.sending.is_none()
                && self.failed.is_empty()
                && self.mark.is_none()
                && !self.ended
                && self.acks.len() < MAX_UNDER_WAY;
            tokio::select! {
                biased;
                Some((under_way, sent)) = under_way(&mut self.sending) => {
                    self.sending = None;
                    self.sent(under_way, sent);
                }
                Some((under_way, acked)) = self.acks.next(), if !self.acks.is_empty() => {
                    self.acked(under_way, acked);
                }
                sealed = self.sealed.recv(), if next => self.take(sealed),
            }
        }
    }

    fn take(&mut self, sealed: Option<Sealed>) {
        match sealed {
            Some(Sealed::Message(ready)) => {
                self.numbers += 1;
                self.send(UnderWay { ready, number: self.numbers, since: Instant::now() });
            }
            Some(mark @ (Sealed::Flush(_) | Sealed::Close(..))) => self.mark = Some(mark),
            None => self.ended = true,
        }
    }

    fn send(&mut self, under_way: UnderWay) {
        let context = self.context.clone();
        self.sending = Some(Box::pin(async move {
            let Ready { around: Around { subject, headers, .. }, envelope, .. } = &under_way.ready;
            let message =
                PublishMessage::build().headers(headers.clone()).payload(envelope.clone());
            let sent = context.send_publish(subject.clone(), message).await;
            (under_way, sent)
        }));
    }

    fn sent(&mut self, under_way: UnderWay, sent: Result<PublishAckFuture, PublishError>) {
        match sent {
            Ok(ack) => self.acks.push(Box::pin(async move { (under_way, ack.await) })),
            Err(error) => self.fail(under_way, error),
        }
    }

    fn acked(&mut self, under_way: UnderWay, acked: Result<PublishAck, PublishError>) {
        match acked {
            Ok(PublishAck { stream, sequence, duplicate, .. }) => {
                self.wait = FIRST_WAIT;
                let Ready { id, told, .. } = under_way.ready;
                let _ =
                    told.send(Ok(Published { id, stored: Some((stream, sequence)), duplicate }));
            }
            Err(error) => self.fail(under_way, error),
        }
    }

    fn fail(&mut self, under_way: UnderWay, error: PublishError) {
        let told = if is_lasting(&error) {
            Error::Misuse(in_words(&error).into())
        } else if under_way.since.elapsed() < self.give_up_after {
            tracing::debug!(id = %under_way.ready.id, "publishing is tried again: {error}");
            self.failed.push(under_way);
            return;
        } else {
            carrier(error)
        };
        let _ = under_way.ready.told.send(Err(told));
    }
}

/// What is being sent, if anything is.
async fn under_way(
    sending: &mut Option<Sending>,
) -> Option<(UnderWay, Result<PublishAckFuture, PublishError>)> {
    Some(sending.as_mut()?.await)
}

/// Whether the same bytes would be refused for ever.
fn is_lasting(error: &PublishError) -> bool {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence => true,
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => false,
        PublishErrorKind::Other => {
            let cause = std::error::Error::source(error);
            let told = cause.and_then(|cause| cause.downcast_ref::<jetstream::Error>());
            told.is_some_and(|told| {
                [
                    ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM,
                    ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM,
                ]
                .contains(&told.error_code())
            })
        }
    }
}
