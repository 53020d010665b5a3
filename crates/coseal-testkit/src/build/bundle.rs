//! Trust bundles, in plain values and in pieces.

use super::cbor::{self, Fields, Item};
use super::draft::sign1;
use super::keys::{ED25519, Receiver, Signer, X25519, cose_key, key_id, sig_structure, thumbprint};
use crate::case::{BundleReport, Hex, Reason, RecordReport, Revocation, Use};

/// What the signature of a bundle is bound to.
pub(crate) const EXTERNAL_AAD: &[u8] = b"coseal/v1 trust-bundle";

/// A bundle in plain values.
#[derive(Clone)]
pub(crate) struct BundlePlan {
    pub(crate) root: Signer,
    pub(crate) domain: String,
    pub(crate) sequence: u64,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) records: Vec<Record>,
    pub(crate) next_roots: Vec<Signer>,
}

/// A record in plain values.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) usage: Use,
    pub(crate) public: [u8; 32],
    pub(crate) subject: String,
    pub(crate) valid_from: u64,
    pub(crate) valid_until: Option<u64>,
    pub(crate) channels: Vec<String>,
    /// When, the reason's number, compromised since.
    pub(crate) revocation: Option<(u64, u64, Option<u64>)>,
}

impl Record {
    pub(crate) fn sign(signer: &Signer, subject: &str, valid_from: u64, channels: &[&str]) -> Self {
        Self::new(Use::Sign, signer.public(), subject, valid_from, channels)
    }

    pub(crate) fn receive(
        receiver: &Receiver,
        subject: &str,
        valid_from: u64,
        channels: &[&str],
    ) -> Self {
        Self::new(Use::Receive, receiver.public, subject, valid_from, channels)
    }

    fn new(
        usage: Use,
        public: [u8; 32],
        subject: &str,
        valid_from: u64,
        channels: &[&str],
    ) -> Self {
        Self {
            usage,
            public,
            subject: subject.to_owned(),
            valid_from,
            valid_until: None,
            channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
            revocation: None,
        }
    }

    fn curve(&self) -> i64 {
        match self.usage {
            Use::Sign => ED25519,
            Use::Receive => X25519,
        }
    }

    pub(crate) fn fields(&self) -> Fields {
        let mut fields = Fields::new()
            .with(1, cose_key(self.curve(), &self.public).encode())
            .with(2, cbor::text(&self.subject))
            .with(
                3,
                cbor::uint(match self.usage {
                    Use::Sign => 1,
                    Use::Receive => 2,
                }),
            )
            .with(4, cbor::uint(self.valid_from))
            .with(6, cbor::array(self.channels.iter().map(|channel| cbor::text(channel))));
        if let Some(until) = self.valid_until {
            fields.set(5, cbor::uint(until));
        }
        if let Some((revoked_at, reason, since)) = self.revocation {
            let numbers = [revoked_at, reason].into_iter().chain(since);
            fields.set(7, cbor::array(numbers.map(cbor::uint)));
        }
        fields
    }

    fn report(&self) -> RecordReport {
        let thumbprint = thumbprint(self.curve(), &self.public);
        RecordReport {
            key_id_hex: Hex::from(&key_id(&thumbprint)),
            thumbprint_hex: Hex::from(&thumbprint),
            public_key_hex: Hex::from(&self.public),
            usage: self.usage,
            subject: self.subject.clone(),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            channels: self.channels.clone(),
            revocation: self.revocation.map(|(revoked_at, reason, compromised_since)| Revocation {
                revoked_at,
                reason: match reason {
                    2 => Reason::Superseded,
                    3 => Reason::Ceased,
                    _ => Reason::Compromised,
                },
                compromised_since,
            }),
        }
    }
}

impl BundlePlan {
    pub(crate) fn report(&self, skipped: u64) -> BundleReport {
        BundleReport {
            domain: self.domain.clone(),
            sequence: self.sequence,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            root_key_id_hex: Hex::from(&self.root.key_id()),
            next_root_key_ids_hex: self
                .next_roots
                .iter()
                .map(|root| Hex::from(&root.key_id()))
                .collect(),
            records: self.records.iter().map(Record::report).collect(),
            skipped,
        }
    }

    /// The signed bytes of a bundle that is right.
    pub(crate) fn sign(&self) -> Vec<u8> {
        BundleDraft::new(self).sign()
    }
}

/// A bundle before it is signed: every piece can be replaced, and the
/// signature is made to fit, unless it is replaced, too.
#[derive(Clone)]
pub(crate) struct BundleDraft {
    pub(crate) signer: Signer,
    pub(crate) body: Fields,
    /// Encoded records; they stand in label 6 unless `body_bytes` is given.
    pub(crate) records: Vec<Item>,
    /// Instead of the encoded body.
    pub(crate) body_bytes: Option<Vec<u8>>,
    pub(crate) protected: Fields,
    /// Instead of the encoded protected map.
    pub(crate) protected_bytes: Option<Vec<u8>>,
    pub(crate) unprotected: Item,
    /// Instead of the body as a byte string.
    pub(crate) payload: Option<Item>,
    pub(crate) external_aad: Vec<u8>,
    pub(crate) signature: Option<Vec<u8>>,
}

impl BundleDraft {
    pub(crate) fn new(plan: &BundlePlan) -> Self {
        let mut body = Fields::new()
            .with(1, cbor::uint(1))
            .with(2, cbor::text(&plan.domain))
            .with(3, cbor::uint(plan.sequence))
            .with(4, cbor::uint(plan.issued_at))
            .with(5, cbor::uint(plan.expires_at));
        if !plan.next_roots.is_empty() {
            let keys =
                plan.next_roots.iter().map(|root| cose_key(ED25519, &root.public()).encode());
            body.set(7, cbor::array(keys));
        }
        let records: Vec<Item> =
            plan.records.iter().map(|record| record.fields().encode()).collect();
        body.set(6, cbor::array(records.iter().cloned()));
        Self {
            signer: plan.root.clone(),
            body,
            records,
            body_bytes: None,
            protected: Fields::new()
                .with(1, cbor::int(-8))
                .with(4, cbor::bytes(plan.root.key_id())),
            protected_bytes: None,
            unprotected: Fields::new().encode(),
            payload: None,
            external_aad: EXTERNAL_AAD.to_vec(),
            signature: None,
        }
    }

    /// Puts encoded records in the place of those there are.
    pub(crate) fn set_records(&mut self, records: Vec<Item>) {
        self.body.set(6, cbor::array(records.iter().cloned()));
        self.records = records;
    }

    pub(crate) fn protected(&self) -> Vec<u8> {
        self.protected_bytes.clone().unwrap_or_else(|| self.protected.encode())
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.body_bytes.clone().unwrap_or_else(|| self.body.encode())
    }

    /// The bytes that are signed.
    pub(crate) fn sig_structure(&self) -> Vec<u8> {
        sig_structure(&self.protected(), &self.external_aad, &self.body())
    }

    pub(crate) fn signature(&self) -> Vec<u8> {
        self.signature.clone().unwrap_or_else(|| self.signer.sign(&self.sig_structure()).to_vec())
    }

    /// Puts the bundle together.
    pub(crate) fn sign(&self) -> Vec<u8> {
        let payload = self.payload.clone().unwrap_or_else(|| cbor::bytes(self.body()));
        sign1(&self.protected(), self.unprotected.clone(), payload, &self.signature())
    }
}
