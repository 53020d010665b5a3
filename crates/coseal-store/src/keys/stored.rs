//! A key as it stands somewhere, perhaps encrypted → keys, and back.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use coseal::{Error, Kek, PrivateKey, PublicKey, ReceivingKey, SigningKey};
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, SecretDocument};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{LineEnding, ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::encrypted::{self, Closed};
use super::{Kind, LIMIT, Passphrase, check_permissions, wrong_kind};
use crate::aside;
use crate::read;
use crate::{Existing, Mode, Result, StoreError};

/// id-aes256-wrap (RFC 3565 §2.3.2): what an encrypted KEK is for. PKCS#8 has
/// no other place for a key without a public half.
const AES256_WRAP: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.45");

const PRIVATE: &str = "PRIVATE KEY";

/// A key as it stands in a file, in a variable or on a pipe. It has been looked
/// at from outside only: what it holds is told when it is asked for.
pub struct StoredKey {
    name: PathBuf,
    text: Zeroizing<String>,
}

impl StoredKey {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Permissions`] where group or others can reach a secret,
    /// [`StoreError::Io`], `malformed/key` where it is no text,
    /// `malformed/too_large`.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_from(&read::open(path)?, path)
    }

    /// Reads an open file, which errors call `name`.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_from(file: &File, name: &Path) -> Result<Self> {
        let bytes = read::bounded(file, name, LIMIT)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            StoreError::core(name)(wrong_kind(
                "this is no key file: neither PEM nor hexadecimal digits",
            ))
        })?;
        if Kind::of(text) != Kind::Public {
            check_permissions(file, name)?;
        }
        Ok(Self::from_text(name, text))
    }

    /// What stands somewhere that has no permissions: a variable. Errors call
    /// it `name`.
    #[must_use]
    pub fn from_text(name: &Path, text: &str) -> Self {
        Self { name: name.to_owned(), text: Zeroizing::new(text.to_owned()) }
    }

    /// A private key, not encrypted.
    #[must_use]
    pub fn of(name: &Path, key: &PrivateKey) -> Self {
        Self { name: name.to_owned(), text: key.to_pem() }
    }

    /// A key-encryption key, not encrypted.
    #[must_use]
    pub fn of_kek(name: &Path, key: &Kek) -> Self {
        let digits = key.to_hex();
        let mut line = Zeroizing::new(String::with_capacity(digits.len() + 1));
        line.push_str(&digits);
        line.push('\n');
        Self { name: name.to_owned(), text: line }
    }

    /// What errors call it.
    #[must_use]
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Whether it takes a passphrase to see what it is.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.kind() == Kind::Encrypted
    }

    /// The same without its encryption. Takes some 0.1 s, and two at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Passphrase`] where it does not fit; `malformed/key` where
    /// no passphrase would.
    pub fn decrypt(&self, passphrase: &Passphrase) -> Result<Self> {
        let path = &self.name;
        let key = encrypted::decrypt(&self.text, passphrase).map_err(|closed| match closed {
            Closed::Passphrase => StoreError::Passphrase { path: path.clone() },
            Closed::File(error) => StoreError::core(path)(error),
        })?;
        // Padding fits by chance once in 256 times.
        let info = PrivateKeyInfoRef::from_der(key.as_bytes())
            .map_err(|_| StoreError::Passphrase { path: path.clone() })?;
        let text = if info.algorithm.oid == AES256_WRAP {
            let bytes: &[u8; 32] = (info.private_key.as_bytes().try_into())
                .map_err(|_| StoreError::core(path)(wrong_kind("a KEK is 32 bytes long")))?;
            Self::of_kek(path, &Kek::from_bytes(bytes)).text
        } else {
            key.to_pem(PRIVATE, LineEnding::LF).map_err(|_| {
                StoreError::core(path)(wrong_kind("the private key cannot be encoded"))
            })?
        };
        Ok(Self { name: path.clone(), text })
    }

    /// The same under a passphrase: PKCS#8, encrypted as openssl reads it. A
    /// KEK has no form that openssl knows.
    ///
    /// # Errors
    ///
    /// `misuse` where the passphrase is empty, `malformed/key` where this is no
    /// private key or KEK without encryption, `entropy`.
    pub fn encrypt(&self, passphrase: &Passphrase) -> Result<Self> {
        let encrypt = || {
            if passphrase.is_empty() {
                return Err(Error::Misuse("the new passphrase is empty".into()));
            }
            encrypted::encrypt(&self.to_der()?, passphrase)
        };
        let text = encrypt().map_err(StoreError::core(&self.name))?;
        Ok(Self { name: self.name.clone(), text })
    }

    /// An Ed25519 private key.
    ///
    /// # Errors
    ///
    /// `malformed/key` where it is any other key or none;
    /// [`StoreError::Encrypted`].
    pub fn signing_key(&self) -> Result<SigningKey> {
        self.private("a signing key", SigningKey::from_pem)
    }

    /// An X25519 private key.
    ///
    /// # Errors
    ///
    /// As [`Self::signing_key`].
    pub fn receiving_key(&self) -> Result<ReceivingKey> {
        self.private("a receiving key", ReceivingKey::from_pem)
    }

    /// A private key of either use.
    ///
    /// # Errors
    ///
    /// As [`Self::signing_key`].
    pub fn private_key(&self) -> Result<PrivateKey> {
        self.private("a private key", PrivateKey::from_pem)
    }

    /// A key-encryption key.
    ///
    /// # Errors
    ///
    /// As [`Self::signing_key`].
    pub fn kek(&self) -> Result<Kek> {
        let parsed = match self.kind() {
            Kind::Encrypted => return Err(self.encrypted()),
            Kind::Public => Err(wrong_kind("this is a public key; a KEK is 64 hexadecimal digits")),
            Kind::Private => {
                Err(wrong_kind("this is a PEM private key; a KEK is 64 hexadecimal digits"))
            }
            Kind::Kek | Kind::Unknown => Kek::from_hex(&self.text),
        };
        parsed.map_err(StoreError::core(&self.name))
    }

    /// A public key, or the one that belongs to a private key.
    ///
    /// # Errors
    ///
    /// As [`Self::signing_key`]; `malformed/weak_key`.
    pub fn public_key(&self) -> Result<PublicKey> {
        let parsed = match self.kind() {
            Kind::Encrypted => return Err(self.encrypted()),
            Kind::Private => PrivateKey::from_pem(&self.text).map(|key| key.public_key()),
            Kind::Kek => Err(wrong_kind("this is a KEK: it has no public key and no key ID")),
            Kind::Public | Kind::Unknown => PublicKey::from_pem(&self.text),
        };
        parsed.map_err(StoreError::core(&self.name))
    }

    /// Writes it for its owner alone, from the first byte.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`], [`StoreError::Io`].
    pub fn write(&self, path: &Path, existing: Existing) -> Result<()> {
        aside::write(path, self.text.as_bytes(), existing, Mode::Private)
    }

    /// As it is written: a secret, unless it is encrypted.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    fn kind(&self) -> Kind {
        Kind::of(&self.text)
    }

    fn encrypted(&self) -> StoreError {
        StoreError::Encrypted { path: self.name.clone() }
    }

    fn private<T>(&self, wanted: &str, parse: impl FnOnce(&str) -> coseal::Result<T>) -> Result<T> {
        let parsed = match self.kind() {
            Kind::Encrypted => return Err(self.encrypted()),
            Kind::Public => Err(wrong_kind(format!("this is a public key; {wanted} is needed"))),
            Kind::Kek => Err(wrong_kind(format!("this is a KEK; {wanted} is needed"))),
            Kind::Private | Kind::Unknown => parse(&self.text),
        };
        parsed.map_err(StoreError::core(&self.name))
    }

    fn to_der(&self) -> coseal::Result<SecretDocument> {
        let internal = |_| Error::Misuse("internal: the key cannot be encoded".into());
        match self.kind() {
            Kind::Kek => {
                let mut kek = Zeroizing::new([0; 32]);
                hex::decode_to_slice(self.text.trim(), &mut *kek)
                    .map_err(|_| wrong_kind("a KEK is 64 hexadecimal digits"))?;
                let algorithm = AlgorithmIdentifierRef { oid: AES256_WRAP, parameters: None };
                let key = OctetStringRef::new(&*kek).map_err(internal)?;
                SecretDocument::encode_msg(&PrivateKeyInfoRef::new(algorithm, key))
                    .map_err(internal)
            }
            Kind::Private => {
                // Only what is a key that we know is worth a passphrase.
                PrivateKey::from_pem(&self.text)?;
                SecretDocument::from_pem(&self.text).map(|(_, document)| document).map_err(internal)
            }
            Kind::Encrypted => Err(wrong_kind("the private key is encrypted already")),
            Kind::Public | Kind::Unknown => {
                Err(wrong_kind("this is neither a private key nor a KEK"))
            }
        }
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey").field("name", &self.name).finish_non_exhaustive()
    }
}
