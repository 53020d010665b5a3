//! The names of an output that is under way, and the files behind them: opened
//! by one process at a time.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use same_file::Handle;
use tempfile::TempPath;

use super::extent::Extent;
use super::state::Part;
use crate::aside::{folder, permissions, sync_folder};
use crate::{Existing, Mode, Result, StoreError};

#[derive(Debug)]
pub(super) struct Names {
    pub(super) target: PathBuf,
    pub(super) partial: PathBuf,
    pub(super) state: PathBuf,
    pub(super) existing: Existing,
}

impl Names {
    pub(super) fn of(target: PathBuf, existing: Existing) -> Self {
        let (partial, state) = (beside(&target, ".partial"), beside(&target, ".partial.state"));
        Self { target, partial, state, existing }
    }

    pub(super) fn unfinished(&self, why: &'static str) -> StoreError {
        StoreError::Unfinished { path: self.partial.clone(), why }
    }

    /// Gives the output its name; the state goes.
    pub(super) fn give(&self) -> Result<()> {
        let Self { target, partial, state, existing } = self;
        let path = TempPath::try_from_path(partial);
        let mut path = path.map_err(StoreError::io("rename", partial))?;
        path.disable_cleanup(true);
        let named = match existing {
            Existing::Replace => path.persist(target),
            Existing::Refuse => path.persist_noclobber(target),
        };
        named.map_err(|error| {
            if error.error.kind() == io::ErrorKind::AlreadyExists {
                return StoreError::Exists { path: target.clone() };
            }
            StoreError::io("rename", target)(error.error)
        })?;
        sync_folder(folder(target))?;
        remove(state)
    }

    /// Whether the output has its name, and is this one.
    pub(super) fn hold(&self, output: &Part) -> Result<bool> {
        let mut file = match File::open(&self.target) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(StoreError::io("open", &self.target)(error)),
        };
        let io = |error| StoreError::io("read", &self.target)(error);
        if file.metadata().map_err(io)?.len() != output.length {
            return Ok(false);
        }
        let mut found = Extent::default();
        found.advance(&mut file, output.length).map_err(io)?;
        Ok(found.is(output))
    }
}

/// The same name with something behind it.
pub(super) fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(target);
    name.push(suffix);
    name.into()
}

/// The output of a job that was interrupted, locked; `None` where there is none.
pub(super) fn acquire(path: &Path) -> Result<Option<File>> {
    loop {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => {}
            // A link would have us write where somebody else says.
            Ok(_) => return Err(StoreError::Exists { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("open", path)(error)),
        }
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let file = opened.map_err(StoreError::io("open", path))?;
        lock(&file, path)?;
        let ours = file.try_clone().and_then(Handle::from_file);
        let ours = ours.map_err(StoreError::io("lock", path))?;
        match Handle::from_path(path) {
            Ok(named) if named == ours => return Ok(Some(file)),
            // It got its name, or was removed, while we waited: not ours any more.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io("open", path)(error)),
        }
    }
}

fn lock(file: &File, path: &Path) -> Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::InUse { path: path.to_owned() },
        TryLockError::Error(error) => StoreError::io("lock", path)(error),
    })
}

/// A new output, locked, that nobody may read who may not read what it replaces.
pub(super) fn create(path: &Path, replaced: Option<&fs::Metadata>) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    let permissions = permissions(Mode::Shared, replaced);
    #[cfg(unix)]
    if let Some(permissions) = &permissions {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(permissions.mode());
    }
    let file = options.open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return StoreError::InUse { path: path.to_owned() };
        }
        StoreError::io("write", path)(error)
    })?;
    if let (Some(permissions), Some(_)) = (permissions, replaced) {
        // The mask took bits from it that the replaced file has.
        file.set_permissions(permissions).map_err(StoreError::io("write", path))?;
    }
    lock(&file, path)?;
    Ok(file)
}

pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
