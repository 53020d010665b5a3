//! The recipients of an envelope: who can obtain the epoch secret.
//!
//! ```cddl
//! x25519-recipient = [ bstr .cbor { 1 => -65543 }, { 4 => bstr .size 8, -4 => bstr .size 32 }, bstr .size 48 ]
//! kek-recipient    = [ bstr .size 0, { 1 => -5, 4 => bstr }, bstr .size 40 ]
//! other-recipient  = [ bstr, { * any => any }, bstr ]
//! ```

use super::label;
use super::read::{Head, KeyOrder, Reader, Values, int_of, read_embedded};
use crate::error::{Error, Result};
use crate::key::KeyId;
use crate::limits;

/// The protected header of an X25519 recipient, `{1: -65543}`.
pub(crate) const X25519_PROTECTED: &[u8] = &[0xa1, 0x01, 0x3a, 0x00, 0x01, 0x00, 0x06];

/// One recipient entry. Unsigned: whoever carries an envelope can change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecipientEntry<'a> {
    /// An X25519 key: HPKE with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
    /// ChaCha20-Poly1305 (RFC 9180).
    X25519 {
        /// Whose key.
        key_id: KeyId,
        /// The encapsulated key.
        encapsulated: &'a [u8; 32],
        /// The encrypted epoch secret.
        ciphertext: &'a [u8; 48],
    },
    /// A key-encryption key: AES-256 key wrap (RFC 3394).
    Kek {
        /// Which KEK, 1..64 bytes.
        key_id: &'a [u8],
        /// The wrapped epoch secret.
        ciphertext: &'a [u8; 40],
    },
    /// An algorithm that this version does not know; skipped.
    Other {
        /// The algorithm number, where there is one.
        algorithm: Option<i64>,
        /// The key ID beside it (label 4, unprotected), where that is 1..64
        /// bytes.
        key_id: Option<&'a [u8]>,
    },
}

/// The recipients of an envelope, shape checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipients<'a> {
    /// The encoded array.
    pub(crate) encoded: &'a [u8],
}

impl<'a> Recipients<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let start = reader.offset();
        let count = reader.array("the recipients are not an array")?;
        if !(1..=limits::RECIPIENTS).contains(&count) {
            return Err(Error::structure("an envelope has 1..64 recipients"));
        }
        for _ in 0..count {
            read_entry(reader)?;
        }
        Ok(Self { encoded: reader.since(start) })
    }

    /// The entries in array order, each with its own bytes.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (RecipientEntry<'a>, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.encoded);
        // They were read once: what fails here ends the list, and nothing does.
        let count = reader.array("").unwrap_or(0);
        (0..count).map_while(move |_| {
            let start = reader.offset();
            let entry = read_entry(&mut reader).ok()?;
            Some((entry, reader.since(start)))
        })
    }
}

fn read_entry<'a>(reader: &mut Reader<'a>) -> Result<RecipientEntry<'a>> {
    let mut ahead = reader.clone();
    if let Some(entry) = read_x25519(&mut ahead) {
        *reader = ahead;
        return Ok(entry);
    }
    read_other(reader).map_err(|error| if_too_long(reader, error))
}

/// An entry that ends within the input, but not within the bytes that it may
/// have, is too long, whatever else is wrong with it.
#[cold]
fn if_too_long(reader: &Reader<'_>, error: Error) -> Error {
    let mut whole = reader.clone();
    match whole.skip(limits::DEPTH, Values::Any) {
        Ok(entry) if entry.len() > limits::OTHER_RECIPIENT => {
            Error::structure("a recipient is longer than 4096 bytes")
        }
        _ => error,
    }
}

/// An X25519 entry has exactly one encoding, so its fixed parts are compared
/// instead of decoded. Whatever differs goes the general way.
fn read_x25519<'a>(reader: &mut Reader<'a>) -> Option<RecipientEntry<'a>> {
    const HEAD: &[u8] = &[0x83, 0x47, 0xa1, 0x01, 0x3a, 0x00, 0x01, 0x00, 0x06, 0xa2, 0x04];
    if !reader.skip_literal(HEAD) {
        return None;
    }
    let key_id = reader.bytes_of::<8>("").ok()?;
    if !reader.skip_literal(&[0x23]) {
        return None;
    }
    Some(RecipientEntry::X25519 {
        key_id: KeyId::from_bytes(*key_id),
        encapsulated: reader.bytes_of("").ok()?,
        ciphertext: reader.bytes_of("").ok()?,
    })
}

