//! The protected header: bytes in, fields out, borrowed. Everything here is
//! what the envelope says of itself; nothing is proven before the receipt
//! verified.
//!
//! ```cddl
//! header = {
//!   1  => suite,
//!   ? 3 => tstr,                          ; content type, 1..255 bytes
//!   5  => bstr .size 24,                  ; message-id (16) || sequence (8, big-endian)
//!   15 => { 3 => channel, ? 4 => uint },  ; expiry in seconds
//!   -65537 => [ version: 1, signer: key-id, epoch: epoch-id, ? previous: [ epoch-id, uint ] ],
//!   ? -65538 => { 1*32 tstr => tstr / bstr / int / bool },
//!   * $$header-extension                  ; labels -65663..-65600
//! }
//! ```

mod application;
mod id;
mod name;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::key::KeyId;
use crate::limits;
use crate::suite::Suite;
use crate::wire::{KeyOrder, Reader, Values, int_of, label, read_embedded};

pub use application::HeaderValue;
pub(crate) use application::{check_application_header, write_value};
pub use id::{EpochId, MessageId, Previous};
pub(crate) use name::{check_channel, pattern};

/// The protected header of an envelope.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    algorithm: i64,
    content_type: Option<&'a str>,
    iv: &'a [u8; 24],
    channel: &'a str,
    expiry: Option<u64>,
    signer: KeyId,
    epoch: EpochId,
    previous: Option<Previous>,
    /// The encoded map of application headers.
    application: Option<&'a [u8]>,
    /// The encoded header, where it has extensions.
    extended: Option<&'a [u8]>,
    /// Some label is neither of this version nor an extension's.
    unlisted: bool,
}

impl<'a> Header<'a> {
    /// Reads a protected header.
    pub(crate) fn read(protected: &'a [u8]) -> Result<Self> {
        read_embedded(protected, |reader| Fields::read(reader)?.finish(protected))
    }

    /// The suite's algorithm number as it stands, known or not.
    #[must_use]
    pub const fn algorithm(&self) -> i64 {
        self.algorithm
    }

    /// The suite, where this version knows it.
    #[must_use]
    pub const fn suite(&self) -> Option<Suite> {
        Suite::from_algorithm(self.algorithm)
    }

    /// The payload's media type.
    #[must_use]
    pub const fn content_type(&self) -> Option<&'a str> {
        self.content_type
    }

    /// The message's ID.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        let (id, _) = self.iv.split_first_chunk().unwrap_or((&[0; 16], &[]));
        MessageId::from_bytes(*id)
    }

    /// The message's number in its epoch, from 0.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        let (_, sequence) = self.iv.split_last_chunk().unwrap_or((&[], &[0; 8]));
        u64::from_be_bytes(*sequence)
    }

    /// The channel it was sealed for.
    #[must_use]
    pub const fn channel(&self) -> &'a str {
        self.channel
    }

    /// When it expires.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Time> {
        match self.expiry {
            Some(secs) => Some(Time::from_secs(secs)),
            None => None,
        }
    }

    /// The key that sealed it.
    #[must_use]
    pub const fn signer(&self) -> KeyId {
        self.signer
    }

    /// The epoch it was sealed in.
    #[must_use]
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// The epoch before, in the first message of a later one.
    #[must_use]
    pub const fn previous(&self) -> Option<Previous> {
        self.previous
    }

    /// Application headers, in bytewise order of their encoded names.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, HeaderValue<'a>)> + use<'a> {
        application::iterate(self.application)
    }

    /// Extensions: their label and their value, encoded.
    pub fn extensions(&self) -> impl Iterator<Item = (i64, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.extended.unwrap_or_default());
        let count = reader.map("").unwrap_or(0);
        (0..count)
            .map_while(move |_| {
                let label = reader.head().ok()?;
                let value = reader.skip(limits::DEPTH, Values::Format).ok()?;
                Some((int_of(label).unwrap_or(0), value))
            })
            .filter(|(label, _)| label::EXTENSIONS.contains(label))
    }

    pub(crate) const fn iv(&self) -> &'a [u8; 24] {
        self.iv
    }

    pub(crate) const fn has_unlisted_label(&self) -> bool {
        self.unlisted
    }
}

/// What was found so far.
#[derive(Default)]
struct Fields<'a> {
    algorithm: Option<i64>,
    content_type: Option<&'a str>,
    iv: Option<&'a [u8; 24]>,
    claims: Option<(&'a str, Option<u64>)>,
    origin: Option<(KeyId, EpochId, Option<Previous>)>,
    application: Option<&'a [u8]>,
    extended: bool,
    unlisted: bool,
}

