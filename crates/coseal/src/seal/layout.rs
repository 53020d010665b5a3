//! How long the parts of an envelope are, before any of them is written.

use crate::error::{Error, Result};
use crate::header::Previous;
use crate::limits;
use crate::message::{Message, string_len};
use crate::receipt;
use crate::wire::path_length;
use crate::wire::write::shortest;

/// Sizes of the fixed parts of a protected header: the map's head; suite; IV;
/// label and version, signer, epoch.
const FIXED: usize = 1 + (1 + 5) + (1 + 2 + 24) + (5 + 1 + 1 + 9 + 9);

/// Label of the application headers.
const APPLICATION: usize = 5;

/// The lengths of one envelope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) protected: usize,
    /// The encoded receipt, without the byte string's head around it.
    pub(crate) receipt: usize,
    /// The encoded inclusion proof; nothing in a tree of one leaf.
    pub(crate) proof: Option<usize>,
    pub(crate) ciphertext: usize,
    pub(crate) total: usize,
}

/// What a layout depends on besides the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'e> {
    pub(crate) channel: &'e str,
    pub(crate) previous: Option<Previous>,
    pub(crate) expiry: Option<u64>,
    /// The encoded array of recipients.
    pub(crate) recipients: &'e [u8],
    pub(crate) index: u64,
    pub(crate) tree_size: u64,
}

impl Layout {
    /// # Errors
    ///
    /// `misuse` where header or envelope would be longer than the format
    /// allows.
    pub(crate) fn of(message: &Message<'_>, place: &Place<'_>) -> Result<Self> {
        let protected = protected_len(message, place);
        if protected > limits::PROTECTED {
            return Err(Error::misuse("the protected header would be longer than 16384 bytes"));
        }
        let proof = (place.tree_size > 1).then(|| proof_len(place.index, place.tree_size));
        let receipt = receipt_len(place.tree_size, proof);
        let too_long = || Error::misuse("the envelope would be longer than memory is");
        let ciphertext = message.payload().len().checked_add(48).ok_or_else(too_long)?;
        // Tag and array; the map { 394: [receipt] } without the receipt.
        let around = 3 + 5 + place.recipients.len();
        let total = string_len(protected) + string_len(receipt) + around;
        let total = total
            .checked_add(shortest(ciphertext as u64))
            .and_then(|total| total.checked_add(ciphertext))
            .ok_or_else(too_long)?;
        Ok(Self { protected, receipt, proof, ciphertext, total })
    }

    /// Where the receipt begins: after tag and array, the protected header, and
    /// the head of the map, its label, and the heads of array and byte string.
    pub(crate) const fn receipt_start(&self) -> usize {
        3 + string_len(self.protected) + 5 + shortest(self.receipt as u64)
    }
}

fn protected_len(message: &Message<'_>, place: &Place<'_>) -> usize {
    let content_type = message.media_type().map_or(0, |text| 1 + string_len(text.len()));
    let expiry = place.expiry.map_or(0, |secs| 1 + shortest(secs));
    let claims = 1 + 1 + 1 + string_len(place.channel.len()) + expiry;
    let previous = place.previous.map_or(0, |previous| 1 + 9 + shortest(previous.messages));
    let headers = if message.has_headers() { APPLICATION + message.headers_len() } else { 0 };
    FIXED + content_type + claims + previous + headers
}

/// `[tree-size, leaf-index, [hashes]]`.
fn proof_len(index: u64, tree_size: u64) -> usize {
    let path = path_length(index, tree_size);
    1 + shortest(tree_size) + shortest(index) + shortest(path as u64) + path * 34
}

/// Tag and array; protected header; unprotected header; nil; signature.
fn receipt_len(tree_size: u64, proof: Option<usize>) -> usize {
    let protected = receipt::protected_len(tree_size);
    // { 396: { -1: [proof] } }
    let unprotected = proof.map_or(1, |proof| 1 + 3 + 1 + 1 + 1 + string_len(proof));
    2 + string_len(protected) + unprotected + 1 + 66
}
