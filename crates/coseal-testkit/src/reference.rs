//! The reference vectors: files of another hand, from before this crate. What
//! the builder makes of their inputs must be their bytes.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::build::bundle::{BundlePlan, Record};
use crate::build::draft::{Sealed, seal_batch};
use crate::build::keys::{Receiver, Signer};
use crate::build::plan::{Plan, Recipient};
use crate::case::{Expect, HeaderValue, Hex, Suite, Use};

/// A reference file.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Reference {
    Message(Box<MessageReference>),
    Bundle(Box<BundleReference>),
}

/// A message, sealed alone or in a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageReference {
    pub(crate) comment: String,
    expect: Expect,
    signing_key_hex: Hex,
    verifying_key_hex: Hex,
    pub(crate) signer_hex: Hex,
    pub(crate) recipient_secret_keys_hex: Vec<Hex>,
    ephemeral_ikm_hex: Vec<Hex>,
    pub(crate) keks: BTreeMap<String, Hex>,
    epoch_secret_hex: Hex,
    epoch_id_hex: Hex,
    suite: Suite,
    channel: String,
    content_type: Option<String>,
    expires: Option<u64>,
    headers: Option<BTreeMap<String, ReferenceValue>>,
    previous: Option<(Hex, u64)>,
    first_sequence: u64,
    index: usize,
    message_ids_hex: Vec<Hex>,
    payloads_hex: Vec<Hex>,
    protected_hex: Hex,
    message_key_hex: Hex,
    commitment_hex: Hex,
    leaf_hex: Hex,
    root_hex: Hex,
    envelope_hex: Hex,
}

/// The value of an application header, as these files write it.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum ReferenceValue {
    Bool(bool),
    Int(i64),
    Text(String),
    Bytes { hex: Hex },
}

/// A trust bundle.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundleReference {
    pub(crate) comment: String,
    expect: Expect,
    root_key_hex: Hex,
    pub(crate) root_public_key_hex: Hex,
    root_id_hex: Hex,
    next_root_public_key_hex: Hex,
    pub(crate) trust_domain: String,
    sequence: u64,
    pub(crate) issued_at: u64,
    expires_at: u64,
    pub(crate) records: Vec<RecordReference>,
    pub(crate) trust_bundle_hex: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordReference {
    public_key_hex: Hex,
    curve: String,
    pub(crate) key_id_hex: Hex,
    subject: String,
    #[serde(rename = "use")]
    usage: Use,
    valid_from: u64,
    valid_until: Option<u64>,
    channels: Vec<String>,
    revocation: Option<(u64, u64, u64)>,
}

fn array<const N: usize>(hex: &Hex) -> [u8; N] {
    hex.array().expect("a reference file with fields of their sizes")
}

impl MessageReference {
    /// What the builder makes of the inputs: the bytes of the file, and every
    /// value on the way.
    pub(crate) fn reproduce(&self, subject: &str) -> Sealed {
        let plans = self.message_ids_hex.iter().zip(&self.payloads_hex).zip(self.first_sequence..);
        let plans =
            plans.map(|((id, payload), sequence)| self.plan(subject, array(id), sequence, payload));
        let sealed =
            seal_batch(plans).into_iter().nth(self.index).expect("an index below the batch's size");
        let schedule = sealed.plan.schedule();
        assert!(self.expect.is_ok());
        assert_eq!(Hex::from(&sealed.plan.signer.public()), self.verifying_key_hex);
        assert_eq!(Hex::from(&sealed.plan.signer.key_id()), self.signer_hex);
        assert_eq!(Hex::from(&sealed.protected), self.protected_hex);
        assert_eq!(Hex::from(&schedule.key), self.message_key_hex);
        assert_eq!(Hex::from(&schedule.commitment), self.commitment_hex);
        assert_eq!(Hex::from(&sealed.leaf), self.leaf_hex);
        assert_eq!(Hex::from(&sealed.root), self.root_hex);
        assert_eq!(Hex::from(&sealed.envelope), self.envelope_hex);
        sealed
    }

