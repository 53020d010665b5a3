//! One producer, one consumer, and the trust between them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;
use std::time::Duration;

use coseal::{
    Error, NewRecord, Pattern, Position, ReceivingKey, Result, Sealer, SigningKey, Time,
    TrustAnchor, TrustBundle, TrustCell, Verified,
};
use coseal_carrier::{Arrived, Commits, Decision, Inbox, InboxBuilder, LogStart, Refused, Ticket};

pub(crate) const NOW: Time = Time::from_secs(1_800_000_000);
pub(crate) const CHANNEL: &str = "orders";
pub(crate) const WINDOW: Duration = Duration::from_secs(600);
pub(crate) const LOG: u64 = 7;

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

pub(crate) fn signing(id: u8) -> SigningKey {
    SigningKey::from_bytes(&[id; 32])
}

pub(crate) fn receiving() -> ReceivingKey {
    ReceivingKey::from_bytes(&[3; 32])
}

/// A bundle that trusts the signers of these numbers, until then.
pub(crate) fn bundle(signers: &[u8], expires_at: Time) -> Arc<TrustBundle> {
    let mut edit = TrustBundle::make("example.test");
    for id in signers {
        edit.add(NewRecord {
            key: signing(*id).verifying_key().clone().into(),
            subject: format!("spiffe://example.test/{id}"),
            valid_from: Time::from_secs(1_600_000_000),
            valid_until: Some(Time::from_secs(1_900_000_000)),
            channels: vec![Pattern::new(">").unwrap()],
        })
        .unwrap();
    }
    let bytes = edit.sign(&root(), NOW, expires_at).unwrap();
    let anchor = TrustAnchor::pinned([root().verifying_key().clone()]);
    Arc::new(TrustBundle::load(&bytes, &anchor, NOW).unwrap())
}

pub(crate) fn later() -> Time {
    NOW.plus(secs(365 * 86_400))
}

pub(crate) fn trust() -> Arc<TrustCell> {
    Arc::new(TrustCell::new(bundle(&[2], later())))
}

pub(crate) fn sealer(id: u8, channel: &str, at: Time) -> Sealer {
    let builder = Sealer::builder(signing(id), channel);
    builder.recipient(receiving().recipient_key()).clock(move || at).build().unwrap()
}

pub(crate) fn sealed(payload: &[u8]) -> Vec<u8> {
    sealer(2, CHANNEL, NOW).seal(payload).unwrap()
}

pub(crate) fn builder(trust: &Arc<TrustCell>) -> InboxBuilder {
    Inbox::builder("test", Arc::clone(trust) as _, WINDOW).key(receiving())
}

/// An inbox that commits prefixes of one log.
pub(crate) fn prefix(trust: &Arc<TrustCell>) -> Inbox {
    let mut inbox = builder(trust).commits(Commits::Prefix).build().unwrap();
    inbox.begin_log(start(0, 0)).unwrap();
    inbox
}

pub(crate) const fn start(back_to: u64, next: u64) -> LogStart {
    LogStart { log: LOG, back_to, next, memory: None }
}

pub(crate) const fn at(offset: u64) -> Option<Position> {
    Some(Position { log: LOG, offset })
}

pub(crate) const fn arrived(envelope: &[u8], position: Option<Position>) -> Arrived<'_> {
    Arrived { envelope, channel: CHANNEL, position }
}

pub(crate) fn fits(_: &Verified<'_>) -> Result<()> {
    Ok(())
}

/// A decision without what it borrows.
#[derive(Debug)]
pub(crate) enum Decided {
    Deliver { payload: Vec<u8>, redelivered: bool, ticket: Ticket },
    DeadLetter { reason: String, letter: Vec<u8>, refused: Refused },
    Refresh,
    Pause(Time),
    Known,
    Stop(Error),
}

impl Decided {
    pub(crate) fn ticket(self) -> Ticket {
        let name = self.name();
        let Self::Deliver { ticket, .. } = self else { panic!("not delivered: {name}") };
        ticket
    }

    pub(crate) fn refused(self) -> Refused {
        let name = self.name();
        let Self::DeadLetter { refused, .. } = self else { panic!("not refused: {name}") };
        refused
    }

    /// What it is, for comparisons.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Deliver { redelivered: false, .. } => "deliver".into(),
            Self::Deliver { .. } => "redeliver".into(),
            Self::DeadLetter { reason, .. } => reason.clone(),
            Self::Refresh => "refresh".into(),
            Self::Pause(_) => "pause".into(),
            Self::Known => "known".into(),
            Self::Stop(error) => format!("stop: {error}"),
        }
    }
}

pub(crate) fn receive_at(
    inbox: &mut Inbox,
    now: Time,
    envelope: &[u8],
    position: Option<Position>,
) -> Decided {
    let mut payload = Vec::new();
    match inbox.receive(now, &arrived(envelope, position), fits, &mut payload) {
        Decision::Deliver(opened, ticket) => Decided::Deliver {
            payload: opened.payload().to_vec(),
            redelivered: opened.redelivered(),
            ticket,
        },
        Decision::DeadLetter(message, refused) => {
            Decided::DeadLetter { reason: message.reason(), letter: message.encode(), refused }
        }
        Decision::Refresh => Decided::Refresh,
        Decision::Pause { until } => Decided::Pause(until),
        Decision::Known => Decided::Known,
        Decision::Stop(error) => Decided::Stop(error),
    }
}

pub(crate) fn receive(inbox: &mut Inbox, envelope: &[u8], position: Option<Position>) -> Decided {
    receive_at(inbox, NOW, envelope, position)
}

/// Where the log may be committed to, if anywhere further than before.
pub(crate) fn commit(inbox: &mut Inbox) -> Option<u64> {
    let written = inbox.begin_commit()?.write().unwrap();
    written.prefixes.iter().find(|position| position.log == LOG).map(|position| position.offset)
}
