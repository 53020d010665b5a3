//! A folder in, its cases out: every `.json` file below it, in order of path.
//!
//! No list of names anywhere: a file that lies there is a case, and a file
//! that is no case is an error.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::case::Case;

/// The folder of the committed cases.
pub fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/cases")
}

/// The folder of the reference vectors.
pub fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/reference")
}

/// A file that could not be read as what it should be.
#[derive(Debug)]
pub enum WalkError {
    /// The file or folder could not be read.
    Read(PathBuf, io::Error),
    /// It does not say what the format says.
    Parse(PathBuf, serde_json::Error),
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Parse(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for WalkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(_, error) => Some(error),
            Self::Parse(_, error) => Some(error),
        }
    }
}

/// Every case below `dir`, with its path.
///
/// # Errors
///
/// The folder cannot be listed. Files that cannot be read, or are no cases,
/// are errors of the iterator's items.
pub fn walk(
    dir: &Path,
) -> Result<impl Iterator<Item = Result<(PathBuf, Case), WalkError>>, WalkError> {
    walk_as(dir)
}

/// Every `.json` file below `dir` as a `T`, with its path.
///
/// # Errors
///
/// As [`walk`].
pub fn walk_as<T: DeserializeOwned>(
    dir: &Path,
) -> Result<impl Iterator<Item = Result<(PathBuf, T), WalkError>> + use<T>, WalkError> {
    Ok(json_files(dir)?.into_iter().map(|path| {
        let text = fs::read(&path).map_err(|error| WalkError::Read(path.clone(), error))?;
        let value =
            serde_json::from_slice(&text).map_err(|error| WalkError::Parse(path.clone(), error))?;
        Ok((path, value))
    }))
}

/// Paths of all `.json` files below `dir`, sorted.
///
/// # Errors
///
/// A folder cannot be listed.
pub fn json_files(dir: &Path) -> Result<Vec<PathBuf>, WalkError> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let unreadable = |error| WalkError::Read(folder.clone(), error);
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
