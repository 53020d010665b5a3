//! Key files: PKCS#8 and SPKI PEM, as openssl writes and reads them, and key-
//! encryption keys as 64 hexadecimal digits. Private keys and KEKs may be
//! encrypted under a passphrase.
//!
//! A file that holds anything but a public key is taken for a secret: it is
//! refused where group or others can reach it, before it is looked into.
//!
//! ```
//! use coseal::{PrivateKey, SigningKey};
//! use coseal_store::Existing;
//! use coseal_store::keys::{self, Passphrase, StoredKey};
//!
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("orders.key");
//! let passphrase = Passphrase::new(b"correct horse".to_vec());
//! let key = PrivateKey::Signing(SigningKey::generate()?);
//! StoredKey::of(&path, &key).encrypt(&passphrase)?.write(&path, Existing::Refuse)?;
//!
//! let stored = StoredKey::read(&path)?;
//! assert!(stored.is_encrypted() && stored.signing_key().is_err());
//! let key = stored.decrypt(&passphrase)?.signing_key()?;
//!
//! // Another passphrase: the file is as it was until the new one is whole.
//! let other = Passphrase::new(b"battery staple".to_vec());
//! keys::edit(&path, |stored| stored.decrypt(&passphrase)?.encrypt(&other))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod encrypted;
mod passphrase;
mod stored;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use coseal::{
    Error, Kek, Malformed, PrivateKey, PublicKey, ReceivingKey, SigningKey, VerifyingKey,
};

use crate::aside;
use crate::lock::Lock;
use crate::{Aside, Existing, Mode, Result, StoreError};

pub use passphrase::Passphrase;
pub use stored::StoredKey;

#[cfg(test)]
mod tests;

/// Largest key file, in bytes: five hundred times what one key needs.
const LIMIT: usize = 64 << 10;

/// Reads an Ed25519 private key that is not encrypted.
///
/// # Errors
///
/// `malformed/key` where it is any other key or none; [`StoreError::Encrypted`],
/// [`StoreError::Permissions`]; [`StoreError::Io`].
pub fn read_signing_key(path: &Path) -> Result<SigningKey> {
    StoredKey::read(path)?.signing_key()
}

/// Reads an X25519 private key that is not encrypted.
///
/// # Errors
///
/// As [`read_signing_key`].
pub fn read_receiving_key(path: &Path) -> Result<ReceivingKey> {
    StoredKey::read(path)?.receiving_key()
}

/// Reads a private key of either use that is not encrypted.
///
/// # Errors
///
/// As [`read_signing_key`].
pub fn read_private_key(path: &Path) -> Result<PrivateKey> {
    StoredKey::read(path)?.private_key()
}

/// Reads a key-encryption key that is not encrypted.
///
/// # Errors
///
/// As [`read_signing_key`].
pub fn read_kek(path: &Path) -> Result<Kek> {
    StoredKey::read(path)?.kek()
}

/// Reads a public key: of a public file, or the one that belongs to a private
/// file that is not encrypted.
///
/// # Errors
///
/// As [`read_signing_key`]; `malformed/weak_key`.
pub fn read_public_key(path: &Path) -> Result<PublicKey> {
    StoredKey::read(path)?.public_key()
}

/// Reads an Ed25519 public key, of a public or private file.
///
/// # Errors
///
/// As [`read_public_key`].
pub fn read_verifying_key(path: &Path) -> Result<VerifyingKey> {
    match read_public_key(path)? {
        PublicKey::Verifying(key) => Ok(key),
        PublicKey::Recipient(_) => Err(StoreError::core(path)(wrong_kind(
            "this is an X25519 key; a root or signing key is Ed25519",
        ))),
    }
}

/// Writes a private key, readable by its owner alone from the first byte.
///
/// # Errors
///
/// [`StoreError::Exists`], [`StoreError::Io`].
pub fn write_private_key(path: &Path, key: &PrivateKey, existing: Existing) -> Result<()> {
    StoredKey::of(path, key).write(path, existing)
}

