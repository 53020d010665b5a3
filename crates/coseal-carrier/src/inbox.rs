//! What a carrier brought → what to do with it; what was done with it → what
//! may be committed.
//!
//! Nothing that arrives is trusted. What is no envelope, or not for here, is
//! refused like any bad one and becomes a dead letter; nothing that a stranger
//! can send stops the flow for longer than one look at the trust feed in five
//! seconds.

mod builder;
mod commit;
mod decision;
mod log;
mod refresh;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coseal::{
    CarriedOpener, DeadLetter, DeadLetterList, Disposition, Error, Opened, Place, Position,
    ReplayMemory, Result, Time, TrustSource, Untrusted, Verified,
};
use zeroize::Zeroize;

use crate::RefusedMessage;
use crate::telemetry::{self, InboxMeters};
pub use builder::{Commits, InboxBuilder};
pub use commit::{Commit, Done, Written};
pub use decision::{Arrived, Decision, LogStart, Rebuilt, Refused, Ticket, log_id};
use log::{Known, Log};
pub(crate) use refresh::Refresh;

/// Judges what one consumer gets, and keeps account of what of it is done.
///
/// Not shared: one task drives it. What it judges is not held here; a ticket
/// stands for it.
pub struct Inbox {
    carrier: &'static str,
    opener: CarriedOpener,
    trust: Arc<dyn TrustSource>,
    memory: Arc<dyn ReplayMemory>,
    list: Arc<dyn DeadLetterList>,
    commits: Commits,
    max_in_flight: usize,
    logs: BTreeMap<u64, Log>,
    /// Done and not yet told, where each is told for itself.
    done: Vec<Done>,
    /// Delivered and not done.
    with_caller: usize,
    /// To be put on the list, and to be taken off it, at the next commit.
    letters: Vec<DeadLetter>,
    passed: Vec<DeadLetter>,
    refresh: Refresh,
    last_id: u64,
    generations: u64,
    /// What a payload is opened into that nobody gets.
    scratch: Vec<u8>,
    meters: InboxMeters,
}

impl Inbox {
    /// Begins to describe an inbox of a carrier of this name, which judges by
    /// the bundles of `trust`. No message may be older than `window`: measured
    /// against now, or in a log against the latest message of the same signer
    /// there.
    #[must_use]
    pub const fn builder(
        carrier: &'static str,
        trust: Arc<dyn TrustSource>,
        window: Duration,
    ) -> InboxBuilder {
        InboxBuilder::new(carrier, trust, window)
    }