/// The general way: find the algorithm, then demand its shape.
fn read_other<'a>(outer: &mut Reader<'a>) -> Result<RecipientEntry<'a>> {
    let rest = outer.rest();
    let mut reader = Reader::new(rest.get(..limits::OTHER_RECIPIENT).unwrap_or(rest));
    let entry = read_general(&mut reader)?;
    outer.advance(reader.offset());
    Ok(entry)
}

fn read_general<'a>(reader: &mut Reader<'a>) -> Result<RecipientEntry<'a>> {
    reader.array_of(3, "a recipient is not an array of three")?;
    let protected = reader.bytes("a recipient's protected header is not a byte string")?;
    let unprotected = read_unprotected(reader)?;
    let ciphertext = reader.bytes("a recipient's ciphertext is not a byte string")?;
    let algorithm = if protected.is_empty() {
        unprotected.algorithm
    } else {
        read_embedded(protected, algorithm_of_map)?
    };
    let key_id = unprotected.key_id.filter(|id| (1..=limits::KEK_ID).contains(&id.len()));
    match (protected.is_empty(), algorithm) {
        (false, Some(label::HPKE_X25519)) => {
            // Had it the right shape, it would have been recognised above.
            Err(Error::structure("an X25519 recipient has not the shape of one"))
        }
        (true, Some(label::A256KW)) => {
            const WHAT: &str = "a KEK recipient has not the shape of one";
            match (unprotected.entries, key_id, ciphertext.try_into()) {
                (2, Some(key_id), Ok(ciphertext)) => Ok(RecipientEntry::Kek { key_id, ciphertext }),
                _ => Err(Error::structure(WHAT)),
            }
        }
        _ => Ok(RecipientEntry::Other { algorithm, key_id }),
    }
}

struct Unprotected<'a> {
    entries: usize,
    algorithm: Option<i64>,
    key_id: Option<&'a [u8]>,
}

/// A recipient lies four levels deep in its envelope: tag, array, array,
/// array; its map is the fifth.
const DEPTH_LEFT: usize = limits::DEPTH - 5;

fn read_unprotected<'a>(reader: &mut Reader<'a>) -> Result<Unprotected<'a>> {
    let entries = reader.map("a recipient's unprotected header is not a map")?;
    let mut found = Unprotected { entries, algorithm: None, key_id: None };
    let mut order = KeyOrder::new();
    for _ in 0..entries {
        let key = reader.skip(DEPTH_LEFT, Values::Format)?;
        order.check(key)?;
        let value = reader.skip(DEPTH_LEFT, Values::Format)?;
        match int_of(Reader::new(key).head()?) {
            Some(label::ALGORITHM) => found.algorithm = int_of(Reader::new(value).head()?),
            Some(label::KEY_ID) => found.key_id = Reader::new(value).bytes("").ok(),
            _ => (),
        }
    }
    Ok(found)
}

/// The value of label 1 in a deterministic map, where it is an integer.
fn algorithm_of_map(reader: &mut Reader<'_>) -> Result<Option<i64>> {
    let whole = reader.skip(limits::DEPTH, Values::Format)?;
    let mut reader = Reader::new(whole);
    let Head::Map(entries) = reader.head()? else {
        return Err(Error::structure("a recipient's protected header is not a map"));
    };
    for _ in 0..entries {
        let key = reader.head()?;
        if int_of(key) == Some(label::ALGORITHM) {
            return Ok(int_of(reader.head()?));
        }
        // 1 sorts behind 0 alone, and before everything that has content.
        if int_of(key) != Some(0) {
            break;
        }
        reader.skip(limits::DEPTH, Values::Format)?;
    }
    Ok(None)
}
