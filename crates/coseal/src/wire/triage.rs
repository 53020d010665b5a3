//! Which fault comes first. Runs only on input that was refused already, so
//! that the error does not depend on how the fast pass walks.

use super::TAG_ENCRYPT;
use super::label;
use super::read::{Reader, Values, check_cbor, int_of};
use crate::error::{Error, Result, Unsupported};
use crate::limits;

/// The error that the reading order demands for `bytes`, where `found` is what
/// the typed pass stumbled over: first the CBOR of the whole, then the version,
/// then shape.
#[cold]
pub(crate) fn triage(bytes: &[u8], found: Error) -> Error {
    if let Err(error) = check_cbor(bytes) {
        return error;
    }
    match check_version(bytes) {
        Ok(()) => found,
        Err(error) => error,
    }
}

/// Refuses what says, in the protected header of something that is tagged as
/// an envelope, that it is of another version. Fails with `malformed/cbor`
/// where that header is a byte string without deterministic CBOR in it.
fn check_version(bytes: &[u8]) -> Result<()> {
    let Some(protected) = protected_of(bytes) else {
        return Ok(());
    };
    check_cbor(protected)?;
    match version_of(protected) {
        None | Some(1) => Ok(()),
        Some(version) => {
            let detail = alloc::format!("format version {version}; this reader knows version 1");
            Err(Error::Unsupported(Unsupported::Version, detail.into()))
        }
    }
}

fn protected_of(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    reader.tag(TAG_ENCRYPT, "").ok()?;
    if reader.array("").ok()? == 0 {
        return None;
    }
    reader.bytes("").ok()
}

/// The first integer of the array under label -65537.
fn version_of(protected: &[u8]) -> Option<i128> {
    let mut reader = Reader::new(protected);
    for _ in 0..reader.map("").ok()? {
        let key = reader.skip(limits::DEPTH, Values::Any).ok()?;
        let value = reader.skip(limits::DEPTH, Values::Any).ok()?;
        if int_of(Reader::new(key).head().ok()?) == Some(label::COSEAL) {
            let mut reader = Reader::new(value);
            if reader.array("").ok()? == 0 {
                return None;
            }
            return reader.version("").ok();
        }
    }
    None
}
