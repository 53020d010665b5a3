//! Making bundles: keys and dates in, signed bytes out. What an editor does
//! not know, it keeps.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::load::{Body, to_be_signed};
use super::record::{KeyRecord, Parsed, write_key};
use super::{Pattern, Reason, Revocation, TrustBundle};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::key::{KeyId, PublicKey, SigningKey, VerifyingKey};
use crate::limits;
use crate::seal::Signer;
use crate::wire::write::Items;
use crate::wire::{Reader, TAG_SIGN1, label};

/// A key to be added to a bundle.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// The key. Its curve says what it is for. That its owner holds the
    /// private key is for the root operator to check first.
    pub key: PublicKey,
    /// Whose it is: a URI, a SPIFFE ID where there is one.
    pub subject: String,
    /// From when it is valid (whole seconds).
    pub valid_from: Time,
    /// Until when; for ever where nothing is said.
    pub valid_until: Option<Time>,
    /// The channels it may be used for. None allows no channel.
    pub channels: Vec<Pattern>,
}

pub(super) enum Entry {
    Known(Box<KeyRecord>),
    /// Of a kind that this version does not know; kept as it is.
    Unknown(Vec<u8>),
}

/// A bundle that is being made or changed. Nothing is in force before it is
/// signed and published.
pub struct TrustEditor {
    domain: String,
    sequence: u64,
    expires_at: Option<Time>,
    pub(super) entries: Vec<Entry>,
    pub(super) next_roots: Vec<VerifyingKey>,
    pub(super) extensions: Vec<Vec<u8>>,
}

impl TrustEditor {
    pub(super) fn new(domain: &str) -> Self {
        Self {
            domain: domain.into(),
            sequence: 1,
            expires_at: None,
            entries: Vec::new(),
            next_roots: Vec::new(),
            extensions: Vec::new(),
        }
    }

    pub(super) fn of(bundle: &TrustBundle) -> Result<Self> {
        // COSE_Sign1: tag, array, protected, unprotected, payload.
        let mut reader = Reader::new(bundle.bytes());
        reader.tag(TAG_SIGN1, "")?;
        reader.array_of(4, "")?;
        reader.bytes("")?;
        reader.map("")?;
        let body = Body::of(reader.bytes("")?)?;
        let entry = |encoded: &&[u8]| match KeyRecord::read(&mut Reader::new(encoded))? {
            Parsed::Record(record) => Ok(Entry::Known(record)),
            Parsed::Skipped(_) => Ok(Entry::Unknown(encoded.to_vec())),
        };
        Ok(Self {
            domain: body.domain.into(),
            sequence: body
                .sequence
                .checked_add(1)
                .filter(|next| i64::try_from(*next).is_ok())
                .ok_or_else(|| Error::misuse("the bundle has the last sequence there is"))?,
            expires_at: Some(body.expires_at),
            entries: body.records.iter().map(entry).collect::<Result<_>>()?,
            next_roots: body.next_roots,
            extensions: body.extensions.iter().map(|encoded| encoded.to_vec()).collect(),
        })
    }

