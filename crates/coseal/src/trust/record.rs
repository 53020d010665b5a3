//! One record of a bundle: a key, whose it is, what it may do and when.
//!
//! ```cddl
//! key-record = {
//!   1 => { 1 => 1, -1 => 6 / 4, -2 => bstr .size 32 },
//!   2 => tstr,                   ; subject
//!   3 => 1 / 2,                  ; use: 1 sign, 2 receive
//!   4 => uint, ? 5 => uint,      ; valid from, valid until (seconds)
//!   6 => [ * tstr ],             ; channel patterns
//!   ? 7 => [ revoked-at: uint, reason: uint, ? compromised-since: uint ],
//!   * $$record-extension         ; labels from 64
//! }
//! ```

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::header::pattern;
use crate::key::{KeyId, PublicKey, RecipientKey, Thumbprint, VerifyingKey};
use crate::limits;
use crate::wire::{Head, Items, Reader, Values, int_of};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Signing receipts.
    Sign,
    /// Receiving epoch secrets.
    Receive,
}

/// A channel pattern: tokens between dots, `*` for one, a final `>` for one or
/// more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Checks the rules for patterns.
    ///
    /// # Errors
    ///
    /// `misuse`, with the rule that is broken.
    pub fn new(pattern: &str) -> Result<Self> {
        pattern::check(pattern).map_err(Error::misuse)?;
        Ok(Self(pattern.into()))
    }

    /// As it stands in the bundle.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it covers `channel`.
    #[must_use]
    pub fn covers(&self, channel: &str) -> bool {
        pattern::covers(&self.0, channel)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a key was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Somebody else may have it. Unknown reasons count as this one.
    Compromised,
    /// Another key took its place.
    Superseded,
    /// Its subject is no more.
    Ceased,
}

impl Reason {
    /// The name on the command line and in listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compromised => "compromised",
            Self::Superseded => "superseded",
            Self::Ceased => "ceased",
        }
    }

    pub(super) const fn number(self) -> u64 {
        match self {
            Self::Compromised => 1,
            Self::Superseded => 2,
            Self::Ceased => 3,
        }
    }
}

/// That a key is revoked. Refuses every message of it, whatever time the
/// message claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// When it was revoked.
    pub revoked_at: Time,
    /// Why.
    pub reason: Reason,
    /// Since when somebody else may have had it.
    pub compromised_since: Option<Time>,
}

/// A record of a kind that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedRecord {
    /// Its position in the bundle, from 0.
    pub index: usize,
    /// What is unknown about it.
    pub reason: &'static str,
}

/// A key in a trust bundle.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    pub(super) key: PublicKey,
    pub(super) subject: String,
    pub(super) valid_from: u64,
    pub(super) valid_until: Option<u64>,
    pub(super) channels: Vec<Pattern>,
    pub(super) revocation: Option<Revocation>,
    /// The number of the reason: one that is unknown here is kept.
    pub(super) reason: u64,
    /// Labels from 64 and their values, encoded as they stood.
    pub(super) extensions: Vec<u8>,
    pub(super) extension_count: usize,
}

/// A record, or why it is skipped.
pub(super) enum Parsed {
    Record(Box<KeyRecord>),
    Skipped(&'static str),
}

impl KeyRecord {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The key, where it verifies.
    #[must_use]
    pub const fn verifying_key(&self) -> Option<&VerifyingKey> {
        match &self.key {
            PublicKey::Verifying(key) => Some(key),
            PublicKey::Recipient(_) => None,
        }
    }

    /// The key, where it receives.
    #[must_use]
    pub const fn recipient_key(&self) -> Option<&RecipientKey> {
        match &self.key {
            PublicKey::Recipient(key) => Some(key),
            PublicKey::Verifying(_) => None,
        }
    }

    /// Its key ID.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key.key_id()
    }

    /// Its thumbprint.
    #[must_use]
    pub const fn thumbprint(&self) -> &Thumbprint {
        self.key.thumbprint()
    }

    /// Whose key it is: the identity.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What it is for; the curve decides.
    #[must_use]
    pub const fn usage(&self) -> Usage {
        match self.key {
            PublicKey::Verifying(_) => Usage::Sign,
            PublicKey::Recipient(_) => Usage::Receive,
        }
    }

    /// From when it is valid.
    #[must_use]
    pub const fn valid_from(&self) -> Time {
        Time::from_secs(self.valid_from)
    }

    /// Until when; for ever where nothing is said.
    #[must_use]
    pub fn valid_until(&self) -> Option<Time> {
        self.valid_until.map(Time::from_secs)
    }

    /// The channels it may be used for. None allows no channel.
    #[must_use]
    pub fn channels(&self) -> &[Pattern] {
        &self.channels
    }

