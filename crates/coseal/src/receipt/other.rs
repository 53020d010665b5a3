//! Receipts after the sender's: a notary's, a log's. They never change a
//! verdict; they are reported as trusted, unknown or invalid.

use alloc::string::String;

use super::signature_verifies;
use super::tree::{self, Hash};
use crate::error::{Error, Result};
use crate::header::Header;
use crate::key::KeyId;
use crate::limits;
use crate::trust::TrustBundle;
use crate::wire::{
    Head, Proof, Reader, TAG_SIGN1, Values, label, path_length, read_embedded, read_proof,
    read_proof_header,
};

/// What is known of a receipt after the sender's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtherReceipt {
    /// A key of the trust bundle that is allowed for the channel signed it.
    Trusted {
        /// Which key.
        key_id: KeyId,
        /// Whose.
        subject: String,
    },
    /// No key or no form of proof that this reader could judge.
    Unknown,
    /// It names a key of the trust bundle, and does not verify under it.
    Invalid {
        /// Which key.
        key_id: KeyId,
    },
}

/// Judges one later receipt over the message with this `leaf` and `header`.
/// When it was made is not known, but not before the message was sealed: a key
/// whose time had ended by then cannot have made it.
pub(crate) fn judge_other(
    receipt: &[u8],
    leaf: &Hash,
    header: &Header<'_>,
    bundle: &TrustBundle,
) -> OtherReceipt {
    let Ok(found) = read_embedded(receipt, read) else {
        return OtherReceipt::Unknown;
    };
    let Some(record) = bundle.signing_key(&found.key_id) else {
        return OtherReceipt::Unknown;
    };
    let Some(key) = record.verifying_key() else {
        return OtherReceipt::Unknown;
    };
    let sealed_at = header.message_id().sealed_at();
    let ended = record.valid_until().is_some_and(|until| until <= sealed_at);
    if ended || record.revocation().is_some() || !record.allows(header.channel()) {
        return OtherReceipt::Unknown;
    }
    let Proof { size, index, path } = found.proof;
    let proven = !found.claims_to_be_the_senders
        && size <= limits::TREE_SIZE
        && index < size
        && path.len() == path_length(index, size)
        && {
            let root = tree::root_of(leaf, index, size, path.iter());
            signature_verifies(key, found.protected, &root, found.signature)
        };
    if proven {
        OtherReceipt::Trusted { key_id: found.key_id, subject: record.subject().into() }
    } else {
        OtherReceipt::Invalid { key_id: found.key_id }
    }
}

struct Found<'a> {
    protected: &'a [u8],
    key_id: KeyId,
    claims_to_be_the_senders: bool,
    proof: Proof<'a>,
    signature: &'a [u8],
}

/// A `COSE_Sign1` with a key ID, one inclusion proof and a detached payload.
fn read<'a>(reader: &mut Reader<'a>) -> Result<Found<'a>> {
    const WHAT: &str = "not a receipt of a known form";
    reader.tag(TAG_SIGN1, WHAT)?;
    reader.array_of(4, WHAT)?;
    let protected = reader.bytes(WHAT)?;
    let (key_id, claims_to_be_the_senders) = read_embedded(protected, read_protected)?;
    let proof = read_proof_header(reader)?.ok_or_else(|| Error::structure(WHAT))?;
    let proof = read_embedded(proof, read_proof)?;
    if reader.head()? != Head::Null {
        return Err(Error::structure(WHAT));
    }
    let signature = reader.bytes(WHAT)?;
    Ok(Found { protected, key_id, claims_to_be_the_senders, proof, signature })
}

/// `{1: -8 / -19, 4: key ID, 395: 1}`, and whether label -65537 stands in it
/// as well, which only the sender may write.
fn read_protected(reader: &mut Reader<'_>) -> Result<(KeyId, bool)> {
    const WHAT: &str = "not a protected header of a known form";
    let entries = reader.map(WHAT)?;
    if !(3..=4).contains(&entries) {
        return Err(Error::structure(WHAT));
    }
    reader.expect_int(label::ALGORITHM, WHAT)?;
    if !matches!(reader.int(WHAT)?, label::EDDSA | label::ED25519) {
        return Err(Error::structure(WHAT));
    }
    reader.expect_int(label::KEY_ID, WHAT)?;
    let key_id = KeyId::from_bytes(*reader.bytes_of(WHAT)?);
    reader.expect_int(label::TREE_ALGORITHM, WHAT)?;
    reader.expect_int(1, WHAT)?;
    if entries == 4 {
        reader.expect_int(label::COSEAL, WHAT)?;
        reader.skip(limits::EXTENSION_DEPTH, Values::Untagged)?;
    }
    Ok((key_id, entries == 4))
}
