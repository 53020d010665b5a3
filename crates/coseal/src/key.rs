//! Keys: Ed25519 to sign, X25519 to receive, 32 symmetric bytes to wrap. In:
//! bytes or PEM. Out: keys that were checked once, with their key ID and
//! thumbprint.
//!
//! Public keys from outside are not trusted to be sound: those of small order
//! or in a non-canonical encoding are refused as `malformed/weak_key`.

mod id;
mod pem;
mod weak;

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use ed25519_dalek::Signer as _;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Malformed, Result};
use crate::secret::Secret;

pub use id::{KeyId, Thumbprint};
pub use pem::{PrivateKey, PublicKey};

/// An Ed25519 public key (RFC 8032): verifies receipts and trust bundles.
#[derive(Clone)]
pub struct VerifyingKey {
    key: ed25519_dalek::VerifyingKey,
    thumbprint: Thumbprint,
}

impl VerifyingKey {
    /// From its 32 bytes.
    ///
    /// # Errors
    ///
    /// `malformed/weak_key` where the bytes are no point, not canonical, or of
    /// small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        let weak = |why| Error::Malformed(Malformed::WeakKey, why);
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .map_err(|_| weak("the Ed25519 public key is not a point of the curve".into()))?;
        if key.is_weak() {
            return Err(weak("the Ed25519 public key is of small order".into()));
        }
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(weak("the Ed25519 public key is not encoded canonically".into()));
        }
        Ok(Self { key, thumbprint: Thumbprint::of_ed25519(bytes) })
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The SHA-256 thumbprint of its `COSE_Key` (RFC 9679).
    #[must_use]
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// The first 8 bytes of the thumbprint: a name for look-ups, not an identity.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.thumbprint.key_id()
    }

    /// Accepts `signature` over `message` by the strict rule of the
    /// specification: S < L, A and R canonical and not of small order, and the
    /// equation of RFC 8032 §5.1.7 without the cofactor.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        // The library checks S as well, unless some crate in the build turned
        // its `legacy_compatibility` on.
        let (_, s) = signature.split_last_chunk::<32>().unwrap_or((&[], &[0xff; 32]));
        if curve25519_dalek::Scalar::from_canonical_bytes(*s).is_none().into() {
            return false;
        }
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.key.verify_strict(message, &signature).is_ok()
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.key_id())
    }
}

/// An X25519 public key (RFC 7748): what a sealer encrypts an epoch secret to.
#[derive(Clone, PartialEq, Eq)]
pub struct RecipientKey {
    bytes: [u8; 32],
    thumbprint: Thumbprint,
}

impl RecipientKey {
    /// From its 32 bytes.
    ///
    /// # Errors
    ///
    /// `malformed/weak_key` where they are not canonical or of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        weak::check_x25519(bytes)?;
        Ok(Self { bytes: *bytes, thumbprint: Thumbprint::of_x25519(bytes) })
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The SHA-256 thumbprint of its `COSE_Key` (RFC 9679).
    #[must_use]
    pub const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// The first 8 bytes of the thumbprint.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.thumbprint.key_id()
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientKey({})", self.key_id())
    }
}

/// An Ed25519 private key together with its public key: the two cannot come
/// apart.
pub struct SigningKey {
    /// On the heap, so that moving the value leaves no copy behind.
    key: Box<ed25519_dalek::SigningKey>,
    /// The same, for AWS-LC; nothing where it will not have it.
    #[cfg(feature = "aws-lc")]
    fast: Option<Box<aws_lc_rs::signature::Ed25519KeyPair>>,
    public: VerifyingKey,
}

