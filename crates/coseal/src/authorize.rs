//! Step 5: proof of origin, the signer's record, the caller's wishes and the
//! time in; permission out. The signature verified, but nothing here is
//! trusted before it was allowed for this channel, at this time.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use sha2::Digest;

use crate::clock::Time;
use crate::error::{Error, Misdirected, Result, Stale, Unsupported, Untrusted};
use crate::hash::Sha256;
use crate::header::{EpochId, Header, HeaderValue, MessageId, Previous};
use crate::key::{KeyId, Thumbprint};
use crate::receipt::tree::Hash;
use crate::receipt::{self, OtherReceipt, Proven, judge_other};
use crate::suite::Suite;
use crate::trust::{Held, KeyRecord, RecordPlace, TrustBundle};
use crate::wire::{Frame, label};

/// A live reader's time: what it judges freshness by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Live {
    pub(crate) now: Time,
    pub(crate) skew: Duration,
}

/// What the age of a message is measured against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Age {
    /// Now; in a log, the latest verified sealing time of the same signer.
    pub(crate) reference: Time,
    pub(crate) window: Duration,
}

/// What the caller asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    pub(crate) channel: Option<String>,
    pub(crate) signer: Option<String>,
}

impl Expected {
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted { channel: self.channel.as_deref(), signer: self.signer.as_deref() }
    }
}

/// The same for one envelope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'w> {
    pub(crate) channel: Option<&'w str>,
    pub(crate) signer: Option<&'w str>,
}

/// An envelope whose receipt verified: the key that its header names signed
/// this header and ciphertext. Whether that key was allowed to is not known.
///
/// Only the step that checks makes one, and nobody exchanges what is in it:
///
/// ```compile_fail,E0451
/// fn forge<'a>(header: coseal::Header<'a>, of: coseal::Authentic<'a>) -> coseal::Authentic<'a> {
///     coseal::Authentic { header, ..of }
/// }
/// ```
#[derive(Debug)]
pub struct Authentic<'a> {
    header: Header<'a>,
    protected: &'a [u8],
    other_receipts: Vec<&'a [u8]>,
    leaf: Hash,
    bundle: Arc<Held>,
    record: RecordPlace,
}

impl<'a> Authentic<'a> {
    /// Steps 2 to 4 over a frame and its ciphertext.
    pub(crate) fn check(
        frame: &Frame<'a>,
        ciphertext: Option<&[u8]>,
        bundle: Arc<Held>,
        live: Option<&Live>,
        proven: &Proven,
    ) -> Result<Self> {
        let ciphertext = check_supported(frame, ciphertext)?;
        if let Some(live) = live
            && bundle.is_expired(live.now, live.skew)
        {
            let detail = format!("our trust bundle expired at {}", bundle.expires_at());
            return Err(Error::Untrusted(Untrusted::BundleExpired, detail.into()));
        }
        let record = bundle.signer(&frame.header.signer())?;
        let unusable = || Error::Untrusted(Untrusted::UnknownSigner, "not a signing key".into());
        let key = bundle.at(record).verifying_key().ok_or_else(unusable)?;
        let leaf = receipt::leaf_of(frame.protected, &Sha256::digest(ciphertext).into());
        receipt::verify(&frame.receipts.sender, &leaf, key, bundle.digest(), proven)?;
        Ok(Self {
            header: frame.header,
            protected: frame.protected,
            other_receipts: frame.receipts.others().to_vec(),
            leaf,
            bundle,
            record,
        })
    }

