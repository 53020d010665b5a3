//! A message that was refused ⇄ the bytes of a dead letter: the original
//! untouched, why it was refused, where it was from. `schemas/dead-letter.md`
//! is the specification.
//!
//! A dead letter is not signed. Whoever can write to the place where they are
//! kept can write any: what it says is for people, and only what the reader's
//! own list names is ever judged again ([`redrive`](crate::redrive)).
//!
//! ```cddl
//! dead-letter = {
//!   1 => 1,                          ; format version
//!   2 => bstr,                       ; the original, or a part of it
//!   3 => tstr, ? 4 => tstr,          ; code, kind
//!   5 => tstr,                       ; detail, in words
//!   6 => tstr, 7 => tstr,            ; carrier; where from
//!   ? 8 => [ log: uint, offset: uint ],
//!   9 => uint,                       ; refused at, in milliseconds
//!   ? 10 => bstr,                    ; the carrier's key of the message
//!   ? 11 => [ + [ name: tstr, value: bstr / nil ] ],
//!   ? 12 => [ index: uint, count: uint, digest: bstr .size 32 ],
//! }
//! ```

mod cbor;
mod parts;

use std::borrow::Cow;
use std::fmt;

use coseal::{Error, Malformed, Position, Result, Time, Unsupported};

use cbor::{Reader, Writer};
pub use parts::{Parts, Whole};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// Longest code, kind and carrier name, in bytes: twice the longest there is.
const NAME: usize = 64;

/// Longest detail, in bytes; a longer one is cut. It repeats names from the
/// message, which may be long, and is for people.
const DETAIL: usize = 1024;

/// Most of the carrier's headers: Kafka and NATS set no limit, and a letter is
/// bounded by its length.
const HEADERS: u64 = 65_536;

/// A header as the carrier had it: unsigned.
pub type CarrierHeader<'a> = (Cow<'a, str>, Option<Cow<'a, [u8]>>);

/// Which part of a message a letter holds, where one was too short for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 0.
    pub index: u64,
    /// How many there are; at least 2.
    pub count: u64,
    /// SHA-256 of the whole original.
    pub digest: [u8; 32],
}

/// A message that was refused.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedMessage<'a> {
    /// What the carrier brought, untouched; or a part of it.
    pub original: Cow<'a, [u8]>,
    /// The code of the specification.
    pub code: Cow<'a, str>,
    /// The kind within it.
    pub kind: Option<Cow<'a, str>>,
    /// The same in words.
    pub detail: Cow<'a, str>,
    /// Which carrier brought it: `kafka`, `nats`, `shm`.
    pub carrier: Cow<'a, str>,
    /// The topic, subject or service that it came over.
    pub source: Cow<'a, str>,
    /// Where the carrier held it, if it has positions.
    pub position: Option<Position>,
    /// When it was refused, by the reader's clock.
    pub refused_at: Time,
    /// The carrier's own key of the message, where it has one.
    pub key: Option<Cow<'a, [u8]>>,
    /// The carrier's headers, in their order.
    pub headers: Vec<CarrierHeader<'a>>,
    /// Which part this is, if it is one.
    pub part: Option<Part>,
}

impl<'a> RefusedMessage<'a> {
    /// What `carrier` brought over `source`, refused with `error`.
    #[must_use]
    pub fn new(
        original: &'a [u8],
        carrier: &'a str,
        source: &'a str,
        error: &Error,
        refused_at: Time,
    ) -> Self {
        let mut detail = error.to_string();
        detail.truncate(detail.floor_char_boundary(DETAIL));
        Self {
            original: original.into(),
            code: error.code().into(),
            kind: error.kind().map(Into::into),
            detail: detail.into(),
            carrier: carrier.into(),
            source: source.into(),
            position: None,
            refused_at,
            key: None,
            headers: Vec::new(),
            part: None,
        }
    }

