//! What can go wrong with a file, always with its path.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T, E = StoreError> = core::result::Result<T, E>;

/// Why a file could not be read, was not believed, or was not written.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    Io {
        /// What was being done, as a verb: "read".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
    /// A private key or passphrase that group or others can read or write.
    Permissions {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A private key that is encrypted, where one that is not was needed.
    Encrypted {
        /// The key file.
        path: PathBuf,
    },
    /// A passphrase that does not fit, or a damaged file: they look alike.
    Passphrase {
        /// The key file.
        path: PathBuf,
    },
    /// Something has that name already, and the caller did not say to replace it.
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// Another process has it.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The output of a job that was interrupted, and that cannot be continued
    /// as it was asked for.
    Unfinished {
        /// The output.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// The content is not what it should be.
    Core {
        /// The file.
        path: PathBuf,
        /// What `coseal` says of the content.
        source: coseal::Error,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn core(path: &Path) -> impl FnOnce(coseal::Error) -> Self {
        move |source| Self::Core { path: path.to_owned(), source }
    }

    /// The file or folder it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Permissions { path, .. }
            | Self::Encrypted { path }
            | Self::Passphrase { path }
            | Self::Exists { path }
            | Self::InUse { path }
            | Self::Unfinished { path, .. }
            | Self::Core { path, .. } => path,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().display();
        match self {
            Self::Io { action, source, .. } => write!(f, "cannot {action} {path}: {source}"),
            Self::Permissions { mode, .. } => {
                write!(
                    f,
                    "others can reach the secret in {path} (mode {mode:04o}): run chmod 600 on it"
                )
            }
            Self::Encrypted { .. } => {
                write!(f, "the private key {path} is encrypted: it takes a passphrase")
            }
            Self::Passphrase { .. } => {
                write!(f, "the passphrase does not fit {path}, or the file is damaged")
            }
            Self::Exists { .. } => write!(f, "{path} exists already"),
            Self::InUse { .. } => write!(f, "{path} is in use by another process"),
            Self::Unfinished { why, .. } => write!(f, "cannot go on with {path}: {why}"),
            Self::Core { source, .. } => write!(f, "{path}: {source}"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Core { source, .. } => Some(source),
            Self::Permissions { .. }
            | Self::Encrypted { .. }
            | Self::Passphrase { .. }
            | Self::Exists { .. }
            | Self::InUse { .. }
            | Self::Unfinished { .. } => None,
        }
    }
}
