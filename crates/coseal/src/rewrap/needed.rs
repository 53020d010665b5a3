//! Envelopes in, the keys they name out: which of them can be destroyed
//! without a loss. What an envelope says of its recipients is not signed: a
//! carrier can add names, or leave some out.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use crate::envelope::Envelope;
use crate::key::KeyId;
use crate::limits;
use crate::wire::RecipientEntry;

/// Whose entry it is, by its own account: what keys are named by in envelopes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecipientId {
    /// An X25519 key.
    X25519(KeyId),
    /// A KEK, by its ID.
    Kek(Vec<u8>),
    /// A key of an algorithm that this version does not know.
    Other {
        /// The algorithm number, where there is one.
        algorithm: Option<i64>,
        /// The key ID, where there is one of 1..64 bytes.
        key_id: Option<Vec<u8>>,
    },
}

impl RecipientId {
    const fn is_known(&self) -> bool {
        !matches!(self, Self::Other { .. })
    }
}

impl From<RecipientEntry<'_>> for RecipientId {
    fn from(entry: RecipientEntry<'_>) -> Self {
        match entry {
            RecipientEntry::X25519 { key_id, .. } => Self::X25519(key_id),
            RecipientEntry::Kek { key_id, .. } => Self::Kek(key_id.to_vec()),
            RecipientEntry::Other { algorithm, key_id } => {
                Self::Other { algorithm, key_id: key_id.map(<[u8]>::to_vec) }
            }
        }
    }
}

/// A key ID as digits; the ID of a KEK as text where it is printable ASCII,
/// else as digits behind `0x`.
impl fmt::Display for RecipientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X25519(key_id) => fmt::Display::fmt(key_id, f),
            Self::Kek(id) => match core::str::from_utf8(id) {
                Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => f.write_str(text),
                _ => write!(f, "0x{}", hex::encode(id)),
            },
            Self::Other { key_id: Some(key_id), .. } => f.write_str(&hex::encode(key_id)),
            Self::Other { key_id: None, .. } => f.write_str("without a key ID"),
        }
    }
}

/// How much a set of envelopes needs one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// Envelopes that name it.
    pub envelopes: u64,
    /// Those of them that name no other key of a known algorithm: without it
    /// they are lost, as far as this version can tell.
    pub only: u64,
}

/// The keys that a set of envelopes names.
///
/// ```
/// # use coseal::{Envelope, Message, Needed, ReceivingKey, RecipientId, Sealer, SigningKey};
/// # fn main() -> coseal::Result<()> {
/// # let billing = ReceivingKey::generate()?;
/// # let sealer = Sealer::builder(SigningKey::generate()?, "orders").recipient(billing.recipient_key()).build()?;
/// # let envelopes = [sealer.seal(b"1")?, sealer.seal(b"2")?];
/// let mut needed = Needed::new();
/// for envelope in &envelopes {
///     needed.add(&Envelope::decode(envelope)?);
/// }
/// let billing = RecipientId::X25519(billing.recipient_key().key_id());
/// assert_eq!(needed.of(&billing).only, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needed {
    envelopes: u64,
    keys: BTreeMap<RecipientId, Need>,
    unlisted: u64,
}

impl Needed {
    /// Of no envelopes.
    #[must_use]
    pub const fn new() -> Self {
        Self { envelopes: 0, keys: BTreeMap::new(), unlisted: 0 }
    }

    /// Adds what one envelope names. A key that it names twice counts once.
    pub fn add(&mut self, envelope: &Envelope<'_>) {
        let mut named: Vec<RecipientId> = envelope.recipients().map(RecipientId::from).collect();
        named.sort_unstable();
        named.dedup();
        let known = named.iter().filter(|id| id.is_known()).count();
        let alone = named.len() == 1;
        self.envelopes += 1;
        for id in named {
            let only = alone || (id.is_known() && known == 1);
            self.count(id, Need { envelopes: 1, only: only.into() });
        }
    }

    /// Adds what was found in other envelopes.
    pub fn merge(&mut self, other: Self) {
        self.envelopes += other.envelopes;
        self.unlisted += other.unlisted;
        for (id, need) in other.keys {
            self.count(id, need);
        }
    }

    fn count(&mut self, id: RecipientId, need: Need) {
        // Whoever carries envelopes can fill them with names.
        if self.keys.len() >= limits::NEEDED && !self.keys.contains_key(&id) {
            self.unlisted += need.envelopes;
            return;
        }
        let known = self.keys.entry(id).or_default();
        known.envelopes += need.envelopes;
        known.only += need.only;
    }

    /// How many envelopes were added.
    #[must_use]
    pub const fn envelopes(&self) -> u64 {
        self.envelopes
    }

    /// All keys that are listed, X25519 keys first, each kind in the order of
    /// its IDs.
    pub fn keys(&self) -> impl Iterator<Item = (&RecipientId, Need)> {
        self.keys.iter().map(|(id, need)| (id, *need))
    }

    /// How much one key is needed.
    #[must_use]
    pub fn of(&self, id: &RecipientId) -> Need {
        self.keys.get(id).copied().unwrap_or_default()
    }

    /// How often a key was named that is not listed: more than 65,536 keys were
    /// named. What is not listed may be needed then.
    #[must_use]
    pub const fn unlisted(&self) -> u64 {
        self.unlisted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    #[test]
    fn names_are_shown_as_they_are_given() {
        let key = RecipientId::X25519(KeyId::from_bytes([0xab; 8]));
        assert_eq!(key.to_string(), "abababababababab");
        assert_eq!(RecipientId::Kek(b"kek-1".to_vec()).to_string(), "kek-1");
        assert_eq!(RecipientId::Kek(b"a b".to_vec()).to_string(), "0x612062");
        assert_eq!(RecipientId::Kek(vec![0; 64]).to_string().len(), 2 + 128);
        let other = |key_id| RecipientId::Other { algorithm: None, key_id };
        assert_eq!(other(Some(vec![1, 2])).to_string(), "0102");
        assert_eq!(other(None).to_string(), "without a key ID");
    }

    #[test]
    fn what_is_named_beyond_the_limit_is_counted() {
        let mut needed = Needed::new();
        let key = |n: u64| RecipientId::X25519(KeyId::from_bytes(n.to_be_bytes()));
        let one = Need { envelopes: 1, only: 1 };
        let all = limits::NEEDED as u64 + 3;
        for n in 0..all {
            needed.count(key(n), one);
        }
        assert_eq!((needed.keys().count(), needed.unlisted()), (limits::NEEDED, 3));
        needed.count(key(0), one);
        assert_eq!((needed.of(&key(0)), needed.unlisted()), (Need { envelopes: 2, only: 2 }, 3));
        assert_eq!(needed.of(&key(all)), Need::default());
        let mut sum = needed.clone();
        sum.merge(needed);
        assert_eq!((sum.of(&key(1)).only, sum.unlisted()), (2, 6));
    }
}
