//! NATS as the cases of the test kit drive it, and what other tests need.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, consumer::PullConsumer, consumer::pull, stream};
use async_nats::{Client, ConnectOptions};
use coseal::{InMemoryDeadLetters, Result};
use coseal_carrier::dead_letter::{Parts, Whole};
use coseal_carrier::{RefusedMessage, Sealers};
use coseal_carrier_testkit::nats::NatsServer;
use coseal_carrier_testkit::{Received as Came, World};
use coseal_nats::{Consumer, ConsumerBuilder, DeadLetters, Producer, Received};

/// The stream of messages, and that of dead letters.
pub(crate) const STREAM: &str = "ORDERS";
pub(crate) const DEAD: &str = "DEAD";
pub(crate) const DEAD_SUBJECT: &str = "dead.letters";

/// A server, and one client of it.
pub(crate) struct Nats {
    pub(crate) server: NatsServer,
    pub(crate) client: Client,
    pub(crate) context: jetstream::Context,
    /// Outlives every consumer.
    pub(crate) list: Arc<InMemoryDeadLetters>,
}

pub(crate) async fn connect(server: &NatsServer) -> Client {
    let options = ConnectOptions::new().reconnect_delay_callback(|_| Duration::from_millis(20));
    options.connect(server.url()).await.unwrap()
}

impl Nats {
    /// With a stream of messages, and one of dead letters.
    pub(crate) async fn start() -> Self {
        let nats = Self::without_stream().await;
        let orders = stream_of(STREAM, &["orders.>", "invoices"]);
        nats.context.create_stream(orders).await.unwrap();
        nats
    }

    /// With a stream of dead letters only: a stream answers whoever publishes,
    /// also where a reply is waited for.
    pub(crate) async fn without_stream() -> Self {
        let server = NatsServer::start();
        let client = connect(&server).await;
        let context = jetstream::new(client.clone());
        context.create_stream(stream_of(DEAD, &["dead.>"])).await.unwrap();
        Self { server, client, context, list: Arc::default() }
    }

    /// A durable consumer of a channel, which the server waits for so long.
    pub(crate) async fn durable(&self, channel: &str, ack_wait: Duration) -> PullConsumer {
        let name = format!("reader-{}", channel.replace(['.', '*', '>'], "-"));
        let stream = self.context.get_stream(STREAM).await.unwrap();
        let config = pull::Config {
            durable_name: Some(name.clone()),
            filter_subject: channel.to_owned(),
            ack_wait,
            ..pull::Config::default()
        };
        stream.get_or_create_consumer(&name, config).await.unwrap()
    }

    /// How a consumer of this world judges.
    pub(crate) fn builder(&self, world: &Arc<World>) -> ConsumerBuilder {
        let asked = Arc::clone(world);
        Consumer::builder(world.trust(), world.window())
            .key(world.receiving())
            .clock(world.clock())
            .refresh(move || {
                asked.refresh();
                std::future::ready(())
            })
            .dead_letter_list(Arc::clone(&self.list) as _)
            .dead_letters(DeadLetters::subject(self.context.clone(), DEAD_SUBJECT))
    }

    /// Everything in a stream: subject and bytes.
    pub(crate) async fn stored(&self, stream: &str) -> Vec<(String, Vec<u8>)> {
        let stream = self.context.get_stream(stream).await.unwrap();
        let last = stream.cached_info().state.last_sequence;
        let mut stored = Vec::new();
        for sequence in 1..=last {
            if let Ok(message) = stream.get_raw_message(sequence).await {
                stored.push((message.subject.to_string(), message.payload.to_vec()));
            }
        }
        stored
    }

    /// Dead letters, put together.
    pub(crate) async fn letters(&self) -> Vec<RefusedMessage<'static>> {
        let mut parts = Parts::new(1 << 24);
        let mut whole = Vec::new();
        for (_, letter) in self.stored(DEAD).await {
            match parts.add(RefusedMessage::decode(&letter, usize::MAX).unwrap()) {
                Whole::Message(message) => whole.push(message.into_owned()),
                Whole::Missing => {}
                Whole::Broken => panic!("parts that do not fit together"),
            }
        }
        whole
    }

    /// Dead letters have nowhere to go, or somewhere again.
    pub(crate) async fn block_dead_letters(&self, blocked: bool) {
        let subject = if blocked { "elsewhere" } else { "dead.>" };
        self.context.update_stream(stream_of(DEAD, &[subject])).await.unwrap();
    }

    /// The server ends and starts again; answers when it takes messages.
    pub(crate) async fn restart(&self) {
        self.server.restart();
        self.wait_until_ready().await;
    }

    pub(crate) async fn wait_until_ready(&self) {
        for _ in 0..500 {
            if self.context.get_stream(DEAD).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no stream answers");
    }
}

fn stream_of(name: &str, subjects: &[&str]) -> stream::Config {
    stream::Config {
        name: name.to_owned(),
        subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        ..stream::Config::default()
    }
}

/// Seals as the world's producer.
pub(crate) fn sealers(world: &Arc<World>) -> Sealers {
    let made = Arc::clone(world);
    Sealers::new("nats", world.trust(), move |channel, _, _| Ok(made.sealer(channel)))
}

pub(crate) fn jetstream_producer(nats: &Nats, world: &Arc<World>) -> Producer {
    Producer::builder(sealers(world)).jetstream(nats.context.clone()).unwrap()
}

/// The consumer of the test kit.
pub(crate) struct Reader(pub Consumer);

impl coseal_carrier_testkit::Consumer for Reader {
    type Message = Received;

    async fn next(&mut self) -> Result<Came<Received>> {
        let message = self.0.next().await.expect("the consumer goes on")?;
        let (payload, redelivered) = (message.payload().to_vec(), message.redelivered());
        Ok(Came { payload, redelivered, message })
    }

    async fn acknowledge(&mut self, message: Received) {
        message.ack().await.unwrap();
    }

    async fn kill(self) {
        self.0.abort();
    }
}
