//! The task behind a consumer: it drives the inbox, and does what it decides.

mod commit;
mod judge;
mod letters;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::AckKind;
use async_nats::{Client, Message, Subject, Subscriber};
use bytes::Bytes;
use coseal::{Error, Result, Time, TrustBundle};
use coseal_carrier::{Inbox, LogStart, Written};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::held::{Held, Out};
use super::ordered::Ordered;
use super::{Command, Consumer, Event, Pull, Received, Settings, Spot};
use crate::dead_letters::DeadLetters;
use crate::error::ended;
use letters::Writing;

/// How often to look whether something is due that nobody announces.
const TICK: Duration = Duration::from_millis(100);

/// Messages judged before others of this task's duties come in turn.
const AT_ONCE: usize = 64;

/// Where messages come from.
pub(super) enum Source {
    Pull(Box<Pull>),
    Ordered(Box<Ordered>),
    Core(Subscriber),
}

/// A message, and where a stream holds it.
struct Brought {
    message: Message,
    spot: Option<Spot>,
    /// When the server was last told that it is here.
    told_at: Instant,
}

impl Brought {
    fn new(message: Message, spot: Option<Spot>) -> Self {
        Self { message, spot, told_at: Instant::now() }
    }
}

/// Why the task ends.
enum End {
    /// Nobody wants anything any more.
    Over,
    /// As if the process ended.
    Abort,
    /// It has to be told.
    Failed(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Everything that one consumer is.
pub(super) struct Work {
    client: Client,
    settings: Settings,
    inbox: Inbox,
    patterns: Vec<String>,
    log: u64,
    /// What was sealed before may have been delivered before.
    reach: Option<Time>,
    /// Where nothing is acknowledged, `None`.
    ack_wait: Option<Duration>,
    writing: Writing,
    held: Held,
    /// What is judged next, in its order.
    brought: VecDeque<Brought>,
    /// The trust feed is being asked.
    refreshing: Option<BoxFuture<'static, ()>>,
    /// Until when nothing is judged, and the bundle that had expired.
    paused: Option<(Time, Arc<TrustBundle>)>,
    committing: Option<BoxFuture<'static, Result<Written>>>,
    draining: bool,
}

/// The ends of the task that the caller holds the others of.
struct Ends {
    messages: mpsc::UnboundedSender<Result<Received>>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// For messages that are given out. Not to keep the task alive by itself.
    to_self: mpsc::WeakUnboundedSender<Command>,
}

impl Work {
    pub(super) fn new(
        client: Client,
        settings: Settings,
        inbox: Inbox,
        letters: DeadLetters,
        patterns: Vec<String>,
    ) -> Self {
        Self {
            client,
            settings,
            inbox,
            patterns,
            log: 0,
            reach: None,
            ack_wait: None,
            writing: Writing::new(letters),
            held: Held::new(),
            brought: VecDeque::new(),
            refreshing: None,
            paused: None,
            committing: None,
            draining: false,
        }
    }

    pub(super) fn begin_log(&mut self, start: LogStart) -> Result<()> {
        self.log = start.log;
        self.inbox.begin_log(start)
    }

    /// The memory knows nothing of what a stream took before `from`.
    pub(super) fn reaches_back_to(&mut self, from: Time) {
        self.reach = Some(from.plus(self.settings.skew));
    }

    pub(super) const fn span(&self) -> Duration {
        self.inbox.span()
    }

    /// Begins to consume.
    pub(super) fn start(mut self, source: Source, ack_wait: Option<Duration>) -> Consumer {
        self.ack_wait = ack_wait;
        let (messages, received) = mpsc::unbounded_channel();
        let (command, commands) = mpsc::unbounded_channel();
        let ends = Ends { messages, commands, to_self: command.downgrade() };
        tokio::spawn(self.run(source, ends));
        Consumer { messages: received, commands: command }
    }

    async fn run(mut self, mut source: Source, mut ends: Ends) {
        match self.work(&mut source, &mut ends).await {
            Err(End::Failed(error)) => {
                tracing::error!(code = error.code(), "the consumer stops: {error}");
                let _ = ends.messages.send(Err(error));
            }
            Err(End::Abort) => {}
            Ok(()) | Err(End::Over) => {
                if let Some(committing) = self.committing.take()
                    && let Ok(written) = committing.await
                {
                    self.committed(written).await;
                }
                self.give_back_unjudged(&mut source).await;
                // What was told so far leaves this process.
                let _ = self.client.flush().await;
            }
        }
    }

    async fn work(&mut self, source: &mut Source, ends: &mut Ends) -> Result<(), End> {
        let mut tick = interval(self.ack_wait.map_or(TICK, |wait| (wait / 4).min(TICK)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.draining |= ends.messages.is_closed();
            if self.draining && self.is_done() {
                return Err(End::Over);
            }
            let fetch = self.may_judge() && self.brought.is_empty();
            if fetch {
                source.ask(self.inbox.room()).await?;
            }
            tokio::select! {
                biased;
                command = ends.commands.recv() => match command {
                    Some(command) => self.obey(command).await?,
                    None => return Err(End::Over),
                },
                written = or_never(&mut self.committing) => {
                    self.committing = None;
                    self.committed(written?).await;
                }
                Some(refused) = self.writing.next() => self.inbox.dead_lettered(refused),
                () = or_never(&mut self.refreshing) => {
                    self.refreshing = None;
                    self.inbox.refreshed(self.settings.clock.now());
                }
                _ = tick.tick() => self.look_round(source).await?,
                event = source.next(), if fetch => self.accept(source, event).await?,
            }
            self.judge_what_came(source, ends).await?;
            self.commit().await?;
        }
    }

    /// Whether a message may be judged now.
    fn may_judge(&self) -> bool {
        !self.draining
            && self.refreshing.is_none()
            && self.paused.is_none()
            && !self.writing.is_blocked()
            && self.inbox.room() > 0
    }

    fn is_done(&self) -> bool {
        self.held.is_empty() && self.committing.is_none()
    }

    async fn accept(&mut self, source: &Source, event: Event) -> Result<(), End> {
        match event {
            Event::Message(message, spot) => {
                self.brought.push_back(Brought::new(message, spot));
                Ok(())
            }
            Event::Gone | Event::Unanswered => match source {
                Source::Pull(pull) => Ok(pull.check().await?),
                Source::Ordered(_) | Source::Core(_) => Ok(()),
            },
            Event::Ended => Err(End::Failed(ended())),
            Event::Nothing => Ok(()),
        }
    }

    /// Judges what was brought, and what lies ready behind it.
    async fn judge_what_came(&mut self, source: &mut Source, ends: &Ends) -> Result<(), End> {
        for _ in 0..AT_ONCE {
            if !self.may_judge() {
                return Ok(());
            }
            if self.brought.is_empty() {
                match source.next_now() {
                    Some(event) => self.accept(source, event).await?,
                    None => return Ok(()),
                }
            }
            if let Some(brought) = self.brought.pop_front() {
                self.judge(brought, ends)?;
            }
        }
        Ok(())
    }

    async fn obey(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Acknowledge(ticket, waits) => {
                if let Some(out) = self.held.get_mut(&ticket.id()) {
                    out.waits = waits;
                }
                self.inbox.acknowledge(ticket);
            }
            Command::GiveBack(ticket, delay) => {
                let out = self.held.remove(&ticket.id());
                self.inbox.give_back(ticket);
                if let Some(Out { reply: Some(reply), deliveries, .. }) = out {
                    let delay = delay.unwrap_or_else(|| self.settings.back_off.after(deliveries));
                    self.tell(reply, AckKind::Nak(Some(delay))).await;
                }
            }
            Command::Progress(id) => {
                if let Some(out) = self.held.get_mut(&id)
                    && let Some(reply) = out.reply.clone()
                {
                    out.told_at = Instant::now();
                    self.tell(reply, AckKind::Progress).await;
                }
            }
            Command::Drain => self.draining = true,
            Command::Abort => return Err(End::Abort),
        }
        Ok(())
    }

    /// Where the connection fails, the message comes again.
    async fn tell(&mut self, reply: Subject, kind: AckKind) {
        if let Err(error) = self.client.publish(reply, Bytes::from(kind)).await {
            tracing::debug!("an acknowledgement was not sent: {error}");
        }
    }

    /// What nobody announces: that work goes on, that a pause is over.
    async fn look_round(&mut self, source: &mut Source) -> Result<(), End> {
        if let Some((until, bundle)) = &self.paused
            && (self.settings.clock.now() >= *until || !self.settings.trust.is_current(bundle))
        {
            self.paused = None;
        }
        let Some(ack_wait) = self.ack_wait else { return Ok(()) };
        // What cannot be judged yet is kept, too: else the server takes it for
        // lost and sends it again.
        if !self.may_judge() {
            while let Some(event) = source.next_now() {
                self.accept(source, event).await?;
            }
        }
        let now = Instant::now();
        let due = |told_at: Instant| now.duration_since(told_at) >= ack_wait / 3;
        let mut tell = Vec::new();
        for out in self.held.values_mut().filter(|out| due(out.told_at)) {
            let held_too_long =
                self.settings.hold_at_most.is_some_and(|most| now.duration_since(out.since) > most);
            if let Some(reply) = &out.reply
                && !held_too_long
            {
                out.told_at = now;
                tell.push(reply.clone());
            }
        }
        for brought in self.brought.iter_mut().filter(|brought| due(brought.told_at)) {
            brought.told_at = now;
            tell.extend(brought.message.reply.clone());
        }
        for reply in tell {
            self.tell(reply, AckKind::Progress).await;
        }
        Ok(())
    }

    /// What was fetched and not looked at comes again at once, to whoever asks.
    async fn give_back_unjudged(&mut self, source: &mut Source) {
        if self.ack_wait.is_none() {
            return;
        }
        let mut unjudged: Vec<_> = self.brought.drain(..).map(|brought| brought.message).collect();
        while let Some(event) = source.next_now() {
            match event {
                Event::Message(message, _) => unjudged.push(message),
                Event::Ended => break,
                Event::Gone | Event::Unanswered | Event::Nothing => {}
            }
        }
        for reply in unjudged.into_iter().filter_map(|message| message.reply) {
            self.tell(reply, AckKind::Nak(None)).await;
        }
    }
}

/// What is under way, if anything is.
async fn or_never<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

impl Source {
    async fn ask(&mut self, room: usize) -> Result<()> {
        match self {
            Self::Pull(pull) => pull.ask(room).await,
            Self::Ordered(ordered) => ordered.ask(room).await,
            Self::Core(_) => Ok(()),
        }
    }

    async fn next(&mut self) -> Event {
        match self {
            Self::Pull(pull) => pull.next().await,
            Self::Ordered(ordered) => ordered.next().await,
            Self::Core(subscriber) => Event::sent(subscriber.next().await),
        }
    }

    fn next_now(&mut self) -> Option<Event> {
        match self {
            Self::Pull(pull) => pull.next_now(),
            Self::Ordered(ordered) => ordered.next_now(),
            Self::Core(subscriber) => subscriber.next().now_or_never().map(Event::sent),
        }
    }
}