    /// Judges a message. `check` is what only the carrier knows: whether what
    /// the message's signed headers say of its place is so. The payload is
    /// appended to `payload`, which may be used again for the next one.
    ///
    /// Bring messages in the order of their log; where one was answered with
    /// [`Decision::Refresh`] or [`Decision::Pause`], hold those of the same log
    /// behind it.
    pub fn receive<'a>(
        &mut self,
        now: Time,
        arrived: &Arrived<'a>,
        check: impl FnOnce(&Verified<'_>) -> Result<()>,
        payload: &'a mut Vec<u8>,
    ) -> Decision<'a> {
        let Arrived { envelope, channel, position } = *arrived;
        let (known, generation) = self.find(position);
        if matches!(known, Known::Unasked) {
            return Decision::Known;
        }
        let opened = self.open(now, arrived, true, check, payload);
        let error = match opened {
            Ok(opened) => {
                let listed = match self.listed(envelope, position) {
                    Ok(listed) => listed,
                    Err(error) => return Decision::Stop(error),
                };
                let ticket = self.ticket(position, generation, listed);
                self.refresh.judged();
                self.with_caller += 1;
                return Decision::Deliver(opened, ticket);
            }
            Err(error) => error,
        };
        match self.refusal(now, error) {
            Refusal::Discard(error) => {
                self.meters.refused(&error);
                let letter = DeadLetter::new(envelope, position, &error, now);
                let message =
                    RefusedMessage::new(envelope, self.carrier, channel, &error, now).at(position);
                let ticket = self.ticket(position, generation, None);
                Decision::DeadLetter(message, Refused { ticket, letter, error })
            }
            Refusal::Refresh => Decision::Refresh,
            Refusal::Pause { until } => Decision::Pause { until },
            Refusal::Stop(error) => Decision::Stop(error),
        }
    }

    /// Reads a message back into the memory: what stands in the log between
    /// [`LogStart::back_to`] and [`LogStart::next`], in order. How far back
    /// that has to be: [`Self::span`]. Where several logs share a memory, read
    /// all of them back, and begin with the one that lags most.
    pub fn rebuild(
        &mut self,
        now: Time,
        arrived: &Arrived<'_>,
        check: impl FnOnce(&Verified<'_>) -> Result<()>,
    ) -> Rebuilt {
        if let Some(position) = arrived.position
            && let Some(log) = self.logs.get(&position.log)
            && log.listed.contains(&position.offset)
        {
            return Rebuilt::Skipped;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let place = self.place(now, arrived, true);
        let opened = self.opener.open_at(arrived.envelope, &place, check, &mut scratch);
        let opened = opened.map(drop);
        scratch.zeroize();
        self.scratch = scratch;
        let Err(error) = opened else {
            return Rebuilt::Seen;
        };
        match self.refusal(now, error) {
            Refusal::Discard(_) => Rebuilt::Skipped,
            Refusal::Refresh => Rebuilt::Refresh,
            Refusal::Pause { until } => Rebuilt::Pause { until },
            Refusal::Stop(error) => Rebuilt::Stop(error),
        }
    }

    /// How far back, before what was committed last, a log is read to rebuild
    /// the memory: the window and two skews, by sealing times.
    #[must_use]
    pub const fn span(&self) -> Duration {
        self.opener.span()
    }

    /// The trust feed was asked, whatever it answered.
    pub const fn refreshed(&mut self, now: Time) {
        self.refresh.done(now);
    }

    /// Begins a log, or begins it anew: tickets of before are void then.
    ///
    /// # Errors
    ///
    /// `carrier` where the list of dead letters cannot be read.
    pub fn begin_log(&mut self, start: LogStart) -> Result<()> {
        let LogStart { log, back_to, next, memory } = start;
        let listed = self.list.offsets(log, back_to.min(next))?.into_iter().collect();
        self.end_log(log);
        self.generations += 1;
        self.logs.insert(log, Log::new(self.generations, next, memory, listed));
        Ok(())
    }

    /// Ends a log: it belongs to another consumer now. Commit what is done of
    /// it before; tickets of it are void from now on.
    pub fn end_log(&mut self, log: u64) {
        self.logs.remove(&log);
    }

    /// The caller is done with a message.
    pub fn acknowledge(&mut self, ticket: Ticket) {
        self.with_caller = self.with_caller.saturating_sub(1);
        self.finish(ticket, false);
    }

    /// The dead letter of a message was written and acknowledged.
    pub fn dead_lettered(&mut self, refused: Refused) {
        let Refused { ticket, letter, .. } = refused;
        self.meters.dead_lettered();
        self.letters.push(letter);
        self.finish(ticket, true);
    }

    /// The caller dropped a message: to be told of every one, or its room is not
    /// given back. Where [`Self::returned`] names it, the
    /// carrier is to be asked for it again.
    pub fn give_back(&mut self, ticket: Ticket) {
        self.with_caller = self.with_caller.saturating_sub(1);
        if let Some(position) = ticket.position
            && let Some(log) = self.logs.get_mut(&position.log)
            && log.generation == ticket.generation
        {
            log.give_back(position.offset);
        }
    }

    /// Where each log has to be read again from, because something was given
    /// back. What lies behind and is not given back is answered with
    /// [`Decision::Known`].
    pub fn returned(&self) -> impl Iterator<Item = Position> {
        self.logs.iter().filter_map(|(log, state)| {
            state.returned().map(|offset| Position { log: *log, offset })
        })
    }

    /// How many more messages may be brought. Where it is 0, fetch nothing
    /// until something was committed: what is not done is remembered.
    #[must_use]
    pub fn room(&self) -> usize {
        let held = match self.commits {
            Commits::Prefix => self.logs.values().map(Log::held).sum(),
            Commits::Each => self.with_caller + self.done.len(),
        };
        self.max_in_flight.saturating_sub(held)
    }

    /// What is to be made durable before what is done can be committed. `None`
    /// where nothing is to be committed.
    pub fn begin_commit(&mut self) -> Option<Commit> {
        let prefixes: Vec<_> = self
            .logs
            .iter_mut()
            .filter_map(|(log, state)| state.release().map(|offset| Position { log: *log, offset }))
            .collect();
        let done = std::mem::take(&mut self.done);
        let letters = std::mem::take(&mut self.letters);
        let passed = std::mem::take(&mut self.passed);
        if prefixes.is_empty() && done.is_empty() && letters.is_empty() && passed.is_empty() {
            return None;
        }
        let own = self.logs.values().filter_map(|log| log.memory.clone());
        let memories = own.chain([Arc::clone(&self.memory)]).collect();
        let list = Arc::clone(&self.list);
        Some(Commit { memories, list, letters, passed, written: Written { prefixes, done } })
    }

    /// Sets the gauges that tell how long the trust bundle and the own keys
    /// still live. To be asked now and then.
    pub fn tell_expiry(&self, now: Time, own: &[coseal::KeyId]) {
        telemetry::tell_expiry(self.carrier, now, &self.trust.current(), own);
    }

    fn place<'p>(&'p self, now: Time, arrived: &Arrived<'p>, aged: bool) -> Place<'p> {
        let own = arrived.position.and_then(|position| self.logs.get(&position.log));
        let memory = own.and_then(|log| log.memory.as_ref()).unwrap_or(&self.memory);
        Place { channel: arrived.channel, position: arrived.position, now, memory: &**memory, aged }
    }

    fn open<'a>(
        &self,
        now: Time,
        arrived: &Arrived<'a>,
        aged: bool,
        check: impl FnOnce(&Verified<'_>) -> Result<()>,
        payload: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>> {
        let span = telemetry::open_span(self.carrier);
        let _entered = span.enter();
        let begun = Instant::now();
        let place = self.place(now, arrived, aged);
        let opened = self.opener.open_at(arrived.envelope, &place, check, payload);
        match &opened {
            Ok(opened) => {
                telemetry::record_opened(&span, opened);
                self.meters.opened(begun.elapsed(), opened.redelivered());
            }
            Err(error) => telemetry::record_refused(&span, error),
        }
        opened
    }

    /// What to do about an error of reading.
    fn refusal(&mut self, now: Time, error: Error) -> Refusal {
        match (error.disposition(), &error) {
            (Disposition::Stop, _) => Refusal::Stop(error),
            (Disposition::RetryAfterRefresh, Error::Untrusted(Untrusted::BundleExpired, _)) => {
                let until = self.refresh.pause(now);
                self.meters.paused(&error);
                Refusal::Pause { until }
            }
            (Disposition::RetryAfterRefresh, _) if self.refresh.ask(now) => Refusal::Refresh,
            (Disposition::RetryAfterRefresh | Disposition::Discard, _) => Refusal::Discard(error),
        }
    }

    /// What is known of a position, and to which assignment of its log it
    /// belongs.
    fn find(&self, position: Option<Position>) -> (Known, u64) {
        match position.and_then(|at| self.logs.get(&at.log).map(|log| (at, log))) {
            Some((at, log)) if self.commits == Commits::Prefix => {
                (log.find(at.offset), log.generation)
            }
            Some((_, log)) => (Known::New, log.generation),
            None if self.commits == Commits::Prefix && position.is_some() => (Known::Unasked, 0),
            None => (Known::New, 0),
        }
    }

    fn listed(&self, envelope: &[u8], at: Option<Position>) -> Result<Option<Box<DeadLetter>>> {
        let Some(position) = at else { return Ok(None) };
        match self.logs.get(&position.log) {
            Some(log) if log.listed.contains(&position.offset) => {
                Ok(self.list.find(envelope, Some(&position))?.map(Box::new))
            }
            _ => Ok(None),
        }
    }

    fn ticket(
        &mut self,
        position: Option<Position>,
        generation: u64,
        listed: Option<Box<DeadLetter>>,
    ) -> Ticket {
        self.last_id += 1;
        if self.commits == Commits::Prefix
            && let Some(at) = position
            && let Some(log) = self.logs.get_mut(&at.log)
        {
            log.deliver(at.offset);
        }
        Ticket { id: self.last_id, position, generation, listed }
    }

    /// Whether a ticket is of a log as it is assigned now.
    fn is_live(&self, ticket: &Ticket) -> bool {
        let log = ticket.position.and_then(|position| self.logs.get(&position.log));
        log.map_or(0, |log| log.generation) == ticket.generation
    }

    fn finish(&mut self, ticket: Ticket, refused: bool) {
        let live = self.is_live(&ticket);
        let Ticket { id, position, listed, .. } = ticket;
        if !live {
            return;
        }
        self.passed.extend(listed.map(|letter| *letter));
        match self.commits {
            Commits::Each => self.done.push(Done { id, position, refused }),
            Commits::Prefix => {
                if let Some(at) = position
                    && let Some(log) = self.logs.get_mut(&at.log)
                {
                    log.done(at.offset);
                }
            }
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("carrier", &self.carrier)
            .field("commits", &self.commits)
            .field("logs", &self.logs)
            .finish_non_exhaustive()
    }
}

/// What an error of reading means.
enum Refusal {
    Discard(Error),
    Refresh,
    Pause { until: Time },
    Stop(Error),
}