    /// What the envelope says, and its signer signed.
    #[must_use]
    pub const fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The signing key's record.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        self.bundle.at(self.record)
    }

    /// Where the claimed sealing time lies, if the key is revoked.
    #[must_use]
    pub fn claimed_time(&self) -> Option<ClaimedTime> {
        let revocation = self.record().revocation()?;
        let time = self.header.message_id().sealed_at();
        let since = revocation.compromised_since.unwrap_or(revocation.revoked_at);
        Some(if time >= revocation.revoked_at {
            ClaimedTime::After
        } else if time >= since {
            ClaimedTime::InDoubt
        } else {
            ClaimedTime::Before
        })
    }

    pub(crate) fn other_receipts(&self) -> Vec<OtherReceipt> {
        self.other_receipts
            .iter()
            .map(|receipt| judge_other(receipt, &self.leaf, &self.header, &self.bundle))
            .collect()
    }

    pub(crate) fn bundle(&self) -> &Arc<TrustBundle> {
        self.bundle.bundle()
    }

    /// Step 5, in its fixed order.
    pub(crate) fn check_allowed(
        &self,
        expected: Wanted<'_>,
        live: Option<&Live>,
        age: Option<&Age>,
    ) -> Result<()> {
        let (header, record) = (&self.header, self.record());
        let untrusted = |kind, detail: String| Err(Error::Untrusted(kind, detail.into()));
        let (key_id, channel) = (header.signer(), header.channel());
        if !record.allows(channel) {
            let detail = format!("key {key_id} may not sign for channel {channel:?}");
            return untrusted(Untrusted::NotAllowed, detail);
        }
        let sealed_at = header.message_id().sealed_at();
        if !record.is_valid_at(sealed_at) {
            let detail = format!("key {key_id} was not valid at the sealing time, {sealed_at}");
            return untrusted(Untrusted::NotValidThen, detail);
        }
        if let (Some(revocation), Some(claimed)) = (record.revocation(), self.claimed_time()) {
            let reason = revocation.reason.as_str();
            let detail = format!("key {key_id} is revoked ({reason}); {}", claimed.in_words());
            return untrusted(Untrusted::Revoked, detail);
        }
        if let Some(signer) = expected.signer
            && signer != record.subject()
        {
            let detail = format!("sealed by {:?}, not by {signer:?}", record.subject());
            return untrusted(Untrusted::WrongSigner, detail);
        }
        if let Some(wanted) = expected.channel
            && wanted != channel
        {
            let detail = format!("sealed for channel {channel:?}, not for {wanted:?}");
            return Err(Error::Misdirected(Misdirected::Channel, detail.into()));
        }
        self.check_fresh(live, age)
    }

    fn check_fresh(&self, live: Option<&Live>, age: Option<&Age>) -> Result<()> {
        let Some(Live { now, skew }) = live else {
            return Ok(());
        };
        let stale = |kind, detail: String| Err(Error::Stale(kind, detail.into()));
        let sealed_at = self.header.message_id().sealed_at();
        if sealed_at > now.plus(*skew) {
            let detail = format!("sealed at {sealed_at}, which is later than {now}");
            return stale(Stale::FromTheFuture, detail);
        }
        if let Some(expiry) = self.header.expires_at()
            && *now >= expiry.plus(*skew)
        {
            return stale(Stale::Expired, format!("the message expired at {expiry}"));
        }
        if let Some(Age { reference, window }) = age
            && reference.since(sealed_at) > window.saturating_add(*skew)
        {
            let window = window.as_secs();
            let detail = format!("sealed at {sealed_at}, over {window} s before {reference}");
            return stale(Stale::TooOld, detail);
        }
        Ok(())
    }
}

/// Step 2, in its fixed order. Answers the ciphertext, which is there.
fn check_supported<'c>(frame: &Frame<'_>, ciphertext: Option<&'c [u8]>) -> Result<&'c [u8]> {
    let unsupported = |kind, detail: String| Err(Error::Unsupported(kind, detail.into()));
    if frame.header.has_unlisted_label() {
        let detail = "the protected header has a label that this version does not know";
        return unsupported(Unsupported::Header, detail.into());
    }
    if frame.header.suite().is_none() {
        let detail = format!("suite {} is not known", frame.header.algorithm());
        return unsupported(Unsupported::Suite, detail);
    }
    let Some(ciphertext) = ciphertext else {
        return unsupported(Unsupported::Detached, "the ciphertext is detached".into());
    };
    let algorithm = frame.receipts.sender.algorithm;
    if !matches!(algorithm, label::EDDSA | label::ED25519) {
        let detail = format!("receipt algorithm {algorithm} is not known");
        return unsupported(Unsupported::Receipt, detail);
    }
    Ok(ciphertext)
}

/// Where the sealing time that a message claims lies, when its key is revoked.
/// It never lifts the revocation: whoever has the key can claim any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimedTime {
    /// Before the compromise, or before the revocation where none is stated.
    Before,
    /// Between compromise and revocation.
    InDoubt,
    /// After the revocation.
    After,
}

