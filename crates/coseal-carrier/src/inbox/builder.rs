//! What is decided before anything arrives.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use coseal::state::{Carried, EachChannel};
use coseal::{
    DeadLetterList, InMemoryDeadLetters, InMemoryReplay, KeyProvider, Opener, OpenerBuilder,
    ReceivingKey, ReplayMemory, Result, TrustSource, Window,
};

use super::{Inbox, Refresh};
use crate::redrive::{Redrive, TwoMemories};
use crate::telemetry::InboxMeters;

/// How the carrier is told that messages are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// By the position up to which all are done: Kafka. Logs have to be begun.
    Prefix,
    /// Each for itself: `JetStream`. Also where nothing is told at all.
    Each,
}

/// Messages that may be under way unless said otherwise: enough that fetching
/// goes on while the caller works, and few enough to come again after a crash.
const MAX_IN_FLIGHT: usize = 4096;

/// As in the core.
const SKEW: Duration = Duration::from_secs(60);

/// Makes an [`Inbox`], or what judges dead letters again.
pub struct InboxBuilder {
    carrier: &'static str,
    trust: Arc<dyn TrustSource>,
    window: Duration,
    skew: Duration,
    keys: Vec<ReceivingKey>,
    provider: Option<Arc<dyn KeyProvider>>,
    signer: Option<String>,
    max_len: Option<usize>,
    memory: Option<Arc<dyn ReplayMemory>>,
    list: Option<Arc<dyn DeadLetterList>>,
    commits: Commits,
    max_in_flight: usize,
}

impl InboxBuilder {
    pub(super) const fn new(
        carrier: &'static str,
        trust: Arc<dyn TrustSource>,
        window: Duration,
    ) -> Self {
        Self {
            carrier,
            trust,
            window,
            skew: SKEW,
            keys: Vec::new(),
            provider: None,
            signer: None,
            max_len: None,
            memory: None,
            list: None,
            commits: Commits::Each,
            max_in_flight: MAX_IN_FLIGHT,
        }
    }

    /// A private key to open with.
    #[must_use]
    pub fn key(mut self, key: ReceivingKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Keys that live elsewhere, or a keyring shared with others.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Takes what this subject sealed, and refuses everything else.
    #[must_use]
    pub fn signer(mut self, subject: &str) -> Self {
        self.signer = Some(subject.to_owned());
        self
    }

    /// How far clocks may differ; 60 s unless said.
    #[must_use]
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// The longest envelope that is looked at; 64 MiB unless said.
    #[must_use]
    pub const fn max_len(mut self, bytes: usize) -> Self {
        self.max_len = Some(bytes);
        self
    }

    /// What was seen; a memory in this process unless said. It has to cover
    /// [`Inbox::span`].
    #[must_use]
    pub fn memory(mut self, memory: Arc<dyn ReplayMemory>) -> Self {
        self.memory = Some(memory);
        self
    }

    /// What was dead-lettered; a list in this process unless said. Only what a
    /// durable one names can be judged again after a restart.
    #[must_use]
    pub fn dead_letters(mut self, list: Arc<dyn DeadLetterList>) -> Self {
        self.list = Some(list);
        self
    }

    /// How the carrier is told that messages are done; each for itself unless
    /// said.
    #[must_use]
    pub const fn commits(mut self, commits: Commits) -> Self {
        self.commits = commits;
        self
    }

    /// How many messages may be under way; 4096 unless said.
    #[must_use]
    pub const fn max_in_flight(mut self, messages: usize) -> Self {
        self.max_in_flight = messages;
        self
    }

    /// The inbox.
    ///
    /// # Errors
    ///
    /// `misuse` where two keys have one ID, or keys are given both one by one
    /// and by a provider.
    pub fn build(mut self) -> Result<Inbox> {
        let (memory, list) = self.take_stores();
        Ok(Inbox {
            meters: InboxMeters::new(self.carrier),
            memory,
            list,
            trust: Arc::clone(&self.trust),
            carrier: self.carrier,
            commits: self.commits,
            max_in_flight: self.max_in_flight,
            opener: self.opener().build_carried()?,
            logs: BTreeMap::new(),
            done: Vec::new(),
            with_caller: 0,
            letters: Vec::new(),
            passed: Vec::new(),
            refresh: Refresh::new(),
            last_id: 0,
            generations: 0,
            scratch: Vec::new(),
        })
    }

    /// What judges dead letters again, by the same keys and for the same
    /// signer. The memory has to be the one that the consumer had: durable, or
    /// rebuilt. `redriven` remembers what was delivered so; it must forget
    /// nothing, and should be durable: a memory with a window of
    /// [`Duration::MAX`].
    ///
    /// # Errors
    ///
    /// As [`Self::build`].
    pub fn redrive(mut self, redriven: Arc<dyn ReplayMemory>) -> Result<Redrive> {
        let (memory, list) = self.take_stores();
        let meters = InboxMeters::new(self.carrier);
        let carrier = self.carrier;
        let opener = self.opener().build_carried()?;
        Ok(Redrive::new(carrier, opener, TwoMemories::new(memory, redriven), list, meters))
    }

    fn take_stores(&mut self) -> (Arc<dyn ReplayMemory>, Arc<dyn DeadLetterList>) {
        let memory = self.memory.take();
        let list = self.list.take();
        (
            memory.unwrap_or_else(|| Arc::new(InMemoryReplay::new(self.window, self.skew))),
            list.unwrap_or_else(|| Arc::new(InMemoryDeadLetters::new())),
        )
    }

    fn opener(self) -> OpenerBuilder<EachChannel, Carried> {
        let window = Window::new(self.window);
        let mut builder = Opener::builder(self.trust).each_channel().live(window).skew(self.skew);
        for key in self.keys {
            builder = builder.key(key);
        }
        if let Some(provider) = self.provider {
            builder = builder.provider(provider);
        }
        if let Some(signer) = &self.signer {
            builder = builder.signer(signer);
        }
        match self.max_len {
            Some(bytes) => builder.max_len(bytes),
            None => builder,
        }
    }
}

impl fmt::Debug for InboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxBuilder")
            .field("carrier", &self.carrier)
            .field("commits", &self.commits)
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}
