//! The bytes of a trust bundle → what they say, without asking who signed them.
//!
//! Only for showing: nothing here is believed, and what cannot be read is left
//! out. The core knows no bundle that nobody verified, so that none can be used
//! by mistake; hence this reader of its own.

use std::path::Path;

use ciborium::Value;
use coseal::{Error, KeyId, Malformed, PublicKey, RecipientKey, Time, VerifyingKey};
use coseal_store::{StoreError, read_bundle};

use super::SKEW;
use super::view::{Record, Revoked, Skipped, View, status};
use crate::failure::Result;

/// What a bundle says.
#[derive(Debug)]
pub(crate) struct Hearsay {
    root: String,
    body: Vec<(Value, Value)>,
}

/// Reads the bundle at `path`.
pub(crate) fn read(path: &Path) -> Result<Hearsay> {
    let bytes = read_bundle(path)?;
    parse(&bytes).ok_or_else(|| {
        let source = Error::Malformed(Malformed::Structure, "this is no trust bundle".into());
        StoreError::Core { path: path.to_owned(), source }.into()
    })
}

fn parse(bytes: &[u8]) -> Option<Hearsay> {
    let Value::Tag(18, message) = decode(bytes)? else {
        return None;
    };
    let message = message.into_array().ok()?;
    let [protected, _, payload, _] = <[Value; 4]>::try_from(message).ok()?;
    let protected = decode(protected.as_bytes()?)?.into_map().ok()?;
    let body = decode(payload.as_bytes()?)?.into_map().ok()?;
    // Of another version nothing can be said.
    (uint(&body, 1)? == 1).then_some(())?;
    let root = field(&protected, 4)
        .and_then(Value::as_bytes)
        .and_then(|id| <[u8; 8]>::try_from(id.as_slice()).ok());
    Some(Hearsay {
        root: root.map_or_else(|| "unknown".to_owned(), |id| KeyId::from_bytes(id).to_string()),
        body,
    })
}

impl View {
    /// Of a bundle that nobody vouches for.
    pub(crate) fn unverified(Hearsay { root, body }: Hearsay, now: Time) -> Self {
        let expires_at = time(&body, 5).unwrap_or_default();
        let roots =
            field(&body, 7).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut view = Self {
            verified: false,
            domain: text(&body, 2),
            sequence: uint(&body, 3).unwrap_or_default(),
            issued_at: time(&body, 4).unwrap_or_default(),
            expires_at,
            expired: now >= expires_at.plus(SKEW),
            root,
            next_roots: roots
                .iter()
                .filter_map(|root| key(root.as_map()?))
                .map(|key| key.key_id().to_string())
                .collect(),
            records: Vec::new(),
            skipped: Vec::new(),
        };
        let records =
            field(&body, 6).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, record) in records.iter().enumerate() {
            match record.as_map().and_then(|fields| Record::unverified(fields, now)) {
                Some(record) => view.records.push(record),
                None => {
                    view.skipped.push(Skipped { index, reason: "it cannot be read".to_owned() })
                }
            }
        }
        view
    }
}

impl Record {
    fn unverified(fields: &[(Value, Value)], now: Time) -> Option<Self> {
        let key = key(field(fields, 1)?.as_map()?)?;
        let (valid_from, valid_until) = (time(fields, 4)?, time(fields, 5));
        let channels = field(fields, 6)?.as_array()?.iter().filter_map(Value::as_text);
        let revocation =
            field(fields, 7).and_then(Value::as_array).and_then(|parts| revoked(parts));
        Some(Self {
            key_id: key.key_id().to_string(),
            thumbprint: key.thumbprint().to_string(),
            usage: match key {
                PublicKey::Verifying(_) => "sign",
                PublicKey::Recipient(_) => "receive",
            },
            status: status(revocation.is_some(), valid_from, valid_until, now),
            subject: text(fields, 2),
            channels: channels.map(str::to_owned).collect(),
            valid_from,
            valid_until,
            revocation,
        })
    }
}

fn revoked(parts: &[Value]) -> Option<Revoked> {
    let number = |at: usize| {
        parts.get(at).and_then(Value::as_integer).and_then(|number| u64::try_from(number).ok())
    };
    Some(Revoked {
        revoked_at: Time::from_secs(number(0)?),
        reason: match number(1)? {
            2 => "superseded",
            3 => "ceased",
            _ => "compromised",
        },
        compromised_since: number(2).map(Time::from_secs),
    })
}

fn key(fields: &[(Value, Value)]) -> Option<PublicKey> {
    let bytes: &[u8; 32] = field(fields, -2)?.as_bytes()?.as_slice().try_into().ok()?;
    match uint(fields, -1)? {
        6 => VerifyingKey::from_bytes(bytes).ok().map(PublicKey::from),
        4 => RecipientKey::from_bytes(bytes).ok().map(PublicKey::from),
        _ => None,
    }
}

fn decode(bytes: &[u8]) -> Option<Value> {
    ciborium::from_reader(bytes).ok()
}

fn field(fields: &[(Value, Value)], label: i64) -> Option<&Value> {
    let (_, value) = fields.iter().find(|(key, _)| *key == Value::from(label))?;
    Some(value)
}

fn uint(fields: &[(Value, Value)], label: i64) -> Option<u64> {
    field(fields, label)?.as_integer()?.try_into().ok()
}

fn time(fields: &[(Value, Value)], label: i64) -> Option<Time> {
    uint(fields, label).map(Time::from_secs)
}

fn text(fields: &[(Value, Value)], label: i64) -> String {
    field(fields, label).and_then(Value::as_text).unwrap_or_default().to_owned()
}
