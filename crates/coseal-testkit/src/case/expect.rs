//! What a case expects: `ok`, a code, or a code and its kind.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The result a reader must come to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expect {
    /// It succeeds.
    Ok,
    /// It refuses.
    Refused {
        /// With this code.
        code: String,
        /// And this kind. `None`: the code has no kinds, or the format leaves
        /// open which of two is told.
        kind: Option<String>,
    },
}

impl Expect {
    /// Whether success is expected.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }

    /// Whether an error of this code and kind is what is expected.
    pub fn is_met_by(&self, code: &str, kind: Option<&str>) -> bool {
        match self {
            Self::Ok => false,
            Self::Refused { code: expected, kind: None } => code == expected,
            Self::Refused { code: expected, kind: Some(exactly) } => {
                code == expected && kind == Some(exactly.as_str())
            }
        }
    }
}

/// Every code, and its kinds. Text of vectors is checked against this list, so
/// that a misspelt one fails when it is written, not when it is read.
pub const CODES: &[(&str, &[&str])] = &[
    (
        "malformed",
        &[
            "too_large",
            "cbor",
            "structure",
            "not_a_sequence",
            "record",
            "duplicate_key",
            "weak_key",
            "key",
        ],
    ),
    ("unsupported", &["version", "header", "suite", "detached", "receipt"]),
    (
        "untrusted",
        &[
            "bundle_expired",
            "unknown_signer",
            "bad_signature",
            "not_allowed",
            "not_valid_then",
            "revoked",
            "wrong_signer",
            "unknown_root",
            "wrong_domain",
            "rolled_back",
        ],
    ),
    ("misdirected", &["channel", "partition", "record_key", "reply"]),
    ("stale", &["from_the_future", "expired", "too_old", "replayed"]),
    ("no_key", &[]),
    ("undecryptable", &[]),
    ("entropy", &[]),
    ("misuse", &[]),
    ("carrier", &[]),
];

/// Text that is neither `ok` nor a code of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownExpectation(String);

impl fmt::Display for UnknownExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is neither `ok` nor a code of the format", self.0)
    }
}

impl std::error::Error for UnknownExpectation {}

impl FromStr for Expect {
    type Err = UnknownExpectation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "ok" {
            return Ok(Self::Ok);
        }
        let (code, kind) = match text.split_once('/') {
            Some((code, kind)) => (code, Some(kind)),
            None => (text, None),
        };
        let known = CODES
            .iter()
            .any(|(known, kinds)| *known == code && kind.is_none_or(|kind| kinds.contains(&kind)));
        if known {
            Ok(Self::Refused { code: code.to_owned(), kind: kind.map(str::to_owned) })
        } else {
            Err(UnknownExpectation(text.to_owned()))
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Refused { code, kind: None } => f.write_str(code),
            Self::Refused { code, kind: Some(kind) } => write!(f, "{code}/{kind}"),
        }
    }
}

impl Serialize for Expect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
