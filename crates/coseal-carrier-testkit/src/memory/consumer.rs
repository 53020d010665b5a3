//! A consumer of a carrier in memory: how an adapter drives an inbox.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coseal::{Position, Result, Time, Verified};
use coseal_carrier::{
    Arrived, Commits, Decision, Inbox, LogStart, Rebuilt, Refused, Ticket, log_id,
};
use tokio::time::timeout;

use super::{Broker, Way};
use crate::{Consumer, Keeps, Received, World};

/// How long to wait before something is tried again that failed.
const AGAIN: Duration = Duration::from_millis(20);

/// A consumer.
pub struct MemoryConsumer<W> {
    broker: Arc<Broker>,
    world: Arc<World>,
    channel: String,
    log: u64,
    inbox: Inbox,
    /// The next message of the log.
    next: usize,
    /// Messages to be given out again, where each is acknowledged.
    again: VecDeque<usize>,
    /// Tickets that are out, where each is acknowledged.
    out: BTreeMap<u64, usize>,
    /// What callers dropped.
    dropped: Arc<Mutex<Vec<Ticket>>>,
    /// Letters that could not be written yet.
    letters: Vec<(Vec<Vec<u8>>, Refused)>,
    paused_until: Option<Time>,
    session: u64,
    way: PhantomData<W>,
}

/// A message of a carrier in memory.
#[derive(Debug)]
pub struct MemoryMessage {
    ticket: Option<Ticket>,
    dropped: Arc<Mutex<Vec<Ticket>>>,
}