/// Writes a private key, encrypted or not, and its public key: both whole
/// beside their places first, so that what fails, fails before anything is
/// replaced. A process that is killed between the two leaves no pair that does
/// not belong together: the old public key goes before the private one comes.
///
/// # Errors
///
/// As [`write_private_key`].
pub fn write_pair(
    (private_path, key): (&Path, &StoredKey),
    (public_path, public): (&Path, &PublicKey),
    existing: Existing,
) -> Result<()> {
    let mut private_file = Aside::create(private_path, existing, Mode::Private)?;
    let mut public_file = Aside::create(public_path, existing, Mode::Shared)?;
    let written = private_file.write_all(key.expose().as_bytes());
    written.map_err(StoreError::io("write", private_path))?;
    let written = public_file.write_all(public.to_pem().as_bytes());
    written.map_err(StoreError::io("write", public_path))?;
    if existing == Existing::Replace {
        match std::fs::remove_file(public_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("replace", public_path)(error));
            }
            _ => {}
        }
    }
    private_file.commit()?;
    public_file.commit()
}

/// Replaces a private key by what `change` makes of it, with the permissions
/// and the owner that it has. Where anything fails the file is as it was, and
/// of changes at once each sees what the one before it left.
///
/// # Errors
///
/// Those of [`StoredKey::read`] and of `change`; [`StoreError::Io`], also where
/// it is no regular file.
pub fn edit<E: From<StoreError>>(
    path: &Path,
    change: impl FnOnce(StoredKey) -> Result<StoredKey, E>,
) -> Result<(), E> {
    let found = std::fs::metadata(path).map_err(StoreError::io("open", path))?;
    if !found.is_file() {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
        return Err(StoreError::io("change", path)(error).into());
    }
    let gone = || StoreError::io("open", path)(io::ErrorKind::NotFound.into());
    let lock = Lock::acquire(path)?.ok_or_else(gone)?;
    let changed = change(StoredKey::read_from(lock.file(), path)?)?;
    // For its owner alone, as the present one is: reading it made sure.
    let mut file = Aside::create(path, Existing::Replace, Mode::Shared)?;
    file.keep_owner_of(lock.file())?;
    file.write_all(changed.expose().as_bytes()).map_err(StoreError::io("write", path))?;
    Ok(file.commit()?)
}

/// Writes a public key.
///
/// # Errors
///
/// As [`write_private_key`].
pub fn write_public_key(path: &Path, key: &PublicKey, existing: Existing) -> Result<()> {
    aside::write(path, key.to_pem().as_bytes(), existing, Mode::Shared)
}

/// Writes a key-encryption key, readable by its owner alone from the first byte.
///
/// # Errors
///
/// As [`write_private_key`].
pub fn write_kek(path: &Path, key: &Kek, existing: Existing) -> Result<()> {
    StoredKey::of_kek(path, key).write(path, existing)
}

/// What a key file looks like from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Private,
    Encrypted,
    Kek,
    /// Whatever parsing it will say.
    Unknown,
}

impl Kind {
    /// Line by line: a search through all of it leaves parts of it on the stack.
    fn of(text: &str) -> Self {
        let trimmed = text.trim();
        if trimmed.len() == 64 && trimmed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Self::Kek;
        }
        let has = |end: &str| {
            let mut lines = trimmed.lines().map(str::trim_end);
            lines.any(|line| line.starts_with("-----BEGIN ") && line.ends_with(end))
        };
        if has("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            Self::Encrypted
        } else if has("PRIVATE KEY-----") {
            Self::Private
        } else if has("-----BEGIN PUBLIC KEY-----") {
            Self::Public
        } else {
            Self::Unknown
        }
    }
}

/// Looks at the file that is open, not at whatever has its name by now.
#[cfg(unix)]
fn check_permissions(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let found = file.metadata().map_err(StoreError::io("read", path))?;
    let mode = found.permissions().mode() & 0o7777;
    // What has no name, as memory handed over by descriptor, nobody else can open.
    if mode & 0o077 == 0 || found.nlink() == 0 {
        Ok(())
    } else {
        Err(StoreError::Permissions { path: path.to_owned(), mode })
    }
}

#[cfg(not(unix))]
fn check_permissions(_: &File, _: &Path) -> Result<()> {
    Ok(())
}

fn wrong_kind(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::Malformed(Malformed::Key, detail.into())
}
