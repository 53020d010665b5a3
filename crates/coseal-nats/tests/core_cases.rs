//! The attacks and faults that every carrier must stand, over core NATS.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::{Message, Subject};
use bytes::Bytes;
use coseal::Result;
use coseal_carrier_testkit::nats::MAX_PAYLOAD;
use coseal_carrier_testkit::{Carrier, Keeps, Replies, World, carrier_tests};
use coseal_nats::{Outgoing, Producer, Replier};
use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use common::{Nats, Reader, sealers};

/// Subjects and bytes.
type Heard = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

struct Core {
    nats: Nats,
    producer: Producer,
    /// What somebody heard who listens to everything.
    heard: Heard,
}

impl Carrier for Core {
    type Consumer = Reader;
    const KEEPS: Keeps = Keeps::Nothing;

    async fn start(world: &Arc<World>) -> Self {
        let nats = Nats::without_stream().await;
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
            tokio::time::sleep(Duration::from_millis(10)).await;
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

/// A request that waits, as whoever listens sees it.
struct Asked {
    subject: String,
    inbox: Subject,
    envelope: Bytes,
    waits: tokio::sync::Mutex<Option<JoinHandle<Result<Vec<u8>>>>>,
}

impl Replies for Core {
    type Request = Asked;

    async fn request(&self, world: &Arc<World>, channel: &str, payload: &[u8]) -> Asked {
        let mut overheard = self.nats.client.subscribe(channel.to_owned()).await.unwrap();
        let requester = self.nats.builder(world);
        let requester = requester.requester(self.nats.client.clone(), sealers(world)).unwrap();
        let request = Outgoing::new(channel, payload);
        let waits = tokio::spawn(async move {
            let mut reply = requester.request(request, Duration::from_secs(20)).await?;
            Ok(reply.take_payload())
        });
        let Message { reply, payload, .. } = overheard.next().await.unwrap();
        Asked {
            subject: channel.to_owned(),
            inbox: reply.unwrap(),
            envelope: payload,
            waits: tokio::sync::Mutex::new(Some(waits)),
        }
    }

    async fn answer(&self, world: &Arc<World>, request: &Asked, payload: &[u8]) -> Vec<u8> {
        let client = &self.nats.client;
        let mut service =
            self.nats.builder(world).subscribe(client, request.subject.clone()).await.unwrap();
        // Somebody between them has the reply sent to himself.
        let inbox = client.new_inbox();
        let mut caught = client.subscribe(inbox.clone()).await.unwrap();
        let envelope = request.envelope.clone();
        client.publish_with_reply(request.subject.clone(), inbox, envelope).await.unwrap();
        let received = service.next().await.unwrap().unwrap();
        let signer = Arc::clone(world);
        let sign = move |channel: &str| Ok(signer.signer(channel));
        let replier = Replier::new(client.clone(), world.trust(), sign).unwrap();
        replier.reply(&received, Outgoing::reply(payload)).await.unwrap();
        caught.next().await.unwrap().payload.to_vec()
    }

    async fn bring(
        &self,
        _: &Arc<World>,
        request: &Asked,
        reply: &[u8],
    ) -> Result<Vec<u8>, String> {
        let before = self.nats.letters().await.len();
        let reply = Bytes::copy_from_slice(reply);
        self.nats.client.publish(request.inbox.clone(), reply).await.unwrap();
        let mut waits = request.waits.lock().await;
        loop {
            if let Ok(done) = timeout(Duration::from_millis(20), waits.as_mut().unwrap()).await {
                waits.take();
                return Ok(done.unwrap().unwrap());
            }
            if let Some(letter) = self.nats.letters().await.get(before) {
                return Err(letter.reason());
            }
        }
    }
}

carrier_tests!(Core, replies);
