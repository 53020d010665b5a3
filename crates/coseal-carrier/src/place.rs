//! What a message's signed headers say of its place → whether it is in it. To
//! be given to [`Inbox::receive`](crate::Inbox::receive) as its check, so that
//! what is not in its place is refused before it is marked as seen.

use coseal::{Error, HeaderValue, MessageId, Misdirected, Result, Verified};
use sha2::{Digest, Sha256};

use crate::headers;

/// Whether it was sealed for this partition.
///
/// # Errors
///
/// `misdirected/partition`, also where it does not say.
pub fn check_partition(verified: &Verified<'_>, partition: u32) -> Result<()> {
    match headers::find(verified, headers::PARTITION) {
        Some(HeaderValue::Int(sealed_for)) if sealed_for == i64::from(partition) => Ok(()),
        Some(HeaderValue::Int(sealed_for)) => {
            let detail = format!("sealed for partition {sealed_for}, found in {partition}");
            Err(Error::Misdirected(Misdirected::Partition, detail.into()))
        }
        _ => {
            let detail = "sealed for no partition in particular";
            Err(Error::Misdirected(Misdirected::Partition, detail.into()))
        }
    }
}

/// What [`headers::RECORD_KEY`] says of a record key.
#[must_use]
pub fn record_key_digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Whether it was sealed for this record key, or for none.
///
/// # Errors
///
/// `misdirected/record_key`.
pub fn check_record_key(verified: &Verified<'_>, key: Option<&[u8]>) -> Result<()> {
    let fits = match (headers::find(verified, headers::RECORD_KEY), key) {
        (None, None) => true,
        (Some(HeaderValue::Bytes(digest)), Some(key)) => digest == record_key_digest(key),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let detail = "sealed for another record key";
    Err(Error::Misdirected(Misdirected::RecordKey, detail.into()))
}

/// Whether it is the reply to this request.
///
/// # Errors
///
/// `misdirected/reply`, also where it does not say.
pub fn check_reply(verified: &Verified<'_>, request: &MessageId) -> Result<()> {
    match headers::find(verified, headers::REQUEST) {
        Some(HeaderValue::Bytes(id)) if id == request.as_bytes() => Ok(()),
        _ => {
            let detail = "the reply to another request, or to none";
            Err(Error::Misdirected(Misdirected::Reply, detail.into()))
        }
    }
}
