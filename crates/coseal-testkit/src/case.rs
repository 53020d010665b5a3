//! The JSON format of a case: what a reader is given, and what it must say.
//!
//! Everything a runner needs is in the file, in plain values: a runner in any
//! language loads the trust bundle, does what `verify` and `open` say, and
//! compares. Every field is always present; `null` means "none". A key that is
//! not listed here refuses the file. `test-vectors/README.md` says the same,
//! field by field, for readers who do not read Rust.

mod expect;
mod hex;
mod reported;

use serde::{Deserialize, Serialize};

pub use expect::{CODES, Expect, UnknownExpectation};
pub use hex::{Hex, LongHex, Run};
pub use reported::{
    BundleReport, Extension, Facts, HeaderValue, Intermediate, Previous, Reason, ReceiptVerdict,
    RecordReport, Report, Revocation, Suite, Use,
};

/// One case: one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Case {
    /// An envelope to be verified and opened.
    Envelope(Box<EnvelopeCase>),
    /// A trust bundle to be loaded.
    TrustBundle(Box<TrustBundleCase>),
}

impl Case {
    /// What is right or wrong here, in a sentence.
    pub fn comment(&self) -> &str {
        match self {
            Self::Envelope(case) => &case.comment,
            Self::TrustBundle(case) => &case.comment,
        }
    }

    /// What the case is counted under: the first of its expectations that is
    /// not `ok`, else `ok`.
    pub fn expect(&self) -> &Expect {
        match self {
            Self::Envelope(case) => {
                let verify = case.verify.as_ref().map(|verify| &verify.expect);
                let open = case.open.as_ref().map(|open| &open.expect);
                let mut all = verify.into_iter().chain(open);
                all.find(|expect| !expect.is_ok()).unwrap_or(&Expect::Ok)
            }
            Self::TrustBundle(case) => &case.expect,
        }
    }
}

/// An envelope, the trust it is judged by, and what verifying and opening it
/// must come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeCase {
    /// What is right or wrong here, in a sentence.
    pub comment: String,
    /// The rule of the format that is tested.
    pub rule: String,
    /// The input.
    pub envelope_hex: LongHex,
    /// Largest input the reader takes, in bytes; `null`: the default, 64 MiB.
    pub max_len: Option<u64>,
    /// Skew of the reader's clock, in milliseconds; for `trust`, too.
    pub skew_ms: u64,
    /// The trust bundle. It loads.
    pub trust: Trust,
    /// To verify the envelope (steps 1 to 5), without any private key.
    pub verify: Option<Verify>,
    /// To open it (steps 1 to 9), with a fresh reader.
    pub open: Option<Open>,
    /// What is reported once the envelope verified. `null` if nothing may be.
    pub reported: Option<Report>,
    /// Values on the way, for whoever looks for a mistake. Not compared.
    pub intermediate: Option<Intermediate>,
}

/// The trust bundle an envelope is judged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The bundle.
    pub bundle_hex: Hex,
    /// The pinned root keys: Ed25519 public keys.
    pub roots_hex: Vec<Hex>,
    /// The configured trust domain.
    pub domain: String,
    /// When the bundle is loaded, in milliseconds since 1970.
    pub now_ms: u64,
}

/// How to verify, and what must come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The channel the caller expects; `null`: any.
    pub channel: Option<String>,
    /// The subject of the signer the caller asks for; `null`: any.
    pub signer: Option<String>,
    /// The time to judge at, in milliseconds; `null`: none, so that expiry,
    /// age and the future are facts, never refusals.
    pub at_ms: Option<u64>,
    /// The window that age is judged by, in milliseconds; only with `at_ms`.
    pub max_age_ms: Option<u64>,
    /// The result.
    pub expect: Expect,
    /// Where the time that a revoked key's message claims lies. Only where
    /// `expect` is `untrusted/revoked` or one of the two that come before it in
    /// step 5; `null`: not compared.
    pub claimed_time: Option<ClaimedTime>,
    /// What is told about a time without judging by it; `null`: not compared.
    pub facts: Option<Facts>,
}

/// Where a claimed sealing time lies, seen from a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimedTime {
    /// Before the key was compromised or revoked.
    Before,
    /// Between compromised-since and revoked-at.
    InDoubt,
    /// After it was revoked.
    After,
}

/// How to open, and what must come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// Live or archival.
    pub mode: Mode,
    /// The channel the caller expects; `null`: any (never when live).
    pub channel: Option<String>,
    /// The subject of the signer the caller asks for; `null`: any.
    pub signer: Option<String>,
    /// The reader's clock, in milliseconds.
    pub now_ms: u64,
    /// The freshness window, in milliseconds; `null` when archival.
    pub window_ms: Option<u64>,
    /// The reader's private keys.
    pub keyring: Keyring,
    /// What the same reader was given before, in order, with its results.
    pub earlier: Vec<Earlier>,
    /// Where the envelope was delivered; `null`: the carrier has no positions.
    pub position: Option<Position>,
    /// The result.
    pub expect: Expect,
    /// The payload that is released; `null` if none may be.
    pub payload_hex: Option<LongHex>,
    /// Whether it is delivered as a redelivery.
    pub redelivered: bool,
}

/// Which of the two kinds of `open` it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Bundle expiry, freshness and replay are judged.
    Live,
    /// Bundle expiry and freshness are reported, not judged.
    Archive,
}

/// A reader's private keys.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyring {
    /// X25519 private keys, 32 bytes each.
    pub receiving_keys_hex: Vec<Hex>,
    /// Symmetric keys, with the IDs that envelopes name them by.
    pub keks: Vec<Kek>,
}

/// A key-encryption key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kek {
    /// Its ID: 1 to 64 bytes.
    pub id_hex: Hex,
    /// The key: 32 bytes.
    pub key_hex: Hex,
}

/// An envelope the same reader was given before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// The input.
    pub envelope_hex: Hex,
    /// Where it was delivered.
    pub position: Option<Position>,
    /// What came of it.
    pub expect: Expect,
}

/// A position in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Which log: a Kafka partition, a JetStream stream.
    pub log: String,
    /// Where in it: an offset, a stream sequence.
    pub offset: u64,
}

/// A trust bundle the same reader was given before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierBundle {
    /// The input.
    pub bundle_hex: Hex,
    /// What came of it.
    pub expect: Expect,
}

/// A trust bundle to be loaded, and what must come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustBundleCase {
    /// What is right or wrong here, in a sentence.
    pub comment: String,
    /// The rule of the format that is tested.
    pub rule: String,
    /// The input.
    pub bundle_hex: LongHex,
    /// The pinned root keys: Ed25519 public keys.
    pub roots_hex: Vec<Hex>,
    /// The configured trust domain; `null`: none.
    pub domain: Option<String>,
    /// The reader's clock, in milliseconds.
    pub now_ms: u64,
    /// Its skew, in milliseconds.
    pub skew_ms: u64,
    /// Bundles the same reader was given before, in order, with their results.
    /// It keeps the state of the last one that loaded (domain, sequence, its
    /// bytes, the roots that may sign the next). None loaded: a reader without
    /// state.
    pub earlier: Vec<EarlierBundle>,
    /// The result.
    pub expect: Expect,
    /// What the bundle says, once loaded. `null` if it is refused.
    pub reported: Option<BundleReport>,
}
