//! Carriers in this process, in the three ways in which carriers differ: a log
//! that is committed by prefix, one in which each message is acknowledged, and
//! one that keeps nothing.

mod consumer;
mod replies;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use coseal::{Error, InMemoryDeadLetters, Message, Result};
use coseal_carrier::dead_letter::{Parts, Whole};
use coseal_carrier::{Batcher, Commits, Draft, Next, RefusedMessage, Sealers};
use tokio::sync::Notify;

use crate::{Carrier, Keeps, World};
pub use consumer::{MemoryConsumer, MemoryMessage};

/// The longest message that is taken.
const MAX_MESSAGE: usize = 10_000;

/// How a carrier in memory goes about it.
pub trait Way: fmt::Debug + 'static {
    /// How it is told that messages are done.
    const COMMITS: Commits;
    /// What it does with what is not.
    const KEEPS: Keeps;
}

/// As Kafka does.
#[derive(Debug)]
pub enum ByPrefix {}

/// As `JetStream` does.
#[derive(Debug)]
pub enum ByEach {}

/// As NATS and shared memory do.
#[derive(Debug)]
pub enum Fleeting {}

impl Way for ByPrefix {
    const COMMITS: Commits = Commits::Prefix;
    const KEEPS: Keeps = Keeps::UntilDone;
}

impl Way for ByEach {
    const COMMITS: Commits = Commits::Each;
    const KEEPS: Keeps = Keeps::UntilDone;
}

impl Way for Fleeting {
    const COMMITS: Commits = Commits::Each;
    const KEEPS: Keeps = Keeps::Nothing;
}

/// A carrier in this process.
pub struct MemoryCarrier<W> {
    broker: Arc<Broker>,
    producer: Mutex<(Batcher<Note>, Sealers)>,
    way: PhantomData<W>,
}

/// What outlives every consumer.
#[derive(Default)]
struct Broker {
    state: Mutex<State>,
    /// Something changed that a consumer may wait for.
    changed: Notify,
    /// A consumer's own durable list.
    list: Arc<InMemoryDeadLetters>,
}

#[derive(Default)]
struct State {
    channels: BTreeMap<String, Log>,
    dead_letters: Vec<Vec<u8>>,
    blocked: bool,
    /// How often the broker was started.
    session: u64,
}

#[derive(Default)]
struct Log {
    messages: Vec<Vec<u8>>,
    /// Where the consumer stands that commits by prefix.
    committed: usize,
    /// What was acknowledged, where each is.
    done: BTreeSet<usize>,
    /// Behind the last that was given out.
    given_out: usize,
}

struct Note {
    channel: String,
    payload: Vec<u8>,
}

impl Draft for Note {
    fn channel(&self) -> &str {
        &self.channel
    }

    fn message(&self) -> Message<'_> {
        Message::new(&self.payload)
    }

    fn size(&self) -> usize {
        self.payload.len()
    }
}

impl Broker {
    fn publish(&self, channel: &str, bytes: &[u8]) -> Result<()> {
        if bytes.len() > MAX_MESSAGE {
            let detail = format!("{} bytes are over {MAX_MESSAGE}", bytes.len());
            return Err(Error::Carrier(detail.into()));
        }
        let mut state = self.state.lock().unwrap();
        state.channels.entry(channel.to_owned()).or_default().messages.push(bytes.to_vec());
        self.changed.notify_waiters();
        Ok(())
    }
}

impl<W: Way> Carrier for MemoryCarrier<W> {
    type Consumer = MemoryConsumer<W>;
    const KEEPS: Keeps = W::KEEPS;

    async fn start(world: &Arc<World>) -> Self {
        let clock = Arc::clone(world);
        let make = move |channel: &str, _: &coseal::TrustBundle, _| Ok(clock.sealer(channel));
        let sealers = Sealers::new("memory", world.trust(), make);
        let batcher = Batcher::builder("memory").build().unwrap();
        let producer = Mutex::new((batcher, sealers));
        Self { broker: Arc::default(), producer, way: PhantomData }
    }

    async fn consumer(&self, world: &Arc<World>, channel: &str) -> Self::Consumer {
        MemoryConsumer::begin(Arc::clone(&self.broker), Arc::clone(world), channel)
    }

    async fn publish(&self, world: &Arc<World>, channel: &str, payload: &[u8]) -> Result<()> {
        let now = world.now();
        let (batcher, sealers) = &mut *self.producer.lock().unwrap();
        let note = Note { channel: channel.to_owned(), payload: payload.to_vec() };
        assert!(batcher.push(now, note).is_ok(), "one message fits");
        let Next::Batch(mut batch) = batcher.take(now) else { panic!("nothing lingers") };
        batch.seal(now, sealers)?;
        let Ok(sealed) = batch.into_sealed() else { panic!("it is sealed") };
        for (note, envelope) in sealed {
            self.broker.publish(&note.channel, &envelope?)?;
        }
        Ok(())
    }

    async fn publish_raw(&self, channel: &str, bytes: &[u8]) {
        self.broker.publish(channel, bytes).unwrap();
    }

    async fn recorded(&self, channel: &str) -> Vec<Vec<u8>> {
        let state = self.broker.state.lock().unwrap();
        state.channels.get(channel).map(|log| log.messages.clone()).unwrap_or_default()
    }

    async fn dead_letters(&self) -> Vec<Vec<u8>> {
        let mut parts = Parts::new(1 << 20);
        let state = self.broker.state.lock().unwrap();
        let whole = state.dead_letters.iter().filter_map(|letter| {
            match parts.add(RefusedMessage::decode(letter, MAX_MESSAGE).unwrap()) {
                Whole::Message(message) => Some(message.encode()),
                Whole::Missing => None,
                Whole::Broken => panic!("parts that do not fit together"),
            }
        });
        whole.collect()
    }

    async fn block_dead_letters(&self, blocked: bool) {
        self.broker.state.lock().unwrap().blocked = blocked;
        self.broker.changed.notify_waiters();
    }

    async fn restart(&self) {
        self.broker.state.lock().unwrap().session += 1;
        self.broker.changed.notify_waiters();
    }

    fn max_message(&self) -> usize {
        MAX_MESSAGE
    }
}

impl<W> fmt::Debug for MemoryCarrier<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCarrier").finish_non_exhaustive()
    }
}
