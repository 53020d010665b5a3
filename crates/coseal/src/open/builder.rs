//! What has to be decided before anything is opened. The states of the builder
//! ask for each decision in turn; neither the channel nor the way of reading
//! has a default.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use super::{CarriedOpener, Mode, Opener};
use crate::authorize::Expected;
use crate::clock::Clock;
use crate::epoch::EpochCache;
use crate::error::{Error, Result};
use crate::header::check_channel;
use crate::key::{Kek, ReceivingKey};
use crate::keyring::{KeyProvider, OwnKeys};
use crate::limits;
use crate::receipt::Proven;
use crate::replay::{InMemoryReplay, ReplayMemory};
use crate::trust::{InForce, SKEW, TrustSource};
use state::{AnyChannel, Carried, EachChannel, NoChannel, NoMode, OneChannel, Ready};

/// How old a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(Duration);

impl Window {
    /// This long.
    #[must_use]
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// This many minutes.
    #[must_use]
    pub const fn minutes(minutes: u32) -> Self {
        Self(Duration::from_secs(60 * minutes as u64))
    }

    /// This many hours.
    #[must_use]
    pub const fn hours(hours: u32) -> Self {
        Self(Duration::from_secs(3600 * hours as u64))
    }
}

/// What an [`OpenerBuilder`] knows already.
pub mod state {
    /// No channel chosen yet.
    #[derive(Debug)]
    pub struct NoChannel;
    /// Envelopes of one channel are opened.
    #[derive(Debug)]
    pub struct OneChannel;
    /// Envelopes of any channel are opened, from an archive only.
    #[derive(Debug)]
    pub struct AnyChannel;
    /// The channel is told with each envelope, to a
    /// [`CarriedOpener`](crate::CarriedOpener).
    #[derive(Debug)]
    pub struct EachChannel;
    /// Neither live nor archive chosen yet.
    #[derive(Debug)]
    pub struct NoMode;
    /// Everything is decided.
    #[derive(Debug)]
    pub struct Ready;
    /// Everything is decided, for a carrier.
    #[derive(Debug)]
    pub struct Carried;
}

/// Makes an [`Opener`].
///
/// The channel and the way of reading have no default: what does not decide
/// both does not compile,
///
/// ```compile_fail,E0599
/// # fn build(trust: std::sync::Arc<coseal::TrustBundle>) {
/// let opener = coseal::Opener::builder(trust).channel("orders").build();
/// # }
/// ```
///
/// and what reads live says for which channel:
///
/// ```compile_fail,E0599
/// # fn build(trust: std::sync::Arc<coseal::TrustBundle>) {
/// let window = coseal::Window::minutes(10);
/// let opener = coseal::Opener::builder(trust).any_channel().live(window).build();
/// # }
/// ```
///
/// ```
/// # fn build(trust: std::sync::Arc<coseal::TrustBundle>) -> coseal::Result<()> {
/// let window = coseal::Window::minutes(10);
/// let live = coseal::Opener::builder(trust.clone()).channel("orders").live(window).build()?;
/// let archive = coseal::Opener::builder(trust).any_channel().archive().build()?;
/// # Ok(())
/// # }
/// ```
pub struct OpenerBuilder<Channel, Way> {
    trust: Box<dyn TrustSource>,
    keys: OwnKeys,
    expected: Expected,
    window: Option<Duration>,
    skew: Duration,
    clock: Option<Box<dyn Clock>>,
    replay: Option<Box<dyn ReplayMemory>>,
    max_len: usize,
    /// The first thing that was wrong; told by `build`.
    fault: Option<Error>,
    state: core::marker::PhantomData<(Channel, Way)>,
}

impl OpenerBuilder<NoChannel, NoMode> {
    pub(super) fn new(trust: Box<dyn TrustSource>) -> Self {
        Self {
            trust,
            keys: OwnKeys::default(),
            expected: Expected::default(),
            window: None,
            skew: SKEW,
            clock: None,
            replay: None,
            max_len: limits::ENVELOPE,
            fault: None,
            state: core::marker::PhantomData,
        }
    }

    /// Opens what was sealed for this channel, and refuses everything else.
    #[must_use]
    pub fn channel(mut self, channel: &str) -> OpenerBuilder<OneChannel, NoMode> {
        if let Err(detail) = check_channel(channel) {
            self.fault = self.fault.or(Some(Error::Misuse(detail)));
        }
        self.expected.channel = Some(channel.into());
        self.decided()
    }

    /// Opens what was sealed for any channel that its signer was allowed to
    /// seal for.
    #[must_use]
    pub fn any_channel(self) -> OpenerBuilder<AnyChannel, NoMode> {
        self.decided()
    }

    /// Opens what a carrier brings over many channels, each told with its
    /// envelope.
    #[must_use]
    pub fn each_channel(self) -> OpenerBuilder<EachChannel, NoMode> {
        self.decided()
    }
}

impl OpenerBuilder<EachChannel, NoMode> {
    /// Reads live, as with one channel.
    #[must_use]
    pub fn live(mut self, window: Window) -> OpenerBuilder<EachChannel, Carried> {
        self.window = Some(window.0);
        self.decided()
    }
}