impl ClaimedTime {
    /// The name in verdicts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::InDoubt => "in_doubt",
            Self::After => "after",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Before => "the message claims a time before that",
            Self::InDoubt => "the message claims a time between compromise and revocation",
            Self::After => "the message claims a time after that",
        }
    }
}

/// What a verdict does not depend on, at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The trust bundle has expired.
    pub bundle_expired: bool,
    /// The message has expired.
    pub expired: bool,
    /// The message claims to be sealed later.
    pub from_the_future: bool,
    /// Time since sealing; nothing where that lies ahead.
    pub age: Option<Duration>,
}

/// An envelope of a known signer who was allowed to sign it, for the channel
/// and by the signer that the caller asked for. Says nothing of the payload.
///
/// Only the step that checks makes one:
///
/// ```compile_fail,E0423
/// fn forge(authentic: coseal::Authentic<'_>) -> coseal::Verified<'_> {
///     coseal::Verified(authentic)
/// }
/// ```
pub struct Verified<'a>(Authentic<'a>);

impl<'a> Verified<'a> {
    /// The only way to one.
    pub(crate) fn authorize(
        authentic: Authentic<'a>,
        expected: Wanted<'_>,
        live: Option<&Live>,
        age: Option<&Age>,
    ) -> Result<Self> {
        authentic.check_allowed(expected, live, age)?;
        Ok(Self(authentic))
    }

    /// The whole header.
    #[must_use]
    pub const fn header(&self) -> &Header<'a> {
        &self.0.header
    }

    /// The protected header, encoded as it was signed.
    #[must_use]
    pub const fn protected(&self) -> &'a [u8] {
        self.0.protected
    }

    /// The signing key's record.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        self.0.record()
    }

    /// Who sealed it: the subject of the signing key.
    #[must_use]
    pub fn signer(&self) -> &str {
        self.record().subject()
    }

    /// The signing key's ID.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.header().signer()
    }

    /// The signing key's thumbprint.
    #[must_use]
    pub fn thumbprint(&self) -> &Thumbprint {
        self.record().thumbprint()
    }

    /// The channel it was sealed for.
    #[must_use]
    pub const fn channel(&self) -> &'a str {
        self.header().channel()
    }

    /// The message's ID.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.header().message_id()
    }

    /// When it was sealed, as the signer claims.
    #[must_use]
    pub fn sealed_at(&self) -> Time {
        self.id().sealed_at()
    }

    /// Its number in its epoch, from 0.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.header().sequence()
    }

    /// Its epoch.
    #[must_use]
    pub const fn epoch(&self) -> EpochId {
        self.header().epoch()
    }

    /// The epoch before, if it is the first message of a later one.
    #[must_use]
    pub const fn previous(&self) -> Option<Previous> {
        self.header().previous()
    }

    /// The payload's media type.
    #[must_use]
    pub const fn content_type(&self) -> Option<&'a str> {
        self.header().content_type()
    }

    /// Its application headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, HeaderValue<'a>)> + use<'a> {
        self.header().headers()
    }

    /// Extensions: label and encoded value. Signed, not judged.
    pub fn extensions(&self) -> impl Iterator<Item = (i64, &'a [u8])> + use<'a> {
        self.header().extensions()
    }

    /// When it expires.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Time> {
        self.header().expires_at()
    }

    /// Its cipher suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        // Step 2 refused every other.
        self.header().suite().unwrap_or_default()
    }

    /// What is known of the receipts after the sender's.
    #[must_use]
    pub fn other_receipts(&self) -> Vec<OtherReceipt> {
        self.0.other_receipts()
    }

    /// The trust bundle that it was judged by.
    #[must_use]
    pub fn bundle(&self) -> &Arc<TrustBundle> {
        self.0.bundle()
    }

    pub(crate) const fn authentic(&self) -> &Authentic<'a> {
        &self.0
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("id", &self.id())
            .field("signer", &self.signer())
            .field("channel", &self.channel())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::ClaimedTime;

    #[test]
    fn claimed_times_have_the_names_of_the_specification() {
        let times = [ClaimedTime::Before, ClaimedTime::InDoubt, ClaimedTime::After];
        assert_eq!(times.map(ClaimedTime::as_str), ["before", "in_doubt", "after"]);
        let words = times.map(ClaimedTime::in_words);
        assert!(words[0].ends_with("before that"));
        assert!(words[1].ends_with("between compromise and revocation"));
        assert!(words[2].ends_with("after that"));
    }
}
