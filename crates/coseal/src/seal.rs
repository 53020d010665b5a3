//! Sealing: messages in, envelopes out.
//!
//! `layout` knows how long everything is, so that an envelope is written once
//! into its own buffer; `write` encrypts into it and, once the root is signed,
//! fills the gap left for the receipt; `batch` does so for many. The parts that need the operating
//! system (clock, entropy, process ID) are in `sealer`.

pub(crate) mod batch;
pub(crate) mod layout;
pub(crate) mod write;

#[cfg(feature = "os")]
mod builder;
#[cfg(feature = "os")]
mod epochs;
#[cfg(feature = "os")]
mod sealer;

use alloc::sync::Arc;
use core::fmt;

use crate::error::{Error, Result};
use crate::key::{SigningKey, VerifyingKey};
use crate::keyring::{KeyProvider, Keyring};
use crate::receipt::tree::Hash;
use crate::receipt::{protected_len, with_to_be_signed, write_protected};
use crate::wire::write::Slots;

#[cfg(feature = "os")]
pub use builder::SealerBuilder;
#[cfg(feature = "os")]
pub use epochs::ChainEnd;
#[cfg(feature = "os")]
pub use sealer::{Sealer, UnsignedBatch};

/// A public key, and who signs for it.
#[derive(Clone)]
pub struct Signer {
    public: VerifyingKey,
    provider: Arc<dyn KeyProvider>,
    /// The key lives elsewhere: what comes back is checked.
    remote: bool,
}

impl Signer {
    /// A key that lives in `provider`. Each of its signatures is verified
    /// before anything that carries it is released.
    #[must_use]
    pub fn remote(public: VerifyingKey, provider: Arc<dyn KeyProvider>) -> Self {
        Self { public, provider, remote: true }
    }

    /// The public key.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Whether its signatures may fail to come.
    #[cfg(feature = "os")]
    const fn is_remote(&self) -> bool {
        self.remote
    }

    /// Signs the root of a tree, as its sender.
    pub(crate) fn sign_root(&self, tree_size: u64, root: &Hash) -> Result<[u8; 64]> {
        let mut buffer = [0; 14 + 9];
        let protected = buffer
            .get_mut(..protected_len(tree_size))
            .ok_or_else(|| Error::misuse("internal: the receipt's header has no room"))?;
        write_protected(&mut Slots::new(protected), tree_size);
        with_to_be_signed(protected, root, |message| Some(self.sign(message)))
            .ok_or_else(|| Error::misuse("internal: the receipt's header is too long"))?
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
        let signature = self.provider.sign(&self.public, message)?;
        if self.remote && !self.public.verifies(message, &signature) {
            let detail = "the key provider gave a signature that does not verify";
            return Err(Error::Carrier(detail.into()));
        }
        Ok(signature)
    }
}

impl From<SigningKey> for Signer {
    fn from(key: SigningKey) -> Self {
        let public = key.verifying_key().clone();
        let mut keyring = Keyring::new();
        keyring.add_signing(key);
        Self { public, provider: Arc::new(keyring), remote: false }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public.key_id())
    }
}
