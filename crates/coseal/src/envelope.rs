//! An envelope taken apart, for those who want to look at one. Nothing of what
//! it says is proven.

use core::fmt;

use crate::error::Result;
use crate::header::Header;
use crate::wire::{self, Frame, RecipientEntry};

/// A parsed envelope: step 1 of reading, and nothing more.
pub struct Envelope<'a> {
    frame: Frame<'a>,
    ciphertext: Option<&'a [u8]>,
}

/// The shape of the sender's receipt. Unproven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiptInfo {
    /// The COSE algorithm number.
    pub algorithm: i64,
    /// How many messages were signed together.
    pub tree_size: u64,
    /// Which of them this is.
    pub leaf_index: u64,
    /// Hashes in its Merkle path.
    pub path_len: usize,
}

impl<'a> Envelope<'a> {
    /// Takes an envelope apart and checks its shape.
    ///
    /// # Errors
    ///
    /// `malformed`, `unsupported/version`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        Self::decode_up_to(bytes, crate::limits::ENVELOPE)
    }

    /// The same with another limit than 64 MiB.
    ///
    /// # Errors
    ///
    /// As [`Self::decode`].
    pub fn decode_up_to(bytes: &'a [u8], max_len: usize) -> Result<Self> {
        let (frame, ciphertext) = wire::decode(bytes, max_len)?;
        Ok(Self { frame, ciphertext })
    }

    /// What it says of itself.
    #[must_use]
    pub const fn unverified_header(&self) -> &Header<'a> {
        &self.frame.header
    }

    /// The protected header, encoded.
    #[must_use]
    pub const fn protected(&self) -> &'a [u8] {
        self.frame.protected
    }

    /// Commitment, ciphertext and tag; nothing where they are detached.
    #[must_use]
    pub const fn ciphertext(&self) -> Option<&'a [u8]> {
        self.ciphertext
    }

    /// The sender's receipt.
    #[must_use]
    pub const fn receipt(&self) -> ReceiptInfo {
        let sender = &self.frame.receipts.sender;
        ReceiptInfo {
            algorithm: sender.algorithm,
            tree_size: sender.tree_size,
            leaf_index: sender.leaf_index,
            path_len: sender.path.len(),
        }
    }

    /// The receipts after the sender's, encoded.
    pub fn other_receipts(&self) -> impl Iterator<Item = &'a [u8]> {
        self.frame.receipts.others().iter().copied()
    }

    /// Who can obtain the epoch secret. Not signed.
    pub fn recipients(&self) -> impl Iterator<Item = RecipientEntry<'a>> + use<'a> {
        self.frame.recipients.entries().map(|(entry, _)| entry)
    }
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("unverified_header", self.unverified_header())
            .finish_non_exhaustive()
    }
}
