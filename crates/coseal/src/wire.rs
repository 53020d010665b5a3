//! Bytes in, borrowed frame out: step 1 of reading. Nothing here is trusted;
//! every length is checked against a limit, every nesting against a bound,
//! and nothing is allocated.
//!
//! A frame is read in one pass over typed fields. Only when that pass fails
//! is the input looked at again, in the order that the specification fixes
//! for faults (`triage`): refusals may be slow, messages may not.

mod frame;
mod read;
mod receipt;
mod recipient;
mod triage;
pub(crate) mod write;

pub(crate) use frame::{CIPHERTEXT_MIN, Frame, Segments, check_len, decode, parse, split};
pub(crate) use read::{
    Head, KeyOrder, Reader, Values, check_cbor, int_of, read_embedded, read_whole,
};
pub(crate) use receipt::{Proof, RawReceipt, path_length, read_proof, read_proof_header};
pub use recipient::RecipientEntry;
pub(crate) use recipient::{Recipients, X25519_PROTECTED};
pub(crate) use triage::triage;
pub(crate) use write::Items;

/// Labels and numbers of the format, by name.
pub(crate) mod label {
    pub(crate) const ALGORITHM: i64 = 1;
    pub(crate) const CONTENT_TYPE: i64 = 3;
    pub(crate) const KEY_ID: i64 = 4;
    pub(crate) const IV: i64 = 5;
    pub(crate) const CLAIMS: i64 = 15;
    pub(crate) const AUDIENCE: i64 = 3;
    pub(crate) const EXPIRY: i64 = 4;
    pub(crate) const RECEIPTS: i64 = 394;
    pub(crate) const TREE_ALGORITHM: i64 = 395;
    pub(crate) const PROOFS: i64 = 396;
    pub(crate) const INCLUSION: i64 = -1;
    /// Version, signer, epoch; in a receipt: role and tree size.
    pub(crate) const COSEAL: i64 = -65537;
    pub(crate) const APPLICATION: i64 = -65538;
    pub(crate) const EXTENSIONS: core::ops::RangeInclusive<i64> = -65663..=-65600;
    /// COSE algorithms.
    pub(crate) const EDDSA: i64 = -8;
    pub(crate) const ED25519: i64 = -19;
    pub(crate) const A256KW: i64 = -5;
    pub(crate) const HPKE_X25519: i64 = -65543;
}

/// Tags of RFC 9052.
pub(crate) const TAG_ENCRYPT: u64 = 96;
pub(crate) const TAG_SIGN1: u64 = 18;

#[cfg(test)]
mod tests;
