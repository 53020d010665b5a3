//! The attacks and faults that every carrier must stand, over `JetStream`.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use coseal::Result;
use coseal_carrier_testkit::nats::MAX_PAYLOAD;
use coseal_carrier_testkit::{Carrier, Keeps, World, carrier_tests};
use coseal_nats::{Outgoing, Producer};

use common::{Nats, Reader, STREAM, jetstream_producer};

struct JetStream {
    nats: Nats,
    producer: Producer,
}

impl Carrier for JetStream {
    type Consumer = Reader;
    const KEEPS: Keeps = Keeps::UntilDone;

    async fn start(world: &Arc<World>) -> Self {
        let nats = Nats::start().await;
        let producer = jetstream_producer(&nats, world);
        Self { nats, producer }
    }

    async fn consumer(&self, world: &Arc<World>, channel: &str) -> Reader {
        let durable = self.nats.durable(channel, Duration::from_secs(1)).await;
        let builder = self.nats.builder(world);
        Reader(builder.jetstream(&self.nats.context, durable).await.unwrap())
    }

    async fn publish(&self, _: &Arc<World>, channel: &str, payload: &[u8]) -> Result<()> {
        self.producer.publish(Outgoing::new(channel, payload)).await.map(drop)
    }

    async fn publish_raw(&self, channel: &str, bytes: &[u8]) {
        let sent = self.nats.context.publish(channel.to_owned(), bytes.to_vec().into()).await;
        sent.unwrap().await.unwrap();
    }

    async fn recorded(&self, channel: &str) -> Vec<Vec<u8>> {
        let stored = self.nats.stored(STREAM).await.into_iter();
        stored.filter(|(subject, _)| subject == channel).map(|(_, bytes)| bytes).collect()
    }

    async fn dead_letters(&self) -> Vec<Vec<u8>> {
        self.nats.letters().await.iter().map(|letter| letter.encode()).collect()
    }

    async fn block_dead_letters(&self, blocked: bool) {
        self.nats.block_dead_letters(blocked).await;
    }

    async fn restart(&self) {
        self.nats.restart().await;
    }

    fn max_message(&self) -> usize {
        MAX_PAYLOAD
    }
}

carrier_tests!(JetStream);