    fn plan(&self, subject: &str, message_id: [u8; 16], sequence: u64, payload: &Hex) -> Plan {
        Plan {
            signer: Signer::from_seed(array(&self.signing_key_hex)),
            subject: subject.to_owned(),
            suite: self.suite,
            channel: self.channel.clone(),
            epoch_secret: array(&self.epoch_secret_hex),
            epoch_id: array(&self.epoch_id_hex),
            message_id,
            sequence,
            previous: self.previous.as_ref().map(|(id, messages)| (array(id), *messages)),
            content_type: self.content_type.clone(),
            expires: self.expires,
            headers: self
                .headers
                .iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.into()))
                .collect(),
            extensions: Vec::new(),
            recipients: self.recipients(),
            payload: payload.0.clone(),
        }
    }

    fn recipients(&self) -> Vec<Recipient> {
        let receivers = self.recipient_secret_keys_hex.iter().zip(&self.ephemeral_ikm_hex).map(
            |(secret, ikm)| {
                let receiver = Receiver::from_secret(array(secret));
                Recipient::X25519 {
                    key_id: receiver.key_id(),
                    public: receiver.public,
                    ikm: array(ikm),
                }
            },
        );
        let keks = self
            .keks
            .iter()
            .map(|(id, key)| Recipient::Kek { id: id.clone().into_bytes(), key: array(key) });
        receivers.chain(keks).collect()
    }
}

impl From<&ReferenceValue> for HeaderValue {
    fn from(value: &ReferenceValue) -> Self {
        match value {
            ReferenceValue::Bool(value) => Self::Bool(*value),
            ReferenceValue::Int(int) => Self::Int(*int),
            ReferenceValue::Text(text) => Self::Text(text.clone()),
            ReferenceValue::Bytes { hex } => Self::BytesHex(hex.clone()),
        }
    }
}

impl BundleReference {
    /// The inputs, of which the builder makes the bytes of the file.
    pub(crate) fn reproduce(&self) -> BundlePlan {
        let plan = BundlePlan {
            root: Signer::from_seed(array(&self.root_key_hex)),
            domain: self.trust_domain.clone(),
            sequence: self.sequence,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            records: self.records.iter().map(RecordReference::plan).collect(),
            next_roots: vec![Signer::public_only(array(&self.next_root_public_key_hex))],
        };
        assert!(self.expect.is_ok());
        assert_eq!(Hex::from(&plan.root.public()), self.root_public_key_hex);
        assert_eq!(Hex::from(&plan.root.key_id()), self.root_id_hex);
        let key_ids = plan.report(0).records.into_iter().map(|record| record.key_id_hex);
        assert!(key_ids.eq(self.records.iter().map(|record| record.key_id_hex.clone())));
        assert_eq!(Hex(plan.sign()), self.trust_bundle_hex);
        plan
    }

    /// Whose key this is.
    pub(crate) fn subject_of(&self, key_id: &Hex) -> Option<&str> {
        self.records
            .iter()
            .find(|record| record.key_id_hex == *key_id)
            .map(|record| record.subject.as_str())
    }
}

impl RecordReference {
    fn plan(&self) -> Record {
        let curve = match self.usage {
            Use::Sign => "Ed25519",
            Use::Receive => "X25519",
        };
        assert_eq!(self.curve, curve, "a key that fits its use");
        Record {
            usage: self.usage,
            public: array(&self.public_key_hex),
            subject: self.subject.clone(),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            channels: self.channels.clone(),
            revocation: self.revocation.map(|(at, reason, since)| (at, reason, Some(since))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::HeaderValue;
    use crate::walk;

    /// Every reference file, byte for byte, with all that leads to its bytes.
    #[test]
    fn reference_vectors_are_reproduced() {
        let (mut messages, mut bundles) = (0, 0);
        for file in walk::walk_as::<Reference>(&walk::reference()).expect("the folder") {
            match file.expect("a reference file").1 {
                Reference::Message(reference) => {
                    assert_eq!(Hex(reference.reproduce("anyone").envelope), reference.envelope_hex);
                    messages += 1;
                }
                Reference::Bundle(reference) => {
                    assert_eq!(Hex(reference.reproduce().sign()), reference.trust_bundle_hex);
                    bundles += 1;
                }
            }
        }
        assert_eq!((messages, bundles), (10, 1), "reference files");
    }

    #[test]
    fn every_type_of_header_value_is_read() {
        let read: BTreeMap<String, ReferenceValue> =
            serde_json::from_str(r#"{"a": true, "b": 3, "c": "t", "d": {"hex": "01"}}"#)
                .expect("values");
        let read: Vec<HeaderValue> = read.values().map(HeaderValue::from).collect();
        let expected = [
            HeaderValue::Bool(true),
            HeaderValue::Int(3),
            HeaderValue::Text("t".to_owned()),
            HeaderValue::BytesHex(Hex(vec![1])),
        ];
        assert_eq!(read, expected);
    }
}
