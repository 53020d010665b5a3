//! PEM as openssl writes and reads it: PKCS#8 (RFC 5208, RFC 8410) for private
//! keys, SPKI (RFC 5280 §4.1.2.7, RFC 8410) for public ones.
//!
//! Version 1 is written, without the public key: openssl 3.0 does not load
//! version 2 (RFC 5958). Both are read; a public key that does not belong to
//! the private one is refused.

use alloc::format;
use alloc::string::String;
use pkcs8::der::asn1::{BitStringRef, OctetStringRef};
use pkcs8::der::{Decode, Document, Encode, SecretDocument};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use pkcs8::{LineEnding, ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{KeyId, ReceivingKey, RecipientKey, SigningKey, Thumbprint, VerifyingKey, with_array};
use crate::error::{Error, Malformed, Result};

/// id-Ed25519 and id-X25519 (RFC 8410 §3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// A public key of either use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// Ed25519: verifies.
    Verifying(VerifyingKey),
    /// X25519: receives.
    Recipient(RecipientKey),
}

impl PublicKey {
    /// From SPKI PEM.
    ///
    /// # Errors
    ///
    /// `malformed/key`, or `malformed/weak_key` where the point is unsound.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let (label, document) = Document::from_pem(pem).map_err(|error| not_pem(pem, &error))?;
        if label != PUBLIC {
            return Err(wrong_label(label, "a public key"));
        }
        let info = SubjectPublicKeyInfoRef::from_der(document.as_bytes())
            .map_err(|_| bad("the PEM holds no SubjectPublicKeyInfo"))?;
        let bytes: &[u8; 32] = info
            .subject_public_key
            .as_bytes()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| bad("the public key is not 32 bytes long"))?;
        check_no_parameters(&info.algorithm)?;
        match info.algorithm.oid {
            ED25519 => VerifyingKey::from_bytes(bytes).map(Self::Verifying),
            X25519 => RecipientKey::from_bytes(bytes).map(Self::Recipient),
            other => Err(unknown_algorithm(other)),
        }
    }

    /// As SPKI PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let (oid, bytes) = match self {
            Self::Verifying(key) => (ED25519, key.as_bytes()),
            Self::Recipient(key) => (X25519, key.as_bytes()),
        };
        let encode = || {
            let info = SubjectPublicKeyInfoRef {
                algorithm: AlgorithmIdentifierRef { oid, parameters: None },
                subject_public_key: BitStringRef::from_bytes(bytes)?,
            };
            Document::encode_msg(&info)?.to_pem(PUBLIC, LineEnding::LF)
        };
        // 32 bytes under a fixed identifier always encode.
        encode().unwrap_or_default()
    }

    /// The key ID.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.thumbprint().key_id()
    }

    /// The thumbprint.
    #[must_use]
    pub const fn thumbprint(&self) -> &Thumbprint {
        match self {
            Self::Verifying(key) => key.thumbprint(),
            Self::Recipient(key) => key.thumbprint(),
        }
    }
}

impl From<VerifyingKey> for PublicKey {
    fn from(key: VerifyingKey) -> Self {
        Self::Verifying(key)
    }
}

impl From<RecipientKey> for PublicKey {
    fn from(key: RecipientKey) -> Self {
        Self::Recipient(key)
    }
}

/// A private key of either use.
#[derive(Debug)]
pub enum PrivateKey {
    /// Ed25519: signs.
    Signing(SigningKey),
    /// X25519: receives.
    Receiving(ReceivingKey),
}

impl PrivateKey {
    /// From PKCS#8 PEM, version 1 or 2, not encrypted.
    ///
    /// # Errors
    ///
    /// `malformed/key`.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let (label, document) =
            SecretDocument::from_pem(pem).map_err(|error| not_pem(pem, &error))?;
        if label != PRIVATE {
            return Err(wrong_label(label, "a private key"));
        }
        let info = PrivateKeyInfoRef::from_der(document.as_bytes())
            .map_err(|_| bad("the PEM holds no PKCS#8 private key"))?;
        check_no_parameters(&info.algorithm)?;
        // RFC 8410 §7: the key is an OCTET STRING inside the OCTET STRING.
        let inner = <&OctetStringRef>::from_der(info.private_key.as_bytes())
            .map_err(|_| bad("the private key is not as RFC 8410 says"))?;
        let wrong_length = || bad("the private key is not 32 bytes long");
        let key = match info.algorithm.oid {
            ED25519 => with_array(inner.as_bytes(), SigningKey::from_bytes).map(Self::Signing),
            X25519 => with_array(inner.as_bytes(), ReceivingKey::from_bytes).map(Self::Receiving),
            other => return Err(unknown_algorithm(other)),
        }
        .ok_or_else(wrong_length)?;
        let public = key.public_key();
        let derived: &[u8] = match &public {
            PublicKey::Verifying(key) => key.as_bytes(),
            PublicKey::Recipient(key) => key.as_bytes(),
        };
        match info.public_key {
            Some(stored) if stored.as_bytes() != Some(derived) => {
                Err(bad("the public key in the file does not belong to the private one"))
            }
            _ => Ok(key),
        }
    }

    /// As PKCS#8 PEM, version 1.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        match self {
            Self::Signing(key) => key.to_pem(),
            Self::Receiving(key) => key.to_pem(),
        }
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::Signing(key) => PublicKey::Verifying(key.verifying_key().clone()),
            Self::Receiving(key) => PublicKey::Recipient(key.recipient_key().clone()),
        }
    }
}

