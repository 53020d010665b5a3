//! Envelopes that a carrier brings: the time, the channel and the memory come
//! with each of them, because one carrier has many channels and many logs.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::{Arrival, Mode, Opened, Opener};
use crate::authorize::{Live, Verified};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::replay::{Position, ReplayMemory};

/// Where and when a carrier brought an envelope.
#[derive(Clone, Copy)]
pub struct Place<'c> {
    /// The channel that it came over: what it must have been sealed for.
    pub channel: &'c str,
    /// Where the carrier holds it, if it has positions.
    pub position: Option<Position>,
    /// The reader's time.
    pub now: Time,
    /// What was seen in this channel, or in this log of it.
    pub memory: &'c dyn ReplayMemory,
    /// Whether age is judged. It is not where a message is judged again that
    /// had been refused and set aside: then it is the caller who knows that
    /// this very message was.
    pub aged: bool,
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("channel", &self.channel)
            .field("position", &self.position)
            .field("now", &self.now)
            .field("aged", &self.aged)
            .finish_non_exhaustive()
    }
}

/// Opens what a carrier brings, as [`Opener`] does live, with one store of
/// proven roots and epoch secrets for all its channels. Has neither clock nor
/// memory: they come with each envelope.
///
/// It opens nothing without being told the channel:
///
/// ```compile_fail,E0599
/// # fn open(opener: coseal::CarriedOpener, envelope: &[u8]) {
/// opener.open(envelope);
/// # }
/// ```
pub struct CarriedOpener(Opener);

impl CarriedOpener {
    pub(super) const fn new(opener: Opener) -> Self {
        Self(opener)
    }

    /// Opens an envelope and appends its payload to `payload`, which is
    /// unchanged on error; so is the envelope, always. `check` is asked once
    /// signer, channel and times were found right, and before anything is
    /// decrypted or marked as seen: there a carrier refuses what is not in its
    /// place. Were it refused later, a copy in a wrong place would shadow the
    /// message in the right one.
    ///
    /// # Errors
    ///
    /// That of the earliest step that fails; those of `check` are told after
    /// those of step 5.
    pub fn open_at<'a>(
        &self,
        envelope: &'a [u8],
        place: &Place<'_>,
        check: impl FnOnce(&Verified<'a>) -> Result<()>,
        payload: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>> {
        let Mode::Carried { window, skew } = self.0.mode else {
            return Err(Error::misuse("internal: an opener of another kind"));
        };
        let arrival = Arrival {
            channel: Some(place.channel),
            live: Some(Live { now: place.now, skew }),
            position: place.position,
            window: place.aged.then_some(window),
            memory: Some(place.memory),
        };
        self.0.open_behind(envelope, &arrival, check, payload)
    }

    /// How far a memory has to reach back: the window and two skews.
    #[must_use]
    pub const fn span(&self) -> Duration {
        match self.0.mode {
            Mode::Carried { window, skew } => window.saturating_add(skew).saturating_add(skew),
            Mode::Live { .. } | Mode::Archive => Duration::MAX,
        }
    }
}

impl fmt::Debug for CarriedOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