impl<'a> Fields<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let mut fields = Self::default();
        let mut order = KeyOrder::new();
        for _ in 0..reader.map("the protected header is not a map")? {
            let start = reader.offset();
            let head = reader.head()?;
            let label = int_of(head);
            if label.is_none() && reader.text_after(head)?.is_none() {
                return Err(Error::structure("a header label is neither integer nor text"));
            }
            order.check(reader.since(start))?;
            fields.read_value(label, reader)?;
        }
        Ok(fields)
    }

    fn read_value(&mut self, label: Option<i64>, reader: &mut Reader<'a>) -> Result<()> {
        match label {
            Some(label::ALGORITHM) => {
                self.algorithm = Some(reader.int("the suite is not an integer")?);
            }
            Some(label::CONTENT_TYPE) => {
                let text = reader.text("the content type is not text")?;
                if !(1..=limits::CONTENT_TYPE).contains(&text.len()) {
                    return Err(Error::structure("the content type is not 1..255 bytes long"));
                }
                self.content_type = Some(text);
            }
            Some(label::IV) => self.iv = Some(reader.bytes_of("the IV is not 24 bytes long")?),
            Some(label::CLAIMS) => self.claims = Some(read_claims(reader)?),
            Some(label::COSEAL) => self.origin = Some(read_origin(reader)?),
            Some(label::APPLICATION) => self.application = Some(application::read(reader)?),
            Some(label) if label::EXTENSIONS.contains(&label) => {
                reader.skip(limits::EXTENSION_DEPTH, Values::Untagged)?;
                self.extended = true;
            }
            _ => {
                reader.skip(limits::DEPTH - 1, Values::Format)?;
                self.unlisted = true;
            }
        }
        Ok(())
    }

    fn finish(self, protected: &'a [u8]) -> Result<Header<'a>> {
        let missing = |what| Error::structure(what);
        let algorithm = self.algorithm.ok_or_else(|| missing("no suite (label 1)"))?;
        let iv = self.iv.ok_or_else(|| missing("no IV (label 5)"))?;
        let (channel, expiry) = self.claims.ok_or_else(|| missing("no claims (label 15)"))?;
        let (signer, epoch, previous) =
            self.origin.ok_or_else(|| missing("no version and signer (label -65537)"))?;
        let header = Header {
            algorithm,
            content_type: self.content_type,
            iv,
            channel,
            expiry,
            signer,
            epoch,
            previous,
            application: self.application,
            extended: self.extended.then_some(protected),
            unlisted: self.unlisted,
        };
        if !header.message_id().is_uuid_v7() {
            return Err(Error::structure("the message ID is not a UUID of version 7"));
        }
        if previous.is_some() && header.sequence() != 0 {
            return Err(Error::structure("an epoch is named as the one before by a later message"));
        }
        Ok(header)
    }
}

fn read_claims<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, Option<u64>)> {
    const WHAT: &str = "the claims are not a channel and perhaps an expiry";
    let count = reader.map(WHAT)?;
    if !(1..=2).contains(&count) {
        return Err(Error::structure(WHAT));
    }
    reader.expect_int(label::AUDIENCE, WHAT)?;
    let channel = reader.text("the channel is not text")?;
    check_channel(channel).map_err(Error::structure)?;
    if count == 1 {
        return Ok((channel, None));
    }
    reader.expect_int(label::EXPIRY, WHAT)?;
    Ok((channel, Some(reader.time("the expiry is not a time in seconds")?)))
}

fn read_origin(reader: &mut Reader<'_>) -> Result<(KeyId, EpochId, Option<Previous>)> {
    let count = reader.array("label -65537 is not an array")?;
    if !(3..=4).contains(&count) {
        return Err(Error::structure("label -65537 is not an array of three or four"));
    }
    reader.expect_int(1, "the format version is not 1")?;
    let signer = KeyId::from_bytes(*reader.bytes_of("the signer is not a key ID of 8 bytes")?);
    let epoch = EpochId::from_bytes(*reader.bytes_of("the epoch ID is not 8 bytes long")?);
    if count == 3 {
        return Ok((signer, epoch, None));
    }
    reader.array_of(2, "the previous epoch is not an array of two")?;
    let id = EpochId::from_bytes(*reader.bytes_of("the previous epoch ID is not 8 bytes long")?);
    let messages = reader.uint("the previous epoch's count is not an unsigned integer")?;
    Ok((signer, epoch, Some(Previous { epoch: id, messages })))
}
