//! The attacks and faults that every carrier must stand, over core NATS.

mod common;

use std::sync::{Arc, Mutex};

use coseal::Result;
use coseal_carrier_testkit::nats::MAX_PAYLOAD;
use coseal_carrier_testkit::{Carrier, Keeps, World, carrier_tests};
use coseal_nats::{Outgoing, Producer};
use futures_util::StreamExt;

use common::{Nats, Reader, sealers};

struct Core {
    nats: Nats,
    producer: Producer,
    /// What somebody heard who listens to everything.
    heard: Arc<Mutex<Vec<(String, Vec<u8>)>>>,
}

impl Carrier for Core {
    type Consumer = Reader;
    const KEEPS: Keeps = Keeps::Nothing;

    async fn start(world: &Arc<World>) -> Self {
        let nats = Nats::start().await;
        let producer = Producer::builder(sealers(world)).core(nats.client.clone()).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listening = Arc::clone(&heard);
        let mut everything =
            common::connect(&nats.server).await.subscribe("orders.>").await.unwrap();
        tokio::spawn(async move {
            while let Some(message) = everything.next().await {
                let heard = (message.subject.to_string(), message.payload.to_vec());
                listening.lock().unwrap().push(heard);
            }
        });
        Self { nats, producer, heard }
    }

    async fn consumer(&self, world: &Arc<World>, channel: &str) -> Reader {
        let builder = self.nats.builder(world);
        Reader(builder.subscribe(&self.nats.client, channel).await.unwrap())
    }

    async fn publish(&self, _: &Arc<World>, channel: &str, payload: &[u8]) -> Result<()> {
        self.producer.publish(Outgoing::new(channel, payload)).await.map(drop)
    }

    async fn publish_raw(&self, channel: &str, bytes: &[u8]) {
        self.nats.client.publish(channel.to_owned(), bytes.to_vec().into()).await.unwrap();
    }

    async fn recorded(&self, channel: &str) -> Vec<Vec<u8>> {
        loop {
            let heard: Vec<_> = self.heard.lock().unwrap().clone();
            let of_channel = heard.into_iter().filter(|(subject, _)| subject == channel);
            let recorded: Vec<_> = of_channel.map(|(_, bytes)| bytes).collect();
            if !recorded.is_empty() {
                return recorded;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
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

carrier_tests!(Core);
