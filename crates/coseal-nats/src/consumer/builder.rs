//! What is decided before anything arrives.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::{Client, Subject, jetstream};
use coseal::{
    Clock, DeadLetterList, Error, KeyProvider, ReceivingKey, ReplayMemory, Result, SystemClock,
    TrustSource, Verified,
};
use coseal_carrier::{Inbox, InboxBuilder, Sealers};
use futures_util::future::BoxFuture;

use super::held::BackOff;
use super::ordered::Ordered;
use super::read_back::{Range, Reader, read_back};
use super::work::{Source, Work};
use super::{Consumer, Pull, Redrive};
use crate::dead_letters::{DeadLetters, check_apart};
use crate::error::carrier;
use crate::{CARRIER, Producer, Requester};

/// As in the core.
const SKEW: Duration = Duration::from_secs(60);

/// Asks a trust feed, and answers when it has answered.
pub(crate) type Refresh = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

type Check = Arc<dyn Fn(&Verified<'_>) -> Result<()> + Send + Sync>;

/// Makes a [`Consumer`], or what else opens messages.
pub struct ConsumerBuilder {
    inbox: InboxBuilder,
    settings: Settings,
    dead_letters: Option<DeadLetters>,
    own_memory: bool,
    own_list: bool,
}

/// What is not the inbox's affair.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) trust: Arc<dyn TrustSource>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) refresh: Option<Refresh>,
    pub(crate) check: Option<Check>,
    pub(crate) channel: Option<String>,
    pub(crate) skew: Duration,
    pub(crate) back_off: BackOff,
    pub(crate) hold_at_most: Option<Duration>,
    /// Writing before a commit may block.
    pub(crate) durable: bool,
}

impl Consumer {
    /// Begins to describe a consumer that judges by the bundles of `trust` and
    /// takes no message older than `window`: measured against now, or in a
    /// stream against the latest message of the same signer there.
    #[must_use]
    pub fn builder(trust: Arc<dyn TrustSource>, window: Duration) -> ConsumerBuilder {
        ConsumerBuilder {
            inbox: Inbox::builder(CARRIER, Arc::clone(&trust), window),
            settings: Settings {
                trust,
                clock: Arc::new(SystemClock),
                refresh: None,
                check: None,
                channel: None,
                skew: SKEW,
                back_off: BackOff::default(),
                hold_at_most: None,
                durable: false,
            },
            dead_letters: None,
            own_memory: false,
            own_list: false,
        }
    }
}

impl ConsumerBuilder {
    /// A private key to open with.
    #[must_use]
    pub fn key(mut self, key: ReceivingKey) -> Self {
        self.inbox = self.inbox.key(key);
        self
    }

