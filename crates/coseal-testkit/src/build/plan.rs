//! A message in plain values; its header, recipients and report.

use std::collections::BTreeMap;

use super::cbor::{self, Fields, Item};
use super::hpke;
use super::keys::{Receiver, Signer, seed_bytes};
use super::schedule::Schedule;
use crate::case::{Extension, HeaderValue, Hex, Previous, ReceiptVerdict, Report, Suite};

/// Labels of the protected header.
pub(crate) mod label {
    pub(crate) const ALG: i64 = 1;
    pub(crate) const CONTENT_TYPE: i64 = 3;
    pub(crate) const IV: i64 = 5;
    pub(crate) const CLAIMS: i64 = 15;
    pub(crate) const ORIGIN: i64 = -65537;
    pub(crate) const APPLICATION: i64 = -65538;
    /// The first of 64 extension labels, which go down from here.
    pub(crate) const EXTENSION: i64 = -65600;
    pub(crate) const LAST_EXTENSION: i64 = -65663;
    /// Of the unprotected map: the receipts.
    pub(crate) const RECEIPTS: i64 = 394;
}

/// HPKE with X25519, as a recipient's algorithm.
pub(crate) const HPKE_ALG: i64 = -65543;
/// AES-256 key wrap.
pub(crate) const A256KW: i64 = -5;

/// A message and everything it is sealed with.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) signer: Signer,
    /// Whose key it is, in the trust bundle.
    pub(crate) subject: String,
    pub(crate) suite: Suite,
    pub(crate) channel: String,
    pub(crate) epoch_secret: [u8; 32],
    pub(crate) epoch_id: [u8; 8],
    pub(crate) message_id: [u8; 16],
    pub(crate) sequence: u64,
    pub(crate) previous: Option<([u8; 8], u64)>,
    pub(crate) content_type: Option<String>,
    pub(crate) expires: Option<u64>,
    pub(crate) headers: BTreeMap<String, HeaderValue>,
    pub(crate) extensions: Vec<(i64, Item)>,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) payload: Vec<u8>,
}

/// A recipient and how the epoch secret is wrapped for it.
#[derive(Clone)]
pub(crate) enum Recipient {
    X25519 { key_id: [u8; 8], public: [u8; 32], ikm: [u8; 32] },
    Kek { id: Vec<u8>, key: [u8; 32] },
}

impl Recipient {
    /// An entry for `receiver`, encapsulated with randomness named `label`.
    pub(crate) fn x25519(receiver: &Receiver, label: &str) -> Self {
        Self::X25519 {
            key_id: receiver.key_id(),
            public: receiver.public,
            ikm: super::keys::seed(&format!("{label}: encapsulation")),
        }
    }
}

/// A UUIDv7 of this time; its random bits from `label`.
pub(crate) fn message_id(millis: u64, label: &str) -> [u8; 16] {
    let [_, _, time @ ..] = millis.to_be_bytes();
    let [a, b, c, d @ ..] = seed_bytes::<10>(&format!("{label}: message id"));
    let mut id = [0; 16];
    id.copy_from_slice(&[&time, [a & 0x0f | 0x70, b, c & 0x3f | 0x80].as_slice(), &d].concat());
    id
}

impl Plan {
    pub(crate) fn iv(&self) -> Vec<u8> {
        [self.message_id.as_slice(), &self.sequence.to_be_bytes()].concat()
    }

