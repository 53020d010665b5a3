//! What is to become of the recipients: the same change for every envelope.

use alloc::format;
use alloc::vec::Vec;
use sha2::Digest;

use super::needed::RecipientId;
use super::rewrapper::Rewrapped;
use crate::entropy;
use crate::error::{Error, Result};
use crate::hash::Sha256;
use crate::key::{Kek, KeyId, RecipientKey};
use crate::limits;
use crate::recipient::{self, Binding};
use crate::secret::Secret;
use crate::wire::write::Items;
use crate::wire::{RecipientEntry, Recipients};

/// Someone who shall be able to open.
#[derive(Debug)]
pub(super) enum Addition {
    Key(RecipientKey),
    Kek(Vec<u8>, Kek),
}

impl Addition {
    pub(super) fn id(&self) -> RecipientId {
        match self {
            Self::Key(key) => RecipientId::X25519(key.key_id()),
            Self::Kek(id, _) => RecipientId::Kek(id.clone()),
        }
    }

    /// Whether both are the same key.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(one), Self::Key(two)) => one == two,
            (Self::Kek(_, one), Self::Kek(_, two)) => one.secret() == two.secret(),
            (Self::Key(_), Self::Kek(..)) | (Self::Kek(..), Self::Key(_)) => false,
        }
    }

    /// Whether an entry names it.
    fn is_named_by(&self, entry: &RecipientEntry<'_>) -> bool {
        match (self, entry) {
            (Self::Key(key), RecipientEntry::X25519 { key_id, .. }) => key.key_id() == *key_id,
            (Self::Kek(id, _), RecipientEntry::Kek { key_id, .. }) => id == key_id,
            _ => false,
        }
    }

    /// Its entry: one encapsulation.
    fn encapsulate(&self, secret: &Secret<32>, binding: &Binding) -> Result<Vec<u8>> {
        let mut entry = Vec::new();
        match self {
            Self::Key(key) => {
                let seed = entropy::secret()?;
                recipient::wrap_x25519(&mut entry, key, secret, binding, &seed)?;
            }
            Self::Kek(id, kek) => recipient::wrap_kek(&mut entry, id, kek, secret)?,
        }
        Ok(entry)
    }
}

/// Someone who shall no longer be named.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// An X25519 key, or one of an algorithm that this version does not know.
    Key(KeyId),
    Kek(Vec<u8>),
}

impl Removal {
    fn names(&self, entry: &RecipientEntry<'_>) -> bool {
        match (self, entry) {
            (Self::Key(id), RecipientEntry::X25519 { key_id, .. }) => id == key_id,
            (Self::Key(id), RecipientEntry::Other { key_id, .. }) => {
                *key_id == Some(id.as_bytes().as_slice())
            }
            (Self::Kek(id), RecipientEntry::Kek { key_id, .. }) => id == key_id,
            _ => false,
        }
    }

    /// Whether it would undo an addition.
    pub(super) fn undoes(&self, addition: &Addition) -> bool {
        match (self, addition) {
            (Self::Key(id), Addition::Key(key)) => *id == key.key_id(),
            (Self::Kek(id), Addition::Kek(other, _)) => id == other,
            (Self::Key(_), Addition::Kek(..)) | (Self::Kek(_), Addition::Key(_)) => false,
        }
    }
}

/// The whole change.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) additions: Vec<Addition>,
    pub(super) removals: Vec<Removal>,
    /// Nobody stays but the additions.
    pub(super) replaces: bool,
}

/// One entry of an envelope to be written.
enum Step<'a> {
    /// As it is. `known`: of an algorithm of this version.
    Keep { encoded: &'a [u8], known: bool },
    /// That of an addition.
    Write(usize),
}

/// The change of one envelope.
pub(super) struct Plan<'a> {
    steps: Vec<Step<'a>>,
    pub(super) counts: Rewrapped,
}

