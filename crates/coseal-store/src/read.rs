//! A path and a limit → the file's bytes. A file that is larger is refused
//! without being read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use coseal::{Error, Malformed};
use zeroize::Zeroizing;

use crate::{Result, StoreError};

/// All of an open file, wiped on drop: it may be a secret.
///
/// The buffer has its final size from the start, because growing would leave
/// unwiped copies behind.
pub(crate) fn bounded(file: &File, path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>> {
    let length = file.metadata().map_err(StoreError::io("read", path))?.len();
    let expected = usize::try_from(length).unwrap_or(usize::MAX).min(limit);
    // A pipe says that it is empty: allow it the whole limit.
    let capacity = if expected == 0 { limit } else { expected };
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity + 1));
    let read = file
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read", path))?;
    if read > limit {
        let detail = format!("larger than {} KiB", limit >> 10);
        return Err(StoreError::core(path)(Error::Malformed(Malformed::TooLarge, detail.into())));
    }
    Ok(bytes)
}

pub(crate) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(StoreError::io("open", path))
}

/// Refuses what is no regular file but there: a pipe would be waited for, and
/// can be neither locked nor replaced.
pub(crate) fn refuse_pipe(path: &Path) -> Result<()> {
    match path.metadata() {
        Ok(found) if !found.is_file() && !found.is_dir() => {
            let detail = "this is no regular file: it could not be replaced";
            Err(StoreError::core(path)(Error::Misuse(detail.into())))
        }
        // What else is wrong is told by who opens it.
        _ => Ok(()),
    }
}
