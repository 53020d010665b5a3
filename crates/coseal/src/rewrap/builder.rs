//! What a re-wrapper changes, decided before it sees an envelope.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use core::fmt;

use super::change::{Addition, Change, Removal};
use super::rewrapper::Rewrapper;
use crate::authorize::Expected;
use crate::error::{Error, Result};
use crate::header::check_channel;
use crate::key::{Kek, KeyId, ReceivingKey, RecipientKey};
use crate::keyring::{KeyProvider, OwnKeys};
use crate::limits;
use crate::recipient::check_kek_id;
use crate::trust::TrustSource;

/// Makes a [`Rewrapper`]: keys that open, and at least one change.
pub struct RewrapperBuilder {
    trust: Box<dyn TrustSource>,
    keys: OwnKeys,
    expected: Expected,
    change: Change,
    max_len: usize,
    /// The first thing that was wrong; told by `build`.
    fault: Option<Error>,
}

impl RewrapperBuilder {
    pub(super) fn new(trust: Box<dyn TrustSource>) -> Self {
        Self {
            trust,
            keys: OwnKeys::default(),
            expected: Expected::default(),
            change: Change::default(),
            max_len: limits::ENVELOPE,
            fault: None,
        }
    }

    /// A private key to open with.
    #[must_use]
    pub fn key(mut self, key: ReceivingKey) -> Self {
        let added = self.keys.keyring.add_receiving(key);
        self.note(added);
        self
    }

    /// A KEK to open with, under the ID that envelopes name it by.
    #[must_use]
    pub fn kek(mut self, id: &[u8], kek: Kek) -> Self {
        let added = self.keys.keyring.add_kek(id, kek);
        self.note(added);
        self
    }

    /// Keys that live elsewhere, or a keyring shared with others. They take the
    /// place of keys given one by one.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.keys.provider = Some(provider);
        self
    }

    /// Someone who shall be able to open. Where an entry names this key
    /// already, a new one takes its place, unless it is the one that opened.
    #[must_use]
    pub fn add_recipient(mut self, key: &RecipientKey) -> Self {
        self.add_once(Addition::Key(key.clone()));
        self
    }

    /// Whoever holds `kek` shall be able to open; `id` (1..64 bytes) is its
    /// name. Nothing binds such an entry to a signer: see [`Rewrapper`].
    #[must_use]
    pub fn add_kek(mut self, id: &[u8], kek: Kek) -> Self {
        let checked = check_kek_id(id);
        self.note(checked);
        self.add_once(Addition::Kek(id.to_vec(), kek));
        self
    }

    /// Takes out the recipients with this key ID: an X25519 key, or a key of an
    /// algorithm that this version does not know.
    #[must_use]
    pub fn remove_recipient(mut self, key_id: KeyId) -> Self {
        self.remove_once(Removal::Key(key_id));
        self
    }

    /// Takes out the KEK of this ID.
    #[must_use]
    pub fn remove_kek(mut self, id: &[u8]) -> Self {
        let checked = check_kek_id(id);
        self.note(checked);
        self.remove_once(Removal::Kek(id.to_vec()));
        self
    }

    /// Takes out everybody who is not added, of whatever algorithm.
    #[must_use]
    pub const fn replace_all(mut self) -> Self {
        self.change.replaces = true;
        self
    }

    /// Changes envelopes of this channel, and refuses all others.
    #[must_use]
    pub fn channel(mut self, channel: &str) -> Self {
        let checked = check_channel(channel).map_err(Error::Misuse);
        self.note(checked);
        self.expected.channel = Some(channel.into());
        self
    }

    /// Changes envelopes of this subject, and refuses all others.
    #[must_use]
    pub fn signer(mut self, subject: &str) -> Self {
        self.expected.signer = Some(subject.into());
        self
    }

    /// The longest envelope that is looked at, or made; 64 MiB unless said.
    #[must_use]
    pub const fn max_len(mut self, bytes: usize) -> Self {
        self.max_len = bytes;
        self
    }

    /// The re-wrapper.
    ///
    /// # Errors
    ///
    /// `misuse` where nothing is to be changed, nobody would be left, more than
    /// 64 recipients are added, one is both added and removed, two keys have one
    /// ID, or keys are given both one by one and by a provider.
    pub fn build(self) -> Result<Rewrapper> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        check(&self.change)?;
        let keys = self.keys.chosen()?;
        Ok(Rewrapper::new(self.trust, keys, self.expected, self.change, self.max_len))
    }

    fn note(&mut self, result: Result<()>) {
        if let (Err(error), None) = (result, &self.fault) {
            self.fault = Some(error);
        }
    }

    fn add_once(&mut self, addition: Addition) {
        match self.change.additions.iter().find(|other| other.id() == addition.id()) {
            None => self.change.additions.push(addition),
            Some(other) if other.is_same(&addition) => {}
            Some(other) => {
                let detail = format!("two recipients to add have the key ID {}", other.id());
                self.note(Err(Error::misuse(detail)));
            }
        }
    }

    fn remove_once(&mut self, removal: Removal) {
        if !self.change.removals.contains(&removal) {
            self.change.removals.push(removal);
        }
    }
}

fn check(change: &Change) -> Result<()> {
    let Change { additions, removals, replaces } = change;
    if additions.len() > limits::RECIPIENTS {
        return Err(Error::misuse("an envelope has 1..64 recipients: more are to be added"));
    }
    if *replaces && additions.is_empty() {
        return Err(Error::misuse("nobody would be left: replacing takes someone to add"));
    }
    if additions.is_empty() && removals.is_empty() {
        return Err(Error::misuse("nothing is to be changed: nobody is added or removed"));
    }
    let both = |addition: &&Addition| removals.iter().any(|removal| removal.undoes(addition));
    match additions.iter().find(both) {
        None => Ok(()),
        Some(addition) => {
            let detail = format!("the recipient {} is both added and removed", addition.id());
            Err(Error::misuse(detail))
        }
    }
}

impl fmt::Debug for RewrapperBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RewrapperBuilder")
            .field("expected", &self.expected)
            .field("change", &self.change)
            .field("keyring", &self.keys.keyring)
            .finish_non_exhaustive()
    }
}
