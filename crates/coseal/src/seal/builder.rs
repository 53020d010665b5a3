//! What a sealer is bound to, decided before it seals anything.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::Signer;
use super::epochs::{ChainEnd, Epochs, Setup};
use super::sealer::Sealer;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::header::check_channel;
use crate::key::{Kek, RecipientKey, VerifyingKey};
use crate::limits;
use crate::recipient::check_kek_id;
use crate::suite::Suite;

/// Messages in an epoch unless said otherwise: few enough that losing an epoch
/// secret loses an hour's worth, many enough that encapsulations do not count.
const EPOCH_MESSAGES: u64 = 1 << 20;

/// Most messages an epoch can end with.
const CHAIN_MESSAGES: u64 = limits::EPOCH_MESSAGES + limits::BATCH as u64;

/// Life of an epoch unless said otherwise.
const EPOCH_LIFETIME: Duration = Duration::from_secs(3600);

/// Makes a [`Sealer`]. At least one recipient is needed.
pub struct SealerBuilder {
    signer: Signer,
    setup: Setup,
    chain: Option<ChainEnd>,
    clock: Arc<dyn Clock>,
}

impl SealerBuilder {
    pub(super) fn new(signer: Signer, channel: &str) -> Self {
        let setup = Setup {
            suite: Suite::default(),
            channel: channel.into(),
            signer: signer.verifying_key().clone(),
            recipients: Vec::new(),
            keks: Vec::new(),
            epoch_messages: EPOCH_MESSAGES,
            epoch_lifetime: EPOCH_LIFETIME,
            max_len: limits::ENVELOPE,
        };
        Self { signer, setup, chain: None, clock: Arc::new(SystemClock) }
    }

    /// The channel it will seal for.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.setup.channel
    }

    /// The key that readers will verify with.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        self.signer.verifying_key()
    }

    /// Someone who can open.
    #[must_use]
    pub fn recipient(mut self, key: &RecipientKey) -> Self {
        self.setup.recipients.push(key.clone());
        self
    }

    /// All those who can open.
    #[must_use]
    pub fn recipients(mut self, keys: impl IntoIterator<Item = RecipientKey>) -> Self {
        self.setup.recipients.extend(keys);
        self
    }

    /// Whoever holds `kek` can open; `id` (1..64 bytes) is its name.
    #[must_use]
    pub fn kek(mut self, id: &[u8], kek: Kek) -> Self {
        self.setup.keks.push((id.to_vec(), kek));
        self
    }

    /// The cipher suite; AES-256-GCM unless said.
    #[must_use]
    pub const fn suite(mut self, suite: Suite) -> Self {
        self.setup.suite = suite;
        self
    }

    /// The longest envelope to make; 64 MiB unless said, as readers take by
    /// default.
    #[must_use]
    pub const fn max_len(mut self, bytes: usize) -> Self {
        self.setup.max_len = bytes;
        self
    }

    /// Messages in an epoch: 1..2^32, 2^20 unless said. A batch larger than
    /// that has an epoch of its own.
    #[must_use]
    pub const fn epoch_messages(mut self, messages: u64) -> Self {
        self.setup.epoch_messages = messages;
        self
    }

    /// How long an epoch lasts; an hour unless said.
    #[must_use]
    pub const fn epoch_lifetime(mut self, lifetime: Duration) -> Self {
        self.setup.epoch_lifetime = lifetime;
        self
    }

    /// Continues the chain of a sealer that was closed in order.
    #[must_use]
    pub const fn continue_from(mut self, end: ChainEnd) -> Self {
        self.chain = Some(end);
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens the first epoch: one encapsulation a recipient.
    ///
    /// # Errors
    ///
    /// `misuse` where channel, recipients or limits break a rule; `entropy`.
    pub fn build(self) -> Result<Sealer> {
        let Self { signer, setup, chain, clock } = self;
        check_channel(&setup.channel).map_err(Error::misuse)?;
        check_recipients(&setup)?;
        if !(1..=limits::EPOCH_MESSAGES).contains(&setup.epoch_messages) {
            return Err(Error::misuse("an epoch has 1..2^32 messages"));
        }
        if setup.epoch_lifetime.is_zero() {
            return Err(Error::misuse("an epoch lasts longer than no time"));
        }
        if chain.is_some_and(|end| !(1..=CHAIN_MESSAGES).contains(&end.messages)) {
            return Err(Error::misuse("no epoch ended with this number of messages"));
        }
        let epochs = Epochs::begin(&setup, chain, clock.now())?;
        Ok(Sealer::new(signer, setup, epochs, clock))
    }
}

fn check_recipients(setup: &Setup) -> Result<()> {
    let count = setup.recipients.len() + setup.keks.len();
    if count == 0 {
        return Err(Error::misuse("no recipient: nobody could open what is sealed"));
    }
    if count > limits::RECIPIENTS {
        return Err(Error::misuse("an envelope has at most 64 recipients"));
    }
    // A reader takes the first entry that it holds the key of, and no other.
    for (at, key) in setup.recipients.iter().enumerate() {
        let twice = |other: &RecipientKey| other.key_id() == key.key_id();
        if setup.recipients.iter().take(at).any(twice) {
            let detail = alloc::format!("recipient {} is given twice", key.key_id());
            return Err(Error::misuse(detail));
        }
    }
    for (at, (id, _)) in setup.keks.iter().enumerate() {
        check_kek_id(id)?;
        if setup.keks.iter().take(at).any(|(other, _)| other == id) {
            return Err(Error::misuse("a KEK is given twice"));
        }
    }
    Ok(())
}

impl fmt::Debug for SealerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealerBuilder")
            .field("signer", &self.signer)
            .field("channel", &self.setup.channel)
            .finish_non_exhaustive()
    }
}
