//! A path → the exclusive right to replace the file of that name.
//!
//! Files are replaced by renaming, so a lock on one may be a lock on a file
//! that has just lost its name: whoever waited looks again whether the name
//! still belongs to what it locked. Thus no lock file is left behind.

use std::fs::File;
use std::io;
use std::path::Path;

use same_file::Handle;

use crate::{Result, StoreError, read};

/// Whether both names are of one file, which exists. Opens neither where the
/// system can tell without: to open a pipe is to wait for its other end.
#[must_use]
pub fn is_same_file(one: &Path, two: &Path) -> bool {
    one == two || identity(one).is_some_and(|found| identity(two) == Some(found))
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Handle> {
    Handle::from_path(path).ok()
}

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Waits for the right. `None` where there is no such file.
    pub(crate) fn acquire(path: &Path) -> Result<Option<Self>> {
        read::refuse_pipe(path)?;
        loop {
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(StoreError::io("open", path)(error)),
            };
            file.lock().map_err(StoreError::io("lock", path))?;
            let ours = file
                .try_clone()
                .and_then(Handle::from_file)
                .map_err(StoreError::io("lock", path))?;
            match Handle::from_path(path) {
                Ok(named) if named == ours => return Ok(Some(Self { file })),
                // Replaced or removed while we waited.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("lock", path)(error)),
            }
        }
    }

    /// The locked file, from its beginning.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }
}
