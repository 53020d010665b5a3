//! What was found, to be kept: an owned record of a judgement, and with the
//! feature `serde` a JSON object.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::authorize::{Authentic, ClaimedTime, Facts};
use crate::clock::Time;
use crate::error::Error;
use crate::header::{EpochId, HeaderValue, MessageId, Previous};
use crate::key::KeyId;
use crate::receipt::OtherReceipt;
use crate::suite::Suite;

#[cfg(feature = "serde")]
mod json;

/// A judgement. Nothing of a header is in it before the receipt verified.
#[derive(Debug)]
pub struct Verdict {
    error: Option<Error>,
    findings: Option<Findings>,
}

/// What the receipt proves its signer to have said.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Findings {
    /// Who signed.
    pub signer: VerdictSigner,
    /// The suite.
    pub suite: Option<Suite>,
    /// The channel.
    pub channel: String,
    /// The message's ID.
    pub message_id: MessageId,
    /// The sealing time in it.
    pub sealed_at: Time,
    /// The message's number in its epoch.
    pub sequence: u64,
    /// The epoch.
    pub epoch: EpochId,
    /// The epoch before, in the first message of a later one.
    pub previous: Option<Previous>,
    /// The payload's media type.
    pub content_type: Option<String>,
    /// Application headers, in their order.
    pub headers: Vec<(String, OwnedValue)>,
    /// Extensions: label and encoded value.
    pub extensions: Vec<(i64, Vec<u8>)>,
    /// When the message expires.
    pub expires_at: Option<Time>,
    /// What is known of later receipts.
    pub other_receipts: Vec<OtherReceipt>,
    /// Where the claimed time lies, if the key is revoked.
    pub claimed_time: Option<ClaimedTime>,
    /// The trust bundle judged by.
    pub bundle: VerdictBundle,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictSigner {
    /// The key.
    pub key_id: KeyId,
    /// Whose.
    pub subject: String,
}

/// Which trust bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictBundle {
    /// Its trust domain.
    pub domain: String,
    /// Its sequence.
    pub sequence: u64,
    /// When live readers stop believing it.
    pub expires_at: Time,
}

/// The value of an application header, to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedValue {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An integer.
    Int(i64),
    /// True or false.
    Bool(bool),
}

impl Verdict {
    /// Refused before the receipt verified.
    pub(crate) const fn refused(error: Error) -> Self {
        Self { error: Some(error), findings: None }
    }

    /// The receipt verified; `error` is what was found afterwards.
    pub(crate) fn of(authentic: &Authentic<'_>, error: Option<Error>) -> Self {
        let header = authentic.header();
        let bundle = authentic.bundle();
        let findings = Findings {
            signer: VerdictSigner {
                key_id: header.signer(),
                subject: authentic.record().subject().to_owned(),
            },
            suite: header.suite(),
            channel: header.channel().to_owned(),
            message_id: header.message_id(),
            sealed_at: header.message_id().sealed_at(),
            sequence: header.sequence(),
            epoch: header.epoch(),
            previous: header.previous(),
            content_type: header.content_type().map(ToOwned::to_owned),
            headers: header
                .headers()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
            extensions: header.extensions().map(|(label, v)| (label, v.to_vec())).collect(),
            expires_at: header.expires_at(),
            other_receipts: authentic.other_receipts(),
            claimed_time: authentic.claimed_time(),
            bundle: VerdictBundle {
                domain: bundle.domain().to_owned(),
                sequence: bundle.sequence(),
                expires_at: bundle.expires_at(),
            },
        };
        Self { error, findings: Some(findings) }
    }

    /// The verdict of a message that was verified.
    #[must_use]
    pub fn valid(verified: &crate::Verified<'_>) -> Self {
        Self::of(verified.authentic(), None)
    }

    /// The same envelope, refused after all: it did not open.
    #[must_use]
    pub fn refuse(mut self, error: Error) -> Self {
        self.error = self.error.or(Some(error));
        self
    }

    /// Whether it was accepted.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.error.is_none()
    }

    /// Why it was refused.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// What the receipt proves; nothing before it verified. Of a refused
    /// envelope it is what a known key signed, not what may be acted on.
    #[must_use]
    pub const fn findings(&self) -> Option<&Findings> {
        self.findings.as_ref()
    }

    /// What a live reader would look at besides, at `now`.
    #[must_use]
    pub fn facts(&self, now: Time, skew: Duration) -> Option<Facts> {
        let Findings { bundle, sealed_at, expires_at, .. } = self.findings.as_ref()?;
        Some(Facts {
            bundle_expired: now >= bundle.expires_at.plus(skew),
            expired: expires_at.is_some_and(|expiry| now >= expiry.plus(skew)),
            from_the_future: *sealed_at > now.plus(skew),
            age: (*sealed_at <= now).then(|| now.since(*sealed_at)),
        })
    }
}

impl From<HeaderValue<'_>> for OwnedValue {
    fn from(value: HeaderValue<'_>) -> Self {
        match value {
            HeaderValue::Text(text) => Self::Text(text.to_owned()),
            HeaderValue::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            HeaderValue::Int(int) => Self::Int(int),
            HeaderValue::Bool(value) => Self::Bool(value),
        }
    }
}

impl<'a> From<&'a OwnedValue> for HeaderValue<'a> {
    fn from(value: &'a OwnedValue) -> Self {
        match value {
            OwnedValue::Text(text) => Self::Text(text),
            OwnedValue::Bytes(bytes) => Self::Bytes(bytes),
            OwnedValue::Int(int) => Self::Int(*int),
            OwnedValue::Bool(value) => Self::Bool(*value),
        }
    }
}