impl Drop for MemoryMessage {
    fn drop(&mut self) {
        self.dropped.lock().unwrap().extend(self.ticket.take());
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is asked as a check is")]
fn fits(_: &Verified<'_>) -> Result<()> {
    Ok(())
}

impl<W: Way> MemoryConsumer<W> {
    /// Where the last consumer stood, with the memory rebuilt from the log.
    pub(super) fn begin(broker: Arc<Broker>, world: Arc<World>, channel: &str) -> Self {
        let build = Inbox::builder("memory", world.trust(), world.window());
        let build = build.key(world.receiving()).commits(W::COMMITS);
        let mut inbox = build.dead_letters(Arc::clone(&broker.list) as _).build().unwrap();
        let log = log_id(&["memory", channel]);
        let (back, next, again, session) = {
            let mut state = broker.state.lock().unwrap();
            let session = state.session;
            let log = state.channels.entry(channel.to_owned()).or_default();
            let seen = match (W::KEEPS, W::COMMITS) {
                (Keeps::Nothing, _) => 0,
                (_, Commits::Prefix) => log.committed,
                (_, Commits::Each) => log.given_out,
            };
            let back = log.messages[..seen].to_vec();
            let undone = (0..seen).filter(|place| !log.done.contains(place));
            let again: VecDeque<usize> = match W::COMMITS {
                Commits::Prefix => VecDeque::new(),
                Commits::Each => undone.collect(),
            };
            let next = if W::KEEPS == Keeps::Nothing { log.messages.len() } else { seen };
            (back, next, again, session)
        };
        if W::KEEPS == Keeps::UntilDone {
            let first = again.front().copied().unwrap_or(next) as u64;
            inbox.begin_log(LogStart { log, back_to: 0, next: first, memory: None }).unwrap();
        }
        for (envelope, offset) in back.iter().zip(0..) {
            let position = Some(Position { log, offset });
            let arrived = Arrived { envelope, channel, position };
            match inbox.rebuild(world.now(), &arrived, fits) {
                Rebuilt::Seen | Rebuilt::Skipped | Rebuilt::Refresh => {}
                other @ (Rebuilt::Pause { .. } | Rebuilt::Stop(_)) => panic!("{other:?}"),
            }
        }
        Self {
            channel: channel.to_owned(),
            log,
            inbox,
            next,
            again,
            out: BTreeMap::new(),
            dropped: Arc::default(),
            letters: Vec::new(),
            paused_until: None,
            session,
            broker,
            world,
            way: PhantomData,
        }
    }

    /// What there is to do, and a message if one comes out. `None`: wait.
    fn step(&mut self) -> Option<Result<Received<MemoryMessage>>> {
        loop {
            if let Err(error) = self.write_letters() {
                return Some(Err(error));
            }
            // A log stands still until its letter is written.
            if !self.letters.is_empty() {
                return None;
            }
            self.take_back();
            let now = self.world.now();
            if self.paused_until.take_if(|until| *until <= now).is_none()
                && self.paused_until.is_some()
            {
                self.world.refresh();
                if self.world.trust_expired() {
                    return None;
                }
                self.paused_until = None;
            }
            if self.inbox.room() == 0 {
                return None;
            }
            let (place, envelope) = self.fetch()?;
            match self.judge(now, place, &envelope) {
                Judged::Message(received) => return Some(Ok(received)),
                Judged::Done => self.advance(place),
                Judged::Again => {}
                Judged::Wait => return None,
                Judged::Stop(error) => return Some(Err(error)),
            }
        }
    }

    fn judge(&mut self, now: Time, place: usize, envelope: &[u8]) -> Judged {
        let keeps = W::KEEPS == Keeps::UntilDone;
        let position = keeps.then_some(Position { log: self.log, offset: place as u64 });
        let channel = self.channel.clone();
        let arrived = Arrived { envelope, channel: &channel, position };
        let mut payload = Vec::new();
        match self.inbox.receive(now, &arrived, fits, &mut payload) {
            Decision::Deliver(opened, ticket) => {
                let redelivered = opened.redelivered();
                drop(opened);
                self.out.insert(ticket.id(), place);
                self.advance(place);
                let dropped = Arc::clone(&self.dropped);
                let message = MemoryMessage { ticket: Some(ticket), dropped };
                Judged::Message(Received { payload, redelivered, message })
            }
            Decision::DeadLetter(message, refused) => {
                let letters = match message.encode_within(super::MAX_MESSAGE) {
                    Ok(letters) => letters,
                    Err(error) => return Judged::Stop(error),
                };
                self.out.insert(refused.id(), place);
                self.letters.push((letters, refused));
                Judged::Done
            }
            Decision::Refresh => {
                self.world.refresh();
                self.inbox.refreshed(now);
                Judged::Again
            }
            Decision::Pause { until } => {
                self.world.refresh();
                self.paused_until = Some(until);
                Judged::Wait
            }
            Decision::Known => Judged::Done,
            Decision::Stop(error) => Judged::Stop(error),
        }
    }

    /// The next message, without taking it.
    fn fetch(&mut self) -> Option<(usize, Vec<u8>)> {
        let mut state = self.broker.state.lock().unwrap();
        let session = state.session;
        let log = state.channels.get_mut(&self.channel)?;
        if session != self.session {
            self.session = session;
            // A broker that started again knows what was committed, no more.
            match W::COMMITS {
                Commits::Prefix => self.next = log.committed,
                Commits::Each if W::KEEPS == Keeps::UntilDone => {
                    let undone: BTreeSet<usize> =
                        (0..self.next).filter(|place| !log.done.contains(place)).collect();
                    self.again = undone.into_iter().collect();
                }
                Commits::Each => {}
            }
        }
        let place = self.again.front().copied().unwrap_or(self.next);
        log.given_out = log.given_out.max(self.next);
        log.messages.get(place).map(|envelope| (place, envelope.clone()))
    }

    fn advance(&mut self, place: usize) {
        match self.again.front() {
            Some(first) if *first == place => {
                self.again.pop_front();
            }
            _ => self.next = place + 1,
        }
    }

    fn write_letters(&mut self) -> Result<()> {
        {
            let mut state = self.broker.state.lock().unwrap();
            if state.blocked {
                return Ok(());
            }
            for (letters, refused) in self.letters.drain(..) {
                state.dead_letters.extend(letters);
                self.inbox.dead_lettered(refused);
            }
        }
        self.commit()
    }

    /// What callers dropped is asked for again.
    fn take_back(&mut self) {
        for ticket in std::mem::take(&mut *self.dropped.lock().unwrap()) {
            if let Some(place) = self.out.remove(&ticket.id())
                && W::KEEPS == Keeps::UntilDone
                && W::COMMITS == Commits::Each
            {
                self.again.push_back(place);
            }
            self.inbox.give_back(ticket);
        }
        if let Some(position) = self.inbox.returned().next() {
            self.next = self.next.min(usize::try_from(position.offset).unwrap());
        }
    }

    fn commit(&mut self) -> Result<()> {
        let Some(commit) = self.inbox.begin_commit() else { return Ok(()) };
        let written = commit.write()?;
        let mut state = self.broker.state.lock().unwrap();
        let log = state.channels.entry(self.channel.clone()).or_default();
        for position in written.prefixes {
            log.committed = usize::try_from(position.offset).unwrap();
        }
        for done in written.done {
            log.done.extend(self.out.remove(&done.id));
        }
        Ok(())
    }
}

enum Judged {
    Message(Received<MemoryMessage>),
    Done,
    Again,
    Wait,
    Stop(coseal::Error),
}

impl<W: Way> Consumer for MemoryConsumer<W> {
    type Message = MemoryMessage;

    async fn next(&mut self) -> Result<Received<Self::Message>> {
        loop {
            if let Some(received) = self.step() {
                return received;
            }
            let _ = timeout(AGAIN, self.broker.changed.notified()).await;
        }
    }

    async fn acknowledge(&mut self, mut message: Self::Message) {
        if let Some(ticket) = message.ticket.take() {
            self.inbox.acknowledge(ticket);
        }
        self.commit().unwrap();
    }

    async fn kill(self) {}
}

impl<W> fmt::Debug for MemoryConsumer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryConsumer")
            .field("channel", &self.channel)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