    /// Keys that live elsewhere, or a keyring shared with others.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.inbox = self.inbox.provider(provider);
        self
    }

    /// Takes what this subject sealed, and refuses everything else.
    #[must_use]
    pub fn signer(mut self, subject: &str) -> Self {
        self.inbox = self.inbox.signer(subject);
        self
    }

    /// The channel that everything must have been sealed for, where that is not
    /// the subject over which it comes.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.settings.channel = Some(channel.into());
        self
    }

    /// What else a message must satisfy. Asked before it is marked as seen, so
    /// that what is refused here does not shadow what is not.
    #[must_use]
    pub fn check(
        mut self,
        check: impl Fn(&Verified<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.settings.check = Some(Arc::new(check));
        self
    }

    /// How far clocks may differ; 60 s unless said.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Self {
        self.inbox = self.inbox.skew(skew);
        self.settings.skew = skew;
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// How the trust feed is asked, where a signer is not known or the bundle
    /// has expired: [`TrustFeed::refresh`](crate::TrustFeed::refresh), for one.
    /// Without it only a bundle that comes by itself helps.
    #[must_use]
    pub fn refresh<F>(mut self, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.settings.refresh = Some(Arc::new(move || Box::pin(ask())));
        self
    }

    /// Where refused messages go. Has to be said.
    #[must_use]
    pub fn dead_letters(mut self, target: DeadLetters) -> Self {
        self.dead_letters = Some(target);
        self
    }

    /// The list of what was dead-lettered; one in this process unless said.
    /// Only what a durable one names can be judged again after a restart.
    #[must_use]
    pub fn dead_letter_list(mut self, list: Arc<dyn DeadLetterList>) -> Self {
        self.inbox = self.inbox.dead_letters(list);
        self.own_list = true;
        self.settings.durable = true;
        self
    }

    /// What was seen, where it outlives this process or is shared with others.
    /// Unless said it lives in this process, and is read back from the stream
    /// at the start.
    #[must_use]
    pub fn memory(mut self, memory: Arc<dyn ReplayMemory>) -> Self {
        self.inbox = self.inbox.memory(memory);
        self.own_memory = true;
        self.settings.durable = true;
        self
    }

    /// The most messages that are fetched ahead or with the caller; 4096 unless
    /// said. A stream's consumer has a bound of its own, too.
    #[must_use]
    pub fn max_in_flight(mut self, messages: usize) -> Self {
        self.inbox = self.inbox.max_in_flight(messages);
        self
    }

    /// After how long a message that was given back comes again: this long, and
    /// twice as long each further time, up to `longest`. A tenth of a second
    /// and half a minute unless said.
    #[must_use]
    pub const fn back_off(mut self, first: Duration, longest: Duration) -> Self {
        self.settings.back_off = BackOff { first, longest };
        self
    }

    /// How long the server is told that work on a message goes on; as long as
    /// the caller holds it unless said.
    #[must_use]
    pub const fn hold_at_most(mut self, time: Duration) -> Self {
        self.settings.hold_at_most = Some(time);
        self
    }

    /// Consumes what a stream's consumer is brought: a durable one goes on
    /// where it stood. Each process needs a consumer of its own, unless they
    /// share a [`memory`](Self::memory): who was brought a message knows of it.
    ///
    /// # Errors
    ///
    /// `misuse` where no dead letters were named, or they would be read as
    /// messages; where the consumer does not acknowledge each message, or the
    /// stream forgets what is acknowledged and no memory was given; `carrier`
    /// where the server fails; that of reading back.
    pub async fn jetstream(
        self,
        context: &jetstream::Context,
        consumer: PullConsumer,
    ) -> Result<Consumer> {
        let info = consumer.get_info().await.map_err(carrier)?;
        if info.config.ack_policy != AckPolicy::Explicit || info.config.headers_only {
            let detail = "the consumer has to be brought whole messages, and acknowledge each";
            return Err(Error::Misuse(detail.into()));
        }
        let patterns = patterns(&info.config.filter_subject, &info.config.filter_subjects);
        let stream = context.get_stream(&info.stream_name).await.map_err(carrier)?;
        let reader = Reader { client: context.client(), stream, filters: patterns.clone() };
        let (begun, kept) = (info.delivered.stream_sequence, self.own_memory);
        let client = context.client();
        // Without a filter it is brought whatever the stream takes.
        let apart = match &self.dead_letters {
            Some(letters) => check_apart(letters, &reader.stream.cached_info().config.subjects),
            None => Ok(()),
        };
        if patterns.is_empty() {
            apart?;
        }
        let mut work = self.work(client.clone(), patterns)?;
        let next = info.ack_floor.stream_sequence + 1;
        read_back(&mut work, &reader, Range { next, begun, kept }).await?;
        let ack_wait = info.config.backoff.iter().copied().min().unwrap_or(info.config.ack_wait);
        let source = Source::Pull(Box::new(Pull::new(&client, consumer).await?));
        Ok(work.start(source, Some(ack_wait)))
    }

    /// Reads a stream in order from `start`, acknowledging nothing: whoever
    /// calls remembers where it stood. What the server loses on the way is
    /// asked for again.
    ///
    /// # Errors
    ///
    /// As [`Self::jetstream`].
    pub async fn ordered(
        self,
        context: &jetstream::Context,
        stream: &str,
        start: OrderedStart,
    ) -> Result<Consumer> {
        let OrderedStart { sequence, filters } = start;
        let stream = context.get_stream(stream).await.map_err(carrier)?;
        let reader = Reader { client: context.client(), stream, filters: filters.clone() };
        let kept = self.own_memory;
        let mut work = self.work(context.client(), filters)?;
        let begun = sequence.saturating_sub(1);
        read_back(&mut work, &reader, Range { next: sequence, begun, kept }).await?;
        Ok(work.start(Source::Ordered(Box::new(Ordered::new(reader, sequence))), None))
    }

    /// Listens to a subject, wildcards and all. What comes while nobody listens
    /// is lost, as NATS has it, and every repetition is a replay.
    ///
    /// # Errors
    ///
    /// As [`Self::jetstream`], but for streams.
    pub async fn subscribe(self, client: &Client, subject: impl Into<Subject>) -> Result<Consumer> {
        self.listen(client, subject.into(), None).await
    }

    /// The same as one of a group, of which each message goes to one. A
    /// repetition that goes to another member is not recognised, unless they
    /// share a [`memory`](Self::memory).
    ///
    /// # Errors
    ///
    /// As [`Self::subscribe`].
    pub async fn queue_subscribe(
        self,
        client: &Client,
        subject: impl Into<Subject>,
        group: impl Into<String>,
    ) -> Result<Consumer> {
        self.listen(client, subject.into(), Some(group.into())).await
    }

    async fn listen(
        self,
        client: &Client,
        subject: Subject,
        group: Option<String>,
    ) -> Result<Consumer> {
        let work = self.work(client.clone(), vec![subject.to_string()])?;
        let subscriber = match group {
            Some(group) => client.queue_subscribe(subject, group).await,
            None => client.subscribe(subject).await,
        };
        let subscriber = subscriber.map_err(carrier)?;
        // Who publishes afterwards, over another connection, is heard.
        client.flush().await.map_err(carrier)?;
        Ok(work.start(Source::Core(subscriber), None))
    }

    /// Sends requests and opens what answers them.
    ///
    /// # Errors
    ///
    /// `misuse` where no dead letters were named, or of the keys.
    pub fn requester(self, client: Client, sealers: Sealers) -> Result<Requester> {
        let (settings, inbox, letters) = self.parts(&["_INBOX.>".to_owned()])?;
        let producer = Producer::builder(sealers).core(client.clone())?;
        Ok(Requester::new(client, settings, inbox, letters, producer))
    }

    /// Judges the dead letters in a stream again, of these channels, patterns
    /// and all. The [`memory`](Self::memory) and the
    /// [`dead_letter_list`](Self::dead_letter_list) have to be the consumer's.
    /// `redriven` remembers what is delivered so: it must forget nothing.
    ///
    /// # Errors
    ///
    /// `misuse` where memory or list were not given, or of the keys; `carrier`
    /// where the server fails.
    pub async fn redrive(
        self,
        context: &jetstream::Context,
        stream: &str,
        channels: &[&str],
        redriven: Arc<dyn ReplayMemory>,
    ) -> Result<Redrive> {
        if !self.own_memory || !self.own_list {
            let detail = "only the memory and the list of the consumer tell what may be redriven";
            return Err(Error::Misuse(detail.into()));
        }
        let redrive = self.inbox.redrive(redriven)?;
        let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
        Redrive::new(context, stream, channels, self.settings, redrive).await
    }

    fn work(self, client: Client, patterns: Vec<String>) -> Result<Work> {
        let (settings, inbox, letters) = self.parts(&patterns)?;
        Ok(Work::new(client, settings, inbox, letters, patterns))
    }

    fn parts(self, patterns: &[String]) -> Result<(Settings, Inbox, DeadLetters)> {
        let letters = self
            .dead_letters
            .ok_or_else(|| Error::Misuse("say where refused messages go: dead_letters".into()))?;
        check_apart(&letters, patterns)?;
        Ok((self.settings, self.inbox.build()?, letters))
    }
}

/// Where an ordered consumer begins.
#[derive(Debug, Clone)]
pub struct OrderedStart {
    sequence: u64,
    filters: Vec<String>,
}

impl OrderedStart {
    /// At the beginning of the stream.
    #[must_use]
    pub const fn beginning() -> Self {
        Self::at(1)
    }

    /// At this place in the stream, that one included.
    #[must_use]
    pub const fn at(sequence: u64) -> Self {
        Self { sequence, filters: Vec::new() }
    }

    /// Only messages of this subject; may be said several times.
    #[must_use]
    pub fn filter(mut self, subject: impl Into<String>) -> Self {
        self.filters.push(subject.into());
        self
    }
}

fn patterns(one: &str, many: &[String]) -> Vec<String> {
    let one = (!one.is_empty()).then(|| one.to_owned());
    many.iter().cloned().chain(one).collect()
}

impl fmt::Debug for ConsumerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerBuilder")
            .field("inbox", &self.inbox)
            .field("channel", &self.settings.channel)
            .field("dead_letters", &self.dead_letters)
            .finish_non_exhaustive()
    }
}