impl Change {
    /// The entries of all additions, in their order.
    pub(super) fn encapsulate(
        &self,
        secret: &Secret<32>,
        binding: &Binding,
    ) -> Result<Vec<Vec<u8>>> {
        self.additions.iter().map(|addition| addition.encapsulate(secret, binding)).collect()
    }

    /// What becomes of these recipients. `own` is the entry that this reader
    /// opens: it alone is proven, and is left as it is. What else is named like
    /// an addition was written by whoever, and its owner alone could say whether
    /// it opens: it makes room for an entry of ours.
    pub(super) fn plan<'a>(&self, recipients: &Recipients<'a>, own: Option<&[u8]>) -> Plan<'a> {
        let mut plan = Plan { steps: Vec::new(), counts: Rewrapped::default() };
        let mut written = alloc::vec![false; self.additions.len()];
        let mut found = alloc::vec![false; self.removals.len()];
        for (entry, encoded) in recipients.entries() {
            let named = |addition: &Addition| addition.is_named_by(&entry);
            if let Some(at) = self.additions.iter().position(named) {
                // The second entry of one key is one too many.
                if written.get_mut(at).is_none_or(|written| core::mem::replace(written, true)) {
                    plan.counts.removed += 1;
                } else if own == Some(encoded) {
                    plan.steps.push(Step::Keep { encoded, known: true });
                } else {
                    plan.counts.renewed += 1;
                    plan.steps.push(Step::Write(at));
                }
                continue;
            }
            let mut removed = self.replaces;
            for (removal, found) in self.removals.iter().zip(&mut found) {
                if removal.names(&entry) {
                    (removed, *found) = (true, true);
                }
            }
            if removed {
                plan.counts.removed += 1;
            } else {
                let known = !matches!(entry, RecipientEntry::Other { .. });
                plan.steps.push(Step::Keep { encoded, known });
            }
        }
        for (at, _) in written.iter().enumerate().filter(|(_, written)| !**written) {
            plan.counts.added += 1;
            plan.steps.push(Step::Write(at));
        }
        plan.counts.absent = found.iter().filter(|found| !**found).count();
        plan
    }

    /// The same for the same change, whoever describes it; another for another.
    /// Tells nothing of a KEK to whoever does not have it.
    pub(super) fn digest_into(&self, hash: &mut Sha256) {
        let mut part = |kind: u8, id: &[u8]| {
            hash.update([kind]);
            hash.update((id.len() as u64).to_be_bytes());
            hash.update(id);
        };
        part(0, &[self.replaces.into()]);
        for addition in &self.additions {
            match addition {
                Addition::Key(key) => part(1, key.as_bytes()),
                Addition::Kek(id, kek) => {
                    part(2, id);
                    part(3, kek.secret().expose());
                }
            }
        }
        for removal in &self.removals {
            match removal {
                Removal::Key(key_id) => part(4, key_id.as_bytes()),
                Removal::Kek(id) => part(5, id),
            }
        }
    }
}

impl Plan<'_> {
    /// Refuses what would leave nobody, or too many.
    pub(super) fn check(&self) -> Result<()> {
        let opens =
            |step: &Step<'_>| matches!(step, Step::Write(_) | Step::Keep { known: true, .. });
        if !self.steps.iter().any(opens) {
            let detail = "it would be left without a recipient: add one, or keep one";
            return Err(Error::misuse(detail));
        }
        let count = self.steps.len();
        if count > limits::RECIPIENTS {
            let detail = format!("it would have {count} recipients, of at most 64: remove some");
            return Err(Error::misuse(detail));
        }
        Ok(())
    }

    /// Appends the encoded array of recipients; `fresh` are the entries of the
    /// additions.
    pub(super) fn write(&self, fresh: &[Vec<u8>], out: &mut Vec<u8>) {
        out.array(self.steps.len());
        for step in &self.steps {
            out.extend_from_slice(match step {
                Step::Keep { encoded, .. } => encoded,
                Step::Write(at) => fresh.get(*at).map(Vec::as_slice).unwrap_or_default(),
            });
        }
    }
}