impl SigningKey {
    /// From its 32-byte seed (RFC 8032 §5.1.5).
    #[must_use]
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        let key = Box::new(ed25519_dalek::SigningKey::from_bytes(seed));
        let verifying = key.verifying_key();
        let thumbprint = Thumbprint::of_ed25519(verifying.as_bytes());
        Self {
            #[cfg(feature = "aws-lc")]
            fast: aws_lc_rs::signature::Ed25519KeyPair::from_seed_and_public_key(
                seed,
                verifying.as_bytes(),
            )
            .map(Box::new)
            .ok(),
            key,
            public: VerifyingKey { key: verifying, thumbprint },
        }
    }

    /// A new one, from the operating system's entropy.
    ///
    /// # Errors
    ///
    /// `entropy` where it gave none.
    #[cfg(feature = "os")]
    pub fn generate() -> Result<Self> {
        let seed = crate::entropy::secret()?;
        Ok(Self::from_bytes(seed.expose()))
    }

    /// The public key.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Ed25519 is deterministic: whoever computes it, the bytes are the same.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        #[cfg(feature = "aws-lc")]
        if let Some(signature) = self.fast.as_ref().and_then(|key| key.try_sign(message).ok())
            && let Ok(signature) = signature.as_ref().try_into()
        {
            return signature;
        }
        self.key.sign(message).to_bytes()
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ..)", self.public.key_id())
    }
}

/// An X25519 private key together with its public key.
pub struct ReceivingKey {
    secret: Secret<32>,
    public: RecipientKey,
}

impl ReceivingKey {
    /// From its 32 bytes (RFC 7748 §5).
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let secret = x25519_dalek::StaticSecret::from(*bytes);
        let public = x25519_dalek::PublicKey::from(&secret).to_bytes();
        let mut copy = *bytes;
        Self {
            secret: Secret::take(&mut copy),
            public: RecipientKey { bytes: public, thumbprint: Thumbprint::of_x25519(&public) },
        }
    }

    /// A new one, from the operating system's entropy.
    ///
    /// # Errors
    ///
    /// `entropy` where it gave none.
    #[cfg(feature = "os")]
    pub fn generate() -> Result<Self> {
        let secret = crate::entropy::secret()?;
        Ok(Self::from_bytes(secret.expose()))
    }

    /// The public key.
    #[must_use]
    pub const fn recipient_key(&self) -> &RecipientKey {
        &self.public
    }

    pub(crate) const fn secret(&self) -> &Secret<32> {
        &self.secret
    }
}

impl fmt::Debug for ReceivingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceivingKey({}, ..)", self.public.key_id())
    }
}

/// A key-encryption key: 32 bytes shared with the recipient.
#[derive(Debug)]
pub struct Kek(Secret<32>);

impl Kek {
    /// From its 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut copy = *bytes;
        Self(Secret::take(&mut copy))
    }

    /// From 64 hexadecimal digits; white space around them is ignored.
    ///
    /// # Errors
    ///
    /// `malformed/key` where it is anything else.
    pub fn from_hex(text: &str) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), &mut *bytes).map_err(|_| {
            Error::Malformed(Malformed::Key, "a KEK is 64 hexadecimal digits".into())
        })?;
        Ok(Self::from_bytes(&bytes))
    }

    /// As 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.expose()))
    }

    /// A new one, from the operating system's entropy.
    ///
    /// # Errors
    ///
    /// `entropy` where it gave none.
    #[cfg(feature = "os")]
    pub fn generate() -> Result<Self> {
        crate::entropy::secret().map(Self)
    }

    pub(crate) const fn secret(&self) -> &Secret<32> {
        &self.0
    }
}

/// A signature as it stands in a receipt.
pub(crate) fn signature_from(bytes: &[u8]) -> Option<[u8; 64]> {
    <[u8; 64]>::try_from(bytes).ok()
}

/// Wipes a stack copy of a seed after use.
pub(crate) fn with_array<const N: usize, T>(
    bytes: &[u8],
    then: impl FnOnce(&[u8; N]) -> T,
) -> Option<T> {
    let mut array = <[u8; N]>::try_from(bytes).ok()?;
    let value = then(&array);
    array.zeroize();
    Some(value)
}

#[cfg(test)]
mod known;
#[cfg(test)]
mod tests;
