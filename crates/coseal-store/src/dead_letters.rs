//! A file → the list of messages that were refused and dead-lettered, for
//! redrive: only what is on it may be judged again without its age, so nobody
//! can smuggle an old recording in among the dead letters.

use std::path::Path;

use coseal::{DeadLetter, DeadLetterList, Error, Malformed, Position, Time};
use sha2::{Digest, Sha256};

use crate::database::Database;
use crate::{Result, StoreError};

const KIND: &str = "list of dead letters";

fn key_of(letter: &DeadLetter) -> Vec<u8> {
    key(letter.position.as_ref(), &letter.digest)
}

fn key(position: Option<&Position>, digest: &[u8; 32]) -> Vec<u8> {
    [&place(position)[..], digest].concat()
}

fn value_of(letter: &DeadLetter) -> Vec<u8> {
    [&letter.refused_at.as_millis().to_be_bytes()[..], letter.code.as_bytes()].concat()
}

fn take_apart(key: &[u8], value: &[u8]) -> Option<DeadLetter> {
    let (positioned, rest) = key.split_first()?;
    let number = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
    let (log, rest) = rest.split_first_chunk()?;
    let (offset, digest) = rest.split_first_chunk()?;
    let position = Position { log: number(log), offset: number(offset) };
    let (refused_at, code) = value.split_first_chunk()?;
    Some(DeadLetter {
        position: (*positioned == 1).then_some(position),
        digest: digest.try_into().ok()?,
        refused_at: Time::from_millis(number(refused_at)),
        code: String::from_utf8(code.to_owned()).ok()?,
    })
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
        let records: Vec<_> =
            letters.iter().map(|letter| (key_of(letter), value_of(letter))).collect();
        self.database.write(records.iter().map(|(key, value)| (&**key, Some(&**value))))
    }

    /// Takes dead letters off the list, all or none: they were delivered, or
    /// given up. What is not on it is no fault.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io).
    pub fn remove(&self, letters: &[DeadLetter]) -> Result<()> {
        let keys: Vec<_> = letters.iter().map(key_of).collect();
        self.database.write(keys.iter().map(|key| (&**key, None)))
    }

    /// At most `most` of the list, those behind `after`: without positions
    /// first, then by log and offset.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io), `malformed/structure`.
    pub fn list(&self, after: Option<&DeadLetter>, most: usize) -> Result<Vec<DeadLetter>> {
        let after = after.map(key_of).unwrap_or_default();
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
        Ok(self.find(original, position)?.is_some())
    }

    /// The entry of `original`, which the carrier held at `position`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io), `malformed/structure`.
    pub fn find(&self, original: &[u8], position: Option<&Position>) -> Result<Option<DeadLetter>> {
        let wanted = key(position, &Sha256::digest(original).into());
        let mut found = None;
        self.database.read(&wanted, |key, value| {
            if key == wanted {
                found = Some(decode(key, value)?);
            }
            Ok(false)
        })?;
        Ok(found)
    }

    /// The offsets in `log`, from `from` on, of what was dead-lettered: they
    /// are left out when a replay memory is rebuilt from the log.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io), `malformed/structure`.
    pub fn offsets(&self, log: u64, from: u64) -> Result<Vec<u64>> {
        let first = place(Some(&Position { log, offset: from }));
        let mut offsets = Vec::new();
        self.database.read(&first, |key, value| {
            let position = decode(key, value)?.position;
            let Some(position) = position.filter(|position| position.log == log) else {
                return Ok(false);
            };
            if offsets.last() != Some(&position.offset) {
                offsets.push(position.offset);
            }
            Ok(true)
        })?;
        Ok(offsets)
    }
}

impl DeadLetterList for DeadLetterFile {
    fn record(&self, letters: &[DeadLetter]) -> coseal::Result<()> {
        Self::record(self, letters).map_err(failed)
    }

    fn remove(&self, letters: &[DeadLetter]) -> coseal::Result<()> {
        Self::remove(self, letters).map_err(failed)
    }

    fn find(
        &self,
        original: &[u8],
        position: Option<&Position>,
    ) -> coseal::Result<Option<DeadLetter>> {
        Self::find(self, original, position).map_err(failed)
    }

    fn offsets(&self, log: u64, from: u64) -> coseal::Result<Vec<u64>> {
        Self::offsets(self, log, from).map_err(failed)
    }
}

fn failed(error: StoreError) -> Error {
    Error::Carrier(error.into())
}

fn decode(key: &[u8], value: &[u8]) -> coseal::Result<DeadLetter> {
    take_apart(key, value).ok_or_else(|| {
        Error::Malformed(Malformed::Structure, "a dead letter on the list cannot be read".into())
    })
}

#[cfg(test)]
mod tests;