    /// Whether, and how, it is revoked.
    #[must_use]
    pub const fn revocation(&self) -> Option<&Revocation> {
        self.revocation.as_ref()
    }

    /// Whether a pattern covers `channel`.
    #[must_use]
    pub fn allows(&self, channel: &str) -> bool {
        self.channels.iter().any(|pattern| pattern.covers(channel))
    }

    /// Whether from ≤ `time` < until.
    #[must_use]
    pub fn is_valid_at(&self, time: Time) -> bool {
        self.valid_from() <= time && self.valid_until().is_none_or(|until| time < until)
    }

    /// Reads a record. Its CBOR was checked with the bundle's.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Parsed> {
        let mut fields = Fields::default();
        for _ in 0..reader.map("a record is not a map")? {
            let start = reader.offset();
            let label = reader.uint("a label of a record is not an unsigned integer")?;
            if let Some(reason) = fields.read_value(label, start, reader)? {
                return Ok(Parsed::Skipped(reason));
            }
        }
        Ok(Parsed::Record(Box::new(fields.finish()?)))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let optional =
            usize::from(self.valid_until.is_some()) + usize::from(self.revocation.is_some());
        out.map(5 + optional + self.extension_count);
        out.uint(1);
        write_key(out, &self.key);
        out.uint(2);
        out.text(&self.subject);
        out.uint(3);
        out.uint(match self.usage() {
            Usage::Sign => 1,
            Usage::Receive => 2,
        });
        out.uint(4);
        out.uint(self.valid_from);
        if let Some(until) = self.valid_until {
            out.uint(5);
            out.uint(until);
        }
        out.uint(6);
        out.array(self.channels.len());
        for pattern in &self.channels {
            out.text(pattern.as_str());
        }
        if let Some(revocation) = &self.revocation {
            out.uint(7);
            out.array(2 + usize::from(revocation.compromised_since.is_some()));
            out.uint(revocation.revoked_at.as_secs());
            out.uint(self.reason);
            if let Some(since) = revocation.compromised_since {
                out.uint(since.as_secs());
            }
        }
        out.extend_from_slice(&self.extensions);
    }
}

#[derive(Default)]
struct Fields {
    key: Option<PublicKey>,
    subject: Option<String>,
    usage: Option<u64>,
    valid_from: Option<u64>,
    valid_until: Option<u64>,
    channels: Option<Vec<Pattern>>,
    revocation: Option<(Revocation, u64)>,
    extensions: Vec<u8>,
    extension_count: usize,
}

impl Fields {
    /// Reads the value of `label`, which begins at `start`. Answers why the
    /// record is to be skipped, if it is.
    fn read_value(
        &mut self,
        label: u64,
        start: usize,
        reader: &mut Reader<'_>,
    ) -> Result<Option<&'static str>> {
        match label {
            1 => match read_key(reader)? {
                Ok(key) => self.key = Some(key),
                Err(reason) => return Ok(Some(reason)),
            },
            2 => self.subject = Some(read_subject(reader)?),
            3 => {
                let usage = reader.uint("the use is not an unsigned integer")?;
                if !matches!(usage, 1 | 2) {
                    return Ok(Some("a use that this version does not know"));
                }
                self.usage = Some(usage);
            }
            4 => self.valid_from = Some(reader.time("valid-from is not a time in seconds")?),
            5 => self.valid_until = Some(reader.time("valid-until is not a time in seconds")?),
            6 => self.channels = Some(read_patterns(reader)?),
            7 => self.revocation = Some(read_revocation(reader)?),
            64.. => {
                reader.skip(limits::EXTENSION_DEPTH, Values::Untagged)?;
                self.extensions.extend_from_slice(reader.since(start));
                self.extension_count += 1;
            }
            _ => return Err(Error::structure("a label below 64 that does not exist")),
        }
        Ok(None)
    }

    fn finish(self) -> Result<KeyRecord> {
        let missing = |what| Error::structure(what);
        let record = KeyRecord {
            key: self.key.ok_or_else(|| missing("no key (label 1)"))?,
            subject: self.subject.ok_or_else(|| missing("no subject (label 2)"))?,
            valid_from: self.valid_from.ok_or_else(|| missing("no valid-from (label 4)"))?,
            valid_until: self.valid_until,
            channels: self.channels.ok_or_else(|| missing("no channel patterns (label 6)"))?,
            revocation: self.revocation.map(|(revocation, _)| revocation),
            reason: self.revocation.map_or(0, |(_, reason)| reason),
            extensions: self.extensions,
            extension_count: self.extension_count,
        };
        match (self.usage, record.usage()) {
            (Some(1), Usage::Sign) | (Some(2), Usage::Receive) => Ok(record),
            (None, _) => Err(missing("no use (label 3)")),
            _ => Err(missing("the use does not fit the key's curve")),
        }
    }
}

