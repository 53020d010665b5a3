//! How far a job came, as it stands in its file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use coseal::{Error, Malformed, Unsupported};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::extent::Extent;
use super::names::{beside, remove};
use super::{Mark, Source};
use crate::aside::{folder, sync_folder};
use crate::{Result, StoreError, read};

/// Largest state, in bytes: a few lines, and what the job wants to remember.
const LIMIT: usize = 1 << 20;

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// The first bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) length: u64,
    pub(super) sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored<T> {
    version: u64,
    pub(super) options: String,
    /// Of the whole input.
    pub(super) input_length: u64,
    /// What is done with.
    pub(super) input: Part,
    /// What became of it.
    pub(super) output: Part,
    /// All of the input: the output has its name, or is about to.
    pub(super) complete: bool,
    notes: T,
}

/// Read first, so that a later version is named as such, not as malformed.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

impl<T> Stored<T> {
    pub(super) fn new(
        options: &str,
        source: &Source,
        written: &Extent,
        notes: T,
        complete: bool,
    ) -> Self {
        Self {
            version: VERSION,
            options: options.to_owned(),
            input_length: source.length,
            input: source.done.part(),
            output: written.part(),
            complete,
            notes,
        }
    }
}

impl<T: Clone> Stored<T> {
    pub(super) fn mark(&self) -> Mark<T> {
        Mark { read: self.input.length, notes: self.notes.clone() }
    }
}

/// What is stored; `None` where there is nothing.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<Stored<T>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", path)(error)),
    };
    let bytes = read::bounded(&file, path, LIMIT)?;
    decode(&bytes).map(Some).map_err(StoreError::core(path))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> coseal::Result<Stored<T>> {
    let malformed = |error: serde_json::Error| {
        let detail = format!("this is no state of an unfinished output: {error}");
        Error::Malformed(Malformed::Structure, detail.into())
    };
    let Version { version } = serde_json::from_slice(bytes).map_err(malformed)?;
    if version != VERSION {
        let detail =
            format!("this state is of version {version}; this program knows version {VERSION}");
        return Err(Error::Unsupported(Unsupported::Version, detail.into()));
    }
    serde_json::from_slice(bytes).map_err(malformed)
}

/// Replaces what is stored. Whoever holds the output's lock alone writes here:
/// the bytes lie under one name until they are whole, and a crash leaves at most
/// that one.
pub(super) fn write<T: Serialize>(path: &Path, stored: &Stored<T>) -> Result<()> {
    let aside = beside(path, ".new");
    remove(&aside)?;
    let write = || {
        let mut bytes = serde_json::to_vec_pretty(stored)?;
        bytes.push(b'\n');
        let mut file = OpenOptions::new().write(true).create_new(true).open(&aside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().map_err(|error| {
        // It says nothing: room for what does.
        let _ = fs::remove_file(&aside);
        StoreError::io("write", path)(error)
    })?;
    sync_folder(folder(path))
}