    /// The sequence that signing will give.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When the bundle under edit expires; nothing for a first one.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Time> {
        self.expires_at
    }

    /// Adds a key.
    ///
    /// # Errors
    ///
    /// `misuse` where its key ID is in the bundle already, where there is no
    /// room, or where the record breaks a rule of the format.
    pub fn add(&mut self, record: NewRecord) -> Result<()> {
        let key_id = record.key.key_id();
        if self.known(&key_id).is_some() {
            return Err(Error::misuse(format!("key {key_id} is in the bundle already")));
        }
        if self.entries.len() >= limits::RECORDS {
            return Err(Error::misuse("a bundle has at most 65536 records"));
        }
        if !(1..=limits::SUBJECT).contains(&record.subject.len()) {
            return Err(Error::misuse("a subject is 1..2048 bytes long"));
        }
        if record.channels.len() > limits::PATTERNS {
            return Err(Error::misuse("a record has at most 256 channel patterns"));
        }
        let valid_from = seconds(record.valid_from)?;
        let valid_until = record.valid_until.map(seconds).transpose()?;
        if valid_until.is_some_and(|until| until <= valid_from) {
            return Err(Error::misuse("the key's validity ends before it begins"));
        }
        self.entries.push(Entry::Known(Box::new(KeyRecord {
            key: record.key,
            subject: record.subject,
            valid_from,
            valid_until,
            channels: record.channels,
            revocation: None,
            reason: 0,
            extensions: Vec::new(),
            extension_count: 0,
        })));
        Ok(())
    }

    /// Ends a key's validity at `at`; what it sealed before stays valid.
    ///
    /// # Errors
    ///
    /// `misuse` where there is no such key, it is revoked, or its validity
    /// ends earlier already.
    pub fn retire(&mut self, key_id: &KeyId, at: Time) -> Result<()> {
        let record = self.known_mut(key_id)?;
        if record.revocation.is_some() {
            return Err(Error::misuse(format!("key {key_id} is revoked")));
        }
        // Rounded up: what was sealed a moment before stays valid.
        let at = seconds(at.plus(Duration::from_millis(999)))?;
        if record.valid_until.is_some_and(|until| until < at) {
            return Err(Error::misuse(format!("key {key_id} is retired already, and earlier")));
        }
        if at <= record.valid_from {
            let detail = format!("key {key_id} is not yet valid then; revoke it instead");
            return Err(Error::misuse(detail));
        }
        record.valid_until = Some(at);
        Ok(())
    }

    /// Revokes a key: everything it ever signed is refused from now on. A key
    /// that is revoked already can be revoked again, to tell more; the earlier
    /// of two dates stays, and a key once compromised stays so.
    ///
    /// # Errors
    ///
    /// `misuse` where there is no such key, or the compromise is said to begin
    /// after the revocation.
    pub fn revoke(&mut self, key_id: &KeyId, revocation: Revocation) -> Result<()> {
        let record = self.known_mut(key_id)?;
        let mut number = revocation.reason.number();
        let mut revocation = Revocation {
            revoked_at: Time::from_secs(seconds(revocation.revoked_at)?),
            reason: revocation.reason,
            compromised_since: revocation
                .compromised_since
                .map(|since| seconds(since).map(Time::from_secs))
                .transpose()?,
        };
        if let Some(before) = record.revocation {
            revocation.revoked_at = revocation.revoked_at.min(before.revoked_at);
            if before.reason == Reason::Compromised {
                (revocation.reason, number) = (before.reason, record.reason);
            }
            revocation.compromised_since =
                match (before.compromised_since, revocation.compromised_since) {
                    (Some(one), Some(two)) => Some(one.min(two)),
                    (one, two) => one.or(two),
                };
        }
        if revocation.compromised_since.is_some_and(|since| since > revocation.revoked_at) {
            return Err(Error::misuse("the compromise begins after the revocation"));
        }
        record.revocation = Some(revocation);
        record.reason = number;
        Ok(())
    }

    /// Names another root key that may sign the next bundle.
    ///
    /// # Errors
    ///
    /// `misuse` where it is named already.
    pub fn add_root(&mut self, root: VerifyingKey) -> Result<()> {
        if self.next_roots.contains(&root) {
            return Err(Error::misuse(format!("root {} is named already", root.key_id())));
        }
        self.next_roots.push(root);
        Ok(())
    }

    /// Names a root key no longer. A reader that still has the bundle before
    /// goes on following it.
    ///
    /// # Errors
    ///
    /// `misuse` where it is not named.
    pub fn remove_root(&mut self, key_id: &KeyId) -> Result<()> {
        let named = self.next_roots.len();
        self.next_roots.retain(|root| root.key_id() != *key_id);
        if self.next_roots.len() == named {
            return Err(Error::misuse(format!("root {key_id} is not named in the bundle")));
        }
        Ok(())
    }

    /// Signs the bundle. To renew one, edit it and sign it with a later expiry;
    /// to expire it, with an expiry that lies now.
    ///
    /// Readers that saw the bundle before believe the root that signed it and
    /// the roots that it names. Signed by any other, the next one is believed
    /// by new readers alone.
    ///
    /// # Errors
    ///
    /// `misuse` where it would break a rule of the format.
    pub fn sign(self, root: &SigningKey, issued_at: Time, expires_at: Time) -> Result<Vec<u8>> {
        let sign = |message: &[u8]| Ok(root.sign(message));
        self.signed(root.verifying_key(), issued_at, expires_at, sign)
    }

    /// The same, by a root whose key may live elsewhere: in an HSM, in another
    /// process. Its signature is verified before it is given out. Where it
    /// fails, nothing is lost, and it can be asked again.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign), and the key provider's.
    pub fn sign_by(&self, root: &Signer, issued_at: Time, expires_at: Time) -> Result<Vec<u8>> {
        self.signed(root.verifying_key(), issued_at, expires_at, |message| root.sign(message))
    }

    fn signed(
        &self,
        root: &VerifyingKey,
        issued_at: Time,
        expires_at: Time,
        sign: impl FnOnce(&[u8]) -> Result<[u8; 64]>,
    ) -> Result<Vec<u8>> {
        if self.domain.is_empty() {
            return Err(Error::misuse("a trust domain has a name"));
        }
        let payload = self.encode(seconds(issued_at)?, seconds(expires_at)?);
        let mut protected = Vec::new();
        protected.map(2);
        protected.int(label::ALGORITHM);
        protected.int(label::EDDSA);
        protected.int(label::KEY_ID);
        protected.bytes(root.key_id().as_bytes());
        let signature = sign(&to_be_signed(&protected, &payload))?;
        let mut out = Vec::with_capacity(payload.len() + 128);
        out.tag(TAG_SIGN1);
        out.array(4);
        out.bytes(&protected);
        out.map(0);
        out.bytes(&payload);
        out.bytes(&signature);
        if out.len() > limits::BUNDLE {
            return Err(Error::misuse("the bundle is longer than 16 MiB"));
        }
        Ok(out)
    }

    fn encode(&self, issued_at: u64, expires_at: u64) -> Vec<u8> {
        let mut out = Vec::new();
        out.map(6 + usize::from(!self.next_roots.is_empty()) + self.extensions.len());
        out.uint(1);
        out.uint(1);
        out.uint(2);
        out.text(&self.domain);
        out.uint(3);
        out.uint(self.sequence);
        out.uint(4);
        out.uint(issued_at);
        out.uint(5);
        out.uint(expires_at);
        out.uint(6);
        out.array(self.entries.len());
        for entry in &self.entries {
            match entry {
                Entry::Known(record) => record.write(&mut out),
                Entry::Unknown(encoded) => out.extend_from_slice(encoded),
            }
        }
        if !self.next_roots.is_empty() {
            out.uint(7);
            out.array(self.next_roots.len());
            for root in &self.next_roots {
                write_key(&mut out, &PublicKey::Verifying(root.clone()));
            }
        }
        for encoded in &self.extensions {
            out.extend_from_slice(encoded);
        }
        out
    }

    fn known(&self, key_id: &KeyId) -> Option<&KeyRecord> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Known(record) if record.key_id() == *key_id => Some(&**record),
            Entry::Known(_) | Entry::Unknown(_) => None,
        })
    }

    fn known_mut(&mut self, key_id: &KeyId) -> Result<&mut KeyRecord> {
        self.entries
            .iter_mut()
            .find_map(|entry| match entry {
                Entry::Known(record) if record.key_id() == *key_id => Some(&mut **record),
                Entry::Known(_) | Entry::Unknown(_) => None,
            })
            .ok_or_else(|| Error::misuse(format!("the bundle has no key {key_id}")))
    }
}

impl core::fmt::Debug for TrustEditor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TrustEditor")
            .field("domain", &self.domain)
            .field("sequence", &self.sequence)
            .field("records", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// Whole seconds, within the range of the format.
fn seconds(time: Time) -> Result<u64> {
    let secs = time.as_secs();
    if secs <= limits::TIME { Ok(secs) } else { Err(Error::misuse("a time beyond 2^53 seconds")) }
}

#[cfg(test)]
mod tests;