impl OpenerBuilder<OneChannel, NoMode> {
    /// Reads live: refuses what is older than `window`, expired, from the
    /// future or seen before, and everything once the trust bundle expired.
    #[must_use]
    pub fn live(mut self, window: Window) -> OpenerBuilder<OneChannel, Ready> {
        self.window = Some(window.0);
        self.decided()
    }

    /// Reads an archive: age, expiry and repetition are not judged.
    #[must_use]
    pub fn archive(self) -> OpenerBuilder<OneChannel, Ready> {
        self.decided()
    }
}

impl OpenerBuilder<AnyChannel, NoMode> {
    /// Reads an archive: age, expiry and repetition are not judged.
    #[must_use]
    pub fn archive(self) -> OpenerBuilder<AnyChannel, Ready> {
        self.decided()
    }
}

impl<Channel, Way> OpenerBuilder<Channel, Way> {
    /// A private key to open with.
    #[must_use]
    pub fn key(mut self, key: ReceivingKey) -> Self {
        if let Err(error) = self.keys.keyring.add_receiving(key) {
            self.fault = self.fault.or(Some(error));
        }
        self
    }

    /// A KEK to open with, under the ID that envelopes name it by.
    #[must_use]
    pub fn kek(mut self, id: &[u8], kek: Kek) -> Self {
        if let Err(error) = self.keys.keyring.add_kek(id, kek) {
            self.fault = self.fault.or(Some(error));
        }
        self
    }

    /// Keys that live elsewhere, or a keyring shared with others. They take the
    /// place of keys given one by one.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.keys.provider = Some(provider);
        self
    }

    /// Opens what this subject sealed, and refuses everything else.
    #[must_use]
    pub fn signer(mut self, subject: &str) -> Self {
        self.expected.signer = Some(subject.into());
        self
    }

    /// How far clocks may differ; 60 s unless said.
    #[must_use]
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Another replay memory than one in this process. It has to cover the
    /// window and twice the skew.
    #[must_use]
    pub fn replay_memory(mut self, memory: impl ReplayMemory + 'static) -> Self {
        self.replay = Some(Box::new(memory));
        self
    }

    /// The longest envelope that is looked at; 64 MiB unless said.
    #[must_use]
    pub const fn max_len(mut self, bytes: usize) -> Self {
        self.max_len = bytes;
        self
    }

    fn decided<C, W>(self) -> OpenerBuilder<C, W> {
        OpenerBuilder {
            trust: self.trust,
            keys: self.keys,
            expected: self.expected,
            window: self.window,
            skew: self.skew,
            clock: self.clock,
            replay: self.replay,
            max_len: self.max_len,
            fault: self.fault,
            state: core::marker::PhantomData,
        }
    }
}

impl OpenerBuilder<EachChannel, Carried> {
    /// The opener. A clock and a memory that were given are not used: they come
    /// with each envelope.
    ///
    /// # Errors
    ///
    /// `misuse` where two keys have one ID, or keys are given both one by one
    /// and by a provider.
    pub fn build_carried(self) -> Result<CarriedOpener> {
        let mode = Mode::Carried { window: self.window.unwrap_or_default(), skew: self.skew };
        Ok(CarriedOpener::new(self.opener(|_| Ok(mode))?))
    }
}

impl<Channel> OpenerBuilder<Channel, Ready> {
    /// The opener.
    ///
    /// # Errors
    ///
    /// `misuse` where the channel's name breaks a rule, two keys have one ID,
    /// keys are given both one by one and by a provider, or a live opener has
    /// no clock.
    pub fn build(self) -> Result<Opener> {
        self.opener(|Given { window, skew, clock, replay }| {
            let Some(window) = window else {
                return Ok(Mode::Archive);
            };
            let clock = clock.or_else(default_clock).ok_or_else(|| {
                Error::misuse("a live opener needs a clock where there is no system clock")
            })?;
            let replay = replay.unwrap_or_else(|| Box::new(InMemoryReplay::new(window, skew)));
            Ok(Mode::Live { clock, window, skew, replay })
        })
    }
}

/// What the way of reading is made of.
struct Given {
    window: Option<Duration>,
    skew: Duration,
    clock: Option<Box<dyn Clock>>,
    replay: Option<Box<dyn ReplayMemory>>,
}

impl<Channel, Way> OpenerBuilder<Channel, Way> {
    fn opener(self, mode: impl FnOnce(Given) -> Result<Mode>) -> Result<Opener> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let keys = self.keys.chosen()?;
        let Self { window, skew, clock, replay, .. } = self;
        Ok(Opener {
            trust: InForce::new(self.trust),
            keys,
            expected: self.expected,
            mode: mode(Given { window, skew, clock, replay })?,
            max_len: self.max_len,
            proven: Proven::new(),
            epochs: EpochCache::new(),
        })
    }
}

#[cfg(feature = "os")]
fn default_clock() -> Option<Box<dyn Clock>> {
    Some(Box::new(crate::clock::SystemClock))
}

#[cfg(not(feature = "os"))]
fn default_clock() -> Option<Box<dyn Clock>> {
    None
}

impl<Channel, Way> fmt::Debug for OpenerBuilder<Channel, Way> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenerBuilder")
            .field("expected", &self.expected)
            .field("window", &self.window)
            .field("keyring", &self.keys.keyring)
            .finish_non_exhaustive()
    }
}
