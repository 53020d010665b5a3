//! What a carrier brings: channel, time and memory come with each envelope.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{CHANNEL, NOW, kinds, receiving, signing, trust};
use coseal::{
    CarriedOpener, Error, InMemoryReplay, Misdirected, Opener, Place, Position, ReplayMemory,
    Sealer, Sighting, Time, Verified, Window,
};
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(600);
const SKEW: Duration = Duration::from_secs(60);

fn opener() -> CarriedOpener {
    let builder = Opener::builder(trust()).each_channel().live(Window::minutes(10));
    builder.key(receiving()).build_carried().unwrap()
}

fn sealed(channel: &str, at: Time) -> Vec<u8> {
    let sealer = Sealer::builder(signing(), channel).recipient(receiving().recipient_key());
    sealer.clock(move || at).build().unwrap().seal(b"payload").unwrap()
}

fn place(memory: &InMemoryReplay, offset: u64, now: Time) -> Place<'_> {
    let position = Some(Position { log: 0, offset });
    Place { channel: CHANNEL, position, now, memory, aged: true }
}

fn fits(_: &Verified<'_>) -> Result<(), Error> {
    Ok(())
}

fn open(opener: &CarriedOpener, envelope: &[u8], place: &Place<'_>) -> Result<bool, String> {
    let mut payload = b"before".to_vec();
    let opened = opener.open_at(envelope, place, fits, &mut payload);
    let answer = opened.map(|opened| {
        assert_eq!(opened.payload(), b"payload");
        opened.redelivered()
    });
    let answer = answer.map_err(|error| kinds(&error));
    assert_eq!(payload.starts_with(b"before") && payload.len() > 6, answer.is_ok());
    answer
}

#[test]
fn one_opener_judges_each_channel_by_its_own_memory() {
    let (opener, here, there) = (opener(), memory(), memory());
    assert_eq!(opener.span(), Duration::from_secs(600 + 120));
    let envelope = sealed(CHANNEL, NOW);
    assert_eq!(open(&opener, &envelope, &place(&here, 1, NOW)), Ok(false));
    assert_eq!(open(&opener, &envelope, &place(&here, 1, NOW)), Ok(true));
    assert_eq!(open(&opener, &envelope, &place(&here, 2, NOW)), Err("stale/replayed".into()));
    assert_eq!(open(&opener, &envelope, &place(&there, 2, NOW)), Ok(false));
    let elsewhere = Place { channel: "invoices", ..place(&here, 3, NOW) };
    let invoice = sealed("invoices", NOW);
    assert_eq!(open(&opener, &envelope, &elsewhere), Err("misdirected/channel".into()));
    assert_eq!(open(&opener, &invoice, &elsewhere), Ok(false));
}

fn memory() -> InMemoryReplay {
    InMemoryReplay::new(WINDOW, SKEW)
}

/// Else whoever copies a message to a wrong place, and is read there first,
/// has the one in the right place refused.
#[test]
fn what_a_carrier_refuses_is_not_marked_as_seen() {
    let (opener, memory) = (opener(), memory());
    let envelope = sealed(CHANNEL, NOW);
    let mut payload = Vec::new();
    let refuse = |verified: &Verified<'_>| {
        assert_eq!(verified.channel(), CHANNEL);
        Err(Error::Misdirected(Misdirected::Partition, "another partition".into()))
    };
    let copied = opener.open_at(&envelope, &place(&memory, 9, NOW), refuse, &mut payload);
    assert_eq!(kinds(&copied.unwrap_err()), "misdirected/partition");
    assert!(payload.is_empty());
    assert_eq!(open(&opener, &envelope, &place(&memory, 1, NOW)), Ok(false));
}

#[test]
fn age_is_not_judged_where_the_caller_answers_for_it() {
    let (opener, memory) = (opener(), memory());
    let (old, new) = (sealed(CHANNEL, NOW), sealed(CHANNEL, NOW.plus(WINDOW * 2)));
    let now = NOW.plus(WINDOW * 2);
    assert_eq!(open(&opener, &new, &place(&memory, 1, now)), Ok(false));
    assert_eq!(open(&opener, &old, &place(&memory, 2, now)), Err("stale/too_old".into()));
    let unaged = Place { aged: false, ..place(&memory, 2, now) };
    assert_eq!(open(&opener, &old, &unaged), Ok(false));
}

#[test]
fn a_memory_tells_what_it_may_have_forgotten_from_what_it_saw() {
    let memory = memory();
    let opener = opener();
    let (old, other) = (sealed(CHANNEL, NOW), sealed(CHANNEL, NOW));
    assert_eq!(open(&opener, &old, &place(&memory, 1, NOW)), Ok(false));
    let sighting = |envelope: &[u8], now| {
        let header = *coseal::Envelope::decode(envelope).unwrap().unverified_header();
        Sighting {
            signer: *signing().verifying_key().thumbprint(),
            epoch: header.epoch(),
            sequence: header.sequence(),
            sealed_at: NOW,
            position: Some(Position { log: 0, offset: 2 }),
            now,
        }
    };
    assert!(!memory.may_have_forgotten(&sighting(&old, NOW)), "seen");
    assert!(!memory.may_have_forgotten(&sighting(&other, NOW)), "not seen");
    for hours in 1..4 {
        let now = NOW.plus(Duration::from_secs(3600 * hours));
        let envelope = sealed(CHANNEL, now);
        assert_eq!(open(&opener, &envelope, &place(&memory, 10 + hours, now)), Ok(false));
    }
    let later = NOW.plus(Duration::from_secs(3600 * 4));
    assert!(memory.may_have_forgotten(&sighting(&other, later)));
    let unaged = Place { aged: false, ..place(&memory, 2, later) };
    assert_eq!(open(&opener, &other, &unaged), Err("stale/replayed".into()));
}