    pub(crate) fn sealed_at_ms(&self) -> u64 {
        let [a, b, c, d, e, f, ..] = self.message_id;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    pub(crate) fn alg(&self) -> Item {
        cbor::int(self.suite.alg())
    }

    pub(crate) fn schedule(&self) -> Schedule {
        Schedule::derive(&self.epoch_secret, &self.iv(), &self.alg())
    }

    pub(crate) fn header(&self) -> Fields {
        let mut header = Fields::new()
            .with(label::ALG, self.alg())
            .with(label::IV, cbor::bytes(self.iv()))
            .with(label::CLAIMS, self.claims().encode())
            .with(label::ORIGIN, cbor::array(self.origin()));
        if let Some(content_type) = &self.content_type {
            header.set(label::CONTENT_TYPE, cbor::text(content_type));
        }
        if !self.headers.is_empty() {
            header.set(label::APPLICATION, self.application().encode());
        }
        for (label, value) in &self.extensions {
            header.set(*label, value.clone());
        }
        header
    }

    pub(crate) fn claims(&self) -> Fields {
        let mut claims = Fields::new().with(3, cbor::text(&self.channel));
        if let Some(expires) = self.expires {
            claims.set(4, cbor::uint(expires));
        }
        claims
    }

    /// The items of label -65537.
    pub(crate) fn origin(&self) -> Vec<Item> {
        let mut origin =
            vec![cbor::uint(1), cbor::bytes(self.signer.key_id()), cbor::bytes(self.epoch_id)];
        if let Some((epoch_id, messages)) = &self.previous {
            origin.push(cbor::array([cbor::bytes(epoch_id), cbor::uint(*messages)]));
        }
        origin
    }

    pub(crate) fn application(&self) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in &self.headers {
            let value = match value {
                HeaderValue::Text(text) => cbor::text(text),
                HeaderValue::BytesHex(bytes) => cbor::bytes(bytes),
                HeaderValue::Int(int) => cbor::int(*int),
                HeaderValue::Bool(value) => cbor::boolean(*value),
            };
            fields.set_key(cbor::text(name), value);
        }
        fields
    }

    /// The Recipient_structure of COSE-HPKE.
    pub(crate) fn hpke_info(&self) -> Item {
        let context = cbor::array([
            cbor::text("coseal/v1 epoch"),
            cbor::bytes(self.epoch_id),
            cbor::bytes(self.signer.thumbprint()),
        ]);
        cbor::array([
            cbor::text("HPKE Recipient"),
            self.alg(),
            cbor::bytes(hpke_protected()),
            cbor::bytes(context),
        ])
    }

    pub(crate) fn encode_recipients(&self) -> Vec<Item> {
        self.recipients.iter().map(|recipient| self.encode_recipient(recipient)).collect()
    }

    pub(crate) fn encode_recipient(&self, recipient: &Recipient) -> Item {
        match recipient {
            Recipient::X25519 { key_id, public, ikm } => {
                let wrapped = hpke::wrap(public, *ikm, &self.hpke_info(), &self.epoch_secret);
                x25519_entry(key_id, &wrapped)
            }
            Recipient::Kek { id, key } => {
                kek_entry(id, &hpke::wrap_under_kek(key, &self.epoch_secret))
            }
        }
    }

    pub(crate) fn report(&self, other_receipts: &[ReceiptVerdict]) -> Report {
        Report {
            suite: self.suite,
            channel: self.channel.clone(),
            signer: self.subject.clone(),
            key_id_hex: Hex::from(&self.signer.key_id()),
            message_id_hex: Hex::from(&self.message_id),
            sealed_at_ms: self.sealed_at_ms(),
            sequence: self.sequence,
            epoch_id_hex: Hex::from(&self.epoch_id),
            previous: self.previous.map(|(epoch_id, messages)| Previous {
                epoch_id_hex: Hex::from(&epoch_id),
                messages,
            }),
            content_type: self.content_type.clone(),
            expires_at: self.expires,
            headers: self.headers.clone(),
            extensions: self
                .extensions
                .iter()
                .map(|(label, value)| Extension { label: *label, value_hex: Hex::from(value) })
                .collect(),
            other_receipts: other_receipts.to_vec(),
        }
    }
}

/// The protected part of an X25519 recipient.
pub(crate) fn hpke_protected() -> Item {
    Fields::new().with(1, cbor::int(HPKE_ALG)).encode()
}

pub(crate) fn x25519_entry(key_id: &[u8], wrapped: &hpke::Wrapped) -> Item {
    cbor::array([
        cbor::bytes(hpke_protected()),
        Fields::new()
            .with(4, cbor::bytes(key_id))
            .with(-4, cbor::bytes(wrapped.encapsulated))
            .encode(),
        cbor::bytes(&wrapped.ciphertext),
    ])
}

pub(crate) fn kek_entry(id: &[u8], wrapped: &[u8]) -> Item {
    cbor::array([
        cbor::bytes([]),
        Fields::new().with(1, cbor::int(A256KW)).with(4, cbor::bytes(id)).encode(),
        cbor::bytes(wrapped),
    ])
}
