//! Bytes as hexadecimal text, in JSON.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, written as lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Hex(pub Vec<u8>);

impl Hex {
    /// The bytes as a fixed-size array, if there are `N` of them.
    pub fn array<const N: usize>(&self) -> Option<[u8; N]> {
        self.0.as_slice().try_into().ok()
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl AsRef<[u8]> for Hex {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<T: AsRef<[u8]> + ?Sized> From<&T> for Hex {
    fn from(bytes: &T) -> Self {
        Self(bytes.as_ref().to_vec())
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // One spelling only: what the generator writes is what readers meet.
        if text.bytes().any(|digit| digit.is_ascii_uppercase()) {
            return Err(D::Error::custom("hexadecimal digits are lower case"));
        }
        hex::decode(&text).map(Self).map_err(D::Error::custom)
    }
}

/// Bytes that may be long: one hexadecimal string, or runs of repeated bytes
/// to be joined.
///
/// Runs keep files of megabyte inputs small; short inputs are always one string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LongHex {
    /// The bytes themselves.
    Whole(Hex),
    /// Runs, in order.
    Runs(Vec<Run>),
}

/// A piece of a long input: `hex`, written `times` times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The bytes that are repeated.
    pub hex: Hex,
    /// How often they come.
    pub times: usize,
}

impl LongHex {
    /// All the bytes, runs joined.
    pub fn to_vec(&self) -> Vec<u8> {
        match self {
            Self::Whole(bytes) => bytes.0.clone(),
            Self::Runs(runs) => runs.iter().flat_map(|run| run.hex.0.repeat(run.times)).collect(),
        }
    }
}

impl<T: AsRef<[u8]> + ?Sized> From<&T> for LongHex {
    /// One string, unless the bytes are thousands and all the same.
    fn from(bytes: &T) -> Self {
        let bytes = bytes.as_ref();
        match bytes.split_first() {
            Some((first, rest)) if rest.len() > 4096 && rest.iter().all(|byte| byte == first) => {
                Self::Runs(vec![Run { hex: Hex(vec![*first]), times: bytes.len() }])
            }
            _ => Self::Whole(Hex::from(bytes)),
        }
    }
}
