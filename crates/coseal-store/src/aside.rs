//! Bytes → a file that appears under its name whole, or not at all: written
//! aside in the same folder, synced, renamed, and the folder synced.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Result, StoreError};

/// What to do where the name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone and fail.
    Refuse,
    /// Replace it, once the new content is complete.
    Replace,
}

/// Who may read the new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The owner alone, from the first byte.
    Private,
    /// As the process' file mode creation mask says, or as the replaced file had it.
    Shared,
}

/// A file being written aside. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct Aside {
    file: NamedTempFile,
    target: PathBuf,
    existing: Existing,
}

impl Aside {
    /// Begins one that will have the name `target`. Where that is a symbolic
    /// link, the file that it leads to is meant, and the link stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`], also for a link that leads nowhere and for what
    /// is no regular file; [`StoreError::Io`].
    pub fn create(target: &Path, existing: Existing, mode: Mode) -> Result<Self> {
        let (target, replaced) = resolve(target, existing)?;
        let name = target.file_name().ok_or_else(|| {
            StoreError::io("write", &target)(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is the name of a folder",
            ))
        })?;
        // Cut, because a name of the full 255 bytes leaves no room for more.
        let prefix: String = name.to_string_lossy().chars().take(48).collect();
        let prefix = format!(".{prefix}.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".tmp");
        let permissions = permissions(mode, replaced.as_ref());
        if let Some(permissions) = &permissions {
            builder.permissions(permissions.clone());
        }
        let file = builder
            .tempfile_in(folder(&target))
            .map_err(StoreError::io("write beside", &target))?;
        if let (Some(permissions), Some(_)) = (permissions, replaced) {
            // The mask took bits from it that the replaced file has.
            file.as_file()
                .set_permissions(permissions)
                .map_err(StoreError::io("write beside", &target))?;
        }
        Ok(Self { file, target, existing })
    }

    /// Where the bytes are until [`commit`](Self::commit).
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives it the owner and group of `present`, where they are others than
    /// ours: who replaces another's secret must not lock its owner out.
    pub(crate) fn keep_owner_of(&self, present: &File) -> Result<()> {
        keep_owner(present, self.file.as_file())
            .map_err(StoreError::io("keep the owner of", &self.target))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] where something took the name meanwhile; [`StoreError::Io`].
    pub fn commit(self) -> Result<()> {
        let Self { file, target, existing } = self;
        file.as_file().sync_all().map_err(StoreError::io("sync", &target))?;
        let named = match existing {
            Existing::Replace => file.persist(&target),
            Existing::Refuse => file.persist_noclobber(&target),
        };
        named.map_err(|error| {
            if error.error.kind() == io::ErrorKind::AlreadyExists {
                return StoreError::Exists { path: target.clone() };
            }
            StoreError::io("rename", &target)(error.error)
        })?;
        sync_folder(folder(&target))
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

/// Writes all of `bytes` to `target`.
pub(crate) fn write(target: &Path, bytes: &[u8], existing: Existing, mode: Mode) -> Result<()> {
    let mut aside = Aside::create(target, existing, mode)?;
    aside.write_all(bytes).map_err(StoreError::io("write", target))?;
    aside.commit()
}

/// The name that will be taken, and what has it now.
pub(crate) fn resolve(
    target: &Path,
    existing: Existing,
) -> Result<(PathBuf, Option<fs::Metadata>)> {
    let exists = || StoreError::Exists { path: target.to_owned() };
    let found = match fs::symlink_metadata(target) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((target.to_owned(), None));
        }
        Err(error) => return Err(StoreError::io("write", target)(error)),
    };
    if existing == Existing::Refuse {
        return Err(exists());
    }
    if !found.is_symlink() {
        return if found.is_file() { Ok((target.to_owned(), Some(found))) } else { Err(exists()) };
    }
    let real = fs::canonicalize(target).map_err(StoreError::io("follow the link", target))?;
    let found = fs::metadata(&real).map_err(StoreError::io("write", &real))?;
    if found.is_file() { Ok((real, Some(found))) } else { Err(exists()) }
}

#[cfg(unix)]
pub(crate) fn permissions(mode: Mode, replaced: Option<&fs::Metadata>) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;

    let bits = match (mode, replaced) {
        (Mode::Private, _) => 0o600,
        // Not the set-id bits: they were given to other content.
        (Mode::Shared, Some(replaced)) => replaced.permissions().mode() & 0o777,
        (Mode::Shared, None) => 0o666,
    };
    Some(Permissions::from_mode(bits))
}

#[cfg(not(unix))]
pub(crate) fn permissions(_: Mode, _: Option<&fs::Metadata>) -> Option<Permissions> {
    None
}

#[cfg(unix)]
fn keep_owner(present: &File, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let (present, ours) = (present.metadata()?, new.metadata()?);
    if (present.uid(), present.gid()) == (ours.uid(), ours.gid()) {
        return Ok(());
    }
    fchown(new, Some(present.uid()), Some(present.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}

pub(crate) fn folder(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Without this a crash of the machine may forget the new name.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        let sync = || File::open(folder)?.sync_all();
        sync().map_err(StoreError::io("sync", folder))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
