//! The bytes of a trust bundle → what they say, without asking who signed them.
//!
//! Only for showing: nothing here is believed, and what cannot be read is left
//! out. The core knows no bundle that nobody verified, so that none can be used
//! by mistake; hence this reader of its own. Anybody can write such bytes, so
//! items stay where they are until they are shown, under the limits of the core.

use std::path::Path;

use coseal::sequence::Scanner;
use coseal::{Error, KeyId, Malformed, PublicKey, RecipientKey, Time, VerifyingKey, limits};
use coseal_store::{StoreError, read_bundle};

use super::SKEW;
use super::view::{Record, Revoked, Skipped, View, status};
use crate::failure::Result;

/// More fields than any map here has that are shown. Extensions, which are
/// not, have greater labels and come after them.
const FIELDS: usize = 8;

/// Reads the bundle at `path`, for which nobody vouches.
pub(crate) fn read(path: &Path, now: Time) -> Result<View> {
    let bytes = read_bundle(path)?;
    parse(&bytes, now).ok_or_else(|| {
        let source = Error::Malformed(Malformed::Structure, "this is no trust bundle".into());
        StoreError::Core { path: path.to_owned(), source }.into()
    })
}

fn parse(bytes: &[u8], now: Time) -> Option<View> {
    let (Major::Tag, 18, message) = head(bytes)? else {
        return None;
    };
    let [protected, _, payload, _] = <[Item<'_>; 4]>::try_from(array(message, 4)?).ok()?;
    let protected = map(string(protected, Major::Bytes)?)?;
    let body = map(string(payload, Major::Bytes)?)?;
    // Of another version nothing can be said.
    (uint(&body, 1)? == 1).then_some(())?;
    let root = field(&protected, 4).and_then(|id| string(id, Major::Bytes)?.try_into().ok());
    let expires_at = time(&body, 5).unwrap_or_default();
    let next_roots = field(&body, 7).and_then(|roots| array(roots, limits::RECORDS));
    let records = array(field(&body, 6)?, limits::RECORDS)?;
    let mut view = View {
        verified: false,
        domain: text(&body, 2),
        sequence: uint(&body, 3).unwrap_or_default(),
        issued_at: time(&body, 4).unwrap_or_default(),
        expires_at,
        expired: now >= expires_at.plus(SKEW),
        expires_in: expires_at.since(now).as_secs(),
        root: root.map_or_else(|| "unknown".to_owned(), |id| KeyId::from_bytes(id).to_string()),
        next_roots: next_roots
            .unwrap_or_default()
            .iter()
            .filter_map(|root| key(&map(root)?))
            .map(|key| key.key_id().to_string())
            .collect(),
        records: Vec::new(),
        skipped: Vec::new(),
    };
    for (index, record) in records.into_iter().enumerate() {
        match map(record).and_then(|fields| Record::unverified(&fields, now)) {
            Some(record) => view.records.push(record),
            None => view.skipped.push(Skipped { index, reason: "it cannot be read".to_owned() }),
        }
    }
    Some(view)
}

impl Record {
    fn unverified(fields: &[Item<'_>], now: Time) -> Option<Self> {
        let key = key(&map(field(fields, 1)?)?)?;
        let (valid_from, valid_until) = (time(fields, 4)?, time(fields, 5));
        let subject = text(fields, 2);
        (subject.len() <= limits::SUBJECT).then_some(())?;
        let channels = array(field(fields, 6)?, limits::PATTERNS)?;
        let channel = |item| {
            let bytes = string(item, Major::Text).filter(|text| text.len() <= limits::CHANNEL)?;
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        };
        let revocation = field(fields, 7).and_then(|parts| revoked(&array(parts, 3)?));
        Some(Self {
            key_id: key.key_id().to_string(),
            thumbprint: key.thumbprint().to_string(),
            usage: match key {
                PublicKey::Verifying(_) => "sign",
                PublicKey::Recipient(_) => "receive",
            },
            status: status(revocation.is_some(), valid_from, valid_until, now),
            subject,
            channels: channels.into_iter().map(channel).collect::<Option<_>>()?,
            valid_from,
            valid_until,
            revocation,
        })
    }
}

fn revoked(parts: &[Item<'_>]) -> Option<Revoked> {
    let number = |at: usize| number(parts.get(at)?);
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

fn key(fields: &[Item<'_>]) -> Option<PublicKey> {
    /// The labels -1 and -2, encoded.
    const CURVE: u8 = 0x20;
    const BYTES: u8 = 0x21;
    let bytes: &[u8; 32] = string(field(fields, BYTES)?, Major::Bytes)?.try_into().ok()?;
    match uint(fields, CURVE)? {
        6 => VerifyingKey::from_bytes(bytes).ok().map(PublicKey::from),
        4 => RecipientKey::from_bytes(bytes).ok().map(PublicKey::from),
        _ => None,
    }
}

/// The value of a label that is one byte when encoded.
fn field<'a>(fields: &[Item<'a>], label: u8) -> Option<Item<'a>> {
    fields.chunks_exact(2).find_map(|pair| match pair {
        [found, value] if *found == [label] => Some(*value),
        _ => None,
    })
}

fn uint(fields: &[Item<'_>], label: u8) -> Option<u64> {
    number(field(fields, label)?)
}

fn time(fields: &[Item<'_>], label: u8) -> Option<Time> {
    uint(fields, label).map(Time::from_secs)
}

fn text(fields: &[Item<'_>], label: u8) -> String {
    let bytes = field(fields, label).and_then(|item| string(item, Major::Text));
    bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default().to_owned()
}

/// An encoded item.
type Item<'a> = &'a [u8];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Major {
    Uint,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
}

/// What an item is, its argument, and what follows that. Indefinite lengths
/// have no place in a bundle.
fn head(item: Item<'_>) -> Option<(Major, u64, &[u8])> {
    let (first, rest) = item.split_first()?;
    let major = match first >> 5 {
        0 => Major::Uint,
        2 => Major::Bytes,
        3 => Major::Text,
        4 => Major::Array,
        5 => Major::Map,
        6 => Major::Tag,
        _ => return None,
    };
    let length = match first & 31 {
        short @ 0..=23 => return Some((major, short.into(), rest)),
        long @ 24..=27 => 1 << (long - 24),
        _ => return None,
    };
    let (argument, rest) = rest.split_at_checked(length)?;
    Some((major, argument.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), rest))
}

fn number(item: Item<'_>) -> Option<u64> {
    let (major, number, _) = head(item)?;
    (major == Major::Uint).then_some(number)
}

fn string(item: Item<'_>, of: Major) -> Option<&[u8]> {
    let (major, length, content) = head(item)?;
    (major == of && length == content.len() as u64).then_some(content)
}

/// The items of an array that has at most so many.
fn array(item: Item<'_>, limit: usize) -> Option<Vec<Item<'_>>> {
    let (Major::Array, count, content) = head(item)? else {
        return None;
    };
    let count = usize::try_from(count).ok().filter(|count| *count <= limit)?;
    split(content, count)
}

/// The first labels and values of a map, in turn.
fn map(item: Item<'_>) -> Option<Vec<Item<'_>>> {
    let (Major::Map, count, content) = head(item)? else {
        return None;
    };
    split(content, 2 * usize::try_from(count).unwrap_or(FIELDS).min(FIELDS))
}

fn split(mut content: &[u8], count: usize) -> Option<Vec<Item<'_>>> {
    let mut scanner = Scanner::new();
    let next = |_| {
        let end = scanner.push(content).ok()??;
        let (item, rest) = content.split_at_checked(end)?;
        content = rest;
        Some(item)
    };
    (0..count).map(next).collect()
}