impl SigningKey {
    /// From PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// `malformed/key`, also where it is a key of another use.
    pub fn from_pem(pem: &str) -> Result<Self> {
        match PrivateKey::from_pem(pem)? {
            PrivateKey::Signing(key) => Ok(key),
            PrivateKey::Receiving(_) => {
                Err(bad("this is an X25519 receiving key; a signing key is Ed25519"))
            }
        }
    }

    /// As PKCS#8 PEM, version 1.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        private_pem(ED25519, self.seed())
    }
}

impl ReceivingKey {
    /// From PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// `malformed/key`, also where it is a key of another use.
    pub fn from_pem(pem: &str) -> Result<Self> {
        match PrivateKey::from_pem(pem)? {
            PrivateKey::Receiving(key) => Ok(key),
            PrivateKey::Signing(_) => {
                Err(bad("this is an Ed25519 signing key; a receiving key is X25519"))
            }
        }
    }

    /// As PKCS#8 PEM, version 1.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        private_pem(X25519, self.secret().expose())
    }
}

impl VerifyingKey {
    /// From SPKI PEM.
    ///
    /// # Errors
    ///
    /// `malformed/key`, also where it is a key of another use.
    pub fn from_pem(pem: &str) -> Result<Self> {
        match PublicKey::from_pem(pem)? {
            PublicKey::Verifying(key) => Ok(key),
            PublicKey::Recipient(_) => {
                Err(bad("this is an X25519 receiving key; a verifying key is Ed25519"))
            }
        }
    }

    /// As SPKI PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        PublicKey::from(self.clone()).to_pem()
    }
}

impl RecipientKey {
    /// From SPKI PEM.
    ///
    /// # Errors
    ///
    /// `malformed/key`, also where it is a key of another use.
    pub fn from_pem(pem: &str) -> Result<Self> {
        match PublicKey::from_pem(pem)? {
            PublicKey::Recipient(key) => Ok(key),
            PublicKey::Verifying(_) => {
                Err(bad("this is an Ed25519 signing key; a recipient's key is X25519"))
            }
        }
    }

    /// As SPKI PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        PublicKey::from(self.clone()).to_pem()
    }
}

fn private_pem(oid: ObjectIdentifier, secret: &[u8; 32]) -> Zeroizing<String> {
    let encode = || {
        let inner = Zeroizing::new(OctetStringRef::new(secret)?.to_der()?);
        let algorithm = AlgorithmIdentifierRef { oid, parameters: None };
        let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&inner)?);
        SecretDocument::encode_msg(&info)?.to_pem(PRIVATE, LineEnding::LF)
    };
    // 32 bytes under a fixed identifier always encode.
    encode().unwrap_or_default()
}

fn check_no_parameters(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<()> {
    // RFC 8410 §3: the parameters MUST be absent.
    match algorithm.parameters {
        None => Ok(()),
        Some(_) => Err(bad("the key's algorithm has parameters, against RFC 8410")),
    }
}

fn bad(why: &'static str) -> Error {
    Error::Malformed(Malformed::Key, why.into())
}

fn not_pem(text: &str, error: &pkcs8::der::Error) -> Error {
    let why = if text.contains("-----BEGIN ") {
        format!("the PEM is damaged: {error}")
    } else {
        "this is not a PEM file".into()
    };
    Error::Malformed(Malformed::Key, why.into())
}

fn wrong_label(label: &str, expected: &str) -> Error {
    let why = match label {
        "ENCRYPTED PRIVATE KEY" => "the private key is encrypted".into(),
        PRIVATE => format!("this is a private key; {expected} is needed"),
        PUBLIC => format!("this is a public key; {expected} is needed"),
        other => format!("this is PEM of {other:?}; {expected} is needed"),
    };
    Error::Malformed(Malformed::Key, why.into())
}

fn unknown_algorithm(oid: ObjectIdentifier) -> Error {
    let why = format!("a key of algorithm {oid}; only Ed25519 and X25519 are known");
    Error::Malformed(Malformed::Key, why.into())
}
