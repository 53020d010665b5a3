//! What a message costs beside its cryptography, in allocations: the room must
//! not be what slows a carrier down.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use coseal::{Message, Sealer};
use coseal_carrier::{Batcher, Decision, Draft, Next, Sealers};

use common::{CHANNEL, NOW, arrived, at, fits, prefix, receiving, sealer, signing, trust};

const MESSAGES: u64 = 1024;

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn what_arrives_costs_next_to_no_allocation() {
    let mut inbox = prefix(&trust());
    let sealer = sealer(2, CHANNEL, NOW);
    let message = Message::new(b"payload");
    let envelopes: Vec<Vec<u8>> = (0..2 * MESSAGES / 64)
        .flat_map(|_| sealer.seal_batch(&vec![message.clone(); 64]).unwrap())
        .collect();
    let mut payload = Vec::new();
    let mut receive = |envelopes: &[Vec<u8>], from: u64| {
        for (envelope, offset) in envelopes.iter().zip(from..) {
            payload.clear();
            let arrived = arrived(envelope, at(offset));
            match inbox.receive(NOW, &arrived, fits, &mut payload) {
                Decision::Deliver(opened, ticket) => {
                    assert_eq!(opened.payload(), b"payload");
                    inbox.acknowledge(ticket);
                }
                other @ (Decision::DeadLetter(..)
                | Decision::Refresh
                | Decision::Pause { .. }
                | Decision::Known
                | Decision::Stop(_)) => panic!("{other:?}"),
            }
        }
    };
    let half = envelopes.len() / 2;
    let (first, second) = envelopes.split_at(half);
    receive(first, 0);
    let count = allocations(|| receive(second, MESSAGES));
    // A proven root and its nodes for each batch, a chunk of the memory now and
    // then; of each message nothing.
    assert!(count <= MESSAGES / 4, "{count} allocations for {MESSAGES} messages");
}

struct Note;

impl Draft for Note {
    fn channel(&self) -> &str {
        CHANNEL
    }

    fn message(&self) -> Message<'_> {
        Message::new(b"payload")
    }

    fn size(&self) -> usize {
        7
    }
}

#[test]
fn what_is_sealed_costs_its_envelope() {
    let make = |channel: &str, _: &coseal::TrustBundle, _| {
        let builder = Sealer::builder(signing(2), channel).clock(|| NOW);
        Ok(builder.recipient(receiving().recipient_key()))
    };
    let mut sealers = Sealers::new("test", Arc::clone(&trust()) as _, make);
    let mut batcher = Batcher::builder("test").build().unwrap();
    let mut seal = || {
        for _ in 0..MESSAGES {
            assert!(batcher.push(NOW, Note).is_ok());
        }
        while let Next::Batch(mut batch) = batcher.take(NOW) {
            batch.seal(NOW, &mut sealers).unwrap();
            let Ok(sealed) = batch.into_sealed() else { panic!("not sealed") };
            assert!(sealed.into_iter().all(|(_, envelope)| envelope.is_ok()));
        }
    };
    seal();
    let count = allocations(seal);
    assert!(count <= MESSAGES + MESSAGES / 2, "{count} allocations for {MESSAGES} messages");
}
