//! Trust: bytes of a bundle in, records of keys out. A bundle says which keys
//! sign and receive, for whom, when and on which channels; a root key signs
//! it.
//!
//! A bundle is believed only after its signature verified under a root that
//! the caller pinned, or that an earlier bundle named.

mod anchor;
mod edit;
mod in_force;
mod load;
mod record;
mod source;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::clock::Time;
use crate::error::{Error, Result, Untrusted};
use crate::key::{KeyId, RecipientKey, VerifyingKey};
use crate::receipt::tree::Hash;

pub(crate) use anchor::SKEW;
pub use anchor::{TrustAnchor, TrustState};
pub use edit::{NewRecord, TrustEditor};
pub(crate) use in_force::{Held, InForce};
pub use record::{KeyRecord, Pattern, Reason, Revocation, SkippedRecord, Usage};
pub use source::{TrustCell, TrustSource};

/// Where a record lies in its bundle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordPlace(usize);

/// A trust bundle whose signature verified.
#[derive(Debug)]
pub struct TrustBundle {
    domain: String,
    sequence: u64,
    issued_at: Time,
    expires_at: Time,
    records: Vec<Arc<KeyRecord>>,
    /// Positions in `records`, in order of key ID.
    by_key_id: Vec<(KeyId, u32)>,
    skipped: Vec<SkippedRecord>,
    root: VerifyingKey,
    next_roots: Vec<VerifyingKey>,
    bytes: Vec<u8>,
    digest: Hash,
}

impl TrustBundle {
    /// The first bundle of a trust domain, to be filled and signed.
    #[must_use]
    pub fn make(domain: &str) -> TrustEditor {
        TrustEditor::new(domain)
    }

    /// Loads a bundle and checks everything about it but its expiry, which is
    /// judged when a message is read.
    ///
    /// # Errors
    ///
    /// `malformed/…`, `unsupported/version`, `untrusted/unknown_root`,
    /// `untrusted/bad_signature`, `untrusted/wrong_domain`,
    /// `untrusted/rolled_back`, `stale/from_the_future`. Where a record is at
    /// fault, the text names it.
    pub fn load(bytes: &[u8], anchor: &TrustAnchor, now: Time) -> Result<Self> {
        load::load(bytes, anchor, now)
    }

    /// A copy to be changed and signed again, as the next in sequence.
    /// Everything in it that this version does not know is kept.
    ///
    /// # Errors
    ///
    /// `malformed/structure` where the bundle cannot be taken apart; it was
    /// taken apart before, so this does not happen to a loaded bundle.
    pub fn edit(&self) -> Result<TrustEditor> {
        TrustEditor::of(self)
    }

    /// The trust domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The bundle's number in its domain; every later bundle has a higher one.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When it was signed.
    #[must_use]
    pub const fn issued_at(&self) -> Time {
        self.issued_at
    }

    /// When live readers stop believing it.
    #[must_use]
    pub const fn expires_at(&self) -> Time {
        self.expires_at
    }

    /// Whether it has expired for live readers: now ≥ expires + skew.
    #[must_use]
    pub fn is_expired(&self, now: Time, skew: Duration) -> bool {
        now >= self.expires_at.plus(skew)
    }

    /// All records, in the bundle's order.
    #[must_use]
    pub fn records(&self) -> &[Arc<KeyRecord>] {
        &self.records
    }

    /// Records of kinds that this version does not know.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedRecord] {
        &self.skipped
    }

    /// The root key that signed it.
    #[must_use]
    pub const fn root(&self) -> &VerifyingKey {
        &self.root
    }

    /// Other root keys that may sign the next one.
    #[must_use]
    pub fn next_roots(&self) -> &[VerifyingKey] {
        &self.next_roots
    }

    /// The bundle as it was loaded.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What a reader remembers so that nobody can show it an older bundle.
    #[must_use]
    pub fn state(&self) -> TrustState {
        let mut roots = alloc::vec![self.root.clone()];
        roots.extend(self.next_roots.iter().filter(|key| **key != self.root).cloned());
        TrustState {
            domain: self.domain.clone(),
            sequence: self.sequence,
            digest: self.digest,
            roots,
        }
    }

    /// The record of a signing key.
    #[must_use]
    pub fn signing_key(&self, key_id: &KeyId) -> Option<&Arc<KeyRecord>> {
        self.record(key_id).filter(|record| record.usage() == Usage::Sign)
    }

    /// The record of any key.
    #[must_use]
    pub fn record(&self, key_id: &KeyId) -> Option<&Arc<KeyRecord>> {
        self.records.get(self.place(key_id)?.0)
    }

    fn place(&self, key_id: &KeyId) -> Option<RecordPlace> {
        let found = self.by_key_id.binary_search_by_key(key_id, |(id, _)| *id).ok()?;
        let (_, position) = self.by_key_id.get(found)?;
        usize::try_from(*position).ok().map(RecordPlace)
    }

    /// The record at a place that this bundle told.
    #[expect(clippy::indexing_slicing, reason = "a bundle never changes, and keeps its places")]
    pub(crate) fn at(&self, place: RecordPlace) -> &KeyRecord {
        &self.records[place.0]
    }

    /// The receiving keys of `subject` that a sealer may choose for `channel`
    /// at `now`: allowed, valid, not revoked.
    #[must_use]
    pub fn receiving_keys(&self, subject: &str, channel: &str, now: Time) -> Vec<RecipientKey> {
        self.records
            .iter()
            .filter(|record| record.subject() == subject && record.allows(channel))
            .filter(|record| record.is_valid_at(now) && record.revocation().is_none())
            .filter_map(|record| record.recipient_key().cloned())
            .collect()
    }

    /// SHA-256 of its bytes.
    pub(crate) const fn digest(&self) -> &Hash {
        &self.digest
    }

    /// Step 3: the record of the signing key that a header names.
    pub(crate) fn signer(&self, key_id: &KeyId) -> Result<RecordPlace> {
        let unknown = |detail: String| Error::Untrusted(Untrusted::UnknownSigner, detail.into());
        match self.place(key_id) {
            Some(place) if self.at(place).usage() == Usage::Sign => Ok(place),
            Some(_) => Err(unknown(alloc::format!("key {key_id} is not a signing key"))),
            None => Err(unknown(alloc::format!("the trust bundle has no key {key_id}"))),
        }
    }
}

#[cfg(test)]
mod tests;
