//! The envelope as a whole: four fields of one array.

use super::read::{Head, Reader};
use super::receipt::Receipts;
use super::recipient::Recipients;
use super::{TAG_ENCRYPT, triage};
use crate::error::{Error, Malformed, Result};
use crate::header::Header;
use crate::limits;

/// Commitment (32) and tag (16): what a ciphertext has at least.
pub(crate) const CIPHERTEXT_MIN: usize = 48;

/// What stands around the ciphertext, shape checked, nothing proven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// The encoded protected header.
    pub(crate) protected: &'a [u8],
    pub(crate) header: Header<'a>,
    pub(crate) receipts: Receipts<'a>,
    pub(crate) recipients: Recipients<'a>,
}

/// An envelope cut at its ciphertext, so that the ciphertext alone can be
/// borrowed mutably.
pub(crate) struct Segments {
    /// Where the ciphertext begins.
    pub(crate) start: usize,
    /// Its length; nothing where it is detached.
    pub(crate) length: Option<usize>,
}

/// Finds the ciphertext by the heads around it. Checks no more than that.
pub(crate) fn split(bytes: &[u8]) -> Result<Segments> {
    let mut reader = Reader::new(bytes);
    reader.tag(TAG_ENCRYPT, "not a COSE_Encrypt message (tag 96)")?;
    reader.array_of(4, "an envelope is an array of four")?;
    reader.bytes("the protected header is not a byte string")?;
    reader.skip(limits::DEPTH, super::Values::Format)?;
    match reader.head()? {
        Head::Bytes(length) if length >= CIPHERTEXT_MIN => {
            Ok(Segments { start: reader.offset(), length: Some(length) })
        }
        Head::Bytes(_) => Err(Error::structure("the ciphertext is shorter than 48 bytes")),
        Head::Null => Ok(Segments { start: reader.offset(), length: None }),
        Head::Uint(_)
        | Head::Negative(_)
        | Head::Text(_)
        | Head::Array(_)
        | Head::Map(_)
        | Head::Tag(_)
        | Head::Bool(_)
        | Head::Foreign => Err(Error::structure("the ciphertext is not a byte string")),
    }
}

/// Reads what stands before (`head`, up to and with the ciphertext's own head)
/// and behind the ciphertext.
pub(crate) fn parse<'a>(head: &'a [u8], tail: &'a [u8]) -> Result<Frame<'a>> {
    let mut reader = Reader::new(head);
    reader.tag(TAG_ENCRYPT, "not a COSE_Encrypt message (tag 96)")?;
    reader.array_of(4, "an envelope is an array of four")?;
    let protected = reader.bytes("the protected header is not a byte string")?;
    if protected.len() > limits::PROTECTED {
        return Err(Error::structure("the protected header is longer than 16384 bytes"));
    }
    let header = Header::read(protected)?;
    let receipts = Receipts::read(&mut reader)?;
    let mut reader = Reader::new(tail);
    let recipients = Recipients::read(&mut reader)?;
    reader.end()?;
    Ok(Frame { protected, header, receipts, recipients })
}

/// Reads a whole envelope: its frame, and its ciphertext unless detached.
///
/// The error is that of the earliest fault in the order of the specification.
pub(crate) fn decode(bytes: &[u8], max_len: usize) -> Result<(Frame<'_>, Option<&[u8]>)> {
    check_len(bytes, max_len)?;
    decode_shape(bytes).map_err(|error| triage(bytes, error))
}

fn decode_shape(bytes: &[u8]) -> Result<(Frame<'_>, Option<&[u8]>)> {
    let Segments { start, length } = split(bytes)?;
    let cut = || Error::cbor("cut off");
    let (head, rest) = bytes.split_at_checked(start).ok_or_else(cut)?;
    let (ciphertext, tail) = rest.split_at_checked(length.unwrap_or(0)).ok_or_else(cut)?;
    let frame = parse(head, tail)?;
    Ok((frame, length.map(|_| ciphertext)))
}

pub(crate) fn check_len(bytes: &[u8], max_len: usize) -> Result<()> {
    if bytes.len() <= max_len {
        return Ok(());
    }
    let detail = alloc::format!("{} bytes are more than the limit of {max_len}", bytes.len());
    Err(Error::Malformed(Malformed::TooLarge, detail.into()))
}
