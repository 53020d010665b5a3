//! What the cases are made of.

use std::sync::Arc;
use std::time::Duration;

use coseal_carrier::RefusedMessage;
use tokio::time::timeout;

use crate::{Carrier, Consumer, Received, World};

/// The channel that most cases play on.
pub(crate) const CHANNEL: &str = "orders.eu";

/// How long something may take that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long nothing happens where nothing may.
pub(crate) const QUIET: Duration = Duration::from_millis(400);

/// A carrier with a consumer.
pub(crate) struct Stage<C: Carrier> {
    pub(crate) world: Arc<World>,
    pub(crate) carrier: C,
    pub(crate) channel: &'static str,
    pub(crate) consumer: C::Consumer,
}

type Message<C> = <<C as Carrier>::Consumer as Consumer>::Message;

impl<C: Carrier> Stage<C> {
    pub(crate) async fn new() -> Self {
        Self::on(CHANNEL).await
    }

    pub(crate) async fn on(channel: &'static str) -> Self {
        let world = Arc::new(World::new());
        let carrier = C::start(&world).await;
        let consumer = carrier.consumer(&world, channel).await;
        Self { world, carrier, channel, consumer }
    }

    /// The consumer's process is killed, and started again.
    pub(crate) async fn kill(self) -> Self {
        let Self { world, carrier, channel, consumer } = self;
        consumer.kill().await;
        let consumer = carrier.consumer(&world, channel).await;
        Self { world, carrier, channel, consumer }
    }

    pub(crate) async fn publish(&self, payload: &str) {
        self.carrier.publish(&self.world, self.channel, payload.as_bytes()).await.unwrap();
    }

    pub(crate) async fn attack(&self, bytes: &[u8]) {
        self.carrier.publish_raw(self.channel, bytes).await;
    }

    pub(crate) async fn next(&mut self) -> Received<Message<C>> {
        let next = timeout(PATIENCE, self.consumer.next()).await;
        next.expect("a message is missing").expect("the consumer stopped")
    }

    /// These come next, and are acknowledged.
    pub(crate) async fn expect(&mut self, payloads: &[&str]) {
        for payload in payloads {
            let Received { payload: found, redelivered, message } = self.next().await;
            assert_eq!(String::from_utf8_lossy(&found), *payload);
            assert!(!redelivered, "{payload} is marked");
            self.consumer.acknowledge(message).await;
        }
    }

    /// Nothing comes.
    pub(crate) async fn expect_nothing(&mut self) {
        if let Ok(next) = timeout(QUIET, self.consumer.next()).await {
            let payload = next.map(|received| String::from_utf8_lossy(&received.payload).into());
            panic!("something came: {payload:?}", payload = payload as coseal::Result<String>);
        }
    }

    /// Exactly these are dead letters, in any order: why, and the original.
    pub(crate) async fn expect_letters(&mut self, expected: &[(&str, &[u8])]) {
        let mut expected: Vec<(String, Vec<u8>)> =
            expected.iter().map(|(why, bytes)| ((*why).to_owned(), bytes.to_vec())).collect();
        expected.sort();
        let begun = std::time::Instant::now();
        loop {
            // A consumer does what it does while it is asked for messages.
            self.expect_nothing().await;
            let mut found = self.letters().await;
            found.sort();
            if found == expected {
                return;
            }
            let told = |letters: &[(String, Vec<u8>)]| {
                letters.iter().map(|(why, bytes)| (why.clone(), bytes.len())).collect::<Vec<_>>()
            };
            let (found, expected) = (told(&found), told(&expected));
            let missing = found.len() < expected.len() && begun.elapsed() < PATIENCE;
            assert!(missing, "dead letters are {found:?}, not {expected:?}");
        }
    }

    /// The dead letters, once there are so many: a consumer may write them
    /// while it goes on.
    pub(crate) async fn letters_once(&mut self, count: usize) -> Vec<(String, Vec<u8>)> {
        let begun = std::time::Instant::now();
        loop {
            let letters = self.letters().await;
            if letters.len() >= count {
                assert_eq!(letters.len(), count);
                return letters;
            }
            assert!(begun.elapsed() < PATIENCE, "{} of {count} dead letters", letters.len());
            self.expect_nothing().await;
        }
    }

    pub(crate) async fn letters(&self) -> Vec<(String, Vec<u8>)> {
        let letters = self.carrier.dead_letters().await;
        let read = letters.iter().map(|letter| {
            let letter = RefusedMessage::decode(letter, usize::MAX).unwrap();
            (letter.reason(), letter.original.into_owned())
        });
        read.collect()
    }

    /// What the producer would publish, kept back.
    pub(crate) fn sealed(&self, payload: &str) -> Vec<u8> {
        self.world.sealer(self.channel).build().unwrap().seal(payload).unwrap()
    }

    /// What the stranger publishes.
    pub(crate) fn strange(&self, payload: &str) -> Vec<u8> {
        self.world.stranger(self.channel).build().unwrap().seal(payload).unwrap()
    }
}
