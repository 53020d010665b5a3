//! A file → the list of messages that were refused and dead-lettered, for
//! redrive: only what is on it may be judged again without its age, so nobody
//! can smuggle an old recording in among the dead letters.

use std::path::Path;

use coseal::{Error, Malformed, Position, Time};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::database::Database;

const KIND: &str = "list of dead letters";

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

    fn key(&self) -> Vec<u8> {
        [&place(self.position.as_ref())[..], &self.digest].concat()
    }

    fn value(&self) -> Vec<u8> {
        [&self.refused_at.as_millis().to_be_bytes()[..], self.code.as_bytes()].concat()
    }

    fn decode(key: &[u8], value: &[u8]) -> Option<Self> {
        let (positioned, rest) = key.split_first()?;
        let number = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
        let (log, rest) = rest.split_first_chunk()?;
        let (offset, digest) = rest.split_first_chunk()?;
        let position = Position { log: number(log), offset: number(offset) };
        let (refused_at, code) = value.split_first_chunk()?;
        Some(Self {
            position: (*positioned == 1).then_some(position),
            digest: digest.try_into().ok()?,
            refused_at: Time::from_millis(number(refused_at)),
            code: String::from_utf8(code.to_owned()).ok()?,
        })
    }
}

/// What the keys of a place begin with: they sort by log and offset.
fn place(position: Option<&Position>) -> [u8; 17] {
    let mut place = [0; 17];
    let (positioned, rest) = place.split_at_mut(1);
    let (log, offset) = rest.split_at_mut(8);
    if let Some(position) = position {
        positioned.fill(1);
        log.copy_from_slice(&position.log.to_be_bytes());
        offset.copy_from_slice(&position.offset.to_be_bytes());
    }
    place
}

/// The durable list, in a file that one process holds at a time.
#[derive(Debug)]
pub struct DeadLetterFile {
    database: Database,
}

impl DeadLetterFile {
    /// Makes an empty list at `path`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`](crate::StoreError::Exists) where something is
    /// there; [`StoreError::Io`](crate::StoreError::Io).
    pub fn create(path: impl AsRef<Path>) -> Result<()> {
        Database::create(path.as_ref(), KIND)
    }

    /// Opens the list at `path`.
    ///
    /// # Errors
    ///
    /// As [`ReplayFile::open`](crate::ReplayFile::open).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let database =
            Database::open(path.as_ref(), KIND, |key, value| decode(key, value).map(drop))?;
        Ok(Self { database })
    }

    /// Puts dead letters on the list, all or none; they are on disk when this
    /// returns. To be done before the carrier commits.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io).
    pub fn record(&self, letters: &[DeadLetter]) -> Result<()> {
        let records: Vec<_> = letters.iter().map(|letter| (letter.key(), letter.value())).collect();
        self.database.write(records.iter().map(|(key, value)| (&**key, Some(&**value))))
    }

    /// Takes dead letters off the list, all or none: they were delivered, or
    /// given up. What is not on it is no fault.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io).
    pub fn remove(&self, letters: &[DeadLetter]) -> Result<()> {
        let keys: Vec<_> = letters.iter().map(DeadLetter::key).collect();
        self.database.write(keys.iter().map(|key| (&**key, None)))
    }

    /// At most `most` of the list, those behind `after`: without positions
    /// first, then by log and offset.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io), `malformed/structure`.
    pub fn list(&self, after: Option<&DeadLetter>, most: usize) -> Result<Vec<DeadLetter>> {
        let after = after.map(DeadLetter::key).unwrap_or_default();
        let mut letters = Vec::new();
        self.database.read(&after, |key, value| {
            if letters.len() == most {
                return Ok(false);
            }
            if key != after {
                letters.push(decode(key, value)?);
            }
            Ok(true)
        })?;
        Ok(letters)
    }

    /// Whether `original`, which the carrier held at `position`, is on the
    /// list.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io).
    pub fn holds(&self, original: &[u8], position: Option<&Position>) -> Result<bool> {
        let digest: [u8; 32] = Sha256::digest(original).into();
        self.begins_with(&[&place(position)[..], &digest].concat())
    }

    /// Whether what the carrier held at `position` was dead-lettered: such
    /// positions are left out when a replay memory is rebuilt from a log.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io).
    pub fn holds_position(&self, position: &Position) -> Result<bool> {
        self.begins_with(&place(Some(position)))
    }

    fn begins_with(&self, prefix: &[u8]) -> Result<bool> {
        let mut found = false;
        self.database.read(prefix, |key, _| {
            found = key.starts_with(prefix);
            Ok(false)
        })?;
        Ok(found)
    }
}

fn decode(key: &[u8], value: &[u8]) -> coseal::Result<DeadLetter> {
    DeadLetter::decode(key, value).ok_or_else(|| {
        Error::Malformed(Malformed::Structure, "a dead letter on the list cannot be read".into())
    })
}

#[cfg(test)]
mod tests;