    /// The same, held at `position`.
    #[must_use]
    pub const fn at(mut self, position: Option<Position>) -> Self {
        self.position = position;
        self
    }

    /// The carrier's own key of the message.
    #[must_use]
    pub fn key(mut self, key: Option<&'a [u8]>) -> Self {
        self.key = key.map(Into::into);
        self
    }

    /// A header as the carrier had it.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: Option<&'a [u8]>) -> Self {
        self.headers.push((name.into(), value.map(Into::into)));
        self
    }

    /// Code and kind, as they are written together: `stale/too_old`.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.kind {
            Some(kind) => format!("{}/{kind}", self.code),
            None => self.code.clone().into_owned(),
        }
    }

    /// The letter.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_part(&self.original, self.part.as_ref())
    }

    /// The letter in so many parts that none is longer than `most` bytes.
    ///
    /// # Errors
    ///
    /// `misuse` where that is too short for what stands beside the original.
    pub fn encode_within(&self, most: usize) -> Result<Vec<Vec<u8>>> {
        parts::encode_within(self, most)
    }

    fn encode_part(&self, original: &[u8], part: Option<&Part>) -> Vec<u8> {
        let mut out = Vec::with_capacity(original.len() + 256);
        let writer = &mut Writer(&mut out);
        let optional = [
            self.kind.is_some(),
            self.position.is_some(),
            self.key.is_some(),
            !self.headers.is_empty(),
            part.is_some(),
        ];
        writer.map(7 + optional.iter().filter(|there| **there).count());
        writer.uint(1);
        writer.uint(VERSION);
        writer.uint(2);
        writer.bytes(original);
        writer.uint(3);
        writer.text(&self.code);
        if let Some(kind) = &self.kind {
            writer.uint(4);
            writer.text(kind);
        }
        writer.uint(5);
        writer.text(&self.detail);
        writer.uint(6);
        writer.text(&self.carrier);
        writer.uint(7);
        writer.text(&self.source);
        if let Some(Position { log, offset }) = self.position {
            writer.uint(8);
            writer.array(2);
            writer.uint(log);
            writer.uint(offset);
        }
        writer.uint(9);
        writer.uint(self.refused_at.as_millis());
        if let Some(key) = &self.key {
            writer.uint(10);
            writer.bytes(key);
        }
        if !self.headers.is_empty() {
            writer.uint(11);
            writer.array(self.headers.len());
            for (name, value) in &self.headers {
                writer.array(2);
                writer.text(name);
                match value {
                    Some(value) => writer.bytes(value),
                    None => writer.null(),
                }
            }
        }
        if let Some(Part { index, count, digest }) = part {
            writer.uint(12);
            writer.array(3);
            writer.uint(*index);
            writer.uint(*count);
            writer.bytes(digest);
        }
        out
    }

    /// Reads a letter, which borrows from `bytes`.
    ///
    /// # Errors
    ///
    /// `malformed/too_large` over `max_len` bytes; `unsupported/version`;
    /// `malformed/structure`.
    pub fn decode(bytes: &'a [u8], max_len: usize) -> Result<Self> {
        if bytes.len() > max_len {
            let detail = format!("the letter is {} bytes long, over {max_len}", bytes.len());
            return Err(Error::Malformed(Malformed::TooLarge, detail.into()));
        }
        let malformed = || {
            let detail = "this is no dead letter";
            Error::Malformed(Malformed::Structure, detail.into())
        };
        let mut fields = Fields { reader: Reader(bytes), left: 0, last: 0, label: None };
        fields.left = fields.reader.map().ok_or_else(malformed)?;
        let version = fields.required(1, Reader::uint).ok_or_else(malformed)?;
        if version != VERSION {
            let detail = format!("dead letters of version {version} are not known");
            return Err(Error::Unsupported(Unsupported::Version, detail.into()));
        }
        fields.read().ok_or_else(malformed)
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> RefusedMessage<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let bytes = |bytes: Cow<'_, [u8]>| Cow::Owned(bytes.into_owned());
        let headers = self.headers.into_iter();
        RefusedMessage {
            original: bytes(self.original),
            code: owned(self.code),
            kind: self.kind.map(owned),
            detail: owned(self.detail),
            carrier: owned(self.carrier),
            source: owned(self.source),
            position: self.position,
            refused_at: self.refused_at,
            key: self.key.map(bytes),
            headers: headers.map(|(name, value)| (owned(name), value.map(bytes))).collect(),
            part: self.part,
        }
    }
}