/// Reads a `COSE_Key`; the inner error says why it is of an unknown kind.
pub(super) fn read_key(reader: &mut Reader<'_>) -> Result<Result<PublicKey, &'static str>> {
    const WHAT: &str = "the key is not exactly {1: 1, -1: curve, -2: 32 bytes}";
    let whole = reader.skip(limits::DEPTH, Values::Format)?;
    if let Some(reason) = unknown_kind(whole)? {
        return Ok(Err(reason));
    }
    let mut reader = Reader::new(whole);
    if reader.map(WHAT)? != 3 {
        return Err(Error::structure(WHAT));
    }
    reader.expect_int(1, WHAT)?;
    reader.expect_int(1, WHAT)?;
    reader.expect_int(-1, WHAT)?;
    let curve = reader.int(WHAT)?;
    reader.expect_int(-2, WHAT)?;
    let bytes = reader.bytes_of::<32>(WHAT)?;
    if curve == ED25519 {
        VerifyingKey::from_bytes(bytes).map(|key| Ok(key.into()))
    } else {
        RecipientKey::from_bytes(bytes).map(|key| Ok(key.into()))
    }
}

/// Curves of the COSE registry.
const X25519: i64 = 4;
const ED25519: i64 = 6;

/// Looks at key type and curve alone.
fn unknown_kind(key: &[u8]) -> Result<Option<&'static str>> {
    let mut reader = Reader::new(key);
    let mut curve = None;
    let mut key_type = None;
    for _ in 0..reader.map("the key is not a map")? {
        // Text and bytes as labels would leave the reader inside them, but they
        // sort behind every integer: nothing of ours can follow.
        let Some(label) = int_of(reader.head()?) else {
            break;
        };
        let value = reader.clone().head()?;
        match label {
            1 => key_type = Some(value),
            -1 => curve = Some(value),
            _ => (),
        }
        reader.skip(limits::DEPTH, Values::Format)?;
    }
    let known = |head: Head, values: &[i64]| int_of(head).is_some_and(|n| values.contains(&n));
    let names = |head: &Head| matches!(head, Head::Text(_)) || int_of(*head).is_some();
    match (key_type.filter(names), curve.filter(names)) {
        (None, _) => Err(Error::structure("the key has no key type")),
        (Some(key_type), _) if !known(key_type, &[1]) => {
            Ok(Some("a key type that this version does not know"))
        }
        (_, None) => Err(Error::structure("the key has no curve")),
        (_, Some(curve)) if !known(curve, &[X25519, ED25519]) => {
            Ok(Some("a curve that this version does not know"))
        }
        _ => Ok(None),
    }
}

pub(super) fn write_key(out: &mut Vec<u8>, key: &PublicKey) {
    let (curve, bytes) = match key {
        PublicKey::Verifying(key) => (ED25519, key.as_bytes()),
        PublicKey::Recipient(key) => (X25519, key.as_bytes()),
    };
    out.map(3);
    out.int(1);
    out.int(1);
    out.int(-1);
    out.int(curve);
    out.int(-2);
    out.bytes(bytes);
}

fn read_subject(reader: &mut Reader<'_>) -> Result<String> {
    let subject = reader.text("the subject is not text")?;
    if (1..=limits::SUBJECT).contains(&subject.len()) {
        Ok(subject.into())
    } else {
        Err(Error::structure("the subject is not 1..2048 bytes long"))
    }
}

fn read_patterns(reader: &mut Reader<'_>) -> Result<Vec<Pattern>> {
    let count = reader.array("the channel patterns are not an array")?;
    if count > limits::PATTERNS {
        return Err(Error::structure("there are more than 256 channel patterns"));
    }
    (0..count)
        .map(|_| {
            let text = reader.text("a channel pattern is not text")?;
            pattern::check(text).map_err(Error::structure)?;
            Ok(Pattern(text.into()))
        })
        .collect()
}

fn read_revocation(reader: &mut Reader<'_>) -> Result<(Revocation, u64)> {
    let count = reader.array("the revocation is not an array")?;
    if !(2..=3).contains(&count) {
        return Err(Error::structure("the revocation is not an array of two or three"));
    }
    let time = |secs| Time::from_secs(secs);
    let revoked_at = time(reader.time("revoked-at is not a time in seconds")?);
    let number = reader.uint("the reason is not an unsigned integer")?;
    let reason = match number {
        2 => Reason::Superseded,
        3 => Reason::Ceased,
        _ => Reason::Compromised,
    };
    let compromised_since = match count {
        3 => Some(time(reader.time("compromised-since is not a time in seconds")?)),
        _ => None,
    };
    Ok((Revocation { revoked_at, reason, compromised_since }, number))
}
