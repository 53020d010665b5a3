//! Step 6: (algorithm, key ID) in, our private key out. A look-up: nothing is
//! tried in turn.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, Result};
use crate::header::EpochId;
use crate::key::{Kek, KeyId, ReceivingKey, SigningKey, Thumbprint, VerifyingKey};
use crate::recipient::{self, Binding};
use crate::secret::Secret;
use crate::suite::Suite;
use crate::wire::RecipientEntry;

/// What a provider needs to know in order to unwrap an epoch secret.
#[derive(Debug, Clone, Copy)]
pub struct UnwrapRequest<'a> {
    /// The recipient entry, as it stands in the envelope.
    pub entry: RecipientEntry<'a>,
    /// The envelope's suite.
    pub suite: Suite,
    /// The envelope's epoch.
    pub epoch: EpochId,
    /// The thumbprint of the envelope's signer, whose receipt verified.
    pub signer: Thumbprint,
}

impl UnwrapRequest<'_> {
    /// The HPKE `info` of an X25519 entry, for providers that do HPKE
    /// themselves.
    #[must_use]
    pub fn info(&self) -> Vec<u8> {
        self.binding().info()
    }

    pub(crate) const fn binding(&self) -> Binding {
        Binding { suite: self.suite, epoch: self.epoch, signer: self.signer }
    }
}

/// The one joint through which private keys may live elsewhere: in a KMS, an
/// HSM, another process. Synchronous; it may block. Its failures come back as
/// [`Error::Carrier`].
pub trait KeyProvider: fmt::Debug + Send + Sync {
    /// Whether it holds the key of this entry. Asked for every entry in turn;
    /// answers from memory.
    fn holds(&self, entry: &RecipientEntry<'_>) -> bool;

    /// Obtains the epoch secret of an entry that it holds the key of.
    ///
    /// # Errors
    ///
    /// `undecryptable` where the entry does not open, `carrier` where the
    /// provider failed.
    fn unwrap(&self, request: &UnwrapRequest<'_>) -> Result<Secret<32>>;

    /// Signs `message` with Ed25519 (RFC 8032) under the private key of `key`.
    ///
    /// # Errors
    ///
    /// `no_key` where it has none, `carrier` where the provider failed.
    fn sign(&self, key: &VerifyingKey, message: &[u8]) -> Result<[u8; 64]>;
}

/// Private keys in memory.
#[derive(Debug, Default)]
pub struct Keyring {
    signing: BTreeMap<Thumbprint, SigningKey>,
    receiving: BTreeMap<KeyId, ReceivingKey>,
    keks: BTreeMap<Vec<u8>, Kek>,
}

impl Keyring {
    /// One without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn is_empty(&self) -> bool {
        self.signing.is_empty() && self.receiving.is_empty() && self.keks.is_empty()
    }

    /// Adds a signing key.
    pub fn add_signing(&mut self, key: SigningKey) {
        self.signing.insert(*key.verifying_key().thumbprint(), key);
    }

    /// Adds a receiving key.
    ///
    /// # Errors
    ///
    /// `misuse` where another key has the same key ID.
    pub fn add_receiving(&mut self, key: ReceivingKey) -> Result<()> {
        let key_id = key.recipient_key().key_id();
        match self.receiving.get(&key_id) {
            Some(other) if other.recipient_key() != key.recipient_key() => {
                Err(Error::misuse(format!("two receiving keys have the key ID {key_id}")))
            }
            _ => {
                self.receiving.insert(key_id, key);
                Ok(())
            }
        }
    }

    /// Adds a KEK under the ID that entries name it by.
    ///
    /// # Errors
    ///
    /// `misuse` where the ID is not 1..64 bytes long, or names another KEK.
    pub fn add_kek(&mut self, id: &[u8], kek: Kek) -> Result<()> {
        recipient::check_kek_id(id)?;
        match self.keks.get(id) {
            Some(other) if other.secret() != kek.secret() => {
                Err(Error::misuse("two KEKs have the same ID"))
            }
            _ => {
                self.keks.insert(id.to_vec(), kek);
                Ok(())
            }
        }
    }
}

/// Our keys as a builder is told them: one by one, or where they live.
#[derive(Debug, Default)]
pub(crate) struct OwnKeys {
    pub(crate) keyring: Keyring,
    pub(crate) provider: Option<Arc<dyn KeyProvider>>,
}

impl OwnKeys {
    /// The one place to look for them.
    pub(crate) fn chosen(self) -> Result<Arc<dyn KeyProvider>> {
        match self.provider {
            Some(_) if !self.keyring.is_empty() => {
                Err(Error::misuse("keys are given both one by one and by a provider"))
            }
            Some(provider) => Ok(provider),
            None => Ok(Arc::new(self.keyring)),
        }
    }
}

impl KeyProvider for Keyring {
    fn holds(&self, entry: &RecipientEntry<'_>) -> bool {
        match entry {
            RecipientEntry::X25519 { key_id, .. } => self.receiving.contains_key(key_id),
            RecipientEntry::Kek { key_id, .. } => self.keks.contains_key(*key_id),
            RecipientEntry::Other { .. } => false,
        }
    }

    fn unwrap(&self, request: &UnwrapRequest<'_>) -> Result<Secret<32>> {
        let no_key = || Error::NoKey("the keyring has no key for this recipient".into());
        match request.entry {
            RecipientEntry::X25519 { key_id, encapsulated, ciphertext } => {
                let key = self.receiving.get(&key_id).ok_or_else(no_key)?;
                recipient::unwrap_x25519(key, encapsulated, ciphertext, &request.binding())
            }
            RecipientEntry::Kek { key_id, ciphertext } => {
                let kek = self.keks.get(key_id).ok_or_else(no_key)?;
                recipient::unwrap_kek(kek, ciphertext)
            }
            RecipientEntry::Other { .. } => Err(no_key()),
        }
    }

    fn sign(&self, key: &VerifyingKey, message: &[u8]) -> Result<[u8; 64]> {
        self.signing.get(key.thumbprint()).map(|key| key.sign(message)).ok_or_else(|| {
            Error::NoKey(format!("the keyring has no signing key {}", key.key_id()).into())
        })
    }
}