impl fmt::Debug for RefusedMessage<'_> {
    /// Of the original only the length: it may be anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusedMessage")
            .field("original_len", &self.original.len())
            .field("reason", &self.reason())
            .field("carrier", &self.carrier)
            .field("source", &self.source)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// The pairs of the map, read in ascending order of their labels.
struct Fields<'a> {
    reader: Reader<'a>,
    /// Pairs not yet begun.
    left: u64,
    /// The label read last.
    last: u64,
    /// A label that was read and not yet asked for.
    label: Option<u64>,
}

impl<'a> Fields<'a> {
    /// The value under `label`, `Some(None)` where it is not there.
    fn optional<T>(
        &mut self,
        label: u64,
        read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.label.is_none() && self.left > 0 {
            let next = self.reader.uint()?;
            if next <= self.last {
                return None;
            }
            self.left -= 1;
            self.last = next;
            self.label = Some(next);
        }
        if self.label != Some(label) {
            return Some(None);
        }
        self.label = None;
        read(&mut self.reader).map(Some)
    }

    fn required<T>(
        &mut self,
        label: u64,
        read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
    ) -> Option<T> {
        self.optional(label, read)?
    }

    /// What stands behind the version.
    fn read(mut self) -> Option<RefusedMessage<'a>> {
        let name =
            |reader: &mut Reader<'a>| reader.text().filter(|text| (1..=NAME).contains(&text.len()));
        let letter = RefusedMessage {
            original: self.required(2, Reader::bytes)?.into(),
            code: self.required(3, name)?.into(),
            kind: self.optional(4, name)?.map(Into::into),
            detail: self
                .required(5, |reader| reader.text().filter(|text| text.len() <= DETAIL))?
                .into(),
            carrier: self.required(6, name)?.into(),
            source: self.required(7, Reader::text)?.into(),
            position: self.optional(8, read_position)?,
            refused_at: Time::from_millis(self.required(9, Reader::uint)?),
            key: self.optional(10, Reader::bytes)?.map(Into::into),
            headers: self.optional(11, read_headers)?.unwrap_or_default(),
            part: self.optional(12, read_part)?,
        };
        let ended = self.left == 0 && self.label.is_none() && self.reader.0.is_empty();
        ended.then_some(letter)
    }
}

fn read_position(reader: &mut Reader<'_>) -> Option<Position> {
    (reader.array()? == 2).then_some(())?;
    Some(Position { log: reader.uint()?, offset: reader.uint()? })
}

fn read_headers<'a>(reader: &mut Reader<'a>) -> Option<Vec<CarrierHeader<'a>>> {
    let count = reader.array().filter(|count| (1..=HEADERS).contains(count))?;
    let mut headers = Vec::new();
    for _ in 0..count {
        (reader.array()? == 2).then_some(())?;
        headers.push((reader.text()?.into(), reader.bytes_or_null()?.map(Into::into)));
    }
    Some(headers)
}

fn read_part(reader: &mut Reader<'_>) -> Option<Part> {
    (reader.array()? == 3).then_some(())?;
    let (index, count) = (reader.uint()?, reader.uint()?);
    let digest = reader.bytes()?.try_into().ok()?;
    (count >= 2 && index < count).then_some(Part { index, count, digest })
}

#[cfg(test)]
mod tests;
