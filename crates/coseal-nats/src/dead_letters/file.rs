//! A file of dead letters: appended to, never torn.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

#[derive(Debug)]
pub(super) struct LetterFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl LetterFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }

    /// All of them, on the disk, or none.
    pub(super) fn append(&self, letters: &[Bytes]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let before = file.metadata()?.len();
        let written = letters.iter().try_for_each(|letter| file.write_all(letter));
        let written = written.and_then(|()| file.sync_data());
        written.map_err(|error| {
            // What follows half a letter could not be read.
            let _ = file.set_len(before);
            io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
        })
    }
}
