//! What was refused and set aside → a list that says which messages were. Only
//! what is on it may be judged again without its age, so nobody can smuggle an
//! old recording in among the dead letters.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use sha2::Digest;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::hash::Sha256;
use crate::replay::Position;
use crate::sync::Mutex;

/// A message that was refused: named by its bytes and its place, because a
/// message that cannot be read has no other identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetter {
    /// Where the carrier held it, if it has positions.
    pub position: Option<Position>,
    /// SHA-256 of the untouched original.
    pub digest: [u8; 32],
    /// When it was refused.
    pub refused_at: Time,
    /// Why: a code of the specification, with its kind behind a slash.
    pub code: String,
}

impl DeadLetter {
    /// The record of `original`, refused with `error`.
    #[must_use]
    pub fn new(
        original: &[u8],
        position: Option<Position>,
        error: &Error,
        refused_at: Time,
    ) -> Self {
        let code = match error.kind() {
            Some(kind) => format!("{}/{kind}", error.code()),
            None => error.code().to_owned(),
        };
        Self { position, digest: Sha256::digest(original).into(), refused_at, code }
    }
}

/// Remembers what was dead-lettered.
pub trait DeadLetterList: Send + Sync {
    /// Puts dead letters on the list, all or none; durable, where the list is,
    /// when this returns. To be done before the carrier commits.
    ///
    /// # Errors
    ///
    /// `carrier` where the list itself failed.
    fn record(&self, letters: &[DeadLetter]) -> Result<()>;

    /// Takes dead letters off the list, all or none: they were delivered, or
    /// given up. What is not on it is no fault.
    ///
    /// # Errors
    ///
    /// `carrier` where the list itself failed.
    fn remove(&self, letters: &[DeadLetter]) -> Result<()>;

    /// The entry of `original`, which the carrier held at `position`.
    ///
    /// # Errors
    ///
    /// `carrier` where the list itself failed.
    fn find(&self, original: &[u8], position: Option<&Position>) -> Result<Option<DeadLetter>>;

    /// The offsets in `log`, from `from` on, of what was dead-lettered, in
    /// order: they are left out when a replay memory is rebuilt from the log,
    /// and should one come again and pass, it is taken off the list.
    ///
    /// # Errors
    ///
    /// `carrier` where the list itself failed.
    fn offsets(&self, log: u64, from: u64) -> Result<Vec<u64>>;
}

/// A place, and the digest of what stood there.
type Key = (Option<Position>, [u8; 32]);

/// A list that lives as long as its process.
#[derive(Debug)]
pub struct InMemoryDeadLetters {
    letters: Mutex<BTreeMap<Key, DeadLetter>>,
}

impl InMemoryDeadLetters {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { letters: Mutex::new(BTreeMap::new()) }
    }

    /// What is on it, by position.
    #[must_use]
    pub fn letters(&self) -> Vec<DeadLetter> {
        self.letters.lock().values().cloned().collect()
    }
}

impl Default for InMemoryDeadLetters {
    fn default() -> Self {
        Self::new()
    }
}

impl DeadLetterList for InMemoryDeadLetters {
    fn record(&self, letters: &[DeadLetter]) -> Result<()> {
        let keyed = letters.iter().map(|letter| (key(letter), letter.clone()));
        self.letters.lock().extend(keyed);
        Ok(())
    }

    fn remove(&self, letters: &[DeadLetter]) -> Result<()> {
        let mut listed = self.letters.lock();
        for letter in letters {
            listed.remove(&key(letter));
        }
        Ok(())
    }

    fn find(&self, original: &[u8], position: Option<&Position>) -> Result<Option<DeadLetter>> {
        let digest = Sha256::digest(original).into();
        Ok(self.letters.lock().get(&(position.copied(), digest)).cloned())
    }

    fn offsets(&self, log: u64, from: u64) -> Result<Vec<u64>> {
        let at = |offset| (Some(Position { log, offset }), [0; 32]);
        let letters = self.letters.lock();
        let places = letters.range(at(from)..).map_while(|((place, _), _)| *place);
        let mut offsets: Vec<_> =
            places.take_while(|place| place.log == log).map(|place| place.offset).collect();
        offsets.dedup();
        Ok(offsets)
    }
}

const fn key(letter: &DeadLetter) -> Key {
    (letter.position, letter.digest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::error::Stale;

    #[test]
    fn the_list_names_bytes_at_a_place() {
        let list = InMemoryDeadLetters::new();
        let at = |offset| Position { log: 7, offset };
        let error = Error::Stale(Stale::TooOld, "old".into());
        let letter = |position| DeadLetter::new(b"a", position, &error, Time::from_secs(1));
        list.record(&[letter(Some(at(3))), letter(None)]).unwrap();
        assert_eq!(list.find(b"a", Some(&at(3))).unwrap().unwrap().code, "stale/too_old");
        assert!(list.find(b"a", None).unwrap().is_some());
        assert!(list.find(b"a", Some(&at(2))).unwrap().is_none());
        assert!(list.find(b"b", Some(&at(3))).unwrap().is_none());
        let other = DeadLetter { digest: [0; 32], ..letter(Some(at(3))) };
        let later = DeadLetter { position: Some(Position { log: 8, offset: 0 }), ..other.clone() };
        list.record(&[other.clone(), later.clone(), letter(Some(at(9)))]).unwrap();
        assert_eq!(list.offsets(7, 0).unwrap(), [3, 9]);
        assert_eq!(list.offsets(7, 4).unwrap(), [9]);
        assert!(list.offsets(7, 10).unwrap().is_empty());
        list.remove(&[letter(Some(at(3))), other, later, letter(Some(at(9)))]).unwrap();
        assert!(list.offsets(7, 0).unwrap().is_empty());
        assert_eq!(list.letters(), [letter(None)]);
    }
}
