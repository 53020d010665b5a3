//! Cipher suites: which AEAD encrypts the payload. The key schedule is
//! HKDF-SHA-256 with a key commitment in both.

use core::fmt;
use core::str::FromStr;

use crate::error::{Error, Result};

/// A cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Suite {
    /// AES-256-GCM (NIST SP 800-38D): fastest where the processor has AES.
    #[default]
    A256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439): fastest where it has not.
    ChaCha20Poly1305,
}

impl Suite {
    /// The algorithm number in the protected header.
    #[must_use]
    pub const fn algorithm(self) -> i64 {
        match self {
            Self::A256Gcm => -65541,
            Self::ChaCha20Poly1305 => -65542,
        }
    }

    /// The suite of an algorithm number.
    #[must_use]
    pub const fn from_algorithm(algorithm: i64) -> Option<Self> {
        match algorithm {
            -65541 => Some(Self::A256Gcm),
            -65542 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }

    /// The CBOR encoding of the algorithm number: part of the key derivation.
    pub(crate) const fn encoded(self) -> [u8; 5] {
        match self {
            Self::A256Gcm => [0x3a, 0x00, 0x01, 0x00, 0x04],
            Self::ChaCha20Poly1305 => [0x3a, 0x00, 0x01, 0x00, 0x05],
        }
    }

    /// The name used on the command line and in verdicts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A256Gcm => "a256gcm",
            Self::ChaCha20Poly1305 => "chacha20poly1305",
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Suite {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::A256Gcm, Self::ChaCha20Poly1305]
            .into_iter()
            .find(|suite| suite.as_str() == name)
            .ok_or_else(|| Error::misuse("a suite is a256gcm or chacha20poly1305"))
    }
}
