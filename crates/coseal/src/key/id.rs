//! Names of keys: RFC 9679 thumbprints, and the key IDs cut from them.

use core::fmt;
use core::str::FromStr;
use sha2::Digest;

use crate::error::{Error, Result};
use crate::hash::Sha256;

/// The first 8 bytes of a [`Thumbprint`]. Short enough to collide on purpose:
/// it finds a key, it never identifies one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// From its 8 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its 8 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex_digits(f, &self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| Error::misuse("a key ID is 16 hexadecimal digits"))?;
        Ok(Self(bytes))
    }
}

/// SHA-256 of the deterministic encoding of a public `COSE_Key` with its
/// required members only (RFC 9679 §3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// From its 32 bytes, as somebody stored them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its first 8 bytes.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        KeyId([a, b, c, d, e, f, g, h])
    }

    pub(crate) fn of_ed25519(public: &[u8; 32]) -> Self {
        Self::of(6, public)
    }

    pub(crate) fn of_x25519(public: &[u8; 32]) -> Self {
        Self::of(4, public)
    }

    /// `{1: 1 (OKP), -1: curve, -2: public}`, keys in bytewise order.
    fn of(curve: u8, public: &[u8; 32]) -> Self {
        let hash = Sha256::new()
            .chain_update([0xa3, 0x01, 0x01, 0x20, curve, 0x21, 0x58, 0x20])
            .chain_update(public);
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex_digits(f, &self.0)
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// In one piece: IDs are printed by the million.
fn hex_digits(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let mut digits = [0; 64];
    let digits = digits.get_mut(..2 * bytes.len()).ok_or(fmt::Error)?;
    hex::encode_to_slice(bytes, digits).map_err(|_| fmt::Error)?;
    f.write_str(core::str::from_utf8(digits).map_err(|_| fmt::Error)?)
}
