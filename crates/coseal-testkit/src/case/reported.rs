//! What is reported once an envelope verified, or a bundle loaded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Hex;

/// What `verify` reports of an envelope, all of it covered by the signature,
/// save the verdicts on other receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The suite.
    pub suite: Suite,
    /// The channel it was sealed for.
    pub channel: String,
    /// The signer's subject, from the trust bundle.
    pub signer: String,
    /// The signer's key ID, 8 bytes.
    pub key_id_hex: Hex,
    /// The message ID, 16 bytes.
    pub message_id_hex: Hex,
    /// The sealing time, as the signer claims it, in milliseconds.
    pub sealed_at_ms: u64,
    /// The number of the message in its epoch: up to 2^64 - 1.
    pub sequence: u64,
    /// The epoch ID, 8 bytes.
    pub epoch_id_hex: Hex,
    /// The epoch before, where the message names it.
    pub previous: Option<Previous>,
    /// The payload's content type.
    pub content_type: Option<String>,
    /// When the message expires, in seconds.
    pub expires_at: Option<u64>,
    /// The application headers, by name.
    pub headers: BTreeMap<String, HeaderValue>,
    /// The header extensions, in wire order.
    pub extensions: Vec<Extension>,
    /// What the receipts after the sender's are worth, in wire order.
    pub other_receipts: Vec<ReceiptVerdict>,
}

/// The two suites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suite {
    /// HKDF-SHA-256 and AES-256-GCM, committing.
    #[serde(rename = "a256gcm")]
    A256Gcm,
    /// HKDF-SHA-256 and ChaCha20-Poly1305, committing.
    #[serde(rename = "chacha20poly1305")]
    ChaCha20Poly1305,
}

/// The epoch that a message names as the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// Its ID.
    pub epoch_id_hex: Hex,
    /// How many messages were sealed in it: up to 2^63 - 1.
    pub messages: u64,
}

/// The value of an application header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderValue {
    /// Text.
    Text(String),
    /// Bytes.
    BytesHex(Hex),
    /// An integer, exact: from -2^63 to 2^63 - 1.
    Int(i64),
    /// True or false.
    Bool(bool),
}

/// A header extension: signed, reported, not judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Its label: -65663 to -65600.
    pub label: i64,
    /// Its value, encoded.
    pub value_hex: Hex,
}

/// What a receipt after the sender's is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptVerdict {
    /// Made over this message by a key of the trust bundle.
    Trusted,
    /// Not a receipt this reader knows, or by a key it does not trust.
    Unknown,
    /// By a key it knows, and wrong.
    Invalid,
}

/// What is told about a time without judging by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The time, in milliseconds.
    pub at_ms: u64,
    /// Whether the trust bundle has expired by then.
    pub bundle_expired: bool,
    /// Whether the message has.
    pub expired: bool,
    /// Whether the message claims a later sealing time.
    pub from_the_future: bool,
    /// How long ago it was sealed; `null` where the claimed time is later.
    pub age_ms: Option<u64>,
}

/// Values between the inputs and the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intermediate {
    /// The protected header's bytes.
    pub protected_hex: Hex,
    /// The epoch secret.
    pub epoch_secret_hex: Hex,
    /// HKDF's pseudorandom key.
    pub prk_hex: Hex,
    /// The message key.
    pub message_key_hex: Hex,
    /// The key commitment.
    pub commitment_hex: Hex,
    /// The AEAD's additional data.
    pub enc_structure_hex: Hex,
    /// The signed statement.
    pub statement_hex: Hex,
    /// Its leaf.
    pub leaf_hex: Hex,
    /// The Merkle root.
    pub root_hex: Hex,
    /// The bytes that are signed.
    pub sig_structure_hex: Hex,
    /// The HPKE `info` of X25519 recipients.
    pub hpke_info_hex: Hex,
}

/// What a loaded trust bundle says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleReport {
    /// The trust domain.
    pub domain: String,
    /// The sequence.
    pub sequence: u64,
    /// When it was issued, in seconds.
    pub issued_at: u64,
    /// When it expires, in seconds.
    pub expires_at: u64,
    /// The key ID of the root that signed it.
    pub root_key_id_hex: Hex,
    /// The key IDs of the roots that may sign the next one, besides.
    pub next_root_key_ids_hex: Vec<Hex>,
    /// Its records, without those that were skipped.
    pub records: Vec<RecordReport>,
    /// How many records were skipped.
    pub skipped: u64,
}

/// A record of a trust bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordReport {
    /// The key's ID.
    pub key_id_hex: Hex,
    /// Its thumbprint.
    pub thumbprint_hex: Hex,
    /// The public key.
    pub public_key_hex: Hex,
    /// What it is for.
    #[serde(rename = "use")]
    pub usage: Use,
    /// Whose it is.
    pub subject: String,
    /// From when it is valid, in seconds.
    pub valid_from: u64,
    /// Until when.
    pub valid_until: Option<u64>,
    /// Its channel patterns.
    pub channels: Vec<String>,
    /// Its revocation.
    pub revocation: Option<Revocation>,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// To sign: an Ed25519 key.
    Sign,
    /// To receive: an X25519 key.
    Receive,
}

/// The revocation of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// When it was revoked, in seconds.
    pub revoked_at: u64,
    /// Why.
    pub reason: Reason,
    /// Since when it may have been in other hands, in seconds.
    pub compromised_since: Option<u64>,
}

/// Why a key was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It was compromised, or the reason is one this reader does not know.
    Compromised,
    /// Another key took its place.
    Superseded,
    /// Its owner is no more.
    Ceased,
}
